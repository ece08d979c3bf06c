"""Whether a model's probabilities come true: scores, a temperature, and thresholds that keep a promise. NumPy only.

A table of probabilities (texts, labels) is softmax (one label a text) or sigmoid (each label by itself).

    scores        ece over 15 bins, of the confidence for softmax, of every label's probability for sigmoid; Brier score
                  and log loss, sums over labels for softmax, means for sigmoid
    temperature   T that minimises the log loss on dev of softmax(ln p / T), or sigmoid(logit p / T): over 1 the model
                  is too sure of itself, under 1 not enough
    threshold     texts from a confidence on are answered, the others go to a human. Confidences of dev that 100%, 95%,
                  ... 5% of the texts have are tested from the highest down, at the first with rows enough to pass:
                  P(at most as many wrong answers as were seen, if the promise were just broken) <= 5%. The last that
                  passes before one fails is taken. So the promise holds for new texts of the same kind with 95%
                  certainty, however many thresholds were looked at

Source: Guo et al. 2017, arXiv:1706.04599, 4.2 (temperature); Angelopoulos et al. 2021, "Learn then Test",
arXiv:2110.01052, fixed sequence testing; Geifman & El-Yaniv 2017, arXiv:1705.08500 (selective classification); Clopper
& Pearson 1934; Bröcker & Smith 2007, "Increasing the Reliability of Reliability Diagrams" (what chance gives).
"""

import math

import numpy as np

from afina import binomial, metrics
from afina.records import Score

NAMES = ("ece", "brier", "log_loss")
GRID = np.exp(np.linspace(np.log(0.05), np.log(20.0), 121))  # temperatures that are tried
DOUBT = 0.05  # chance that a promise is broken
STEPS = np.arange(1, 21) / 20  # shares of dev that a threshold answers
DRAWS = 300  # of answers that come true exactly as often as they say


def tempered(p: np.ndarray, temperature: float, softmax: bool) -> np.ndarray:
    """The probabilities at a temperature; those of 1 are as they were.

    >>> tempered(np.array([[0.8, 0.2]]), 2.0, softmax=True).round(3).tolist()
    [[0.667, 0.333]]
    """
    logs = np.log(p.clip(metrics.LEAST, None))
    if softmax:
        powers = np.exp((logs - logs.max(1, keepdims=True)) / temperature)
        return powers / powers.sum(1, keepdims=True)
    logits = logs - np.log((1 - p).clip(metrics.LEAST, None))
    return 1 / (1 + np.exp(-logits / temperature))


def losses(p: np.ndarray, truth: np.ndarray, softmax: bool) -> np.ndarray:
    """Log loss of each text in nats, (texts,); `truth` is a 0-1 table, without a 1 where the class is not known."""
    own = np.where(truth > 0, p, 1.0 - p) if not softmax else np.where(truth > 0, p, 0.0).sum(1, keepdims=True)
    return -np.log(own.clip(metrics.LEAST, 1.0)).mean(1)


def cells(p: np.ndarray, truth: np.ndarray, softmax: bool) -> tuple[np.ndarray, np.ndarray]:
    """What should come true, and whether it did, (texts, 1) or (texts, labels): confidences, or all probabilities."""
    if not softmax:
        return p, truth
    best = p.argmax(1)[:, None]
    return np.take_along_axis(p, best, 1), np.take_along_axis(truth, best, 1)


def scores(p: np.ndarray, truth: np.ndarray, softmax: bool, seed: int) -> tuple[Score, ...]:
    """The scores of NAMES with their intervals, by resamples of the texts."""
    sure, came = cells(p, truth, softmax)
    gaps = _gaps(sure, came - sure)
    square = (p - truth) ** 2
    brier = square.sum(1) + ~truth.any(1) if softmax else square.mean(1)  # a class that is not known has its 1 too
    plain = np.stack([brier, losses(p, truth, softmax)], axis=1)

    def of(weights: np.ndarray) -> np.ndarray:
        ece = np.abs(weights @ gaps).sum(1) / sure.size
        return np.column_stack([ece, weights @ plain / len(p)])

    return metrics.bootstrap(NAMES, of, len(p), seed)


def chance(p: np.ndarray, softmax: bool, seed: int) -> Score:
    """The ece of a model that says these probabilities and is right exactly as often: mean, and 95% of its draws."""
    sure = cells(p, p, softmax)[0]
    rng = np.random.default_rng(seed)
    drawn = [np.abs(_gaps(sure, (rng.random(sure.shape) < sure) - sure).sum(0)).sum() / sure.size for _ in range(DRAWS)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Score("ece", float(np.mean(drawn)), float(low), float(high))


def _gaps(sure: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """What each text adds to each bin, (texts, bins)."""
    places = metrics.bins(sure) + metrics.BINS * np.arange(len(sure))[:, None]
    return np.bincount(places.ravel(), gap.ravel(), metrics.BINS * len(sure)).reshape(len(sure), metrics.BINS)


def fit(p: np.ndarray, truth: np.ndarray, softmax: bool, seed: int) -> Score:
    """The temperature with the least log loss, and the interval that resamples of the texts give it.

    Texts of a class that the model does not know say nothing of a temperature and are left out.
    """
    known = truth.any(1) if softmax else np.ones(len(p), bool)
    p, truth = p[known], truth[known]
    table = np.stack([losses(tempered(p, t, softmax), truth, softmax) for t in GRID.tolist()], axis=1)  # (texts, grid)
    return metrics.bootstrap(("temperature",), lambda w: _lowest(w @ table)[:, None], len(p), seed)[0]


def _lowest(table: np.ndarray) -> np.ndarray:
    """The temperature of the least loss in each line (n, grid), between its points by a parabola in ln T."""
    place = table.argmin(1).clip(1, len(GRID) - 2)[:, None]
    before, here, after = np.take_along_axis(table, place + np.array([-1, 0, 1]), 1).T
    bend = np.maximum(before - 2 * here + after, metrics.LEAST)
    step = np.clip((before - after) / (2 * bend), -1, 1)  # at an end of the grid: there
    return GRID[place[:, 0]] * (GRID[1] / GRID[0]) ** step


def fewest(promise: float) -> int:
    """Texts without a mistake that a promise needs.

    >>> [fewest(promise) for promise in (0.9, 0.95, 0.99)]
    [29, 59, 299]
    """
    return math.ceil(math.log(DOUBT) / math.log(promise))


def threshold(sure: np.ndarray, right: np.ndarray, promise: float) -> float | None:
    """The confidence from which texts are answered, so that a share `promise` of them is right; None where none is."""
    ordered, found = np.sort(sure)[::-1], None
    for answered in np.ceil(STEPS * len(sure)).astype(int):
        cut = ordered[answered - 1]
        taken = right[sure >= cut]  # with all that are as sure
        if len(taken) < fewest(promise):
            continue
        if binomial.at_most(int((~taken).sum()), len(taken), 1 - promise) > DOUBT:
            break
        found = float(cut)
    return found
