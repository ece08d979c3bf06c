"""Perplexity: by hand, and an interval that holds what it promises."""

import math

import numpy as np
import pytest

from afina.distances import perplexity
from afina.records import Sample


def sample(nats) -> Sample:
    return Sample(({},), {}, np.empty((0, 0)), None if nats is None else np.array(nats, float))


def test_it_is_the_difference_of_nats_a_token_each_token_weighing_alike():
    here, general = sample([(12, 3), (2, 2), (0, 0)]), sample([(3, 2), (1, 2)] * 20)
    found = perplexity.measure(here, general, 0)
    assert found.value == pytest.approx(14 / 5 - 1)
    assert f"perplexity {math.exp(2.8):,.1f} against {math.e:,.1f}" in found.means
    assert found.rows == 3
    assert found.zero >= 0


def test_texts_that_are_easier_to_guess_than_general_ones_are_below_zero():
    found = perplexity.measure(sample([(4, 4), (5, 4)] * 40), sample([(8, 4), (9, 4)] * 40), 0)
    assert found.value == pytest.approx(-1)
    assert found.high < 0


@pytest.mark.parametrize("nats", [None, [(0, 0), (0, 0)]], ids=["no head", "no word hidden"])
def test_where_nothing_was_guessed_there_is_no_such_distance(nats):
    known = sample([(4, 4)] * 30)
    assert perplexity.measure(sample(nats), known, 0) is None
    assert perplexity.measure(known, sample(nats), 0) is None


def drawn(rng, texts, mean):
    """Texts of unlike length and hardness, long ones easier a token."""
    tokens = rng.integers(3, 30, texts)
    return np.column_stack([tokens * rng.gamma(4, mean / 4, texts) * (1.2 - tokens / 75), tokens])


@pytest.mark.slow
def test_the_interval_covers_the_true_difference():
    rng = np.random.default_rng(0)
    tokens = np.arange(3, 30)
    true = (3.0 - 2.5) * (tokens * (1.2 - tokens / 75)).sum() / tokens.sum()
    covered = []
    for draw in range(400):
        found = perplexity.measure(sample(drawn(rng, 120, 3.0)), sample(drawn(rng, 120, 2.5)), draw)
        covered.append(found.low <= true <= found.high)
    assert 0.90 <= np.mean(covered) <= 0.98
