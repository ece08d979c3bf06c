"""Transport: hand-worked moves, SciPy's matching of single texts, and no addition from few of them."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from afina.distances import transport
from afina.records import Sample

RNG = np.random.default_rng(0)
GENERAL = RNG.normal(size=(400, 12))


def sample(vectors: np.ndarray) -> Sample:
    return Sample(tuple({} for _ in vectors), {}, vectors.astype(np.float32))


def test_hand_worked_moves():
    # from 0, 10 to 1, 12 in order: (1 + 4) / 2 in the first slice; the second one does not move
    here, general = np.array([[12.0, 5], [1, 5]]), np.array([[0.0, 5], [10, 5]])
    assert transport._squares(here, general) == pytest.approx(2.5)


def test_a_slice_is_the_cheapest_matching_of_its_texts():
    one, other = RNG.normal(size=(200, 1)), RNG.gamma(2, size=(200, 1))
    cost = np.square(one - other.T)
    assert transport._squares(one, other) == pytest.approx(cost[linear_sum_assignment(cost)].mean())


def test_samples_of_unequal_sizes_are_compared_by_their_quantiles():
    assert transport._squares(np.array([[1.0], [2]]), np.array([[1.0], [1], [1], [2], [2], [2]])) == 0


def test_a_resample_has_the_quantiles_of_the_rows_that_it_repeats():
    slices = np.arange(200.0)[::-1, None]
    found = transport._resampled(slices, 3)
    counts = transport.resamples(200, 3).astype(int)
    assert (found[7, 0] == np.sort(np.repeat(slices[:, 0], counts[7]))).all()


def test_samples_of_one_distribution_are_0_apart_however_few_they_are():
    found = [transport.measure(sample(RNG.normal(size=(60, 12))), sample(GENERAL), 0).value for _ in range(5)]
    assert transport._squares(RNG.normal(size=(60, 12)), GENERAL) / 12 > 0.02  # as they are
    assert abs(np.mean(found)) < 0.02
    assert min(found) < 0 < max(found)


def test_a_shift_and_a_spread_count_in_shares_of_the_references_variance():
    draw = lambda: RNG.normal(size=(200, 12))  # noqa: E731
    of = lambda here: transport.measure(sample(here), sample(draw()), 0).value  # noqa: E731
    assert np.mean([of(draw() + 0.5) for _ in range(3)]) == pytest.approx(0.25, abs=0.05)  # 12 * 0.25 of 12
    assert np.mean([of(2 * draw()) for _ in range(3)]) == pytest.approx(1, abs=0.12)  # (2 - 1)^2 in each direction


def test_texts_that_are_all_one_give_a_finite_answer():
    one = np.ones((40, 12))
    assert transport.measure(sample(one), sample(one), 0).value == pytest.approx(0, abs=1e-9)
    assert np.isfinite(transport.measure(sample(GENERAL), sample(one), 0).value)
