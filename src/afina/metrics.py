"""Scores of a classifier, each with its 95% interval. NumPy only.

A row is a true class (0 to classes - 1, or -1 for a label that training never saw) and a vector of probabilities.
A row with -1 counts as an error everywhere; in macro F1 all such rows are one more class, with F1 = 0.

    accuracy    share of rows whose most probable class is the true one; ties go to the first
    macro_f1    mean over classes, that occur as truth or as answer, of F1 = 2 tp / (rows + answers)
    micro_f1    F1 of all rows together; with one label a row this is the accuracy
    ece         sum_b n_b / n |accuracy_b - confidence_b| over 15 bins of equal width; 0 is calibrated
    brier       mean of sum_c (p_c - y_c)^2, 0 to 2
    log_loss    mean of -ln p_true, nats; p is cut at 2.2e-16

Intervals are percentiles of 1,000 bootstrap resamples of the rows; that of a share of exactly 0 or 1, which no resample
moves, has Wilson's other end. They speak of the rows drawn, not of another training run, and are too narrow below
about 30 rows. ECE is biased upwards on few rows, and its interval with it.

Source: Efron 1979 (bootstrap); Guo et al. 2017, arXiv:1706.04599, section 2 (ece); Brier 1950; Wilson 1927.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from afina.records import Change, ClassScore, Score

BINS = 15
NORMAL = 1.959963984540054  # standard deviations on either side of a mean that hold 95% of a normal distribution
RESAMPLES = 1000
NAMES = ("accuracy", "macro_f1", "micro_f1", "ece", "brier", "log_loss")
LOSSES = ("ece", "brier", "log_loss")  # of NAMES; the others are shares
LEAST = float(np.finfo(np.float64).eps)  # as scikit-learn cuts
NOISE = 1e-6  # of floating point, in points
BLOCK = 4_000_000  # numbers in a block of resamples: 32 MB


def scores(
    truth: np.ndarray, probabilities: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[Score, ...]:
    """Every score of the list above, with its interval, in that order. At least one row."""
    parts = _parts(truth, probabilities)
    return doubted(bootstrap(NAMES, lambda weights: _scores(weights, parts), len(truth), seed, resamples), len(truth))


def bootstrap(
    names: Sequence[str],
    of: Callable[[np.ndarray], np.ndarray],
    rows: int,
    seed: int,
    resamples: int = RESAMPLES,
) -> tuple[Score, ...]:
    """Scores with their intervals. At least one row.

    `of` gives the scores, (m, names), for weights (m, rows) that say how often each row is in each of m resamples.
    """
    values = of(np.ones((1, rows)))[0]
    rng = np.random.default_rng(seed)
    at_once = max(1, BLOCK // rows)
    drawn = []
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        picked = rng.integers(rows, size=(size, rows)) + rows * np.arange(size)[:, None]
        weights = np.bincount(picked.ravel(), minlength=picked.size).reshape(picked.shape)  # how often each row
        drawn.append(of(weights.astype(np.float64)))
    low, high = np.percentile(np.concatenate(drawn), [2.5, 97.5], axis=0)
    low, high = np.minimum(low, values), np.maximum(high, values)  # resamples of ece lie above it, sometimes all
    table = zip(names, values, low, high, strict=True)
    return tuple(Score(name, float(value), float(least), float(most)) for name, value, least, most in table)


def doubted(scores: Sequence[Score], rows: int) -> tuple[Score, ...]:
    """The same, with an interval where no resample moves a share: every row right, or none, is no proof for the next.

    >>> doubted((Score("accuracy", 1.0, 1.0, 1.0),), rows=27)[0].low.__round__(3)
    0.875
    """
    found = []
    for score in scores:
        if score.low == score.high and score.value in (0.0, 1.0) and score.name not in LOSSES:
            low, high = wilson(round(score.value) * rows, rows)
            score = replace(score, low=min(low, score.value), high=max(high, score.value))
        found.append(score)
    return tuple(found)


def change(of: Callable[[np.ndarray], np.ndarray], rows: int, seed: int, **counted: Any) -> Change:
    """What became of a model's answers, with paired intervals: a resample has the same rows before and after.

    `of` gives points lost and agreement, (m, 2), for weights as `bootstrap` does; `counted` are the fields that are
    counts. Where no row changed there is nothing to draw from, and the interval is that one number.
    """
    drop, same = bootstrap(("drop_points", "agreement"), of, rows, seed)
    return Change(drop.value, drop.low, drop.high, same.value, same.low, same.high, **counted)


def lost(change: Change, kind: str, rows: int) -> tuple[float, float, float]:
    """Points of the main score lost, with an interval that some rows without any loss do not shrink to nothing.

    Of classes it is that of paired shares, of other kinds the bootstrap's; where that has no width, Wilson's for no
    change among so many rows.
    """
    if kind == "classify":
        low, high = paired(change.broken, change.fixed, change.count)
        return change.drop_points, 100 * low, 100 * high
    still = math.isclose(change.drop_low, change.drop_high, abs_tol=NOISE)
    most = 100 * wilson(0, rows)[1] if still else 0.0
    return change.drop_points, change.drop_low - most, change.drop_high + most


def gained(change: Change, kind: str, rows: int) -> Score:
    """The same as points that are won."""
    value, low, high = lost(change, kind, rows)
    return Score("gain", -value, -high, -low)


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Rows of a true class by predicted class, (classes, classes); rows of unknown labels are not in it."""
    known = truth >= 0
    flat = np.bincount(truth[known] * classes + predicted[known], minlength=classes * classes)
    return flat.reshape(classes, classes)


