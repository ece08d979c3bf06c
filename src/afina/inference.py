"""Using a finished run: label a file, score a file. Through ONNX Runtime; torch is not needed."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from afina import columns, shelf, store, tables
from afina.errors import ConfigError, DataError
from afina.predictors import onnx
from afina.records import Columns, Compressed, Corpus, Evaluation, Finding, Predict, Row, Table, Task, Text
from afina.stages.corpus import clean_test
from afina.stages.evaluate import evaluate

PARTED = ";"  # between several answers in a cell

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?(\d[\d.,]*|\.\d+)(e[-+]?\d+)?%?", re.IGNORECASE)


def open_run(folder: Path) -> tuple[Predict, Task, Corpus]:
    """The predict function of a finished run, its task, and the corpus it was made from. Raises RecordError."""
    compressed = store.read_record(folder, "compress", Compressed)
    corpus = store.read_record(folder, "corpus", Corpus)
    path = folder / compressed.file
    return onnx.load(path.parent, path.name), onnx.task(path.parent), corpus


def label(folder: Path, file: Path, text: str | None, out: Path) -> tuple[int, dict[str, int], tuple[Finding, ...]]:
    """Write the rows of `file` with the model's answer beside each to `out`.

    Returns how many rows there are, answers by label, and what was found in the file. A cell that a spreadsheet would
    run as a formula is written with an apostrophe before it. Raises DataError or ConfigError where the file has no
    column of texts, has the new columns already, or is `out` itself.
    """
    predict, task, corpus = open_run(folder)
    table = tables.read(file)
    if out.exists() and out.samefile(file):
        raise ConfigError(f"{out} would be written over itself", "name another file with --out")
    objective = shelf.load("objectives", task.kind)
    for name in objective.ADDED:
        if name in table.columns:
            raise DataError(f"{table.file} has a column {name!r} already", "rename it or leave it out")
    inputs = _inputs(table, corpus.columns, text)
    said, counts = objective.say(inputs, predict(inputs), task)
    separator = corpus.columns.separator or PARTED
    lines = [[*table.columns, *objective.ADDED]]
    for row, answer in zip(table.rows, said, strict=True):
        lines.append([*row, *(_cell(name, answer[name], separator) for name in objective.ADDED)])
    content = io.StringIO(newline="")
    csv.writer(content, lineterminator="\n").writerows([_inert(cell) for cell in line] for line in lines)
    store.write_text(out, content.getvalue())
    changed = sum(_inert(cell) != cell for line in lines for cell in line)
    return len(said), dict(counts), (*table.findings, *_formulas(changed))


def _cell(name: str, value: Any, separator: str) -> str:
    if isinstance(value, list):
        return separator.join(_cell(name, one, separator) for one in value)
    if isinstance(value, float):
        return f"{value:.4f}" if name == "probability" else f"{value:.6g}"
    return str(value)


def _inert(cell: str) -> str:
    """The cell as no spreadsheet runs it: what begins like a formula, and is no number, gets an apostrophe in front.

    Apostrophes that are there already count as part of the beginning, so that taking one off always gives the cell
    back. Source: https://owasp.org/www-community/attacks/CSV_Injection

    >>> [_inert(cell) for cell in ("=1+1", "-5", "- no", "'=1", "it's")]
    ["'=1+1", '-5', "'- no", "''=1", "it's"]
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _formulas(cells: int) -> tuple[Finding, ...]:
    if not cells:
        return ()
    problem = f"{cells:,} cells begin with = + - @ or a tab, which a spreadsheet would run as a formula"
    fix = "nothing: they were written with an apostrophe before them; take it off if a program reads the file"
    return (Finding("formulas", problem, "repaired", fix, cells),)


def score(folder: Path, file: Path, text: str | None, label: str | None) -> tuple[Evaluation, tuple[Finding, ...]]:
    """Scores of a finished run on the labelled rows of `file`, and what was found in it.

    Rows are repaired as those of a test file are (`stages.corpus`): none without text or label is scored, labels that
    differ in case or space are one, labels that training never saw count as errors. Rows that were in the training
    data are kept and counted. Raises DataError for a label that the task's kind cannot read.
    """
    predict, task, corpus = open_run(folder)
    table = tables.read(file)
    texts = _inputs(table, corpus.columns, text)
    column = label or corpus.columns.label
    columns.present(table, column)
    table = columns.parted(table, replace(corpus.columns, label=column))
    columns.check_label(table, column, task.kind)
    place = table.columns.index(column)
    given = tuple(
        _row(one, values[place], f"{table.file}:{line}", task)
        for one, line, values in zip(texts, table.lines, table.rows, strict=True)
    )
    rows, found = clean_test(given, corpus.train)
    if not rows:
        raise DataError(f"{table.file} has no labelled rows in {column!r}", "name the column of labels with --label")
    return evaluate(predict, rows, task, file.name, {}, seed=0), (*table.findings, *found)


def _row(text: Text, cell: str, where: str, task: Task) -> Row:
    first, second = (text, None) if isinstance(text, str) else text
    try:
        row: Row = shelf.load("objectives", task.kind).read(Row(first, "", where, second), cell)
    except ValueError as error:
        raise DataError(f"{where}: {error}", "correct this row, or delete it") from None
    return row


def _inputs(table: Table, known: Columns, text: str | None) -> Sequence[Text]:
    """The texts, or pairs of texts, in the columns that the run was trained on, or in the one that is named."""
    first = text or (known.text if known.text in table.columns else _only_text(table, known.text))
    columns.present(table, first)
    place = table.columns.index(first)
    if known.pair is None:
        return [row[place] for row in table.rows]
    columns.present(table, known.pair)
    second = table.columns.index(known.pair)
    return [(row[place], row[second]) for row in table.rows]


def _only_text(table: Table, wanted: str) -> str:
    """A file with a single column needs no name for it."""
    return table.columns[0] if len(table.columns) == 1 else wanted
