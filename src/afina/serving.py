"""The same text asked in other company: a fault here is one of serving, not of what the model knows.

A text is asked alone, where nothing is padded; in a batch of 32 in random order; and beside a text four times as long
as the longest, to whose length the others are padded. The files that the answers could come from are asked too.

All probabilities must be the same within 0.001 (a score: within 0.001 of its standard deviation). The last bits of
fp32 are no fault: batches of other sizes add the same numbers in another order. That is some 1e-7 of a probability,
and more with int8, where a number on the edge between two steps falls on either. A smaller file may differ
from fp32 in some answers, which is its price and no fault of serving; the file in fp32 and the model that it was
exported from may not.

Cost: 96 texts alone, in batches, beside the long one and from every other file; opening the other files.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import numpy as np

from afina import answering
from afina.agreeing import Checks
from afina.records import Example, Predict, Row, Subject, Text

BATCH = 32
ASKED = 3 * BATCH  # texts
PADDED = 3 * (BATCH - 1)  # of these beside a long one
LONGER = 4  # times as long as the longest
TOLERANCE = 1e-3
WHOLE, TORCH = "none", "torch"  # the file in fp32, and the model before its export
SERVING, FILES = "serving", "files"  # groups of measures
SHOWN = 3  # examples of each


def checks(subject: Subject, rows: Sequence[Row]) -> list[Checks]:
    """What the first of these rows are answered alone, in batches, padded, and by the other files of the model."""
    rows = rows[:ASKED]
    texts = [row.input for row in rows]
    alone = np.concatenate([ask(subject, [text]) for text in texts])
    order = np.random.default_rng(subject.seed).permutation(len(rows))
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    mixed = _gathered([(places, ask(subject, [texts[place] for place in places])) for places in batches])
    padded, long = order[:PADDED], _longest(rows)
    batches = [padded[start : start + BATCH - 1] for start in range(0, len(padded), BATCH - 1)]
    beside = _gathered([(p, ask(subject, [*(texts[place] for place in p), long])[:-1]) for p in batches])
    chosen = sorted(padded.tolist())
    return [
        exact(subject, "alone and in a batch", rows, alone, mixed),
        exact(subject, "alone and beside a long text", [rows[place] for place in chosen], alone[chosen], beside),
        *_files(subject, rows, alone),
    ]


def ask(subject: Subject, texts: Sequence[Text], predict: Predict | None = None) -> np.ndarray:
    """The answers of the subject, or of another file of it, checked. Raises RecordError."""
    return answering.checked((predict or subject.predict)(texts), texts, subject.task)


def scale(subject: Subject) -> float:
    """What differences of its answers are measured in."""
    return answering.scale(subject.rows, subject.task)


def exact(subject: Subject, name: str, rows: Sequence[Row], one: np.ndarray, other: np.ndarray) -> Checks:
    """Whether two answers to each row are the same number by number."""
    differences = answering.apart(one, other) / scale(subject)
    said = int((~answering.same(one, other, subject.task, scale(subject))).sum())
    remark = f"largest difference {differences.max():.1g}, {said:,} of {len(rows):,} answers differ"
    return _compared(subject, (name, SERVING, remark), rows, (one, other), differences <= TOLERANCE)


def _files(subject: Subject, rows: Sequence[Row], served: np.ndarray) -> list[Checks]:
    """The served file against the others, as far as they can be opened."""
    texts = [row.input for row in rows]
    names = [name for name in subject.opened if name != subject.variant and (name != TORCH or find_spec("torch"))]
    said = {name: ask(subject, texts, subject.opened[name]()) for name in names} | {subject.variant: served}
    return _against_whole(subject, rows, said) if WHOLE in said else []


def _against_whole(subject: Subject, rows: Sequence[Row], said: Mapping[str, np.ndarray]) -> list[Checks]:
    found, whole = [], said[WHOLE]
    for name, answers in said.items():
        if name == TORCH:
            found.append(exact(subject, "before and after export", rows, answers, whole))
        elif name != WHOLE:
            same = answering.same(whole, answers, subject.task, scale(subject))
            remark = f"largest difference {answering.apart(whole, answers).max() / scale(subject):.1g}"
            one = _compared(subject, (f"fp32 and {name}", FILES, remark), rows, (whole, answers), same, must=False)
            found.append(one)
    return found


def _compared(
    subject: Subject, named: tuple[str, str, str], rows: Sequence[Row], both: tuple[np.ndarray, np.ndarray],
    right: np.ndarray, must: bool = True,
) -> Checks:  # fmt: skip
    name, group, remark = named
    examples = [
        Example(name, rows[place].where, (rows[place].input,), arrow(subject, both[0][place], both[1][place]))
        for place in np.flatnonzero(~right)[:SHOWN]
    ]
    return Checks(name, group, tuple(row.input for row in rows), right, remark, tuple(examples), must)


def arrow(subject: Subject, one: np.ndarray, other: np.ndarray) -> str:
    """Two answers as one reads them."""
    return f"{answering.said(one, subject.task)} -> {answering.said(other, subject.task)}"


def _gathered(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Answers to parts of the rows, in the order of the rows."""
    order = np.argsort(np.concatenate([places for places, _ in parts]), kind="stable")
    answers: np.ndarray = np.concatenate([answer for _, answer in parts])[order]
    return answers


def _longest(rows: Sequence[Row]) -> Text:
    first = " ".join([max((row.text for row in rows), key=len)] * LONGER)
    second = [row.pair for row in rows if row.pair is not None]
    return (first, " ".join([max(second, key=len)] * LONGER)) if second else first
