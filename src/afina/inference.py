"""Using a finished run: label a file, score a file. Through ONNX Runtime; torch is not needed."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from afina import cells, columns, shelf, store, tables
from afina.errors import DataError
from afina.predictors import onnx
from afina.records import Columns, Compressed, Corpus, Evaluation, Predict, Row, Table, Task, Text
from afina.stages.evaluate import evaluate

PARTED = ";"  # between several answers in a cell


def open_run(folder: Path) -> tuple[Predict, Task, Corpus]:
    """The predict function of a finished run, its task, and the corpus it was made from. Raises RecordError."""
    compressed = store.read_record(folder, "compress", Compressed)
    corpus = store.read_record(folder, "corpus", Corpus)
    path = folder / compressed.file
    return onnx.load(path.parent, path.name), onnx.task(path.parent), corpus


def label(folder: Path, file: Path, text: str | None, out: Path | None) -> tuple[int, dict[str, int], Path]:
    """Write the rows of `file` with the model's answer beside each; returns rows, answers by label, and where.

    To `out`, or FILE-predicted with the objective's ending: CSV, or JSON lines for an ending of .jsonl.
    Raises DataError or ConfigError where the file has no column of texts.
    """
    predict, task, corpus = open_run(folder)
    table = tables.read(file)
    inputs = _inputs(table, corpus.columns, text)
    objective = shelf.load("objectives", task.kind)
    said, counts = objective.say(inputs, predict(inputs), task)
    target = out or Path(f"{file.name.partition('.')[0]}-predicted{objective.ENDING}")
    lines = target.suffix == ".jsonl"
    store.write_text(target, _json(table, said) if lines else _csv(table, said, corpus.columns.separator or PARTED))
    return len(said), dict(counts), target


def _json(table: Table, said: Sequence[Mapping[str, Any]]) -> str:
    def value(column: str, cell: str) -> Any:
        found = cells.items(cell) if column in table.lists else None
        return cell if found is None else found

    rows = (dict(zip(table.columns, map(value, table.columns, row), strict=True)) for row in table.rows)
    return "".join(json.dumps({**row, **one}, ensure_ascii=False) + "\n" for row, one in zip(rows, said, strict=True))


def _csv(table: Table, said: Sequence[Mapping[str, Any]], separator: str) -> str:
    content = io.StringIO(newline="")
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow([*table.columns, *said[0]] if said else table.columns)
    for row, answer in zip(table.rows, said, strict=True):
        writer.writerow([*row, *(_cell(name, value, separator) for name, value in answer.items())])
    return content.getvalue()


def _cell(name: str, value: Any, separator: str) -> str:
    if isinstance(value, list):
        if any(isinstance(one, dict) for one in value):
            return json.dumps(value, ensure_ascii=False)
        return separator.join(_cell(name, one, separator) for one in value)
    if isinstance(value, float):
        return f"{value:.4f}" if name == "probability" else f"{value:.6g}"
    return str(value)


def score(folder: Path, file: Path, text: str | None, label: str | None) -> Evaluation:
    """Scores of a finished run on the labelled rows of `file`; labels it never saw count as errors."""
    predict, task, corpus = open_run(folder)
    table = tables.read(file)
    texts = _inputs(table, corpus.columns, text)
    column = label or corpus.columns.label
    columns.present(table, column)
    table = columns.parted(table, replace(corpus.columns, label=column))
    place = table.columns.index(column)
    columns.check_label(table, column, task.kind)
    labels = [row[place].strip() for row in table.rows]
    found = (
        _row(one, cell, f"{table.file}:{line}", task)
        for one, line, cell in zip(texts, table.lines, labels, strict=True)
        if cell
    )
    rows = [row for row in found if row.target != ""]
    return evaluate(predict, rows, task, file.name, {}, seed=0)


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
