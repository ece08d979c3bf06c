"""Frechet: hand-worked Gaussians, SciPy's matrix root, and no addition from few texts."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from afina.distances import frechet
from afina.records import Sample

RNG = np.random.default_rng(0)
GENERAL = RNG.normal(size=(400, 12))


def sample(vectors: np.ndarray) -> Sample:
    return Sample(tuple({} for _ in vectors), {}, vectors.astype(np.float32))


def plain(here: np.ndarray, general: np.ndarray) -> float:
    """What finite samples give, nothing taken off."""
    moments = (frechet._moments(side, np.ones((1, len(side)))) for side in (here, general))
    return float(frechet._squares(*moments)[0])


def test_hand_worked_gaussians():
    # means 0 and 3, variances 4 and 1: 3^2 + (2 - 1)^2
    here, general = (np.array([[-1.0], [1.0]]) * np.sqrt(v / 2) + m for m, v in ((0, 4), (3, 1)))
    assert plain(here, general) == pytest.approx(10)


def test_it_is_the_formula_with_scipys_root_of_a_matrix():
    here, general = RNG.normal(size=(50, 6)) @ RNG.normal(size=(6, 6)) + 1, GENERAL[:80, :6]
    one, other = np.cov(here.T), np.cov(general.T)
    expected = np.square(here.mean(0) - general.mean(0)).sum() + np.trace(one + other - 2 * sqrtm(one @ other).real)
    assert plain(here, general) == pytest.approx(expected)


def test_a_resample_has_the_moments_of_the_rows_that_it_repeats():
    rows = RNG.normal(size=(5, 3))
    means, covariances = frechet._moments(rows, np.array([[2.0, 0, 1, 1, 1]]))
    drawn = rows[[0, 0, 2, 3, 4]]
    assert means[0] == pytest.approx(drawn.mean(0))
    assert covariances[0] == pytest.approx(np.cov(drawn.T))


def test_samples_of_one_distribution_are_0_apart_however_few_they_are():
    found = [frechet.measure(sample(RNG.normal(size=(60, 12))), sample(GENERAL), 0).value for _ in range(5)]
    assert plain(RNG.normal(size=(60, 12)), GENERAL) / 12 > 0.04  # as they are
    assert abs(np.mean(found)) < 0.02
    assert min(found) < 0 < max(found)


def test_a_shift_and_a_spread_count_in_shares_of_the_references_variance():
    draw = lambda: RNG.normal(size=(200, 12))  # noqa: E731
    of = lambda here: frechet.measure(sample(here), sample(draw()), 0).value  # noqa: E731
    assert np.mean([of(draw() + 0.5) for _ in range(3)]) == pytest.approx(0.25, abs=0.05)  # 12 * 0.25 of 12
    assert np.mean([of(2 * draw()) for _ in range(3)]) == pytest.approx(1, abs=0.12)  # (2 - 1)^2 in each direction


def test_the_scale_of_the_base_does_not_matter():
    here = RNG.normal(size=(100, 12)) + 1
    found = frechet.measure(sample(here), sample(GENERAL), 0).value
    assert frechet.measure(sample(100 * here), sample(100 * GENERAL), 0).value == pytest.approx(found, rel=0.05)


def test_texts_that_are_all_one_give_a_finite_answer():
    one = np.ones((40, 12))
    assert frechet.measure(sample(one), sample(one), 0).value == pytest.approx(0, abs=1e-9)
    assert np.isfinite(frechet.measure(sample(GENERAL), sample(one), 0).value)
