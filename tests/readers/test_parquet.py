import json
import sys
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from afina.errors import DataError, MissingExtra
from afina.readers import parquet


def write(path, columns, rows):
    """A Parquet file; it has no lines, so its rows are counted."""
    pq.write_table(pa.table(dict(zip(columns, zip(*rows, strict=True), strict=True))), path)
    return tuple(range(1, len(rows) + 1))


def test_every_kind_of_value_becomes_a_text_and_nothing_becomes_empty(tmp_path):
    path = tmp_path / "rows.parquet"
    table = pa.table(
        {
            "a": [None, "x"],
            "b": [float("nan"), 1.0],
            "c": [True, None],
            "d": [3, None],
            "e": [["p", "q"], None],
            "f": [date(2020, 1, 2), None],
            "g": [b"raw", None],
        }
    )
    pq.write_table(table, path)
    found = parquet.read(path)
    assert found.rows == (("", "", "true", "3", '["p", "q"]', "2020-01-02", "raw"), ("x", "1.0", "", "", "", "", ""))
    assert found.lists == ("e",)


def test_class_numbers_are_read_as_the_names_that_datasets_stored(tmp_path):
    features = {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}, "text": {"dtype": "string", "_type": "Value"}}
    table = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    path = tmp_path / "rows.parquet"
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), path)
    assert parquet.read(path).rows == (("a", "yes"), ("b", "no"), ("c", ""))


@pytest.mark.parametrize("columns", [{}, {"text": []}])
def test_a_file_without_rows_is_refused(tmp_path, columns):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match="holds no row"):
        parquet.read(path)


@pytest.mark.parametrize("content", [b"PAR1", b"text,label\na,1\n", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_no_parquet_is_refused(tmp_path, content):
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        parquet.read(path)


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"afina\[train\]"):
        parquet.read(path)
