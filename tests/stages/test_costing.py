"""What a plan costs, and that the plan keeps within the user's limits by giving up as little as it can."""

import re

import pytest
from test_plan import choice, planned

from afina import bases, clocking, costing, shelf
from afina.errors import ConfigError
from afina.limits import Limits


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    """The same timings for all plans of a test: 1 ms a row forward."""
    speed = {"forward": 0.001, "single": 0.004, "fp32": 0.003, "bf16": 0.0015, "sdpa": 0.003, "eager": 0.0015}
    monkeypatch.setattr("afina.stages.plan._speed", lambda *_: speed)


def test_without_limits_or_within_them_the_plan_is_its_own(opened):
    own = planned(opened)
    wide = planned(opened, time_limit="10h", memory_limit="100GB", disk_limit="100GB", size_limit="1GB")
    assert (wide.settings, wide.estimates) == (own.settings, own.estimates)
    assert own.estimates["latency"] == pytest.approx(0.0012)


def test_too_little_time_takes_passes_before_it_takes_the_technique(opened):
    own = planned(opened)
    wanted = own.estimates["seconds"] * 0.6
    made = planned(opened, time_limit=wanted)
    assert made.settings.technique == own.settings.technique
    assert 1 < made.settings.num_train_epochs < own.settings.num_train_epochs
    assert made.estimates["seconds"] <= wanted
    one_more = planned(opened, num_train_epochs=made.settings.num_train_epochs + 1)
    assert one_more.estimates["seconds"] > wanted
    assert "time_limit" in choice(made, "num_train_epochs").why
    assert f"{own.settings.num_train_epochs}" in choice(made, "num_train_epochs").refused


def test_too_little_disk_takes_the_best_technique_that_needs_less(opened):
    own = planned(opened)
    made = planned(opened, disk_limit=own.estimates["disk"] - 1)
    assert made.settings.technique not in (own.settings.technique, "head_only")
    assert made.estimates["disk"] < own.estimates["disk"]
    technique = choice(made, "technique")
    assert "full would not" in technique.why
    assert re.search(r"disk .* expected, .* allowed", technique.refused["full"])
    assert technique.refused.keys() == {*shelf.names("techniques")} - {made.settings.technique}
    limited = f"with your disk_limit: trainable parameters {made.estimates['trainable']:,.0f} instead of "
    assert any(note.startswith(limited) for note in made.notes)


def test_what_the_user_sets_is_not_given_up(opened):
    own = planned(opened, technique="full", num_train_epochs=5)
    with pytest.raises(ConfigError, match="full: time") as caught:
        planned(opened, technique="full", num_train_epochs=5, time_limit=own.estimates["seconds"] / 2)
    assert re.search(r"time_limit=\d+s", caught.value.fix)


def test_where_nothing_fits_it_says_what_each_would_cost_and_what_the_cheapest_needs(opened):
    with pytest.raises(ConfigError, match=r"head_only: time .* expected, 0.001 s allowed") as caught:
        planned(opened, time_limit="1ms")
    assert "the cheapest is head_only: allow it time_limit=" in caught.value.fix
    needed = re.search(r"time_limit=(\w+)", caught.value.fix).group(1)
    assert planned(opened, time_limit=needed).estimates["seconds"] <= 1


def test_a_model_too_slow_or_too_large_is_a_matter_of_the_base(opened):
    with pytest.raises(ConfigError, match=r"latency 1.2 ms expected, 1.0 ms allowed") as caught:
        planned(opened, latency_limit="1ms")
    assert "smaller base" in caught.value.fix
    with pytest.raises(ConfigError, match=r"size .* allowed"):
        planned(opened, size_limit="1KB")


def test_what_nothing_keeps_within_is_told_in_numbers_that_differ_and_once_for_those_that_cost_the_same():
    limits = Limits(memory_limit="1MB", latency_limit="0.001ms")
    tried = {"full": 1.273e9, "adapter": 1.0027e9, "lora": 1.0018e9, "bitfit": 1.0012e9, "head_only": 1.0008e9}
    said = costing.nothing({name: {"memory": one, "latency": 0.0134} for name, one in tried.items()}, limits).found
    told = {part.partition(": ")[0]: part.partition(": ")[2] for part in said.partition(": ")[2].split("; ")}
    assert told.keys() == {"full", "adapter", "lora", "bitfit, head_only"}
    assert told["adapter"] == "memory 1,003 MB expected, 1.0 MB allowed, latency 13.4 ms expected, 0.001 ms allowed"


def test_each_estimate_above_its_limit_is_named_with_both_numbers():
    found = {"seconds": 90.0, "memory": 2e9, "disk": 1e9, "latency": 0.01, "size": 2e7}
    limits = Limits(time_limit="60s", memory_limit="4GB", latency_limit="5ms")
    assert costing.over(found, limits) == {
        "seconds": "time 1 min 30 s expected, 1 min 0 s allowed",
        "latency": "latency 10.0 ms expected, 5.0 ms allowed",
    }


def test_a_thousand_answers_cost_what_the_cheapest_steady_machine_takes_for_them(opened):
    own = planned(opened)
    by_hand = 1000 * 0.001 * clocking.processors() / 3600 * (0.0725 / 2) / 0.3  # c7g.large: 2 processors
    assert own.estimates["usd_per_1000"] == pytest.approx(by_hand)
    with pytest.raises(ConfigError, match=r"usd_per_1000 \$\S+ expected, \$1e-09 allowed") as caught:
        planned(opened, usd_per_1000_limit=1e-9)
    needed = float(re.search(r"usd_per_1000_limit=(\S+)", caught.value.fix.rstrip(",")).group(1).rstrip(","))
    assert planned(opened, usd_per_1000_limit=needed).estimates["usd_per_1000"] <= needed
