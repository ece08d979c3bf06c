"""Renyi: hand-worked bits, with a direction, and what a small sample does to them."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import entropy

from afina.distances import renyi
from afina.records import Sample


def sample(*texts: str) -> Sample:
    return Sample(tuple(Counter(text.split()) for text in texts), {}, np.empty((0, 0)))


def test_hand_worked_divergence():
    # P = (1/2, 1/2, 0), Q = (1/2, 0, 1/2), mixed (0.5, 0.005, 0.495): 0.5 + 0.5^0.99 * 0.005^0.01 = 0.977497
    found = renyi.measure(sample("a b", "b a"), sample("a c", "c a"), 0).value
    assert found == pytest.approx(-np.log2(0.977497) / 0.01, abs=1e-3)


def test_it_is_nearly_scipys_relative_entropy():
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    assert float(renyi._bits(p, q)) == pytest.approx(entropy(p, 0.99 * q + 0.01 * p, base=2), rel=0.02)


def test_no_word_in_common_costs_the_most():
    assert renyi.measure(sample("a b", "a"), sample("c", "d"), 0).value == pytest.approx(np.log2(100))


def test_what_only_the_reference_has_costs_little():
    narrow, wide = sample("a b", "a b"), sample("a b c", "a b d")
    assert renyi.measure(narrow, wide, 0).value < renyi.measure(wide, narrow, 0).value / 2


def test_zero_is_what_so_few_words_of_the_reference_itself_would_give():
    rng = np.random.default_rng(0)
    vocabulary = [f"w{n}" for n in range(500)]
    reference = sample(*(" ".join(rng.choice(vocabulary, 40)) for _ in range(200)))
    few, many = (sample(*(" ".join(rng.choice(vocabulary, 10)) for _ in range(n))) for n in (30, 300))
    few, many = renyi.measure(few, reference, 0), renyi.measure(many, reference, 0)
    assert few.value > 2 * many.value  # although both are drawn from the reference's own distribution
    assert few.zero == pytest.approx(few.value, abs=0.2)
    assert many.zero == pytest.approx(many.value, abs=0.2)


def test_texts_without_words_count_as_texts_and_change_nothing():
    plain = renyi.measure(sample("a b", "c"), sample("a", "c"), 0)
    found = renyi.measure(sample("a b", "", "c"), sample("a", "c"), 0)
    assert (found.value, found.rows) == (plain.value, 3)
