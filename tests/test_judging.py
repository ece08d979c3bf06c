import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afina import judging
from afina.judging import Best, Losses


def said(losses, **known):
    judge = Losses(**known)
    return [judge.add(loss) for loss in losses]


def test_where_the_rows_cannot_choose_the_last_look_counts_as_the_best():
    last = Best(last=True)
    assert all(last.look(step, score) for step, score in ((1, 0.9), (2, 0.5), (3, float("nan"))))
    assert (last.step, last.since) == (3, 0)


def test_the_best_look_is_the_highest_and_of_equal_ones_the_earliest():
    best = Best()
    assert [best.look(step, score) for step, score in ((5, 0.7), (10, 0.8), (15, 0.8), (20, 0.6), (25, 0.9))] == [
        True, True, False, False, True,
    ]  # fmt: skip
    assert (best.step, best.score, best.since) == (25, 0.9, 0)


def test_a_score_that_is_no_number_is_only_the_best_where_it_is_the_only_one():
    best = Best()
    assert best.look(5, math.nan)
    assert not best.look(10, math.nan)
    assert best.look(15, -3.0)


def test_patience_counts_looks_without_a_gain_and_none_is_endless():
    patient, endless = Best(patience=2), Best()
    for step, score in ((1, 0.5), (2, 0.4), (3, 0.6), (4, 0.6)):
        patient.look(step, score)
        endless.look(step, score)
    assert not patient.stopped
    patient.look(5, 0.1)
    assert patient.stopped
    assert [endless.look(step, 0.0) for step in range(6, 60)] == [False] * 54
    assert not endless.stopped


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_said_at_once(loss):
    assert said([0.5, loss]) == [None, f"the loss is {loss}"]


START = [0.06, 0.05]


def test_forty_losses_worse_than_chance_are_a_divergence_and_fewer_are_none():
    answers = said([*START, *[4.1] * 60], chance=4.0)
    assert answers[:39] == [None] * 39
    assert answers[39].startswith("training diverged: the median of the last 40 losses is 4.1, it began with 0.06, cha")
    assert said([*START, *[3.9] * 60], chance=4.0) == [None] * 62  # 65 times the start, and better than chance
    assert said([*START, *([4.1] * 19 + [1.0]) * 1, *[0.1] * 30], chance=4.0) == [None] * 52  # it comes back


def test_ten_losses_three_times_as_bad_are_a_divergence_at_once_and_a_few_bad_batches_are_none():
    answers = said([*START, *[12.5] * 20], chance=4.0)
    assert answers[:9] == [None] * 9
    assert answers[9].startswith("training diverged: the median of the last 10 losses is 12.5")
    assert said([*START, *[50.0] * 4, *[0.1] * 20, 1e9, 0.1], chance=4.0) == [None] * 28


def test_a_model_that_starts_at_chance_may_go_above_it_but_not_to_twice():
    assert said([4.3, 4.2, *[8.5] * 60], chance=4.0) == [None] * 62
    assert said([4.3, 4.2, *[8.7] * 60], chance=4.0)[-1]


def test_without_known_chance_five_times_the_start_is_the_limit():
    assert said([2.0, 2.1, *[10.4] * 60]) == [None] * 62
    assert said([2.0, 2.1, *[10.6] * 60])[-1].endswith("it began with 2.1")


@given(st.integers(0, 10_000))
def test_a_training_that_gets_better_with_noisy_batches_is_never_stopped(seed):
    rng = random.Random(seed)
    losses = [0.7 * 0.99**step * rng.lognormvariate(0, 0.4) for step in range(200)]
    assert said(losses, chance=0.69) == [None] * 200


def test_chance_is_the_loss_of_the_best_constant_answer():
    labels = [0] * 30 + [1] * 10
    shares = (0.75, 0.25)
    assert judging.chance(labels) == pytest.approx(-sum(p * math.log(p) for p in shares))
    numbers = [1.0, 2.0, 6.0]
    assert judging.chance(numbers) == pytest.approx(sum((x - 3) ** 2 for x in numbers) / 3)
    assert judging.chance([None, None]) is None


def test_a_linear_head_takes_over_only_where_it_is_better_by_more_than_the_rows_of_dev_can_tell():
    assert judging.standard_error(0.9, 100) == pytest.approx(0.03)
    assert judging.standard_error(1.0, 100) == judging.standard_error(-0.2, 100) == 0  # no share has none here
    assert judging.untuned(0.871, 0.9, 100, "dev", (1e-4, 1e-4)) == ""
    assert judging.untuned(0.869, 0.9, 100, "dev", (1e-4, 1e-4)).startswith(
        "no look beat the linear head on dev (0.869 "
    )


def test_on_the_training_rows_a_linear_head_takes_over_only_beyond_two_standard_errors_of_the_difference():
    assert "learning_rate=5e-05" in judging.untuned(0.35, 0.65, 200, "train", (5e-4, 1e-4))
    assert judging.untuned(0.56, 0.65, 200, "train", (0.9, 1e-4)) == ""  # errors of 0.035 and 0.034: 0.097 is needed
    assert judging.untuned(0.9, 1.0, 20, "train", (0.9, 1e-4)) == ""
    assert judging.untuned(1.0, 0.7, 200, "train", (0.9, 1e-4)) == ""


@pytest.mark.parametrize(
    ("rate", "usual", "told"),
    [
        (1e-3, 1e-4, "lower the rates, e.g. learning_rate=0.0001"),
        (0.02, 2e-3, "lower the rates, e.g. learning_rate=0.002"),
        (2e-3, 1e-4, "leave learning_rate out: 0.002 is 20 times what the plan takes itself, 0.0001"),
        (0.9, 2e-3, "leave learning_rate out: 0.9 is 450 times what the plan takes itself, 0.002"),
    ],
)
def test_a_rate_whose_tenth_is_too_high_still_is_to_be_left_to_the_plan(rate, usual, told):
    assert judging.untuned(0.35, 0.65, 200, "train", (rate, usual)).endswith(f"; {told}")
