"""Words: hand-worked divergences, and what a small sample does to them."""

from collections import Counter

import numpy as np
import pytest

from afina.distances import words
from afina.records import Sample


def sample(*texts: str) -> Sample:
    return Sample(tuple(Counter(text.split()) for text in texts), {}, np.empty((0, 0)))


def test_hand_worked_divergence():
    # P = (1/2, 1/2, 0), Q = (1/2, 0, 1/2): M = (1/2, 1/4, 1/4), H(M) = 1.5, H(P) = H(Q) = 1, JS = 0.5
    assert words.measure(sample("a b", "b a"), sample("a c", "c a"), 0).value == pytest.approx(0.5)


def test_counts_weigh_and_not_texts():
    # P = (3/4, 1/4), Q = (1/2, 1/2): H(5/8, 3/8) - (H(3/4, 1/4) + 1) / 2 = 0.954434 - (0.811278 + 1) / 2
    assert words.measure(sample("a a a", "b"), sample("a b", "b a"), 0).value == pytest.approx(0.048795, abs=1e-6)


def test_no_word_in_common_is_one_bit_apart_and_the_sentence_says_so():
    found = words.measure(sample("a b", "a"), sample("c", "d"), 0)
    assert found.value == pytest.approx(1)
    assert "100% of the corpus's words" in found.means


def test_zero_is_what_so_few_words_of_the_reference_itself_would_give():
    rng = np.random.default_rng(0)
    vocabulary = [f"w{n}" for n in range(500)]
    reference = sample(*(" ".join(rng.choice(vocabulary, 40)) for _ in range(200)))
    few, many = (sample(*(" ".join(rng.choice(vocabulary, 10)) for _ in range(n))) for n in (30, 300))
    few, many = words.measure(few, reference, 0), words.measure(many, reference, 0)
    assert few.value > 2 * many.value  # although both are drawn from the reference's own distribution
    assert few.zero == pytest.approx(few.value, abs=0.05)
    assert many.zero == pytest.approx(many.value, abs=0.05)


def test_texts_without_words_count_as_texts_and_change_nothing():
    plain = words.measure(sample("a b", "c"), sample("a", "c"), 0)
    assert words.measure(sample("a b", "", "c"), sample("a", "c"), 0).value == plain.value
