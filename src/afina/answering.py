"""Answers of a model as probes and suites read them, whatever the kind of task: checked, compared, judged and said.

    same    classify: the same class      multilabel: the same labels, each from its threshold on
            tag: the same tag for every word      regress: less than a tenth of `scale` apart
    right   all of the truth and nothing else, by `found`; a number is never right or wrong

What it does not do: say how far an answer is from the truth.
"""

from collections.abc import Sequence

import numpy as np

from afina import spansets, words
from afina.errors import RecordError
from afina.records import Predict, Row, Task, Text

EVEN = 0.5  # the probability from which on a label is given, where a task says nothing
WIDE = 1e-3  # how far the probabilities of a text may be from 1 in sum
NEAR = 0.1  # standard deviations within which two numbers are the same, as the objective says


def ask(predict: Predict, texts: Sequence[Text], task: Task) -> np.ndarray:
    """What the model answers to texts, checked. Raises RecordError."""
    return checked(predict(texts), texts, task) if texts else np.empty((0, len(task.labels)))


def checked(values: np.ndarray, texts: Sequence[Text], task: Task) -> np.ndarray:
    """The answers, where there is one for each text and it is of this task. Raises RecordError."""
    if task.per == "word":
        return _checked_words(values, texts, task)
    expected = (len(texts), max(1, len(task.labels)))
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.zeros(())
    if values.ndim == 0:
        raise RecordError("the model answers something else than an array of numbers", "correct its predict")
    if values.shape != expected:
        raise RecordError(
            f"the model answers {values.shape}, not {expected}: texts by labels", "use the model made from these labels"
        )
    wrong = ~np.isfinite(values).all(1)
    if task.activation != "none":
        wrong |= ~((values >= 0) & (values <= 1 + WIDE)).all(1)
    if task.activation == "softmax":
        wrong |= np.abs(values.sum(1) - 1) > WIDE
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0]) + 1  # not the text itself: errors stand in logs
        what = "numbers" if task.activation == "none" else "probabilities"
        raise RecordError(
            f"the answers to {wrong.sum():,} of {len(texts):,} texts are no {what}, first that to text {first:,}",
            "train again with a lower learning_rate",
        )
    return values


def _checked_words(values: np.ndarray, texts: Sequence[Text], task: Task) -> np.ndarray:
    expected = [(len(words.words(str(text))), len(task.labels)) for text in texts]
    if not isinstance(values, np.ndarray) or [np.shape(answer) for answer in values] != expected:
        raise RecordError("the model does not answer each word of each text", "use the model made from these labels")
    if not all(np.isfinite(np.asarray(answer, dtype=np.float64)).all() for answer in values):
        raise RecordError("some answers to words are no numbers", "train again with a lower learning_rate")
    return values


def given(answers: np.ndarray, task: Task) -> np.ndarray:
    """Which labels each answer to a text has, (texts, labels)."""
    if task.activation == "sigmoid":
        return np.asarray(answers >= np.array(task.thresholds or [EVEN] * len(task.labels)))
    return np.asarray(answers.argmax(1)[:, None] == np.arange(answers.shape[1]))


def said(answer: np.ndarray, task: Task) -> str:
    """One answer as one reads it.

    >>> said(np.array([0.25, 0.75]), Task(labels=("no", "yes")))
    'yes 0.75'
    """
    if task.per == "word":
        return " ".join(task.labels[place] for place in answer.argmax(1))
    if task.activation == "none":
        return f"{answer[0]:.3g}"
    names = [f"{task.labels[place]} {answer[place]:.2f}" for place in np.flatnonzero(given(answer[None], task)[0])]
    return " + ".join(names) or "nothing"


# ---------------------------------------------------------------- two answers


def scale(rows: Sequence[Row], task: Task) -> float:
    """What differences of answers are measured in: 1 for probabilities, for scores the true values' deviation."""
    if task.activation != "none":
        return 1.0
    return float(np.std([row.value for row in rows if row.value is not None] or [0.0])) or 1.0


def apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The largest difference between two answers to each text, (n,), in units of the answers."""
    if one.dtype != object:
        return np.abs(one - other).max(1, initial=0.0)
    pairs = zip(one, other, strict=True)
    return np.array([np.abs(left - right).max(initial=0.0) for left, right in pairs])


def same(one: np.ndarray, other: np.ndarray, task: Task, scale: float = 1.0) -> np.ndarray:
    """Whether two answers to each text say the same, (n,)."""
    if task.per == "word":
        pairs = zip(one, other, strict=True)
        return np.array([bool((left.argmax(1) == right.argmax(1)).all()) for left, right in pairs], bool)
    if task.activation == "none":
        return np.asarray(apart(one, other) < NEAR * scale)
    return np.asarray((given(one, task) == given(other, task)).all(1))


# ---------------------------------------------------------------- an answer and the truth


def right(rows: Sequence[Row], answers: np.ndarray, task: Task) -> np.ndarray | None:
    """Whether the answer to each row is all of its truth, (n,); None where answers are numbers."""
    if task.kind == "regress":
        return None
    pairs = zip(found(rows, answers, task), rows, strict=True)
    return np.array([one == truth(row, task) for one, row in pairs], bool)


def found(rows: Sequence[Row], answers: np.ndarray, task: Task) -> list[frozenset]:
    """What each answer holds: its class, its labels, or its spans by word."""
    if task.per == "word":
        return [frozenset(spans) for spans, _ in spansets.pairs(rows, answers, task)]
    table = given(answers, task)
    return [frozenset(task.labels[place] for place in np.flatnonzero(one)) for one in table]


def truth(row: Row, task: Task) -> frozenset:
    """The same of a row."""
    return frozenset(spansets.wanted(row) if task.per == "word" else row.names)


def say(row: Row, answer: np.ndarray, task: Task) -> str:
    """As `said`, but with spans instead of tags."""
    if task.per != "word":
        return said(answer, task)
    alone = np.empty(1, dtype=object)
    alone[0] = answer
    return named(found((row,), alone, task)[0])


def named(holds: frozenset) -> str:
    """Classes, labels or spans in words; a span with its first and last word, counted from 1."""
    names = [one if isinstance(one, str) else f"{one[2]} ({_place(one[0] + 1, one[1])})" for one in holds]
    return " + ".join(sorted(names)) or "nothing"


def _place(first: int, last: int) -> str:
    return f"word {first}" if first == last else f"words {first} to {last}"
