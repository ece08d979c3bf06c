"""Slices that are worse than the rest: found where planted, and seldom where there is none."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from afina import slices
from afina.records import Row

WORDS = [f"word{letter}" for letter in "abcdefghijklmnopqrst"]


def rows(count, seed=0, classes=8):
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, rng.integers(3, 12))) for _ in range(count)]
    return tuple(Row(text, f"c{rng.integers(classes)}", f"a:{place}") for place, text in enumerate(texts))


def test_the_tail_is_that_of_fishers_exact_test():
    rng = np.random.default_rng(0)
    for _ in range(50):
        size, errors = rng.integers(1, 30, 2)
        wrong = rng.integers(max(0, size + errors - 60), min(size, errors) + 1)
        table = [[wrong, size - wrong], [errors - wrong, 60 - size - errors + wrong]]
        other = fisher_exact(table, alternative="greater").pvalue
        assert slices.tail(np.array([wrong]), np.array([size]), int(errors), 60)[0] == pytest.approx(other)


def test_holm_by_hand():
    # sorted 0.01 * 4, 0.02 * 3, 0.025 * 2 = 0.05 -> not below 0.06, 0.5 * 1
    assert slices.holm(np.array([0.5, 0.02, 0.01, 0.025])).tolist() == pytest.approx([0.5, 0.06, 0.04, 0.06])


def test_classes_words_and_lengths_are_looked_at():
    given = tuple(Row("the card " + "x " * (place % 8), "ab"[place % 2], f"a:{place}") for place in range(40))
    found = slices.slices(given)
    assert {"class a", "class b", 'word "x"', "texts of 2 to 3 words", "texts of 8 to 9 words"} <= set(found)
    assert 'word "card"' not in found  # in all texts: there is nothing elsewhere
    assert sum(mask.sum() for name, mask in found.items() if name.startswith("texts of")) == 40


def test_too_few_rows_are_no_slice():
    assert slices.slices(tuple(Row("a b", "c", f"a:{place}") for place in range(4))) == {}
    assert slices.worst((), np.zeros(0, bool)) == ([], 0)


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_word_is_named_first_and_once(seed):
    given = rows(300, seed)
    has = np.array(["worda" in row.text.split() for row in given])
    wrong = np.random.default_rng(seed).random(300) < np.where(has, 0.5, 0.05)
    found, looked_at = slices.worst(given, wrong)
    assert found[0].name == 'word "worda"'
    assert (found[0].rows, found[0].wrong) == (has.sum(), (has & wrong).sum())
    assert (found[0].other_rows, found[0].other_wrong) == ((~has).sum(), (~has & wrong).sum())
    assert looked_at == 8 + 4 + 20


def test_a_slice_that_shares_its_errors_with_one_before_is_left_out():
    given = tuple(
        Row("lost card" if place < 25 else "other thing", "lost" if place < 20 else "rest", f"a:{place}")
        for place in range(200)
    )
    wrong = np.arange(200) < 20
    assert [one.name for one in slices.worst(given, wrong)[0]] == ["class lost"]


@pytest.mark.slow
def test_where_no_slice_is_worse_one_is_named_in_at_most_5_of_100_test_sets():
    named = 0
    for seed in range(600):
        wrong = np.random.default_rng((seed, 1)).random(200) < 0.15
        named += bool(slices.worst(rows(200, seed), wrong)[0])
    assert named / 600 < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 600)
    assert named > 0  # the level is used, not far below
