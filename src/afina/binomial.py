"""The binomial distribution, and what it says of the order of a sample. NumPy only.

    P(B <= k) for B of n draws with chance p
    order statistics   of n values in order, x_1 is the least: x_l <= Q with chance P(B >= l), for B of n draws with
                       chance q and Q the true q-quantile. So [x_l, x_u] holds Q with 95% chance at least, where
                       P(B < l) <= 2.5% and P(B >= u) <= 2.5%, whatever the values' distribution

Source: David & Nagaraja 2003, "Order Statistics", 7.1; Clopper & Pearson 1934 (the exact bound of a share).
"""

import numpy as np

TAIL = 0.025  # of a 95% interval


def shares(draws: int, chance: float) -> np.ndarray:
    """P(B <= k) for k of 0 to `draws`, (draws + 1,); a chance between 0 and 1, both excluded."""
    counts = np.arange(draws + 1)
    factorials = np.concatenate([[0.0], np.log(counts[1:]).cumsum()])  # logs
    logs = factorials[-1] - factorials - factorials[::-1] + counts * np.log(chance)
    return np.minimum(np.exp(logs + (draws - counts) * np.log1p(-chance)).cumsum(), 1.0)


def at_most(count: int, draws: int, chance: float) -> float:
    """P(B <= count).

    >>> round(at_most(1, 3, 0.5), 3)
    0.5
    """
    return float(shares(draws, chance)[count])


def ends(draws: int, share: float) -> tuple[int | None, int | None]:
    """Places, from 0, of the values in order that a 95% interval of the quantile ends at; None where there is no end.

    >>> ends(400, 0.5), ends(100, 0.99)
    ((179, 220), (96, None))
    """
    below = shares(draws, share)
    low = int(np.searchsorted(below, TAIL, side="right"))  # P(B < low) = below[low - 1] is still small
    high = int(np.searchsorted(below, 1 - TAIL, side="left")) + 1  # P(B >= high) = 1 - below[high - 1] is small
    return (low - 1 if low else None), (high - 1 if high <= draws else None)
