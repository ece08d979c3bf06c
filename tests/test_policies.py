"""The plan's lines about rates, schedule, warm-up and staging, and what they become."""

import dataclasses

import pytest

from afina import config, policies, shelf
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.recipes import Policy
from afina.records import Settings

SETTINGS = Settings(
    technique="full", pooling="mean", options={}, learning_rate=2e-4, head_learning_rate=1e-2, num_train_epochs=3.0,
    per_device_train_batch_size=32, max_seq_length=48, warmup_steps=85, weight_decay=0.01, precision="fp32",
    attention="sdpa", dropout=False,
)  # fmt: skip


def chosen(rows=10_000, steps=1e6, **options):
    return {c.name: c.value for c in policies.choices(rows, steps, 1e-4, TrainOptions(**options))}


def test_by_itself_the_plan_is_flat_linear_and_not_staged_and_has_no_line_for_what_is_not_used():
    assert chosen() == {"rates": "flat", "lr_scheduler_type": "linear", "staging": "none", "warmup_steps": 500}


def test_a_policy_brings_lines_for_its_own_options():
    found = chosen(rates="layerwise", lr_scheduler_type="exp_range", staging="gradual_unfreezing")
    assert found["layerwise_decay"] == 0.95
    assert (found["num_cycles"], found["cycle_low"], found["cycle_remains"]) == (3, 0.25, 0.1)
    assert (found["staging_by"], found["staging_layers"]) == ("epoch", 1)
    assert not {"staging_share", "staging_window"} & set(found)  # an epoch ends a stage: nothing else is looked at
    by_loss = chosen(staging="gradual_unfreezing", staging_by="loss")
    assert (by_loss["staging_window"], by_loss["staging_patience"], by_loss["staging_threshold"]) == (20, 2, 0.01)
    assert "discriminative_rates" not in found


def test_three_rates_follow_from_the_peak_in_the_shares_of_the_example():
    assert chosen(rates="discriminative")["discriminative_rates"] == (2e-5, 6e-5, 1e-4)


def test_a_cyclic_schedule_needs_no_warm_up():
    for name in shelf.names("schedules"):
        cyclic = "cycles" in shelf.load("schedules", name).Config.model_fields
        assert (chosen(lr_scheduler_type=name)["warmup_steps"] == 0) == cyclic


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"layerwise_decay": 0.9}, "rates to layerwise"),
        ({"discriminative_rates": (1e-5, 2e-5)}, "rates to discriminative"),
        ({"num_cycles": 2}, "exp_range or triangular or triangular2"),
        ({"cycle_remains": 0.5, "lr_scheduler_type": "triangular"}, "lr_scheduler_type to exp_range"),
        ({"staging_share": 0.5}, "staging to gradual_unfreezing or progressive_freezing"),
        ({"staging_share": 0.5, "staging": "gradual_unfreezing"}, "staging_by to share"),
        ({"staging_window": 9, "staging": "gradual_unfreezing", "staging_by": "share"}, "loss or gradient_norm"),
    ],
)
def test_an_option_without_its_policy_is_refused_with_the_policies_that_have_it(options, fix):
    with pytest.raises(ConfigError, match="has no meaning") as caught:
        chosen(**options)
    assert fix in caught.value.fix


def test_two_options_may_not_say_two_things_about_the_peak():
    listed = {"rates": "discriminative", "discriminative_rates": (1e-5, 5e-5)}
    assert policies.peak(TrainOptions(**listed), 1e-4) == 5e-5
    assert policies.peak(TrainOptions(**listed, learning_rate=5e-5), 1e-4) == 5e-5
    assert policies.peak(TrainOptions(learning_rate=3e-5), 1e-4) == 3e-5
    assert policies.peak(TrainOptions(), 1e-4) == 1e-4
    with pytest.raises(ConfigError, match="highest of discriminative_rates"):
        policies.peak(TrainOptions(**listed, learning_rate=1e-4), 1e-4)


def test_settings_become_policies_that_open():
    assert policies.recipe(SETTINGS) == (Policy("flat", {"rate": 2e-4}), Policy("linear"), None)
    rich = dataclasses.replace(
        SETTINGS, rates="discriminative", discriminative_rates=(1e-5, 2e-4), lr_scheduler_type="triangular",
        num_cycles=4, staging="progressive_freezing", staging_by="loss", staging_window=7,
    )  # fmt: skip
    rates, schedule, staging = policies.recipe(rich)
    assert rates.open("rates")[1].rates == (1e-5, 2e-4)
    assert schedule.open("schedules")[1].cycles == 4
    assert staging.open("stagings")[1].window == 7


def test_every_option_of_a_policy_can_be_set_and_has_the_same_bounds():
    for key in {key for key, _ in policies.OPTIONS.values()}:
        shelf_name = config.POLICIES[key]
        for name in shelf.names(shelf_name):
            fields = set(shelf.load(shelf_name, name).Config.model_fields) - {"rate"}
            assert fields <= {field for option, (policy, field) in policies.OPTIONS.items() if policy == key}
    for option, (key, field) in policies.OPTIONS.items():
        modules = [shelf.load(config.POLICIES[key], name) for name in shelf.names(config.POLICIES[key])]
        own = next(m.Config.model_fields[field] for m in modules if field in m.Config.model_fields)
        ours = TrainOptions.model_fields[option]
        assert repr(ours.metadata) == repr(own.metadata) or option == "discriminative_rates"
