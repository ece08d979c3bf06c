"""What every schedule on the shelf promises. Modules are found, never listed."""

import pytest
import torch

from afina import shelf

every = pytest.mark.parametrize(
    "schedule", [shelf.load("schedules", name) for name in shelf.names("schedules")], ids=lambda s: s.__name__[16:]
)
RUNS = [(60, 0), (60, 6), (61, 12), (7, 7), (3, 5), (1, 0)]  # steps, of them warm-up


def factors(schedule, steps, warm, **options):
    return [schedule.factor(step, steps, warm, schedule.Config(**options)) for step in range(steps + 1)]


@every
@pytest.mark.parametrize(("steps", "warm"), RUNS)
def test_a_factor_is_a_share_of_the_peak_at_every_step(schedule, steps, warm):
    assert all(0 <= factor <= 1 for factor in factors(schedule, steps, warm))


@every
def test_the_warm_up_is_a_straight_line_from_0_and_goes_over_without_a_jump(schedule):
    found = factors(schedule, 1000, 100)
    rise = found[1]
    assert found[:101] == pytest.approx([step * rise for step in range(101)])


@every
def test_most_of_the_peak_is_reached(schedule):
    assert max(factors(schedule, 600, 0)) >= 0.75  # exp_range's ceiling has fallen to 0.76 at its first crest


@every
def test_it_is_a_function_of_the_step_alone(schedule):
    config = schedule.Config()
    forth = [schedule.factor(step, 50, 5, config) for step in range(50)]
    back = [schedule.factor(step, 50, 5, config) for step in reversed(range(50))]
    assert forth == back[::-1]


@every
def test_a_plain_optimizer_goes_on_exactly_from_its_stored_state(schedule):
    def pair():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
        share = lambda step: schedule.factor(step, 20, 4, schedule.Config())  # noqa: E731
        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, share)

    def rates(optimizer, scheduler, steps):
        found = []
        for _ in range(steps):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return found

    straight = rates(*pair(), 20)
    first, second = pair(), pair()
    begun = rates(*first, 9)
    for old, new in zip(first, second, strict=True):
        new.load_state_dict(old.state_dict())
    assert begun + rates(*second, 11) == straight


@every
def test_it_names_its_source_and_forbids_unknown_options(schedule):
    assert "Source:" in schedule.__doc__
    with pytest.raises(ValueError, match="nonsense"):
        schedule.Config(nonsense=1)
