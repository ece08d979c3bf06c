"""CKA against a second implementation, worked cases, and its interval in simulation."""

import numpy as np
import pytest

from afina import cka

RNG = np.random.default_rng(0)


def slow(x, y):
    """Unbiased CKA by the formula of Song et al., with matrices of ones written out."""

    def hsic(a, b):
        n = len(a)
        k, m = a @ a.T, b @ b.T
        np.fill_diagonal(k, 0), np.fill_diagonal(m, 0)
        one = np.ones(n)
        inner = one @ k @ one * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 * one @ k @ m @ one / (n - 2)
        return (np.trace(k @ m) + inner) / (n * (n - 3))

    return hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))


def drawn(n, rng, shared=1.0, d=30, k=20):
    """Vectors of n texts: `d` directions, and of these some mixed into `k` others with noise."""
    mix = np.random.default_rng(5).normal(size=(d, k)) * np.linspace(1, 0.1, d)[:, None]
    x = rng.normal(size=(n, d)) * np.linspace(2, 0.5, d)
    return x, shared * x @ mix + rng.normal(size=(n, k)) * 4


def test_it_is_what_the_formula_says():
    x, y = drawn(40, RNG)
    assert cka.linear(x, y)[0] == pytest.approx(slow(x, y), abs=1e-12)


def test_each_text_left_out_by_arithmetic_is_as_left_out_by_hand():
    x, y = drawn(12, RNG)
    k, m = cka._products(x), cka._products(y)
    for out in range(12):
        rest = np.delete(np.arange(12), out)
        by_hand = cka._hsic(k[np.ix_(rest, rest)], m[np.ix_(rest, rest)])[0]
        assert cka._hsic(k, m)[1 + out] == pytest.approx(by_hand, rel=1e-9)


def test_a_turned_and_scaled_set_is_the_same_and_another_is_not():
    x, _ = drawn(60, RNG)
    turn = np.linalg.qr(RNG.normal(size=(30, 30)))[0]
    assert cka.linear(x, 3 * x @ turn + 5)[0] == pytest.approx(1)
    value, low, high = cka.linear(x, RNG.normal(size=(60, 30)))
    assert low < 0 < high
    assert abs(value) < 0.1


def test_few_texts_in_many_directions_find_nothing_in_what_shares_nothing():
    found = [cka.linear(RNG.normal(size=(50, 300)), RNG.normal(size=(50, 300)))[0] for _ in range(20)]
    assert abs(np.mean(found)) < 0.02  # the plain estimate has 0.85 here


def test_vectors_that_are_all_alike_have_nothing_in_common_with_any():
    assert cka.linear(np.ones((10, 4)), RNG.normal(size=(10, 4))) == (0.0, 0.0, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.6, 1.0, 4.0])
def test_its_interval_covers(shared):
    mix = np.random.default_rng(5).normal(size=(30, 20)) * np.linspace(1, 0.1, 30)[:, None] * shared
    inside = np.diag(np.linspace(2, 0.5, 30) ** 2)
    crossed, other = inside @ mix, mix.T @ inside @ mix + 16 * np.eye(20)
    true = np.square(crossed).sum() / np.linalg.norm(inside) / np.linalg.norm(other)  # of endless texts
    rng, ends = np.random.default_rng(1), []
    for _ in range(400):
        ends.append(cka.linear(*drawn(100, rng, shared))[1:])
    assert 0.90 <= np.mean([low <= true <= high for low, high in ends]) <= 0.98
