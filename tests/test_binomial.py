"""The binomial distribution against SciPy, and its intervals of quantiles against simulation."""

import numpy as np
import pytest

from afina import binomial


@pytest.mark.parametrize(("draws", "chance"), [(1, 0.5), (10, 0.01), (368, 0.99), (2000, 0.05)])
def test_scipy_says_the_same(draws, chance):
    stats = pytest.importorskip("scipy.stats")
    wanted = stats.binom.cdf(np.arange(draws + 1), draws, chance)
    np.testing.assert_allclose(binomial.shares(draws, chance), wanted, rtol=1e-9, atol=1e-15)


def test_a_quantile_has_no_upper_end_until_there_are_runs_enough():
    # all of n runs below the q-quantile: q^n <= 2.5%, so n of 6, 73 and 368
    for share, needed in ((0.5, 6), (0.95, 72), (0.99, 368)):
        assert share**needed <= 0.025 < share ** (needed - 1)
        assert binomial.ends(needed, share)[1] == needed - 1
        assert binomial.ends(needed - 1, share)[1] is None
    assert binomial.ends(5, 0.5) == (None, None)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("runs", [6, 50, 400])
def test_scipy_ends_the_interval_at_the_same_runs(runs, share):
    stats = pytest.importorskip("scipy.stats")
    wanted = stats.quantile_test(np.arange(runs), p=share).confidence_interval(0.95)
    low, high = binomial.ends(runs, share)
    assert low == (None if np.isnan(wanted.low) else wanted.low)
    assert high == (None if np.isnan(wanted.high) else wanted.high)


@pytest.mark.parametrize(("share", "runs"), [(0.5, 40), (0.95, 120), (0.99, 400)])
def test_the_interval_holds_the_quantile_95_times_in_100(share, runs):
    rng = np.random.default_rng(0)
    low, high = binomial.ends(runs, share)
    drawn = np.sort(rng.random((2000, runs)), axis=1)  # a uniform's quantile is the share itself, for any shape
    held = ((drawn[:, low] <= share) & (share <= drawn[:, high])).mean()
    assert 0.945 <= held <= 0.98
