"""A number a text: what the contract needs to know of it, and what only this kind has."""

import csv
import random

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from afina.objectives import regress
from afina.records import Row, Task

WORDS = ("today", "please", "no", "my", "the", "a", "blue", "bill")
RED = 7
TASK = Task("regress", ("value",), "none")
UNREADABLE = {"value": "n/a"}


def rows(count, seed=0):
    """The more red, the higher."""
    rng = random.Random(seed)
    made = []
    for line in range(2, count + 2):
        red = rng.randint(0, RED)
        words = ["red"] * red + rng.choices(WORDS, k=RED - red)
        rng.shuffle(words)
        made.append(Row(" ".join(words), "", f"rows.csv:{line}", value=round(40 + 10 * red + rng.random(), 3)))
    return tuple(made)


def write(folder, given_rows):
    path = folder / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "score"), *((row.text, row.value) for row in given_rows)])
    return path


def perfect(given_rows, task):
    return np.array([[row.value] for row in given_rows], dtype=np.float32)


def values(*numbers):
    return [Row("t", "", "", value=number) for number in numbers]


def test_scores_of_four_rows_by_hand():
    """Truth 1 2 3 4, answers 1 2 4 3: r = rho = 1 - 6 * 2 / (4 * 15) = 0.8, errors 0 0 1 1."""
    scores = regress.scores(values(1, 2, 3, 4), np.array([[1.0], [2.0], [4.0], [3.0]]), TASK, 0)
    assert {score.name: score.value for score in scores} == {
        "pearson": pytest.approx(0.8), "spearman": pytest.approx(0.8), "rmse": pytest.approx(0.5**0.5),
        "mae": pytest.approx(0.5),
    }  # fmt: skip


numbers = st.lists(st.tuples(st.integers(0, 9), st.integers(-50, 50)), min_size=3, max_size=40)


@given(pairs=numbers)
def test_correlations_agree_with_scipy_ties_included(pairs):
    from scipy import stats

    wanted, said = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    pearson, spearman = regress._scores(np.ones((1, len(pairs))), said, wanted)[0, :2]
    if np.ptp(wanted) == 0 or np.ptp(said) == 0:
        assert (pearson, spearman) == (0.0, 0.0)
        return
    assert pearson == pytest.approx(stats.pearsonr(wanted, said).statistic, abs=1e-9)
    assert spearman == pytest.approx(stats.spearmanr(wanted, said).statistic, abs=1e-9)


def test_ranks_of_a_resample_are_the_ranks_of_its_rows():
    from scipy import stats

    rng = np.random.default_rng(0)
    column, weights = rng.integers(0, 6, 30), rng.integers(0, 4, (5, 30)).astype(float)
    for row, ranks in zip(weights, regress._ranks(weights, column), strict=True):
        repeated = np.repeat(column, row.astype(int))
        np.testing.assert_allclose(np.repeat(ranks, row.astype(int)), stats.rankdata(repeated))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_a_correlation_has_no_unit_and_a_constant_has_none(scale):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=50), rng.normal(size=50)
    assert regress.correlation(scale * x + 3 * scale, y) == pytest.approx(regress.correlation(x, y), abs=1e-9)
    assert regress.correlation(np.full(50, 0.1 * scale), y) == 0.0


def test_answers_that_moved_a_tenth_of_a_deviation_are_others():
    wanted = values(*range(100))  # deviation 28.9
    was = np.arange(100.0)[:, None]
    now = was + np.where(np.arange(100) < 4, 3.0, 2.5)[:, None]
    change = regress.compare(wanted, was, now, TASK)
    assert (change.broken, change.fixed, change.count) == (4, 0, 100)
    assert change.agreement == pytest.approx(0.96)
    back = regress.compare(wanted, now, was, TASK)
    assert (back.broken, back.fixed) == (0, 4)


@pytest.mark.parametrize("cell", ["3,8", "good", "inf", "1e999", "[1]", "0x10", "1_000"])
def test_what_is_no_number_is_refused(cell):
    with pytest.raises(ValueError, match="is no number"):
        regress.read(Row("t", "", "f:1"), cell)


def test_numbers_are_read_and_nothing_stays_nothing():
    assert regress.read(Row("t", "", "f:1"), " 4.75 ").value == 4.75
    assert regress.read(Row("t", "", "f:1"), "-1e3").value == -1000.0
    assert regress.read(Row("t", "", "f:1"), "NaN").value is None


def test_a_model_is_trained_on_other_units_and_answers_in_those_of_the_file(tiny_bert, tmp_path):
    """Scores around a million: the head could not move so far by itself."""
    from afina import bases, heads
    from afina.predictors import torch as predictor
    from afina.records import Columns, Corpus, silent
    from afina.stages import train as stage

    far = tuple(Row(r.text, "", r.where, value=1e6 + 1e4 * r.value) for r in rows(120))
    corpus = Corpus("far", Columns("text", "score"), ("value",), far, far[:40], far[:40], "", (), (), kind="regress")
    opened = bases.open_base(str(tiny_bert))
    settings = {"num_train_epochs": 3.0, "learning_rate": 3e-3, "precision": "fp32"}
    for technique in ("full", "head_only"):
        folder = tmp_path / technique
        folder.mkdir()
        plan = tiny.plan_of(corpus, opened, technique=technique, options={}, **settings)
        trained = stage.train(corpus, plan, opened, folder, silent, 0)
        predict = predictor.wrap(heads.load(folder / "model"), opened.tokenizer, 32, task=trained.task)
        answers = predict([row.input for row in far[:40]])[:, 0]
        assert abs(answers.mean() - np.mean([row.value for row in far[:40]])) < 5e4
        assert answers.std() > 5e4
        assert trained.dev[0].value > 0.6
