"""Using a finished run: label a file, score a file. Through ONNX Runtime; torch is not needed."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from afina import cells, checklist, columns, shelf, store, suites, tables
from afina.cleaning import as_trained, of_test
from afina.errors import ConfigError, DataError, RecordError
from afina.predictors import onnx
from afina.records import (
    Checklist,
    Columns,
    Compressed,
    Corpus,
    Evaluation,
    Finding,
    Flips,
    Predict,
    Suite,
    Table,
    Task,
    Text,
)
from afina.stages.evaluate import evaluate

COMBINED = "combined.json"  # in the folder that `combining` writes
PARTED = ";"  # between several answers in a cell

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?(\d[\d.,]*|\.\d+)(e[-+]?\d+)?%?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Labelled:
    """What became of a file that was labelled."""

    rows: int
    counts: Mapping[str, int]  # answers by label, where there are labels
    findings: tuple[Finding, ...]
    file: Path


def open_run(folder: Path) -> tuple[Predict, Task, Corpus]:
    """The predict function of a finished run, its task, and the corpus it was made from. Raises RecordError."""
    if (folder / COMBINED).is_file():
        found = f"{folder} is a combination of several tasks, made by 'afina combine', and no run"
        fix = "ask the run of one of its tasks; in Python combining.load answers for all (docs/tutorial.md, part 10)"
        raise RecordError(found, fix)
    compressed = store.read_record(folder, "compress", Compressed)
    corpus = store.read_record(folder, "corpus", Corpus)
    path = folder / compressed.file
    return onnx.load(path.parent, path.name), onnx.task(path.parent), corpus


def label(folder: Path, file: Path, text: str | None, out: Path | None) -> Labelled:
    """Write the rows of `file` with the model's answer beside each.

    To `out`, or FILE-predicted with the objective's ending: CSV, or JSON lines for an ending of .jsonl. A cell of CSV
    that a spreadsheet would run as a formula is written with an apostrophe before it. Texts are written as they came;
    the model reads them repaired as those it was trained on. Raises DataError or ConfigError
    where the file has no column of texts, has the new columns already, or is `out` itself.
    """
    predict, task, corpus = open_run(folder)
    objective = shelf.load("objectives", task.kind)
    out = out or Path(f"{file.name.partition('.')[0]}-predicted{objective.ENDING}")
    table = tables.read(file)
    if out.exists() and out.samefile(file):
        raise ConfigError(f"{out} would be written over itself", "name another file with --out")
    for name in objective.ADDED:
        if name in table.columns:
            raise DataError(f"{table.file} has a column {name!r} already", "rename it or leave it out")
    inputs = _inputs(table, corpus.columns, text)
    answers = predict(as_trained(inputs, corpus.cleaners) if task.per == "text" else inputs)
    said, counts = objective.say(inputs, answers, task)
    content, changed = _json(table, said), 0
    if out.suffix != ".jsonl":
        content, changed = _csv(table, said, corpus.columns.separator or PARTED)
    store.write_text(out, content)
    return Labelled(len(said), dict(counts), (*table.findings, *_formulas(changed)), out)


def _json(table: Table, said: Sequence[Mapping[str, Any]]) -> str:
    def value(column: str, cell: str) -> Any:
        found = cells.items(cell) if column in table.lists else None
        return cell if found is None else found

    rows = (dict(zip(table.columns, map(value, table.columns, row), strict=True)) for row in table.rows)
    return "".join(json.dumps({**row, **one}, ensure_ascii=False) + "\n" for row, one in zip(rows, said, strict=True))


def _csv(table: Table, said: Sequence[Mapping[str, Any]], separator: str) -> tuple[str, int]:
    """The rows and answers as CSV, and how many cells were changed."""
    lines = [[*table.columns, *said[0]]]  # a table has rows
    for row, answer in zip(table.rows, said, strict=True):
        lines.append([*row, *(_cell(name, value, separator) for name, value in answer.items())])
    content = io.StringIO(newline="")
    csv.writer(content, lineterminator="\n").writerows([_inert(cell) for cell in line] for line in lines)
    return content.getvalue(), sum(_inert(cell) != cell for line in lines for cell in line)


def _cell(name: str, value: Any, separator: str) -> str:
    if isinstance(value, list):
        if any(isinstance(one, dict) for one in value):
            return json.dumps(value, ensure_ascii=False)
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

    Rows are repaired as those of a test file are (`stages.corpus`): none without text or with a label that is missing
    or cannot be read is scored, labels that differ in case or space are one, labels that training never saw count as
    errors. Rows that were in the training data are kept and counted. Raises DataError where no row is left.
    """
    predict, task, corpus = open_run(folder)
    table = tables.read(file)
    chosen = replace(corpus.columns, text=_text(table, corpus.columns, text), label=label or corpus.columns.label)
    for name in (chosen.text, chosen.label, chosen.pair):
        if name is not None:
            columns.present(table, name)
    table = columns.parted(table, chosen)
    columns.check_label(table, chosen.label, task.kind)
    given, unread = columns.rows(table, chosen, task.kind)
    rows, found = of_test(given, corpus.train, corpus.cleaners)
    if not rows:
        raise DataError(
            f"{table.file} has no labelled rows in {chosen.label!r}", "name the column of labels with --label"
        )
    return evaluate(predict, rows, task, file.name, {}, seed=0), (*table.findings, *unread, *found)


def behave(
    name: str, folder: Path, against: Path | None, labels: Path | None
) -> tuple[Checklist, tuple[Flips, ...] | None]:
    """What a finished run does on a suite, and the cases in which it differs from another run.

    labels  YAML: the suite's labels and the model's that they stand for, one, a list or null
    Tests that ask for texts of the user's get those of the run's test split; the other run gets the same. Texts are
    repaired as those it was trained on are. Raises ConfigError where suite and run do not go together.
    """
    suite, mapping = suites.read(name), suites.mapping(labels) if labels else {}
    rows = [row.input for row in store.read_record(folder, "corpus", Corpus).test]
    found = _behave(suite, folder, mapping, rows)
    if against is None:
        return found, None
    return found, checklist.compare(found, _behave(suite, against, mapping, rows))


def _behave(suite: Suite, folder: Path, mapping: checklist.Stands, rows: Sequence[Text]) -> Checklist:
    predict, task, corpus = open_run(folder)
    pairs = corpus.columns.pair is not None

    def ask(texts: Sequence[Text]) -> np.ndarray:
        if any(isinstance(text, str) == pairs for text in texts):
            asked, has = ("pairs of texts", "single texts") if pairs else ("single texts", "pairs of texts")
            raise ConfigError(f"{folder} answers {asked}, and {suite.name} has {has}", "use another suite or run")
        return predict(as_trained(texts, corpus.cleaners))

    return checklist.check(suite, ask, task, mapping, rows)


def _inputs(table: Table, known: Columns, text: str | None) -> Sequence[Text]:
    """The texts, or pairs of texts, in the columns that the run was trained on, or in the one that is named."""
    first = _text(table, known, text)
    columns.present(table, first)
    place = table.columns.index(first)
    if known.pair is None:
        return [row[place] for row in table.rows]
    columns.present(table, known.pair)
    second = table.columns.index(known.pair)
    return [(row[place], row[second]) for row in table.rows]


def _text(table: Table, known: Columns, text: str | None) -> str:
    """The column of texts: as named, as in training, or the only one."""
    if text is not None or known.text in table.columns or len(table.columns) > 1:
        return text or known.text
    return table.columns[0]
