import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afina.sampling import General, LengthBuckets, general_batch


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


class Numbers:
    """A tokenizer whose only text is its number."""

    def pad(self, rows, return_tensors):
        return {"input_ids": np.array([row["input_ids"][0] for row in rows])}


@given(st.integers(1, 40), st.integers(1, 20), st.integers(0, 5))
def test_general_texts_come_once_before_any_comes_again_at_the_same_step_the_same(count, batch, seed):
    general = General(Numbers(), [{"input_ids": [n]} for n in range(count)], batch, seed)
    steps = -(-2 * count // batch)
    drawn = np.concatenate([general_batch(general, step)["input_ids"] for step in range(steps)])
    assert len(drawn) == steps * batch
    assert sorted(drawn[:count]) == sorted(drawn[count : 2 * count]) == list(range(count))
    alone = general_batch(general, steps - 1)["input_ids"]
    assert alone.tolist() == drawn[-batch:].tolist()


def test_general_texts_have_another_order_in_each_round_and_for_each_seed():
    orders = [
        general_batch(General(Numbers(), [{"input_ids": [n]} for n in range(50)], 50, seed), step)["input_ids"].tolist()
        for seed, step in ((0, 0), (0, 1), (1, 0))
    ]
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]
