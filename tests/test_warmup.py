import pytest

from afina import warmup


@pytest.mark.parametrize(
    ("rows", "run", "expected"),
    [
        (10_000, 1e9, 500),
        (100_000, 1e9, 1_000),
        (1_000_000, 1e9, 1_500),
        (31_623, 1e9, 750),  # half-way in log(rows)
        (3_000, 1e9, 239),  # 500 * log10(3) = 238.6
        (1_000, 1e9, 0),
        (600, 1e9, 0),
        (1, 1e9, 0),
        (10_000, 1_252, 250),  # a fifth of the run
        (10_000, 4, 0),
    ],
)
def test_the_warm_up_grows_with_the_logarithm_of_the_rows_and_is_a_fifth_of_the_run_at_most(rows, run, expected):
    assert warmup.steps(rows, run) == expected


def test_the_warm_up_never_falls_where_rows_or_steps_grow():
    for run in (10, 300, 5_000):
        found = [warmup.steps(rows, run) for rows in (1, 500, 999, 1_001, 5_000, 20_000, 10**6, 10**9)]
        assert found == sorted(found)
        assert 0 <= min(found) <= max(found) <= run / 5
