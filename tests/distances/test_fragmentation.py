"""Fragmentation: hand-worked divergences of pieces a word, in both directions."""

import re
from collections import Counter

import numpy as np
import pytest

from afina.distances import fragmentation
from afina.records import Sample

PIECES = {"a": 1, "bb": 2, "ccc": 3, "gggggggg": 8, "hhhhhhhhh": 9, "nothing": 0}


def sample(*texts: str) -> Sample:
    return Sample(tuple(Counter(text.split()) for text in texts), PIECES, np.empty((0, 0)))


MIXED = sample("a bb", "a bb")


def test_hand_worked_divergence():
    # P = all whole, Q = half of the words in two pieces: H(3/4) - H(1/2) / 2 = 0.811278 - 0.5
    assert fragmentation.measure(sample("a a", "a"), MIXED, 0).value == pytest.approx(0.311278, abs=1e-6)


def test_simpler_words_are_as_far_as_words_that_break_more():
    simpler = fragmentation.measure(sample("a a", "a"), MIXED, 0)
    harder = fragmentation.measure(sample("bb bb", "bb"), MIXED, 0)
    assert simpler.value == pytest.approx(harder.value)
    assert "1.00 (1.00 to 1.00) tokens a word against 1.50" in simpler.means
    assert "2.00 (2.00 to 2.00) tokens a word against 1.50" in harder.means


def test_which_words_break_does_not_matter():
    assert fragmentation.measure(sample("gggggggg a", "a"), sample("hhhhhhhhh a", "a"), 0).value == 0


def test_a_word_that_the_tokenizer_leaves_out_counts_as_one_piece():
    assert fragmentation.measure(sample("nothing", "a"), sample("a", "a"), 0).value == 0


def test_tokens_a_word_and_broken_words_have_intervals_over_texts():
    said = fragmentation.measure(sample(*["a"] * 50, *["bb"] * 50), MIXED, 0).means
    low, high = map(float, re.search(r"1\.50 \((\d\.\d+) to (\d\.\d+)\) tokens a word", said).groups())
    assert (low, high) == pytest.approx((1.4, 1.6), abs=0.03)  # half +- 1.96 * 0.05
    least, most = map(int, re.search(r"50% \((\d+)% to (\d+)%\) of words broken", said).groups())
    assert (least, most) == pytest.approx((40, 60), abs=3)
