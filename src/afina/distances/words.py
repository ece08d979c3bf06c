"""Words: Jensen-Shannon divergence between the word frequencies of the corpus and of general language.

    JS(P, Q) = H((P + Q) / 2) - (H(P) + H(Q)) / 2        H: Shannon entropy, words in lower case

Unit: bits, 0 (same frequencies) to 1 (no word in common). Cost: linear in words, and 200 resamples of it.

What it does not say: whether the words mean the same (an "interest" of 3% and an "interest" in birds are one word),
in which order they stand, or how hard they are for the model. A small sample has not met most words yet, which adds
to the number; `zero` is drawn with as many words as the sample has and holds the same addition.

Source: Lin 1991, IEEE Transactions on Information Theory 37; as a measure of domain similarity, Ruder & Plank 2017,
"Learning to select data for transfer learning with Bayesian Optimization", arXiv:1707.05246, 2.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from afina.comparing import divergence, interval, resamples
from afina.records import Distance, Sample


def measure(sample: Sample, reference: Sample, seed: int) -> Distance:
    """How far the sample's words are from the reference's. Both must hold at least one word."""
    known = _total(reference.words)
    vocabulary = {word: place for place, word in enumerate(sorted(known.keys() | _total(sample.words).keys()))}
    general = _frequencies(known, vocabulary)
    texts = np.repeat(np.arange(len(sample.words)), [len(text) for text in sample.words])
    places = np.array([vocabulary[word] for text in sample.words for word in text])
    counts = np.array([count for text in sample.words for count in text.values()], float)

    def against(weights: np.ndarray) -> float:
        drawn = np.bincount(places, counts * weights[texts], minlength=len(vocabulary))
        return float(divergence(drawn / max(drawn.sum(), 1), general))

    value = against(np.ones(len(sample.words)))
    low, high = interval(value, np.array([against(weights) for weights in resamples(len(sample.words), seed)]))
    zero = _zero(reference, int(counts.sum()), vocabulary, seed)
    unseen = counts[[known[word] == 0 for text in sample.words for word in text]].sum() / counts.sum()
    return Distance(
        measure="words",
        value=value,
        low=max(low, 0.0),
        high=high,
        zero=zero,
        unit="bits",
        rows=len(sample.words),
        means=f"how differently words are used; {unseen:.0%} of the corpus's words never occur in the reference; "
        f"few words make it larger ({int(counts.sum()):,} here), so compare it with zero",
    )


def _zero(reference: Sample, size: int, vocabulary: Mapping[str, int], seed: int) -> float:
    """As many words as the sample has, drawn from one half of the reference, against the other half."""
    one, other = (_frequencies(_total(half), vocabulary) for half in (reference.words[::2], reference.words[1::2]))
    drawn = np.random.default_rng(seed).multinomial(size, one)
    return float(divergence(drawn / size, other))


def _total(parts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def _frequencies(counts: Mapping[str, int], vocabulary: Mapping[str, int]) -> np.ndarray:
    """Relative frequencies over the vocabulary."""
    values = np.zeros(len(vocabulary))
    for word, count in counts.items():
        values[vocabulary[word]] = count
    return values / max(values.sum(), 1)
