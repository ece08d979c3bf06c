"""Tasks of GLUE: files in their form."""

import csv
import sys

import pytest

from afina import glue
from afina.errors import AfinaError, ConfigError


def written(folder, name, columns, rows, split="train"):
    (folder / name).mkdir(exist_ok=True)
    with (folder / name / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


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
