"""Answers without some rows, against fits that never saw these rows."""

import numpy as np
import pytest

from afina import leftout, probing


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 6)) * [1, 2, 3, 0.5, 1, 1] + 5
    return features, np.eye(3)[rng.integers(3, size=40)], rng.normal(size=(5, 6)) + 5


def fitted_anew(features, targets, asked, left, penalty):
    """Ridge regression with a free mean, on the rows that are left, in the units and with the penalty of all rows."""
    x, z = ((part - features.mean(0)) / (features.std(0) + 1e-6) for part in (features, asked))
    stay = np.setdiff1d(np.arange(len(x)), left)
    middle, mean = x[stay].mean(0), targets[stay].mean(0)
    own = x[stay] - middle
    weights = np.linalg.solve(own.T @ own + penalty * len(x) * np.eye(x.shape[1]), own.T @ (targets[stay] - mean))
    return (z - middle) @ weights + mean


@pytest.mark.parametrize("left", [[], [3], [0, 7, 39], list(range(30))])
def test_the_answer_is_that_of_a_fit_without_these_rows(data, left):
    features, targets, asked = data
    found = leftout.answers((features, targets), asked, [left] * len(asked), 0.01)
    assert found == pytest.approx(fitted_anew(features, targets, asked, left, 0.01))


def test_each_vector_has_its_own_rows_left_out(data):
    features, targets, asked = data
    without = [(), (1,), (2, 3), (), (5,)]
    found = leftout.answers((features, targets), asked, without, 0.1)
    for place, left in enumerate(without):
        expected = fitted_anew(features, targets, asked, left, 0.1)[place]
        assert found[place] == pytest.approx(expected)


def test_a_row_left_out_of_its_own_answer_is_leave_one_out(data):
    features, targets, _ = data
    labels = targets.argmax(1)
    chosen, accuracy = leftout.penalty(features, labels, 3)
    assert chosen in probing.PENALTIES
    found = leftout.answers((features, targets), features, [(n,) for n in range(len(features))], chosen)
    assert accuracy == pytest.approx((found.argmax(1) == labels).mean())
