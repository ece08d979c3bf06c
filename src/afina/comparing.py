"""Arithmetic that more than one distance needs: a divergence, a bootstrap interval, and a bias taken off by halves.

Source: Jensen-Shannon divergence, Lin 1991, "Divergence measures based on the Shannon entropy", IEEE Transactions
on Information Theory 37; bootstrap, Efron & Tibshirani 1993, "An Introduction to the Bootstrap", 13; a distance of
samples extrapolated to endless ones, Chong & Forsyth 2020, arXiv:1911.07023.
"""

from collections.abc import Callable

import numpy as np

DRAWS = 200  # bootstrap resamples
LEVEL = (0.025, 0.975)


def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of two distributions, or of rows of them, over the last axis: bits, 0 to 1.

    >>> divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    np.float64(1.0)
    >>> divergence(np.array([0.5, 0.5]), np.array([1.0, 0.0])).round(4)  # H(3/4) - H(1/2)/2 = 0.8113 - 0.5
    np.float64(0.3113)
    """
    return np.maximum(_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2, 0.0)


def resamples(rows: int, seed: int) -> np.ndarray:
    """How often each row is drawn in each bootstrap resample, (draws, rows); each sums to `rows`."""
    return np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=DRAWS).astype(np.float64)


def interval(value: float, draws: np.ndarray) -> tuple[float, float]:
    """95% bootstrap interval around `value`.

    A resample repeats rows, so that its divergence is a little larger than the sample's own; the spread of the
    draws is kept and their shift taken off.
    """
    low, high = value + np.quantile(draws - draws.mean(), LEVEL)
    return min(float(low), value), max(float(high), value)  # draws that are all alike may miss it by rounding


def shuffled(rows: np.ndarray, seed: int) -> np.ndarray:
    """The rows in an order that is random for each seed and does not depend on the one that they come in."""
    sorted_places = sorted(range(len(rows)), key=lambda place: rows[place].tobytes())
    return rows[np.random.default_rng(seed).permutation(sorted_places)]


def extrapolated(between: Callable[[np.ndarray, np.ndarray], float], here: np.ndarray, general: np.ndarray) -> float:
    """`between` as it would be for endless samples, where the addition of finite ones falls as 1 / rows.

    Halves have twice that addition, so it is what they give more than the whole; each half of one side is set against
    each of the other. Rows must be in random order. Two samples of one distribution may come out below 0.

    >>> sample = np.array([[1.0], [3.0], [2.0], [6.0]])
    >>> extrapolated(lambda one, other: float(one.mean() - other.mean()), sample, sample)  # a mean has no such addition
    0.0
    """
    halves = [between(one, other) for one in (here[::2], here[1::2]) for other in (general[::2], general[1::2])]
    return 2 * between(here, general) - float(np.mean(halves))


def _entropy(p: np.ndarray) -> np.ndarray:
    """Shannon entropy in bits over the last axis; 0 log 0 = 0."""
    logs = np.log2(p, out=np.zeros_like(p), where=p > 0)
    return -(p * logs).sum(-1)
