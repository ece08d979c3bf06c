"""Fragmentation: how differently the base's tokenizer breaks the corpus's words and those of general language.

    JS(P, Q)        P(k): share of the sample's running words that break into k tokens, k = 1 to 6 or more

Unit: bits, 0 (words break alike) to 1. It is a divergence and has no direction: bank chats break less than general
text and biomedical abstracts more, and both are far from it. The mean of P, tokens a word, is the fertility.
Cost: linear in words; a resample is one row of a matrix product.

What it does not say: which words break, or whether the pieces are good ones. Names and numbers break in any domain.
Words are compared in lower case, so that a cased tokenizer breaks some more of them than it does in running text.

Source: fertility as a measure of a tokenizer's fit, Rust et al. 2021, "How Good is Your Tokenizer?",
arXiv:2012.15613, 3.1; Jensen-Shannon divergence, Lin 1991, IEEE Transactions on Information Theory 37.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from afina.comparing import divergence, interval, resamples
from afina.records import Distance, Sample

MOST = 6  # tokens; words that break into more count as this many
SIZES = np.arange(1, MOST + 1)


def measure(sample: Sample, reference: Sample, seed: int) -> Distance:
    """How far the sample's pieces a word are from the reference's. Both must hold at least one word."""
    texts = np.array([_pieces([text], sample.pieces) for text in sample.words])  # (texts, MOST)
    here, general = _share(texts.sum(0)), _share(_pieces(reference.words, reference.pieces))
    halves = (_share(_pieces(half, reference.pieces)) for half in (reference.words[::2], reference.words[1::2]))
    value = float(divergence(here, general))
    drawn = _share(resamples(len(texts), seed) @ texts)
    low, high = interval(value, divergence(drawn, general))
    fewest, most = interval(_fertility(here), drawn @ SIZES)
    least, share = interval(1 - here[0], 1 - drawn[:, 0])
    return Distance(
        measure="fragmentation",
        value=value,
        low=max(low, 0.0),
        high=high,
        zero=float(divergence(*halves)),
        unit="bits",
        rows=len(texts),
        means=f"how differently words break into tokens: {_fertility(here):.2f} ({fewest:.2f} to {most:.2f}) tokens a "
        f"word against {_fertility(general):.2f} in the reference, {1 - here[0]:.0%} ({least:.0%} to {share:.0%}) of "
        f"words broken against {1 - general[0]:.0%}; simpler words than general count as far, and names weigh in it",
    )


def _pieces(parts: Iterable[Mapping[str, int]], pieces: Mapping[str, int]) -> np.ndarray:
    """Running words by the number of tokens they break into, (MOST,)."""
    found = np.zeros(MOST)
    for part in parts:
        for word, count in part.items():
            found[min(max(pieces[word], 1), MOST) - 1] += count
    return found


def _share(counts: np.ndarray) -> np.ndarray:
    return counts / np.maximum(counts.sum(-1, keepdims=True), 1)


def _fertility(share: np.ndarray) -> float:
    return float(share @ SIZES)
