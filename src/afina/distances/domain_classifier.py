"""Domain classifier: how well a linear classifier tells the corpus's texts from general ones (proxy A-distance).

    d = 2 (1 - 2 e)        e: share of left-out texts that it takes for the other side's, the two sides weighing alike

A ridge classifier on the base's standardised vectors, fitted to as many texts of one side as of the other; each text is
answered for by the one that was fitted without it, in closed form. Cost: texts * hidden * min(texts, hidden).

Unit: 0 (it guesses) to 2 (it is never wrong). Two samples of one distribution come out at 0 on average, and off it by
0.1 (300 texts a side) to 0.4 (30) by chance, above or below; `zero` is the mean over four ways to halve the reference.

What it does not say: how far. It is near 2 as soon as something gives the texts away, subject or not, a habit of
punctuation too, so that it tells near from far better than far from farther. General text of one source alone is
already about 0.7 to 1.1 from the shipped mixture of two. Copies within a corpus help it, for a left-out text's twin is
known.

Source: Ben-David et al. 2010, "A theory of learning from different domains", Machine Learning 79; of texts, Blitzer,
Dredze & Pereira 2007, "Biographies, Bollywood, Boom-boxes and Blenders", ACL; leave-one-out answers, see `probing`.
"""

from typing import TypeVar

import numpy as np

from afina.comparing import interval, resamples, shuffled
from afina.metrics import wilson
from afina.probing import PENALTIES, held_out
from afina.records import Distance, Sample

PENALTY = 1.0  # one of probing's; of 0.1, 1 and 10 none told the public sets from general text clearly better
HALVINGS = 4  # of the reference for `zero`: one alone is off by 0.1 to 0.3

T = TypeVar("T", float, np.ndarray)


def measure(sample: Sample, reference: Sample, seed: int) -> Distance:
    """How well the sample's vectors are told from the reference's. Each side must hold at least two."""
    here, general = (shuffled(side.vectors, seed).astype(np.float64) for side in (sample, reference))
    right = _right(here, general)  # (2, rows)
    rows, known = right.shape[1], float(right.mean())
    draws = [resamples(rows, seed + n) @ one / rows for n, one in enumerate(right)]
    low, high = interval(_distance(known), _distance((draws[0] + draws[1]) / 2))
    if known == 1:  # no resample moves it, and that is no certainty
        low = _distance(wilson(2 * rows, 2 * rows)[0])
    orders = (shuffled(general, seed + n) for n in range(HALVINGS))
    zero = np.mean([_right(order[::2], order[1::2]).mean() for order in orders])
    return Distance(
        measure="domain_classifier",
        value=_distance(known),
        low=low,
        high=high,
        zero=_distance(float(zero)),
        unit="proxy A-distance",
        rows=rows,
        means=f"a linear classifier knows {known:.0%} of the texts by the base's vectors, 50% being a guess; near 2 it "
        "no longer says which of two corpora is farther",
    )


def _right(here: np.ndarray, general: np.ndarray) -> np.ndarray:
    """1 for each left-out text that is known for its side's, 0 for the others, (2, rows); as many of either side."""
    rows = min(len(here), len(general))
    side = np.repeat([1.0, -1.0], rows)
    answers = held_out(np.concatenate([here[:rows], general[:rows]]), side[:, None])
    chosen = next(a for penalty, a in zip(PENALTIES, answers, strict=False) if penalty >= PENALTY)
    return (chosen[:, 0] * side > 0).reshape(2, rows).astype(float)


def _distance(known: T) -> T:
    """Proxy A-distance from the share of texts that are known."""
    return 4 * known - 2
