"""A finished run read back from its records: every number is theirs, and no text or place comes along."""

import json
import math
from dataclasses import replace

import pytest
import stories

from afina import finished
from afina.errors import RecordError
from afina.records import Dimension, Example, Look, Measure, Probes, Score

PROBES = Probes(
    500,
    "int8_dynamic",
    (
        Dimension(
            "robustness",
            Score("typo_resistance", 0.91, 0.88, 0.94),
            measures=(
                Measure("typos", 3.1, 1.2, 5.0, "points", 500, "noise", 0.1),
                Measure("typos", 7.5, 5.0, 9.9, "points", 500, "noise", 0.2),
                Measure("upper case", 0.4, -0.3, 1.1, "points", 500),
                Measure("never run", math.nan, math.nan, math.nan, "points", 1),
            ),
            examples=(Example("typos", "test.csv:4", (stories.ROW_TEXT,), "card, not loan"),),
        ),
        Dimension("consistency", skipped="there are no rows with a negation"),
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return stories.on_disk(tmp_path_factory.mktemp("runs") / "bank", probes=PROBES, reported=True)


@pytest.fixture(scope="module")
def run(folder):
    return finished.of_run(folder)


def test_metrics_are_the_records_own_numbers_with_their_intervals_by_stage(run):
    m = run.metrics
    assert (m["evaluate/accuracy"], m["evaluate/accuracy_low"], m["evaluate/accuracy_high"]) == (0.938, 0.929, 0.946)
    assert m["evaluate/tfidf/macro_f1"] == 0.9
    assert m["compress/half/latency_ms"] == 6.2
    assert m["compress/drop_points"] == 0.1
    assert (m["probe/robustness/noise/typos 0.1"], m["probe/robustness/noise/typos 0.2"]) == (3.1, 7.5)
    assert m["probe/robustness/upper case_low"] == -0.3
    assert m["dimensions/typo_resistance_high"] == 0.94
    assert m["dimensions/size"] == 22_800_000
    assert not any("never run" in name for name in m)
    assert all(map(math.isfinite, m.values()))


def test_curves_are_by_step_and_a_hold_out_set_has_its_own(run):
    trained = stories.trained()
    assert run.curves["train/loss"] == tuple((point.step, point.loss) for point in trained.curve)
    assert run.curves["train/rate_body"][0] == (20, trained.curve[0].rates["body"])
    old = [look for look in trained.looks if look.name == "old_task"]
    assert run.curves["train/old_task/accuracy"] == tuple((look.step, look.score) for look in old)


def test_dimensions_begin_with_the_task_and_leave_out_what_was_skipped(run):
    named = [(one.probe, one.score.name, one.unit, one.more_is_better) for one in run.dimensions]
    assert named == [
        ("task", "accuracy", "share", True), ("compress", "served_accuracy", "share", True),
        ("robustness", "typo_resistance", "share", True), ("size", "size", "bytes", False),
        ("latency", "latency", "ms", False), ("train", "training_time", "s", False),
    ]  # fmt: skip


def test_no_text_of_a_row_and_no_place_of_this_machine_is_in_it(run, folder):
    everything = repr(replace(run, folder="")) + "".join(run.files.values())
    assert stories.ROW_TEXT not in everything
    assert "/home/me" not in everything
    assert str(folder) not in everything


def test_settings_counts_hashes_and_the_seed_are_there(run):
    assert run.params["technique"] == "freeze"
    assert run.params["freeze_layers"] == "2"
    assert run.params["seed"] == "7"
    assert (run.params["train_rows"], run.params["labels"]) == ("6", "2")
    assert "retention_weight" in run.params
    assert "adapt_steps" not in run.params  # None: it has no such setting
    assert run.hashes == {"train.csv": "ab" * 32, "base": "cd" * 32}
    assert set(run.files) == {"report.html", "report.json", "README.md", "plan.yaml"}
    assert run.seconds == dict.fromkeys("corpus profile plan train evaluate compress probe".split(), 2.0)


def test_the_id_is_that_of_what_was_trained_and_scored_and_no_later_report_changes_it(run, folder, tmp_path):
    (folder / "README.md").write_text("another day")
    assert finished.of_run(folder).id == run.id
    other = replace(stories.CASES["two"], trained=replace(stories.trained(), seconds=99.0))
    assert finished.of_run(stories.on_disk(tmp_path / "bank", other)).id != run.id


def test_rows_that_are_scored_are_told_from_others_whatever_their_order(run, tmp_path):
    story = stories.CASES["two"]
    turned = replace(story, corpus=replace(story.corpus, test=story.corpus.test[::-1]))
    fewer = replace(story, corpus=replace(story.corpus, test=story.corpus.test[1:]))
    assert finished.of_run(stories.on_disk(tmp_path / "turned", turned)).scored == run.scored
    assert finished.of_run(stories.on_disk(tmp_path / "fewer", fewer)).scored != run.scored


@pytest.mark.parametrize("lost", ["records/compress.json", "report.json"])
def test_a_run_that_is_not_finished_is_refused(lost, tmp_path):
    folder = stories.on_disk(tmp_path / "run")
    (folder / lost).unlink()
    with pytest.raises(RecordError, match="holds no finished run"):
        finished.of_run(folder)


@pytest.mark.parametrize("case", stories.CASES)
def test_any_finished_run_is_read_and_its_names_are_ones_that_trackers_take(case, tmp_path):
    run = finished.of_run(stories.on_disk(tmp_path / case, stories.CASES[case]))
    for name in (*run.metrics, *run.curves):
        assert (
            name.replace(" ", "_")
            .replace("/", "_")
            .replace("-", "_")
            .replace(".", "_")
            .replace(":", "_")
            .isidentifier()
        )
        assert len(name) <= 250
    assert json.dumps(run.metrics, allow_nan=False)


def test_two_names_that_a_tracker_would_not_tell_apart_both_stay():
    twice = [("a/b", 1.0), ("a/b", 2.0), ("a/b", 3.0), ("train/loss", 4.0)]
    found = finished._finite(twice, (), ["train/loss"])
    assert found == {"a/b": 1.0, "a/b 2": 2.0, "a/b 3": 3.0, "train/loss 2": 4.0}


def test_no_number_has_the_name_of_a_curve(run):
    assert not run.metrics.keys() & run.curves.keys()
    assert run.metrics["train/kept/accuracy"] == 0.931


def test_a_look_without_a_loss_is_a_curve_of_its_score_alone():
    looks = [Look("before", step, "accuracy", 0.5, 0.4, 0.6, None, 60) for step in (0, 2)]
    assert finished._curves("train", (), looks) == {"train/before/accuracy": ((0, 0.5), (2, 0.5))}
