import gzip
import json
from pathlib import Path

import pytest

from afina import shelf, tables
from afina.errors import DataError

ROWS = "text,label\none two,a\nthree four,b\n"
PLAIN = {"rows.csv": ROWS, "rows.tsv": ROWS.replace(",", "\t"), "rows.jsonl": '{"text": "one two", "label": "a"}\n' * 2}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("upper", [False, True])
def test_the_ending_says_which_reader_packed_or_not_and_in_capitals_too(tmp_path, name, packed, upper):
    path = tmp_path / ((name.upper() if upper else name) + (".gz" if packed else ""))
    data = PLAIN[name].encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    table = tables.read(path)
    assert (table.columns, len(table.rows), table.rows[0]) == (("text", "label"), 2, ("one two", "a"))
    assert table.file == path.name


def test_no_ending_belongs_to_two_readers():
    endings = [suffix for name in shelf.names("readers") for suffix in shelf.load("readers", name).SUFFIXES]
    assert len(endings) == len(set(endings)) > 4
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in endings)


@pytest.mark.parametrize(("name", "said"), [("a.csvx", "did you mean .csv?"), ("a", "none"), ("a.docx", ".docx")])
def test_an_ending_that_no_reader_knows_is_told_the_nearest_and_all(tmp_path, name, said):
    (tmp_path / name).write_text("x")
    with pytest.raises(DataError) as caught:
        tables.read(tmp_path / name)
    assert said in caught.value.found + caught.value.fix
    assert all(ending in caught.value.fix for ending in (".csv", ".jsonl", ".parquet", ".conll"))


def test_a_file_that_is_not_there_is_a_worse_fault_than_its_ending(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        tables.read(tmp_path / "nothing.xyz")


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz", "train.CSV.GZ", "/some/where/train.jsonl"])
def test_a_stem_is_the_name_without_its_endings(name):
    assert tables.stem(Path(name)) == "train"


def test_a_stem_keeps_the_dots_that_are_no_endings():
    assert tables.stem(Path("notes.2024.csv.gz")) == "notes.2024"


def test_lists_in_cells_are_named(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "a b", "labels": ["x"]}) + "\n")
    assert tables.read(tmp_path / "a.jsonl").lists == ("labels",)
