"""Schedules worked by hand, and beside the libraries' own."""

import pytest
import torch
from transformers import get_scheduler

from afina.schedules import constant, cosine, exp_range, linear, triangular, triangular2


def factors(schedule, steps, warm, **options):
    return [schedule.factor(step, steps, warm, schedule.Config(**options)) for step in range(steps + 1)]


def library(make, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, found = make(optimizer), []
    for _ in range(steps + 1):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(("steps", "warm"), [(60, 0), (60, 6), (61, 12)])
@pytest.mark.parametrize(
    ("schedule", "name"), [(linear, "linear"), (cosine, "cosine"), (constant, "constant_with_warmup")]
)
def test_the_usual_ones_agree_with_transformers(schedule, name, steps, warm):
    theirs = library(lambda o: get_scheduler(name, o, num_warmup_steps=warm, num_training_steps=steps), steps)
    assert factors(schedule, steps, warm) == pytest.approx(theirs)


@pytest.mark.parametrize(("schedule", "mode"), [(triangular, "triangular"), (triangular2, "triangular2"),
                                                (exp_range, "exp_range")])  # fmt: skip
@pytest.mark.parametrize(("steps", "cycles"), [(60, 3), (61, 3), (50, 4)])
def test_the_cyclic_ones_agree_with_torch(schedule, mode, steps, cycles):
    def theirs(optimizer):
        return torch.optim.lr_scheduler.CyclicLR(
            optimizer, base_lr=0.25, max_lr=1.0, step_size_up=steps / cycles / 2, mode=mode,
            gamma=0.1 ** (1 / steps) if mode == "exp_range" else 1.0, cycle_momentum=False,
        )  # fmt: skip

    found = factors(schedule, steps, 0, cycles=cycles, low=0.25)
    assert found == pytest.approx(library(theirs, steps))


@pytest.mark.parametrize(
    ("schedule", "warm", "expected"),
    [
        (linear, 2, [0, 0.5, 1, 0.75, 0.5, 0.25, 0]),
        (cosine, 2, [0, 0.5, 1, 0.853553, 0.5, 0.146447, 0]),  # (1 + cos(pi / 4)) / 2 = 0.853553
        (constant, 2, [0, 0.5, 1, 1, 1, 1, 1]),
        (triangular, 0, [0.25, 0.75, 0.75, 0.25, 0.75, 0.75, 0.25]),  # two cycles of 3: heights 0, 2/3, 2/3
        (triangular2, 0, [0.25, 0.75, 0.75, 0.25, 0.5, 0.5, 0.25]),  # the second half as high
        (exp_range, 0, [0.25, 0.590646, 0.482079, 0.25, 0.357721, 0.323390, 0.25]),  # 0.5 * 0.1 ** (step / 6)
    ],
    ids=["linear", "cosine", "constant", "triangular", "triangular2", "exp_range"],
)
def test_six_steps_by_hand(schedule, warm, expected):
    options = {"cycles": 2} if "cycles" in schedule.Config.model_fields else {}
    assert factors(schedule, 6, warm, **options) == pytest.approx(expected, abs=1e-5)
