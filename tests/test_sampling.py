import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afina.sampling import LengthBuckets


@given(st.lists(st.integers(1, 500), max_size=300), st.integers(1, 40), st.integers(0, 5), st.integers(0, 5))
def test_every_row_is_seen_once_an_epoch_and_the_order_is_that_of_seed_and_epoch(lengths, batch, seed, epoch):
    first, second = (LengthBuckets(lengths, batch, seed) for _ in range(2))
    first.epoch = second.epoch = epoch
    order = list(first)
    assert sorted(order) == list(range(len(lengths)))
    assert order == list(second)


def test_batches_hold_rows_of_like_length_and_epochs_differ():
    lengths = np.random.default_rng(0).integers(5, 100, 3200)
    buckets = LengthBuckets(lengths, 32, 0)
    one = np.array(list(buckets))
    buckets.epoch = 1
    assert list(buckets) != one.tolist()
    padded = sum(32 * lengths[one[start : start + 32]].max() for start in range(0, 3200, 32))
    at_random = sum(32 * lengths[start : start + 32].max() for start in range(0, 3200, 32))
    assert padded < 1.1 * lengths.sum() < 0.7 * at_random
