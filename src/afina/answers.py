"""Answers of a model as the probes read them, whatever the kind of task: checked, compared, judged and said.

    same    classify: the same class      multilabel: the same labels, all of them      tag: the same spans
            regress: less than a tenth of a standard deviation of the true values apart
    right   the same, with the truth in the place of the other answer; a number is never right or wrong

What it does not do: say how far apart two answers are.
"""

from collections.abc import Sequence

import numpy as np

from afina import spansets, words
from afina.errors import RecordError
from afina.records import Predict, Row, Task, Text

EVEN = 0.5  # the probability from which on a label is given, where a task says nothing
NEAR = 0.1  # standard deviations within which two numbers are the same, as the objective says
FIX = (
    "ask the model for one row of numbers a text, in the order of its labels; or train again with a lower learning_rate"
)


def ask(predict: Predict, texts: Sequence[Text], task: Task) -> np.ndarray:
    """What the model answers to texts. Raises RecordError where that is of another shape, or no number."""
    return checked(predict(texts), texts, task) if texts else np.empty((0, len(task.labels)))


def checked(values: np.ndarray, texts: Sequence[Text], task: Task) -> np.ndarray:
    """The same answers, where they are finite numbers of the task's shape; else a RecordError."""
    if not isinstance(values, np.ndarray):
        raise RecordError(f"the model answers a {type(values).__name__}, not an array of numbers", FIX)
    width = max(1, len(task.labels))
    if task.per == "word":
        expected = [(len(words.words(str(text))), width) for text in texts]
        there = [np.shape(answer) for answer in values]
        flat = np.concatenate(values) if there and there == expected else np.zeros(0)
    else:
        expected, there = [(len(texts), width)], [np.shape(values)]
        flat = values
    if there != expected:
        wanted = f"a row for each word of {len(texts):,} texts" if task.per == "word" else str(expected[0])
        raise RecordError(f"the model answers {values.shape}, not {wanted}", FIX)
    if not np.issubdtype(np.asarray(flat).dtype, np.number) or not np.isfinite(flat).all():
        raise RecordError("an answer of the model holds a value that is no number", FIX)
    return values


def same(rows: Sequence[Row], before: np.ndarray, after: np.ndarray, task: Task) -> np.ndarray:
    """Whether the answers to each row are the same, (n,)."""
    if task.kind == "regress":
        spread = np.std([row.value for row in rows if row.value is not None] or [0.0]) or 1.0
        return np.abs(after[:, 0] - before[:, 0]) <= NEAR * spread
    pairs = zip(given(rows, before, task), given(rows, after, task), strict=True)
    return np.array([was == now for was, now in pairs], bool)


def right(rows: Sequence[Row], answers: np.ndarray, task: Task) -> np.ndarray | None:
    """Whether the answer to each row is all of its truth, (n,); None where answers are numbers."""
    if task.kind == "regress":
        return None
    pairs = zip(given(rows, answers, task), rows, strict=True)
    return np.array([said == truth(row, task) for said, row in pairs], bool)


def given(rows: Sequence[Row], answers: np.ndarray, task: Task) -> list[frozenset]:
    """What each answer gives: its class, its labels or its spans."""
    if task.per == "word":
        return [frozenset(said) for said, _ in spansets.pairs(rows, answers, task)]
    if task.activation == "sigmoid":
        table = answers >= np.array(task.thresholds or [EVEN] * len(task.labels))
        return [frozenset(task.labels[place] for place in np.flatnonzero(one)) for one in table]
    return [frozenset((task.labels[place],)) for place in answers.argmax(1)]


def truth(row: Row, task: Task) -> frozenset:
    """The same of a row."""
    return frozenset(spansets.wanted(row) if task.per == "word" else row.names)


def say(row: Row, answer: np.ndarray, task: Task) -> str:
    """One answer as people read it."""
    if task.kind == "regress":
        return f"{float(answer[0]):.3g}"
    alone = np.empty(1, dtype=object)
    alone[0] = answer
    return named(given((row,), alone if task.per == "word" else answer[None], task)[0])


def named(found: frozenset) -> str:
    """Classes, labels or spans in words; a span with its first and last word, counted from 1."""
    said = [one if isinstance(one, str) else f"{one[2]} (words {one[0] + 1} to {one[1]})" for one in found]
    return " + ".join(sorted(said)) or "nothing"
