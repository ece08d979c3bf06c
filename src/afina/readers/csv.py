"""CSV and TSV: a header line, then a row a record, fields parted by comma, semicolon, tab or bar.

The parting character is the one that cuts the first lines into equally many fields, more than one. Quotes
follow RFC 4180: a field in quotes may hold the parting character and line ends, and a quote in it is doubled.
A tab-separated file whose quotes do not pair up is read again with quotes as plain letters, as many such files
mean them. A row with too many or too few fields is left out and listed; blank lines are passed over.

Cost: one pass, the whole file in memory. Not done: files without a header line, comments, other quote characters.
Source: RFC 4180; the stdlib module csv.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from afina.errors import DataError, NoRows
from afina.records import Finding, Table
from afina.textfile import FEW, read_text

SUFFIXES = (".csv", ".tsv", ".tab")

_DELIMITERS = ",;\t|"
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE = 50  # records looked at to find the delimiter
_WIDEST = 2**31 - 1  # characters in one field; the stdlib's own limit is 131,072

_Record = tuple[int, list[str]]  # first line of the record, its fields


def read(path: Path) -> Table:
    """The rows of a CSV or TSV file. Raises DataError where it cannot be read as one."""
    text, findings = read_text(path)
    limit = csv.field_size_limit(_WIDEST)  # the stdlib keeps one limit for the whole process
    try:
        delimiter = _delimiter(text)
        records, broken = _records(path.name, text, delimiter)
    finally:
        csv.field_size_limit(limit)
    return _table(path.name, records, (*findings, *broken))


def _delimiter(text: str) -> str:
    """The character that makes most of the first records as wide as the header; more columns win a tie."""
    head = "".join(line for line, _ in zip(_lines(text), range(_SAMPLE), strict=False))

    def fit(delimiter: str) -> tuple[float, int]:
        widths = [len(fields) for fields in csv.reader(_lines(head), delimiter=delimiter) if fields]
        if not widths or widths[0] < 2:
            return 0.0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(_DELIMITERS, key=fit)  # the first, the comma, where none fits


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")  # ends lines at \n, \r and \r\n and leaves them as they are


def _records(name: str, text: str, delimiter: str) -> tuple[list[_Record], tuple[Finding, ...]]:
    try:
        return _strict(name, text, delimiter)
    except DataError:
        if delimiter != "\t":
            raise
    finding = Finding(
        check="csv",
        problem=f"quotes in {name} do not pair up, so they were read as plain letters",
        action="repaired",
        fix="nothing, unless fields were meant to be quoted",
        count=text.count('"'),
    )
    records = []
    reader = csv.reader(_lines(text), delimiter=delimiter, quoting=csv.QUOTE_NONE)
    for fields in reader:
        records.append((reader.line_num, fields))
    return records, (finding,)


def _strict(name: str, text: str, delimiter: str) -> tuple[list[_Record], tuple[Finding, ...]]:
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    records, bad = [], []
    while True:
        start = reader.line_num + 1
        try:
            records.append((start, next(reader)))
        except StopIteration:
            break
        except csv.Error as error:
            if reader.line_num > start or "end of data" in str(error):
                raise _unclosed(name, text, delimiter, start) from None
            bad.append(start)  # the fault lies within one line, so the next one is a fresh start
    if not bad:
        return records, ()
    return records, (
        Finding(
            check="csv",
            problem=f"{len(bad):,} rows have a quote inside a quoted field",
            action="removed",
            fix='write a quote inside a quoted field twice: ""',
            count=len(bad),
            where=tuple(f"{name}:{line}" for line in bad[:FEW]),
        ),
    )


def _unclosed(name: str, text: str, delimiter: str, start: int) -> DataError:
    """The error for a quote that swallows the lines after it; names the line where that quote stands."""
    rest = "".join(line for number, line in enumerate(_lines(text), 1) if number >= start)
    part = re.escape(delimiter)
    fields = re.finditer(rf'(?:\A|(?<=[{part}\r\n]))"(?:[^"]|"")*+("?)', rest)
    ends = ("", delimiter, "\r", "\n")
    opened = next((f.start() for f in fields if not f[1] or rest[f.end() : f.end() + 1] not in ends), 0)
    line = start + sum(1 for _ in _lines(rest[:opened] + ".")) - 1
    return DataError(
        f"{name}:{line}: a quote opens here and is not closed",
        f'close it, or write "" for a quote inside a quoted field, in line {line} of {name}',
    )


def _table(name: str, records: list[_Record], findings: tuple[Finding, ...]) -> Table:
    filled: Iterator[_Record] = (record for record in records if record[1])
    header = next(filled, None)
    if header is None:
        raise NoRows(f"{name} is empty", "give a file with a header line and rows")
    columns = _columns(name, *header)
    rows, lines, ragged = [], [], []
    for line, fields in filled:
        if len(fields) == len(columns):
            rows.append(tuple(fields))
            lines.append(line)
        elif len(columns) > 1 or any(fields):
            ragged.append((line, len(fields)))
    if ragged:
        findings = (*findings, _ragged(name, ragged, len(columns)))
    if not rows:
        lost = "".join(f"; {finding.problem}" for finding in findings if finding.action == "removed")
        raise NoRows(f"{name} has a header line and no row{lost}", "give a file with rows under the header")
    return Table(file=name, columns=columns, rows=tuple(rows), lines=tuple(lines), findings=findings)


def _columns(name: str, line: int, fields: list[str]) -> tuple[str, ...]:
    columns = tuple(field.strip() or f"column {number}" for number, field in enumerate(fields, 1))
    for column, count in Counter(columns).items():
        if count > 1:
            raise DataError(f"{name}:{line}: two columns are called {column!r}", "rename one of them in the header")
    return columns


def _ragged(name: str, ragged: list[tuple[int, int]], width: int) -> Finding:
    return Finding(
        check="csv",
        problem=f"{len(ragged):,} rows have more or fewer fields than the header's {width}",
        action="removed",
        fix="put a text that holds the parting character in quotes; give every row all fields",
        count=len(ragged),
        where=tuple(f"{name}:{line}: {fields} fields instead of {width}" for line, fields in ragged[:FEW]),
    )
