"""Renyi: bits that each word of the corpus costs more, written in a code made for the word frequencies of general text.

    D(P, Q) = log2(sum of p^a (0.99 q + 0.01 p)^(1 - a)) / (a - 1)        a = 0.99, words in lower case

At this a it is nearly the Kullback-Leibler divergence. The hundredth of P in the place of Q (the skew divergence) keeps
it finite: a word that general text never has costs log2(100) = 6.64 bits.

Unit: bits a word, 0 (same frequencies) to 6.64 (no word in common). Unlike `words` it has a direction: what general
text has and the corpus lacks costs nothing. Cost: linear in words; a resample is one row of a matrix product.

What it does not say: whether the words mean the same, in which order they stand, or how hard they are for the model.
A small sample seems to prefer the words that it happened to have, which adds to the number; `zero` is drawn with as
many words as the sample has and holds the same addition.

Source: Renyi 1961, "On measures of entropy and information", Berkeley Symposium 4; at a = 0.99 between domains, Ruder &
Plank 2017, arXiv:1707.05246, and the code published with it; beside the loss in another domain, Van Asch & Daelemans
2010, "Using Domain Similarity for Performance Estimation", DANLP; the skew, Lee 2001, "On the Effectiveness of the Skew
Divergence for Statistical Language Analysis", AISTATS.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from afina.comparing import interval, resamples
from afina.records import Distance, Sample

ORDER, SKEW = 0.99, 0.01


def measure(sample: Sample, reference: Sample, seed: int) -> Distance:
    """How far the sample's words are from the reference's. Both must hold at least one word."""
    from scipy.sparse import csr_array

    known, own = _total(reference.words), _total(sample.words)
    vocabulary = {word: place for place, word in enumerate(sorted(own))}
    general = _frequencies(known, vocabulary)
    counts = np.array([count for text in sample.words for count in text.values()], float)
    places = [vocabulary[word] for text in sample.words for word in text]
    ends = np.cumsum([0, *map(len, sample.words)])
    texts = csr_array((counts, places, ends), shape=(len(sample.words), len(vocabulary)))
    value = float(_bits(_frequencies(own, vocabulary), general))
    drawn = resamples(len(sample.words), seed) @ texts
    drawn = drawn[drawn.sum(1) > 0]  # where few texts have words, a resample may hold none
    low, high = interval(value, _bits(drawn / drawn.sum(1, keepdims=True), general))
    return Distance(
        measure="renyi",
        value=value,
        low=max(low, 0.0),
        high=high,
        zero=_zero(reference, int(counts.sum()), seed),
        unit="bits a word",
        rows=len(sample.words),
        means="what a word costs more in a code made for general text; words that this never has weigh most, "
        f"6.64 bits each; few words make it larger ({int(counts.sum()):,} here), so compare it with zero",
    )


def _zero(reference: Sample, size: int, seed: int) -> float:
    """As many words as the sample has, drawn from one half of the reference, against the other half."""
    one, other = (_total(half) for half in (reference.words[::2], reference.words[1::2]))
    vocabulary = {word: place for place, word in enumerate(sorted(one))}
    drawn = np.random.default_rng(seed).multinomial(size, _frequencies(one, vocabulary))
    return float(_bits(drawn / size, _frequencies(other, vocabulary)))


def _bits(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The divergence of frequencies p, or of rows of them, from q, over the words that p may have."""
    mixed = (1 - SKEW) * q + SKEW * p
    shared = np.power(p, ORDER) * np.power(mixed, 1 - ORDER)  # 0 where p is
    return np.maximum(np.log2(shared.sum(-1)) / (ORDER - 1), 0.0)


def _total(parts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def _frequencies(counts: Counter[str], vocabulary: Mapping[str, int]) -> np.ndarray:
    """Relative frequencies among all the counted words, of those in the vocabulary."""
    return np.array([counts[word] for word in vocabulary], float) / max(counts.total(), 1)