def per_class(truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> tuple[ClassScore, ...]:
    """Precision, recall and F1 of each class; 0 where there is nothing to divide by."""
    size = len(labels)
    answers = np.bincount(predicted, minlength=size)  # unknown labels included: a wrong answer is an answer
    rows = np.bincount(truth[truth >= 0], minlength=size)
    hits = np.bincount(predicted[truth == predicted], minlength=size)
    precision, recall = hits / np.maximum(answers, 1), hits / np.maximum(rows, 1)
    f1 = 2 * hits / np.maximum(answers + rows, 1)
    table = zip(labels, precision.tolist(), recall.tolist(), f1.tolist(), rows.tolist(), strict=True)
    return tuple(ClassScore(*line) for line in table)


def reliability(truth: np.ndarray, probabilities: np.ndarray) -> tuple[tuple[float, float, int], ...]:
    """Mean confidence, accuracy and rows of each of the 15 bins; an empty bin is (its middle, 0, 0)."""
    return binned(probabilities.max(1), probabilities.argmax(1) == truth)


def binned(confidence: np.ndarray, right: np.ndarray) -> tuple[tuple[float, float, int], ...]:
    """The same for any probabilities (n,) and whether each came true (n,)."""
    found_in = bins(confidence)
    found = []
    for place in range(BINS):
        inside = found_in == place
        count = int(inside.sum())
        means = (
            (float(confidence[inside].mean()), float(right[inside].mean())) if count else ((place + 0.5) / BINS, 0.0)
        )
        found.append((*means, count))
    return tuple(found)


def wilson(hits: int, rows: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share; honest at 0 and 1 too, where the bootstrap sees no doubt.

    >>> [round(end, 3) for end in wilson(10, 10)]
    [0.722, 1.0]
    """
    if rows == 0:
        return 0.0, 1.0
    z, share = NORMAL, hits / rows
    middle = share + z * z / (2 * rows)
    spread = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    low, high = (middle - spread) / scale, (middle + spread) / scale
    return (low if hits else 0.0), (high if hits < rows else 1.0)  # exactly: rounding must not part them from the share


def paired(broken: int, fixed: int, rows: int) -> tuple[float, float]:
    """95% interval of the share of rows lost, (broken - fixed) / rows, where the same rows are right or wrong twice.

    Bonett & Price 2012, "Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on Paired
    Data": one row is added to each kind, so that no change at all is no proof that there is none.

    >>> [round(end, 3) for end in paired(0, 0, 98)]
    [-0.028, 0.028]
    """
    more, less = (broken + 1) / (rows + 2), (fixed + 1) / (rows + 2)
    spread = NORMAL * math.sqrt((more + less - (more - less) ** 2) / (rows + 2))
    return max(-1.0, more - less - spread), min(1.0, more - less + spread)


def bins(confidence: np.ndarray) -> np.ndarray:
    """The bin (a, b] of each confidence; 0 belongs to the first."""
    return np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)


def _one_hot(places: np.ndarray, size: int) -> np.ndarray:
    return (places[:, None] == np.arange(size)).astype(np.float64)  # (n, size)


def _parts(truth: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, ...]:
    """What each row adds to each score: per-row numbers (n, 3), then hits, truth, answers and bins as 0-1 tables."""
    p = probabilities.astype(np.float64)
    rows, classes = p.shape
    predicted = p.argmax(1)
    right = predicted == truth
    own = np.where(truth >= 0, p[np.arange(rows), np.maximum(truth, 0)], 0.0)  # probability of the true class
    brier = (p * p).sum(1) - 2 * own + 1
    plain = np.stack([right, brier, -np.log(np.clip(own, LEAST, 1.0))], axis=1)
    answers = _one_hot(predicted, classes + 1)
    wanted = _one_hot(np.where(truth >= 0, truth, classes), classes + 1)
    gaps = _one_hot(bins(p.max(1)), BINS) * (right - p.max(1))[:, None]
    return plain, answers * right[:, None], answers, wanted, gaps


def _scores(weights: np.ndarray, parts: tuple[np.ndarray, ...]) -> np.ndarray:
    """The scores of NAMES for each resample, (resamples, 6); `weights` (resamples, n) says how often a row is in it."""
    plain, hits, answers, wanted, gaps = parts
    rows = weights.shape[1]
    accuracy, brier, log_loss = (weights @ plain / rows).T
    both = weights @ (answers + wanted)
    f1 = np.divide(2 * (weights @ hits), both, out=np.zeros_like(both), where=both > 0)
    macro = f1.sum(1) / (both > 0).sum(1)
    ece = np.abs(weights @ gaps).sum(1) / rows
    return np.stack([accuracy, macro, accuracy, ece, brier, log_loss], axis=1)
