"""JSON lines: an object a line. Also one JSON array of objects, on one line or on many.

Columns are the keys in the order in which they are first met; a key that a row lacks, null and NaN are ''.
Numbers and truth values become the text that JSON writes for them; a list or an object becomes its JSON text,
and its column is named in `Table.lists`. A line that is no JSON object is left out and listed. In an array the
first broken element ends the reading, for nothing says where the next one begins.

Cost: one pass, the whole file in memory. Not done: objects nested in objects, rows under a key of one big object.
Source: RFC 8259; https://jsonlines.org
"""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from afina.errors import DataError, NoRows
from afina.records import Finding, Table
from afina.textfile import FEW, read_text

SUFFIXES = (".jsonl", ".ndjson", ".json")

_Report = Callable[[int, str], None]
_FAULTS = (ValueError, RecursionError)  # ValueError holds JSONDecodeError and integers of too many digits


def read(path: Path) -> Table:
    """The rows of a JSON lines file or a JSON array. Raises DataError where it holds none."""
    text, findings = read_text(path)
    broken: list[str] = []

    def report(line: int, problem: str) -> None:
        broken.append(f"{path.name}:{line}: {problem}")

    values = _array(path.name, text) if text.lstrip().startswith("[") else _lines(text, report)
    objects: list[tuple[int, dict[str, Any]]] = []
    for line, value in values:
        if isinstance(value, dict):
            objects.append((line, value))
        else:
            report(line, f"{_kind(value)} where an object should be")
    if broken:
        findings = (*findings, _removed(broken))
    if not any(value for _, value in objects):
        first = f"; the first fault is in {broken[0]}" if broken else ""
        raise NoRows(
            f"{path.name} holds no JSON object{first}", 'write one object a line: {"text": "...", "label": "..."}'
        )
    return _table(path.name, objects, findings)


def _lines(text: str, report: _Report) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines(), which cuts at U+2028 too
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except _FAULTS as error:
            report(number, f"broken JSON ({_reason(error)})")


def _array(name: str, text: str) -> Iterator[tuple[int, Any]]:
    decoder = json.JSONDecoder()
    place, line, seen = text.index("[") + 1, 1, 0
    while True:
        place = _skip(text, place)
        line, seen = line + text.count("\n", seen, place), place
        if text[place : place + 1] == "]":
            break
        try:
            value, place = decoder.raw_decode(text, place)
        except _FAULTS as error:
            raise DataError(f"{name}:{line}: broken JSON ({_reason(error)})", f"repair line {line} of {name}") from None
        yield line, value
        place = _comma(name, text, place)
    if text[place + 1 :].strip():
        raise DataError(f"{name}:{line}: more text after the end of the array", "write one object a line instead")


def _skip(text: str, place: int) -> int:
    while text[place : place + 1] in (" ", "\t", "\r", "\n"):
        place += 1
    return place


def _comma(name: str, text: str, place: int) -> int:
    """The place behind the comma after an element, or of the bracket that closes the array."""
    place = _skip(text, place)
    mark = text[place : place + 1]
    if mark == ",":
        return place + 1
    if mark == "]":
        return place
    line = text.count("\n", 0, place) + 1
    raise DataError(f"{name}:{line}: a comma or ] is missing in the array", f"repair line {line} of {name}")


def _table(name: str, objects: list[tuple[int, dict[str, Any]]], findings: tuple[Finding, ...]) -> Table:
    columns: dict[str, None] = {}
    lists: dict[str, None] = {}
    for _, value in objects:
        columns.update(dict.fromkeys(value))
        lists.update((key, None) for key, cell in value.items() if isinstance(cell, list | dict))
    return Table(
        file=name,
        columns=tuple(columns),
        rows=tuple(tuple(_text(value.get(column)) for column in columns) for _, value in objects),
        lines=tuple(line for line, _ in objects),
        findings=findings,
        lists=tuple(lists),
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except _FAULTS:  # deeper than the encoder goes, or more digits than Python writes
        return ""


def _kind(value: Any) -> str:
    kinds = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.colno}"
    return "nested too deep" if isinstance(error, RecursionError) else "a number with too many digits"


def _removed(broken: list[str]) -> Finding:
    return Finding(
        check="jsonl",
        problem=f"{len(broken):,} lines are not a JSON object",
        action="removed",
        fix='write one object a line: {"text": "...", "label": "..."}',
        count=len(broken),
        where=tuple(broken[:FEW]),
    )
