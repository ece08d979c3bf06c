import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from afina import evidence


def sample(rows=40, width=6, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, width))
    return features, features @ rng.normal(size=width) + noise * rng.normal(size=rows)


def dense(features, target, a, b):
    """The same evidence as the density of the target under its marginal Gaussian."""
    covariance = np.eye(len(target)) / b + features @ features.T / a
    return multivariate_normal(np.zeros(len(target)), covariance, allow_singular=True).logpdf(target)


def test_it_is_the_largest_density_of_the_targets_under_the_marginal_gaussian():
    features, target = sample()
    best = minimize(lambda logs: -dense(features, target, *np.exp(logs)), np.zeros(2), method="Nelder-Mead")
    assert abs(evidence.logme(features, target[:, None]) - -best.fun / len(target)) < 1e-3


def test_more_features_than_rows_have_an_evidence_too():
    features, target = sample(rows=20, width=30)
    best = minimize(lambda logs: -dense(features, target, *np.exp(logs)), np.zeros(2), method="Nelder-Mead")
    found = evidence.logme(features, target[:, None])
    assert np.isfinite(found)
    assert found <= -best.fun / len(target) + 1e-6


def test_features_that_know_the_targets_have_more_evidence_than_noise():
    features, target = sample(rows=200)
    noise = np.random.default_rng(1).normal(size=features.shape)
    assert evidence.logme(features, target[:, None]) > evidence.logme(noise, target[:, None]) + 0.5


def test_classes_become_columns_and_one_that_never_occurs_changes_nothing():
    features, _ = sample(rows=60)
    labels = np.arange(60) % 3
    two = evidence.logme(features, evidence.table(labels, 3))
    assert evidence.logme(features, evidence.table(labels, 4)) == two
    assert evidence.table(np.array([0.5, 1.5]), 1).shape == (2, 1)


def test_targets_that_never_vary_have_none():
    assert evidence.logme(np.ones((5, 2)), np.ones((5, 1))) == 0.0
    assert evidence.logme(np.zeros((5, 2)), np.arange(5.0)[:, None]) == 0.0


def largest_on_a_grid(features, target):
    """The same evidence by the eigenvalues of the marginal covariance, the largest over a grid of both precisions."""
    variances, directions = np.linalg.eigh(features @ features.T)
    squares = (directions.T @ target) ** 2
    weights, noise = (np.exp(np.linspace(*ends, 120)) for ends in ((-12, 18), (-6, 12)))
    spread = variances.clip(0) / weights[:, None, None] + 1 / noise[None, :, None]
    return -0.5 * (np.log(2 * np.pi * spread) + squares / spread).sum(-1).min() / len(target)


@pytest.mark.parametrize("spread", [1.0, 0.1, 0.01, 0.003, 0.001])
def test_vectors_with_much_in_common_that_vary_little_have_the_evidence_of_a_grid(spread):
    rng = np.random.default_rng(0)
    target = (np.arange(60) % 2).astype(float)
    own = rng.normal(size=(60, 20))
    own[:, 0] += 3 * target
    features = rng.normal(size=20) + spread * own
    found = evidence.logme(features, target[:, None])
    assert largest_on_a_grid(features, target) <= found + 1e-9
    assert found - largest_on_a_grid(features, target) < 0.01
