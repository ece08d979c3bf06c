"""What a person sees, read as text."""

import dataclasses
import sys

import pytest
from stories import CASES

from afina import screen
from afina.pipeline import Outcome
from afina.records import Balanced, Combination, Event, Finding, Merge, Score


@pytest.fixture
def whole(tmp_path):
    """A finished run made by hand."""
    story = CASES["two"]
    made = (story.corpus, story.profile, story.plan, story.trained, story.evaluation, story.compressed)
    return Outcome(tmp_path / "run", dict(story.seconds), *made)


def test_the_json_document_is_the_very_last_line_and_only_where_it_is_asked_for(capsys):
    screen.end("afina run x.csv", {"ñ": [1, 2.5]})
    assert capsys.readouterr().out == '\nnext: afina run x.csv\n{"ñ": [1, 2.5]}\n'
    screen.end("afina run x.csv", None)
    assert capsys.readouterr().out == "\nnext: afina run x.csv\n"


def test_a_finding_shows_three_places_and_says_how_many_more(capsys):
    places = tuple(f"a.csv:{n}" for n in range(2, 7))
    screen.findings([Finding("duplicates", "copies", "removed", "nothing", 1200, places)])
    assert capsys.readouterr().out == "a.csv:2; a.csv:3; a.csv:4 and 1,197 more: copies (1,200 removed); nothing\n"
    screen.findings([Finding("formulas", "odd cells", "repaired", "look", 3, ())])
    assert capsys.readouterr().out == "odd cells (3 repaired); look\n"


def test_names_and_what_they_are_stand_in_two_columns(capsys):
    screen.pairs({"a": "one", "long": "two"})
    assert capsys.readouterr().out == "a     one\nlong  two\n"
    screen.pairs({})
    assert capsys.readouterr().out == ""


def test_without_a_terminal_progress_is_plain_lines_and_steps_come_at_most_every_ten_seconds(capsys, monkeypatch):
    clock = iter([100.0, 101.0, 109.9, 111.0, 111.5])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(clock))
    view = screen._PlainView()
    view.take(Event("train", "epoch 1", step=1, steps=9, loss=0.5, metric=0.25, rate=1e-3, seconds_left=65))
    for step in (2, 3, 4, 9):  # at 101, 109.9, 111 and, the last one, 111.5
        view.take(Event("train", "epoch 1", step=step, steps=9))
    assert capsys.readouterr().out.splitlines() == [
        "train  epoch 1  step 1/9  loss 0.500  dev 0.250  rate 1.0e-03  left 1:05",
        "train  epoch 1  step 4/9",
        "train  epoch 1  step 9/9",
    ]


def test_a_score_on_training_rows_is_not_called_that_of_dev(capsys):
    event = Event("train", "epoch 1", step=1, steps=9, metric=1.0, decides="train")
    screen._PlainView().take(event)
    assert capsys.readouterr().out == "train  epoch 1  step 1/9  train 1.000\n"
    view = screen._LiveView()
    view.take(event)
    columns = {column.header: list(column.cells) for column in view.table().columns}
    assert columns["score"] == ["train 1.000"]


def test_on_a_terminal_each_stage_has_one_row_that_shows_its_latest_event():
    view = screen._LiveView()
    for event in (Event("plan", "begins"), Event("train", "a", step=1, steps=3), Event("train", "b", step=2, steps=3)):
        view.take(event)
    columns = {column.header: list(column.cells) for column in view.table().columns}
    assert columns["stage"] == ["plan", "train"]
    assert columns["step"] == ["", "2/3"]


def test_what_a_run_found_is_told_in_full(whole, capsys):
    screen.outcome(whole, "report")
    said = capsys.readouterr().out
    for line in (
        "bank: classify, 2 classes; train 6, dev 2, test 2",
        "estimates: trainable parameters 7,127,117, memory 612.0 MB, disk 410.0 MB, training 2 min 51 s",
        "0.938 (0.929 to",
        "int8_dynamic: 3.99x smaller, −0.10 (−0.40 to +0.20) points of accuracy on test, "
        "98.8% (98.3% to 99.3%) of answers the same",
    ):
        assert line in said
    assert all(choice.name in said for choice in whole.plan.choices)
    assert "what it means" not in said  # distances are of the profile command


