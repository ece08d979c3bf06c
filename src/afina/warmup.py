"""Warm-up in proportion to the data: 500 steps at 10,000 rows, 1,000 at 100,000, a straight line in log(rows)."""

import math

STEPS = 500.0  # at ROWS, and for each factor of ten above
ROWS = 10_000
LARGEST_SHARE = 0.2  # of the run


def steps(rows: int, run: float) -> int:
    """Warm-up steps for so many training rows in a run of `run` steps.

        500 * (1 + log10(rows / 10,000)), at most a fifth of the run, at least 0

    So at 1,000 rows and fewer there is none. What it does not know: the rate. A higher one may need a longer warm-up.

    >>> steps(10_000, 1e6), steps(100_000, 1e6), steps(1_000, 1e6), steps(10_000, 1_000)
    (500, 1000, 0, 200)
    """
    wanted = STEPS * (1 + math.log10(max(rows, 1) / ROWS))
    return max(0, min(round(wanted), math.floor(LARGEST_SHARE * run)))
