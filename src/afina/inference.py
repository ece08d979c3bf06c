"""Using a finished run: label a file, score a file. Through ONNX Runtime; torch is not needed."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from afina import columns, store, tables
from afina.errors import DataError
from afina.predictors import onnx
from afina.records import Columns, Compressed, Corpus, Evaluation, Predict, Row, Table, Text
from afina.stages.evaluate import evaluate


def open_run(folder: Path) -> tuple[Predict, Corpus]:
    """The predict function of a finished run, and the corpus it was made from. Raises RecordError."""
    compressed = store.read_record(folder, "compress", Compressed)
    corpus = store.read_record(folder, "corpus", Corpus)
    path = folder / compressed.file
    return onnx.load(path.parent, path.name), corpus


def label(folder: Path, file: Path, text: str | None, out: Path) -> dict[str, int]:
    """Write the rows of `file` with a predicted label and its probability to `out`; returns rows by label.

    Raises DataError or ConfigError where the file has no column of texts.
    """
    predict, corpus = open_run(folder)
    table = tables.read(file)
    inputs = _inputs(table, corpus.columns, text)
    probabilities = predict(inputs)
    best = probabilities.argmax(1) if len(inputs) else np.zeros(0, int)
    content = io.StringIO(newline="")
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow([*table.columns, "predicted", "probability"])
    for row, place, chances in zip(table.rows, best, probabilities, strict=True):
        writer.writerow([*row, corpus.labels[place], f"{chances[place]:.4f}"])
    store.write_text(out, content.getvalue())
    return dict(Counter(corpus.labels[place] for place in best))


def score(folder: Path, file: Path, text: str | None, label: str | None) -> Evaluation:
    """Scores of a finished run on the labelled rows of `file`; labels it never saw count as errors."""
    predict, corpus = open_run(folder)
    table = tables.read(file)
    texts = _inputs(table, corpus.columns, text)
    column = label or corpus.columns.label
    columns.present(table, column)
    place = table.columns.index(column)
    rows = [
        _row(one, values[place].strip(), f"{table.file}:{line}")
        for one, line, values in zip(texts, table.lines, table.rows, strict=True)
        if values[place].strip()
    ]
    if not rows:
        raise DataError(f"{table.file} has no labelled rows in {column!r}", "name the column of labels with --label")
    return evaluate(predict, rows, corpus.labels, file.name, {}, seed=0)


def _row(text: Text, label: str, where: str) -> Row:
    first, second = (text, None) if isinstance(text, str) else text
    return Row(text=first, label=label, where=where, pair=second)


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
