"""Precision, recall and F1 of things that are found or missed, such as labels of texts and spans in them.

    precision = hits / answered        recall = hits / wanted        F1 = 2 hits / (wanted + answered)

micro is over all kinds of things together, macro the mean over the kinds that occur as truth or as answer; 0 stands
where there is nothing to divide by. Rows are counted whole, so that a bootstrap over rows keeps together what stands
in one text.

Source: van Rijsbergen 1979, "Information Retrieval", chapter 7; zero division as in scikit-learn and seqeval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afina.records import ClassScore

NAMES = ("micro_f1", "macro_f1", "precision", "recall")


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each kind of thing is right, is answered and is wanted in each row: three tables (rows, kinds)."""

    hits: np.ndarray
    answered: np.ndarray
    wanted: np.ndarray


def scores(weights: np.ndarray, counts: Counts) -> np.ndarray:
    """The scores of NAMES for each resample, (resamples, 4); `weights` (resamples, rows): how often a row is in it."""
    hits, answered, wanted = (weights @ table for table in (counts.hits, counts.answered, counts.wanted))
    both = answered + wanted
    f1 = _shares(2 * hits, both)
    macro = f1.sum(1) / np.maximum((both > 0).sum(1), 1)
    hit, said, true = hits.sum(1), answered.sum(1), wanted.sum(1)
    return np.stack([_shares(2 * hit, said + true), macro, _shares(hit, said), _shares(hit, true)], axis=1)


def micro_f1(counts: Counts) -> float:
    """F1 of all rows and kinds together."""
    return float(scores(np.ones((1, len(counts.hits))), counts)[0, 0])


def became(weights: np.ndarray, was: Counts, now: Counts, both: np.ndarray) -> np.ndarray:
    """Points of micro F1 lost from `was` to `now`, and the share of what is answered that both answer (Dice).

    For each resample, (resamples, 2); `both` (rows,) says how many answers of a row are the same. Where nothing is
    answered at all, everything is the same.
    """
    lost = 100 * (scores(weights, was) - scores(weights, now))[:, 0]
    given = weights @ (was.answered + now.answered).sum(1)
    return np.stack([lost, np.divide(2 * (weights @ both), given, out=np.ones_like(given), where=given > 0)], axis=1)


def by_kind(counts: Counts, names: Sequence[str]) -> tuple[ClassScore, ...]:
    """Precision, recall and F1 of each kind of thing; `rows` is how many of it were wanted."""
    hits, answered, wanted = (table.sum(0) for table in (counts.hits, counts.answered, counts.wanted))
    precision, recall, f1 = _shares(hits, answered), _shares(hits, wanted), _shares(2 * hits, answered + wanted)
    table = zip(names, precision.tolist(), recall.tolist(), f1.tolist(), wanted.tolist(), strict=True)
    return tuple(ClassScore(name, p, r, f, int(rows)) for name, p, r, f, rows in table)


def best_cut(probabilities: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """The threshold from which answers have the highest F1, and that F1; (0.5, 0) where nothing is wanted.

    probabilities, wanted  (n,); the threshold lies halfway between two neighbouring probabilities, or on the lowest.

    >>> best_cut(np.array([0.9, 0.6, 0.2, 0.1]), np.array([1, 1, 0, 0]))
    (0.4, 1.0)
    """
    total = int(wanted.sum())
    if total == 0:
        return 0.5, 0.0
    order = np.argsort(-probabilities, kind="stable")
    sorted_p = probabilities[order].astype(np.float64)
    f1 = 2 * np.cumsum(wanted[order]) / (np.arange(1, len(order) + 1) + total)
    below = np.append(sorted_p[1:], sorted_p[-1])
    f1[:-1] *= below[:-1] < sorted_p[:-1]  # equal probabilities cannot be parted
    best = int(f1.argmax())
    return float((sorted_p[best] + below[best]) / 2), float(f1[best])


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
