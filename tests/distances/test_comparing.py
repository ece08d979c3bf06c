"""The arithmetic that the distances share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from afina.comparing import divergence, extrapolated, interval, resamples, shuffled

weights = st.lists(st.floats(0, 10), min_size=4, max_size=4).filter(lambda w: sum(w) > 0.1)


@given(weights, weights)
def test_divergence_is_symmetric_bounded_and_the_same_as_scipys(a, b):
    p, q = np.array(a) / sum(a), np.array(b) / sum(b)
    assert divergence(p, q) == pytest.approx(divergence(q, p), abs=1e-12)
    assert 0 <= divergence(p, q) <= 1 + 1e-12
    assert divergence(p, q) == pytest.approx(np.nan_to_num(jensenshannon(p, q, base=2)) ** 2, abs=1e-7)


def test_divergence_of_a_distribution_from_itself_is_0_and_from_a_foreign_one_1():
    assert divergence(np.array([0.2, 0.8, 0]), np.array([0.2, 0.8, 0])) == 0
    assert divergence(np.array([0.2, 0.8, 0]), np.array([0, 0, 1.0])) == pytest.approx(1)


def test_rows_are_compared_one_by_one():
    p = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert divergence(p, np.array([1.0, 0.0])) == pytest.approx([0, 0.3112781])


def test_a_resample_draws_as_many_rows_as_there_are_the_same_ones_for_a_seed():
    drawn = resamples(7, seed=3)
    assert (drawn.sum(1) == 7).all()
    assert (drawn == resamples(7, seed=3)).all()
    assert (drawn != resamples(7, seed=4)).any()


def test_an_interval_lies_around_the_value_wherever_the_draws_lie():
    low, high = interval(0.5, np.linspace(10, 12, 201))
    assert (low, high) == pytest.approx((0.5 - 0.95, 0.5 + 0.95))


def test_an_interval_covers_the_truth_in_about_95_of_100_samples():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(300):
        rows = rng.normal(size=80)
        low, high = interval(rows.mean(), resamples(80, trial) @ rows / 80)
        covered += low <= 0 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_an_order_is_random_for_each_seed_and_does_not_depend_on_the_one_before():
    rows = np.random.default_rng(0).normal(size=(20, 3))
    again = rows[np.random.default_rng(1).permutation(20)]
    assert (shuffled(rows, 0) == shuffled(again, 0)).all()
    assert (shuffled(rows, 0) != shuffled(rows, 1)).any()
    assert (np.sort(shuffled(rows, 0), axis=0) == np.sort(rows, axis=0)).all()


def test_extrapolation_takes_off_what_finite_samples_add_and_nothing_else():
    between = lambda one, other: float(np.square(one.mean(0) - other.mean(0)).sum())  # noqa: E731
    rng = np.random.default_rng(0)
    for shift, expected in ((0.0, 0.0), (1.0, 50.0)):
        sides = [(rng.normal(size=(40, 50)) + shift, rng.normal(size=(20, 50))) for _ in range(40)]
        added = 50 / 40 + 50 / 20  # the variance of both means, in 50 directions
        assert np.mean([between(*side) for side in sides]) == pytest.approx(expected + added, abs=1.5)
        assert np.mean([extrapolated(between, *side) for side in sides]) == pytest.approx(expected, abs=1.5)