def test_a_training_in_vain_is_told_at_the_end_of_a_run(whole, capsys):
    why = "training diverged: the frozen body with that head is kept"
    screen.outcome(dataclasses.replace(whole, trained=dataclasses.replace(whole.trained, untuned=why)), "report")
    assert why in capsys.readouterr().out


def test_a_profile_is_told_with_its_distances_and_notes(whole, capsys):
    screen.outcome(Outcome(whole.folder, {}, whole.corpus, whole.profile), "profile")
    said = capsys.readouterr().out
    assert "language en; words a text median 11, 95% up to 27, longest 79; tokens median 14" in said
    assert "1.17 tokens a word; 0.04% unknown" in said
    assert "0.590 to 0.630" in said
    assert "no pairs were compared" in said


def test_a_plan_begins_with_its_notes_and_those_of_the_profile(whole, capsys):
    plan = dataclasses.replace(whole.plan, notes=("nothing shows that these labels follow from the texts",))
    profile = dataclasses.replace(whole.profile, notes=("no distance was measured: 19 texts are fewer than 30",))
    screen.outcome(Outcome(whole.folder, {}, whole.corpus, profile, plan), "plan")
    lines = capsys.readouterr().out.splitlines()
    assert lines.index(plan.notes[0]) + 1 == lines.index(profile.notes[0])
    assert lines[lines.index(profile.notes[0]) + 1].split() == ["choice", "value", "why"]


def test_rows_that_balancing_added_are_told(whole, capsys):
    made = Balanced("semantic", {"a": 90, "b": 5}, {"a": 90, "b": 45}, {"b": 2}, (4,) * 40, 0.5)
    screen.outcome(dataclasses.replace(whole, balanced=made), "report")
    said = "95 training rows became 135, by repeating rows of one rare class (semantic; the rarest from 5 to 45)"
    assert said in capsys.readouterr().out


def test_a_merge_that_could_not_be_tried_shows_why(capsys):
    tried = (
        Merge("linear", (0.5, 0.5), (0.8, 0.9), 0.95),
        Merge("linear", (0.7, 0.3), (0.7, 0.7), 0.8),
        Merge("ties", (0.5, 0.5), (), 0.0, "ranks differ"),
    )
    alone = (Score("accuracy", 0.9, 0.8, 1.0), Score("accuracy", 0.95, 0.9, 1.0))
    screen.combination(Combination("ab", ("kind", "speed"), alone, tried, tried[0], ("speed: no dev",)))
    said = capsys.readouterr().out
    assert "0.900 (0.800 to 1.000)" in said
    assert "0.800" in said  # the better of the two
    assert "0.700" not in said
    assert "ranks differ" in said
    assert said.splitlines()[-1] == "chosen: linear with weights 0.5 0.5"
    assert ("accuracy on dev" in said, "speed: no dev" in said) == (False, True)


def test_the_doctor_s_facts_are_a_line_each(capsys):
    screen.machine({"cores": 2, "missing": {}, "versions": {"a": "1", "b": "2"}})
    assert capsys.readouterr().out == "cores: 2\nmissing: none\nversions: a 1, b 2\n"


def test_progress_bars_of_other_libraries_are_off_where_nobody_chose_otherwise(monkeypatch, capsys):
    monkeypatch.setattr(screen.warnings, "filterwarnings", lambda *_: None)
    monkeypatch.setattr(screen.os, "environ", {"TQDM_DISABLE": "0"})
    with screen.progress() as tell:
        tell(Event("plan", "begins"))
    assert screen.os.environ == {
        "TQDM_DISABLE": "0", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error",
    }  # fmt: skip
    assert capsys.readouterr().out == "plan  begins\n"
    assert not sys.stdout.isatty()
