"""The JSON twins of what the screen shows."""

import dataclasses
import json

import pytest
from stories import CASES

from afina import twins
from afina.pipeline import Outcome
from afina.records import Balanced


@pytest.fixture
def whole(tmp_path):
    """A finished run made by hand."""
    story = CASES["two"]
    made = (story.corpus, story.profile, story.plan, story.trained, story.evaluation, story.compressed)
    return Outcome(tmp_path / "run", dict(story.seconds), *made)


def test_the_twin_of_each_stage_is_json_and_the_run_s_holds_its_numbers(whole):
    for stage in ("profile", "plan", "report"):
        twin = twins.outcome(whole, stage)
        assert json.loads(json.dumps(twin)).keys() == twin.keys()
    twin = twins.outcome(whole, "report")
    assert twin["test"]["accuracy"] == {"value": 0.938, "low": 0.929, "high": 0.946}
    assert twin["baselines"]["tfidf"]["accuracy"] == 0.901
    assert twin["int8"] == {
        "ratio": 3.99, "drop_points": 0.1, "drop_low": -0.2, "drop_high": 0.4, "agreement": 0.988,
        "agreement_low": 0.983, "agreement_high": 0.993, "rung": "int8_dynamic",
    }  # fmt: skip
    assert twin["rows"] == {"train": 6, "dev": 2, "test": 2}


def test_rows_that_balancing_added_are_counted_and_their_places_left_out(whole):
    made = Balanced("semantic", {"a": 90, "b": 5}, {"a": 90, "b": 45}, {"b": 2}, (4,) * 40, 0.5)
    assert twins.outcome(dataclasses.replace(whole, balanced=made), "report")["balanced"] == {
        "method": "semantic", "before": {"a": 90, "b": 5}, "after": {"a": 90, "b": 45}, "clusters": {"b": 2},
        "seconds": 0.5,
    }  # fmt: skip
