"""Embeddings: maximum mean discrepancy between the base's vectors of the corpus and of general language.

    MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y)        k(x, y) = exp(-|x - y|^2 / m)

x: texts of the corpus, y: of the reference, each the mean token vector of one layer of the frozen base; m: the median
squared distance between the reference's own texts, so that two corpora can be compared. The unbiased estimate, with
the kernel in 1,024 random Fourier features. Cost: linear in texts; a resample is one row of a matrix product.

Unit: squared kernel distance, 0 (no difference that this kernel sees) to 2; it may come out a little below 0.

What it does not say: why texts differ. Topic, register, language and length all move the vectors; the texts of both
sides are cut to the same length, since 8 general words against 25 general words already give 0.11 with the bundled
base. It is no test of significance, and a base never trained on a language sees all of it as one far place.

Source: Gretton et al. 2012, "A Kernel Two-Sample Test", JMLR 13, lemma 6 (estimate) and section 8 (median);
Rahimi & Recht 2007, "Random Features for Large-Scale Kernel Machines", NeurIPS 20.
"""

import numpy as np

from afina.comparing import interval, resamples
from afina.records import Distance, Sample

FREQUENCIES = 1024  # each gives a cosine and a sine
MEDIAN_OF = 300  # texts of the reference that the median distance is taken over


def measure(sample: Sample, reference: Sample, seed: int) -> Distance:
    """How far the sample's vectors are from the reference's. Each side must hold at least two."""
    width = _median_square(reference.vectors)
    rng = np.random.default_rng(seed)
    frequencies = rng.normal(scale=np.sqrt(2 / width), size=(sample.vectors.shape[1], FREQUENCIES))
    here, general = (_features(side.vectors, frequencies) for side in (sample, reference))
    value = float(_mmd(here.mean(0), general.mean(0), len(here), len(general)))
    draws = [resamples(len(side), seed + n) @ side / len(side) for n, side in enumerate((here, general))]
    low, high = interval(value, _mmd(draws[0], draws[1], len(here), len(general)))
    order = rng.permutation(len(general))
    one, other = general[order[::2]], general[order[1::2]]
    return Distance(
        measure="embeddings",
        value=value,
        low=low,
        high=high,
        zero=float(_mmd(one.mean(0), other.mean(0), len(one), len(other))),
        unit="squared MMD",
        rows=len(here),
        means="how differently the base sees whole texts, cut to one length on both sides; topic, register and "
        "language all move it",
    )


def _median_square(vectors: np.ndarray) -> float:
    """Median squared distance between the first few hundred rows; 1 where they are all the same."""
    some = vectors[:MEDIAN_OF].astype(np.float64)
    lengths = (some**2).sum(1)
    squares = lengths[:, None] + lengths[None] - 2 * some @ some.T
    median = float(np.median(squares[np.triu_indices(len(some), 1)]))
    return median if median > 1e-9 * lengths.mean() else 1.0


def _features(vectors: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Random Fourier features, (texts, 2 * FREQUENCIES); every row has length 1."""
    angles = vectors.astype(np.float64) @ frequencies
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / np.sqrt(FREQUENCIES)


def _mmd(here: np.ndarray, general: np.ndarray, n: int, m: int) -> np.ndarray:
    """Unbiased squared MMD from the means of n and m unit features, or from rows of such means."""
    own = (n * (here**2).sum(-1) - 1) / (n - 1) + (m * (general**2).sum(-1) - 1) / (m - 1)
    return own - 2 * (here * general).sum(-1)
