"""Frechet: distance between the Gaussians that fit the base's vectors of the corpus and of general language.

    d^2 = |m - n|^2 + tr S + tr T - 2 tr (T^1/2 S T^1/2)^1/2        m, S: mean and covariance here; n, T: general

in the 16 directions in which the texts of both sides, each side weighing as much, vary most (about half of all their
variance with the bundled base), over the variance of the reference's vectors there. Finite samples add to d^2 about
in proportion to 1 / texts; what the halves of both sides give more than the whole is taken off.
Cost: linear in texts, cubic in the 16 directions; a resample is one row of a matrix product and two of their roots.

Unit: shares of the reference's variance. 0 is no difference in position or spread, 1 as far as general texts lie from
their middle; a little below 0 by chance.

What it does not say: anything beyond means and covariances; two clouds of other forms may have the same. Topic,
register, language and length all move the vectors, as with `embeddings`, and the directions are other ones for
another corpus, so that small differences between corpora mean nothing.

Source: Dowson & Landau 1982, "The Frechet distance between multivariate normal distributions", Journal of Multivariate
Analysis 12; of a network's vectors, Heusel et al. 2017, arXiv:1706.08500; its bias, Chong & Forsyth 2020,
"Effectively Unbiased FID and Inception Score and where to find them", arXiv:1911.07023.
"""

import numpy as np

from afina.comparing import extrapolated, interval, resamples, shuffled
from afina.records import Distance, Sample

AXES = 16  # two samples of 300 passages from one source: 0.03 as they are, 0.00 extrapolated; in all 384, 0.21 and 0.04


def measure(sample: Sample, reference: Sample, seed: int) -> Distance:
    """How far the sample's vectors are from the reference's. Each side must hold at least four."""
    here, general = (shuffled(side.vectors, seed).astype(np.float64) for side in (sample, reference))
    value, low, high = _distance(here, general, seed)
    return Distance(
        measure="frechet",
        value=value,
        low=low,
        high=high,
        zero=_distance(general[::2], general[1::2], seed)[0],
        unit="shares of variance",
        rows=len(here),
        means="how far apart and how differently spread the base's vectors are, as two Gaussians; topic, register and "
        "language all move it",
    )


def _distance(here: np.ndarray, general: np.ndarray, seed: int) -> tuple[float, float, float]:
    """The extrapolated distance and its interval."""
    both = np.cov(here.T) + np.cov(general.T)
    axes = np.linalg.eigh(both)[1][:, -AXES:]
    here, general = (here - general.mean(0)) @ axes, (general - general.mean(0)) @ axes
    unit = float(general.var(0, ddof=1).sum()) or 1.0

    def between(one: np.ndarray, other: np.ndarray) -> float:
        weights = np.ones((1, len(one))), np.ones((1, len(other)))
        return float(_squares(_moments(one, weights[0]), _moments(other, weights[1]))[0])

    value = extrapolated(between, here, general)
    drawn = [_moments(side, resamples(len(side), seed + n)) for n, side in enumerate((here, general))]
    low, high = interval(value / unit, _squares(*drawn) / unit)
    return value / unit, low, high


def _moments(rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (draws, k) and covariances (draws, k, k) of rows that are drawn so often, (draws, n)."""
    n, k = rows.shape
    means = weights @ rows / n
    squares = (weights @ (rows[:, :, None] * rows[:, None]).reshape(n, k * k)).reshape(-1, k, k) / n
    return means, (squares - means[:, :, None] * means[:, None]) * n / (n - 1)


def _squares(here: tuple[np.ndarray, np.ndarray], general: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Squared Frechet distances, (draws,)."""
    values, vectors = np.linalg.eigh(general[1])
    root = (vectors * np.sqrt(values.clip(0))[:, None]) @ vectors.swapaxes(1, 2)  # (draws, k, k)
    shared = np.sqrt(np.linalg.eigvalsh(root @ here[1] @ root).clip(0)).sum(1)
    spread = np.trace(here[1] + general[1], axis1=1, axis2=2)
    return np.square(here[0] - general[0]).sum(1) + spread - 2 * shared
