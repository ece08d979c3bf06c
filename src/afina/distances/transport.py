"""Transport: how far the base's vectors of general texts must be moved to lie as the corpus's do, slice by slice.

    d^2 = sum over directions u of the integral of (F_u^-1 - G_u^-1)^2        F_u: distribution of x . u over the texts

u: the columns of one random rotation; F_u^-1: quantiles, the integral over 200 of them; over the variance of the
reference's vectors. Finite samples add to d^2 in proportion to 1 / texts; what the halves of both sides give more than
the whole is taken off. Cost: texts * log(texts) a direction, and 200 resamples in 48 of them for the interval.

Unit: shares of the reference's variance. 0 is no difference in any slice, 1 as far as general texts lie from their
middle; a little below 0 by chance.

What it does not say: which text would go where. Among many directions nearly every slice looks like a Gaussian, so that
it is the shift of the middle and the change of the spread, and little of the form. Topic, register, language and length
all move the vectors, as with `embeddings`.

Source: Bonneel et al. 2015, "Sliced and Radon Wasserstein Barycenters of Measures", Journal of Mathematical Imaging
and Vision 51; directions at right angles, Rowland et al. 2019, "Orthogonal Estimation of Wasserstein Distances",
AISTATS, arXiv:1903.03784.
"""

import numpy as np

from afina.comparing import extrapolated, interval, resamples, shuffled
from afina.records import Distance, Sample

QUANTILES = (np.arange(200) + 0.5) / 200
DRAWN = 48  # directions in a resample: the texts differ from one to the next, the directions hardly matter


def measure(sample: Sample, reference: Sample, seed: int) -> Distance:
    """How far the sample's vectors are from the reference's. Each side must hold at least four."""
    d = sample.vectors.shape[1]
    turned = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]
    here, general = (shuffled(side.vectors, seed).astype(np.float64) @ turned for side in (sample, reference))
    unit = float(general.var(0, ddof=1).sum()) or 1.0
    value = extrapolated(_squares, here, general) / unit
    drawn = [_resampled(side[:, :DRAWN], seed + n) for n, side in enumerate((here, general))]
    draws = np.square(drawn[0] - drawn[1]).mean(2).mean(1) * d
    low, high = interval(value, draws / unit)
    return Distance(
        measure="transport",
        value=value,
        low=low,
        high=high,
        zero=extrapolated(_squares, general[::2], general[1::2]) / unit,
        unit="shares of variance",
        rows=len(here),
        means="how far the base's vectors of general texts would have to move to lie as the corpus's do; topic, "
        "register and language all move it",
    )


def _squares(here: np.ndarray, general: np.ndarray) -> float:
    """Squared distance, summed over the slices (n, d)."""
    one, other = (_picked(np.sort(side.T.copy())) for side in (here, general))
    return float(np.square(one - other).mean(1).sum())


def _picked(ordered: np.ndarray) -> np.ndarray:
    """The quantiles of sorted slices, (slices, 200)."""
    return ordered[:, (QUANTILES * ordered.shape[1]).astype(int)]


def _resampled(slices: np.ndarray, seed: int) -> np.ndarray:
    """The quantiles of each slice in each bootstrap resample, (draws, slices, 200)."""
    order = np.argsort(slices.T.copy())
    values = np.take_along_axis(slices.T, order, axis=1).ravel()  # slice by slice, in order
    counts = resamples(len(slices), seed).astype(int)  # (draws, n)
    return np.array([_picked(np.repeat(values, one[order].ravel()).reshape(order.shape)) for one in counts])
