"""Parquet: columns of typed values, as `datasets` and pandas write them.

Nulls and NaN are ''. Numbers and truth values become the text that JSON writes for them; lists and structs become
JSON text, and their column is named in `Table.lists`. A label column of numbers whose names `datasets` stored in the
file (a ClassLabel) is read as those names. A Parquet file has no lines: `Table.lines` counts rows from 1.

Cost: the whole file in memory, a few times its size. Not done: folders of several Parquet files.
Source: https://parquet.apache.org/docs/file-format; the `huggingface` key of `datasets`.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from afina.errors import DataError, MissingExtra, NoRows
from afina.records import Table
from afina.textfile import read_bytes

SUFFIXES = (".parquet", ".pq")


def read(path: Path) -> Table:
    """The rows of a Parquet file. Raises DataError where it cannot be read, MissingExtra without pyarrow."""
    data = read_bytes(path)
    if not data:
        raise NoRows(f"{path.name} is empty", "give a file with rows in it")
    columns, values, metadata = _open(path.name, data)
    for column, count in Counter(columns).items():
        if count > 1:
            raise DataError(f"{path.name}: two columns are called {column!r}", "rename one of them")
    if not columns or not values[0]:
        raise NoRows(f"{path.name} holds no row", "give a file with rows in it")
    named = _class_names(metadata)
    texts = [_column(cells, named.get(column, [])) for column, cells in zip(columns, values, strict=True)]
    return Table(
        file=path.name,
        columns=columns,
        rows=tuple(zip(*texts, strict=True)),
        lines=tuple(range(1, len(values[0]) + 1)),
        lists=tuple(c for c, v in zip(columns, values, strict=True) if any(isinstance(x, list | dict) for x in v)),
    )


def _open(name: str, data: bytes) -> tuple[tuple[str, ...], list[list[Any]], bytes]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("pyarrow", "train") from None
    try:
        table = pq.read_table(pa.BufferReader(data))
        values = [column.to_pylist() for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # the last two: dates beyond Python's
        reason = str(error).partition("\n")[0]
        raise DataError(f"{name} cannot be read as Parquet: {reason}", "copy it again, or save it as CSV") from None
    metadata = table.schema.metadata or {}
    return tuple(table.column_names), values, metadata.get(b"huggingface", b"{}")


def _class_names(metadata: bytes) -> dict[str, list[str]]:
    """Column -> names of its classes, where `datasets` left them."""
    try:
        features = json.loads(metadata)["info"]["features"]
        return {column: list(kind["names"]) for column, kind in features.items() if kind["_type"] == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _column(cells: list[Any], names: list[str]) -> list[str]:
    if names and all(cell is None or (isinstance(cell, int) and -1 <= cell < len(names)) for cell in cells):
        return ["" if cell is None or cell < 0 else str(names[cell]) for cell in cells]  # -1 is "no label" there
    return [_text(cell) for cell in cells]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, bool | int | float | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)  # dates, times, decimals
