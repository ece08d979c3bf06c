"""Answers side by side: whether they are answers at all, what each says, and when two say the same.

    classify     the same class                  multilabel   the same labels, each from its threshold on
    tag          the same tag for every word     regress      less than a tenth of `scale` apart

`scale` is the standard deviation of the true values, as where a regression is compared with itself (`regress`). What
must agree is counted in `Checks`, and their share is over all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afina import metrics, words
from afina.errors import RecordError
from afina.records import Example, Measure, Score, Task, Text

EVEN = 0.5  # from which probability on a label is given, where a task says nothing
WIDE = 1e-3  # how far the probabilities of a text may be from 1 in sum
NEAR = 0.1  # standard deviations
SHOWN = 80  # characters of a text in an error


def checked(values: np.ndarray, texts: Sequence[Text], task: Task) -> np.ndarray:
    """The answers, where there is one for each text and it is of this task. Raises RecordError."""
    if task.per == "word":
        return _checked_words(values, texts, task)
    expected = (len(texts), len(task.labels))
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise RecordError("the model answers something else than an array of numbers", "correct its predict") from None
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
        first = str(texts[int(np.flatnonzero(wrong)[0])])[:SHOWN]
        what = "numbers" if task.activation == "none" else "probabilities"
        raise RecordError(
            f"the answers to {wrong.sum():,} of {len(texts):,} texts are no {what}, first that to {first!r}",
            "train again with a lower learning_rate",
        )
    return values


def _checked_words(values: np.ndarray, texts: Sequence[Text], task: Task) -> np.ndarray:
    expected = [(len(words.words(str(text))), len(task.labels)) for text in texts]
    if [np.shape(answer) for answer in values] != expected:
        raise RecordError("the model does not answer each word of each text", "use the model made from these labels")
    if not all(np.isfinite(answer).all() for answer in values):
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
        return np.array([bool((left.argmax(1) == right.argmax(1)).all()) for left, right in pairs])
    if task.activation == "none":
        return np.asarray(apart(one, other) < NEAR * scale)
    return np.asarray((given(one, task) == given(other, task)).all(1))


@dataclass(frozen=True, slots=True)
class Checks:
    """Things of one kind that agree or do not, each about one text or group of texts."""

    name: str
    group: str
    about: tuple[Text, ...]  # the text of each, or the first one
    right: np.ndarray  # (n,): whether it agrees
    remark: str = ""
    examples: tuple[Example, ...] = ()
    must: bool = True  # whether a disagreement is a fault

    @property
    def measure(self) -> Measure:
        """Their share, with Wilson's interval; at least one."""
        hits, rows = int(self.right.sum()), len(self.right)
        return Measure(
            self.name, hits / rows, *metrics.wilson(hits, rows), "share", rows, self.group, remark=self.remark
        )


def share(name: str, found: Sequence[Checks], seed: int) -> Score:
    """The share of all checks that agree. What is resampled are the texts, for checks about one text fail together."""
    texts = {text: place for place, text in enumerate(dict.fromkeys(text for one in found for text in one.about))}
    places = np.array([texts[text] for one in found for text in one.about])
    right = np.concatenate([one.right for one in found]).astype(np.float64)
    return ratio(name, np.bincount(places, right), np.bincount(places), seed)


def ratio(name: str, hits: np.ndarray, counts: np.ndarray, seed: int) -> Score:
    """sum of hits / sum of counts, where a resample draws those that belong together at once: (n,) each."""
    of = lambda weights: (weights @ hits / np.maximum(weights @ counts, 1))[:, None]  # noqa: E731
    return metrics.doubted(metrics.bootstrap((name,), of, len(hits), seed), len(hits))[0]
