"""Forecasts: means and intervals against hand-worked numbers, and figures against the benchmarks' own files."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stories import make

from afina import advice, dataview, forecasting, measured

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"
FACTS = replace(make().plan.facts, kind="classify", rows=48, classes=6, rows_per_class=8.0, smallest=8)
COSTS = {name: {"seconds": 60.0, "memory": 1e9, "trainable": 1e6} for name in measured.TECHNIQUES}
TABLE = {
    "a, 8": {"head_only": 40.0, "full": 50.0, "lora": 49.0},
    "a, 64": {"head_only": 60.0, "full": 66.0, "lora": 67.0},
    "b, 8": {"head_only": 30.0, "full": 32.0},
    "c, 8": {"head_only": 20.0, "full": 26.0, "lora": 24.0},
}


def test_draws_of_one_set_count_as_one_and_a_set_that_lacks_either_technique_not_at_all():
    assert forecasting.differences(TABLE, "full", "head_only") == [8.0, 2.0, 6.0]
    assert forecasting.differences(TABLE, "lora", "full") == [0.0, -2.0]


def test_the_interval_is_where_one_more_set_would_lie():
    said = forecasting.score("gain", [8.0, 2.0, 6.0])
    half = 4.302653 * math.sqrt(28 / 3) * math.sqrt(4 / 3)  # t of 2 degrees of freedom, by a table
    assert (said.value, said.low, said.high) == pytest.approx((16 / 3, 16 / 3 - half, 16 / 3 + half), abs=1e-4)
    assert forecasting.score("gain", [8.0, 2.0]) is None


def test_the_interval_holds_one_more_of_the_same_kind_in_ninety_five_of_a_hundred_cases():
    drawn = np.random.default_rng(0).normal(3, 2, (2000, 6))
    said = [forecasting.score("gain", row[:5].tolist()) for row in drawn]
    inside = np.mean([one.low <= row[5] <= one.high for one, row in zip(said, drawn, strict=True)])
    assert 0.94 < inside < 0.96


def test_techniques_are_ranked_by_their_gain_and_one_that_was_not_measured_has_no_place():
    assert forecasting.ranked(TABLE) == ["lora", "full", "head_only"]  # 5.5 of two sets, 5.3 of three


def test_each_is_held_against_the_planned_one_set_by_set_and_only_those_with_costs_are_told():
    few = {name: COSTS[name] for name in ("full", "contrastive", "head_only")}
    told = {one.technique: one for one in forecasting.of(FACTS, "full", few)}
    assert list(told) == ["contrastive", "full", "head_only"]
    assert told["full"].ahead is None
    assert told["contrastive"].ahead.value == pytest.approx(
        np.mean(forecasting.differences(measured.FEW, "contrastive", "full"))
    )
    assert told["head_only"].gain.value == 0.0


@pytest.mark.parametrize("kind", ["tag", "multilabel", "regress"])
def test_of_kinds_of_task_that_were_not_measured_nothing_is_forecast(kind):
    assert forecasting.of(replace(FACTS, kind=kind), "full", COSTS) == ()


def test_small_tasks_are_forecast_by_small_ones_and_larger_by_larger():
    assert forecasting.known(FACTS) is measured.FEW
    assert forecasting.known(replace(FACTS, rows=6000, rows_per_class=1000.0)) is measured.MORE
    assert forecasting.known(replace(FACTS, rows=900, classes=100, rows_per_class=9.0)) is measured.MORE


def test_the_plan_says_and_draws_what_it_expects_of_each_technique():
    plan = replace(make().plan, forecasts=forecasting.of(FACTS, "full", COSTS))
    plan = replace(plan, settings=replace(plan.settings, technique="full"))
    lines = {line[0]: line[1:] for line in advice.forecasts(plan)}
    assert lines["full"][1] == "the plan's own"
    assert lines["full"][0].startswith("+5.")
    assert lines["head_only"][0] == "0, by definition"
    assert lines["lora"][2:] == ["1 min 0 s", "1,000 MB", "1,000,000"]
    drawn = dataview.forecasts(plan)
    assert drawn.count("<circle") == len(measured.TECHNIQUES) - 1  # all but the head, which gains nothing over itself
    assert any("other sets of about this size" in paragraph for paragraph in advice.explain(make().profile, plan))


def test_what_is_not_forecast_is_neither_said_nor_drawn():
    plan = replace(make().plan, forecasts=())
    assert advice.foreseen(plan) == ""
    assert dataview.forecasts(plan) == ""


@pytest.mark.parametrize(
    ("table", "file", "key"),
    [(measured.FEW, "regret.json", "{0}/{1}/{2}/0"), (measured.MORE, "techniques.json", "{0}/{1}/{2}/planned/0")],
)
def test_the_figures_are_those_of_the_benchmarks(table, file, key):
    found = json.loads((RESULTS / file).read_text(encoding="utf-8"))
    for draw, scores in table.items():
        for technique, score in scores.items():
            stored = found[key.format(*draw.split(", "), technique)]["test"]["macro_f1"]
            assert score == pytest.approx(100 * stored, abs=0.0501), (draw, technique)
