"""Scores against scikit-learn and SciPy, heads against scikit-learn's, and files in their form."""

import csv
import sys

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, matthews_corrcoef

from afina import glue
from afina.errors import AfinaError, ConfigError

RNG = np.random.default_rng(0)
ONES = np.ones((1, 60))


def known(name, truth):
    return glue.Known(name, tuple(map(str, range(len(truth)))), (), truth)


def written(folder, name, columns, rows, split="train"):
    (folder / name).mkdir(exist_ok=True)
    with (folder / name / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("sst2", accuracy_score), ("cola", matthews_corrcoef), ("stsb_en", lambda a, b: spearmanr(a, b).statistic)],
)
def test_scores_are_what_other_libraries_say_of_the_rows_and_of_a_resample(name, theirs):
    truth = RNG.integers(0, 6, 60) / 2 if name == "stsb_en" else RNG.integers(0, 2, 60)
    said = np.where(RNG.random(60) < 0.6, truth, truth[::-1])
    drawn = RNG.integers(0, 60, 60)
    weights = np.vstack([ONES, np.bincount(drawn, minlength=60)])
    found = glue.scores(known(name, truth), [said], weights)[:, 0]
    assert found == pytest.approx([theirs(truth, said), theirs(truth[drawn], said[drawn])])


def test_the_ridge_is_that_of_scikit_learn_with_the_penalty_that_errs_least_on_rows_left_out():
    x, asked = RNG.normal(size=(25, 40)), RNG.normal(size=(7, 40))
    wanted = x[:, :1] + RNG.normal(size=(25, 1))
    middle, spread = x.mean(0), x.std(0) + 1e-6
    scaled = (x - middle) / spread

    def error(penalty):
        """Each row left out by hand, from the same scaling."""
        models = [Ridge(alpha=penalty * 25).fit(np.delete(scaled, n, 0), np.delete(wanted, n, 0)) for n in range(25)]
        return sum(float((model.predict(scaled[n : n + 1]) - wanted[n]).item() ** 2) for n, model in enumerate(models))

    best = min(glue.probing.PENALTIES, key=error)
    theirs = Ridge(alpha=best * 25).fit(scaled, wanted).predict((asked - middle) / spread)
    assert glue.ridge(x, wanted, asked)[:, 0] == pytest.approx(theirs.reshape(-1), rel=1e-6)


@pytest.mark.parametrize("name", ["cola", "stsb_en", "sst2"])
def test_a_body_that_knows_nothing_of_a_task_is_at_chance_and_not_below_it(name):
    found = []
    for _ in range(15):
        truth = RNG.normal(size=60) if name == "stsb_en" else (RNG.random(60) < 0.7).astype(int)
        task = known(name, truth)
        said = glue.answers(task, dict(zip(task.first, RNG.normal(size=(60, 20)), strict=True)))
        found.append(glue.scores(task, [said], ONES)[0, 0])
    assert np.mean(found) == pytest.approx(0.7 if name == "sst2" else 0, abs=0.1)


def test_a_task_that_is_in_the_vectors_is_found_for_single_texts_and_pairs():
    truth = RNG.integers(0, 3, 90)
    vectors = np.eye(3)[truth] + 0.2 * RNG.normal(size=(90, 3))
    task = glue.Known("mnli", tuple(map(str, range(90))), tuple("abc"[one] for one in truth), truth)
    of_text = {**dict(zip(task.first, vectors, strict=True)), **{"abc"[n]: np.roll(np.eye(3)[n], 1) for n in range(3)}}
    assert (glue.answers(task, of_text) == truth).mean() > 0.9


def test_the_tasks_of_a_folder_are_read_and_drawn_the_same_way_each_time(tmp_path):
    written(tmp_path, "cola", ("text", "label"), [(f"niño {n}", n % 2) for n in range(30)])
    written(tmp_path, "cola", ("text", "label"), [(f"b {n}", n % 2) for n in range(30)], "dev")
    written(tmp_path, "rte", ("text_a", "text_b", "label"), [(n, n + 1, "yes" if n % 2 else "no") for n in range(40)])
    written(tmp_path, "stsb_en", ("text_a", "text_b", "score"), [(n, n, n / 10) for n in range(50)])
    cola, scored, pairs = glue.read(tmp_path, rows=35)
    assert (cola.name, len(cola.first), cola.second) == ("cola", 35, ())
    assert [int(text.split()[1]) % 2 for text in cola.first] == cola.truth.tolist()
    assert [float(text) / 10 for text in scored.first] == scored.truth.tolist()
    assert [int(text) % 2 for text in pairs.first] == pairs.truth.tolist()
    assert glue.read(tmp_path, rows=35)[0].first == cola.first


@pytest.mark.parametrize(
    ("name", "columns", "rows", "said"),
    [
        ("cola", ("text", "label"), [("a", 1)] * 3, "3 rows"),
        ("cola", ("text", "lable"), [("a", 1)] * 40, "without label"),
        ("cola", ("text", "label"), [("a", 1)] * 40, "one label only"),
        ("stsb_en", ("text_a", "text_b", "score"), [("a", "b", "high")] * 40, "no number"),
        ("mine", ("text", "label"), [("a", 1)] * 40, "none of the folders"),
    ],
)
def test_a_folder_that_is_not_in_the_form_is_told(tmp_path, name, columns, rows, said):
    written(tmp_path, name, columns, rows)
    with pytest.raises(AfinaError, match=said):
        glue.read(tmp_path)


def test_the_hub_needs_a_package_and_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)  # as where it is not installed
    with pytest.raises(ConfigError, match="pip install datasets"):
        glue.from_hub()


def test_files_are_the_tables_of_its_own_tasks_and_nothing_that_stands_beside_them(tmp_path):
    for name in ("cola/train.csv", "cola/dev.csv", "cola/test.csv", "other/train.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text,label\n")
    assert [path.relative_to(tmp_path).as_posix() for path in glue.files(tmp_path)] == [
        "cola/train.csv",
        "cola/dev.csv",
    ]
