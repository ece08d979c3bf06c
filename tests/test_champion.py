"""A run beside its champion and its base: what is known of each, and what a champion that does not fit says."""

import shutil
from dataclasses import replace

import pytest
import stories
from test_finished import PROBES

from afina import champion, dimensions, finished
from afina.errors import ConfigError
from afina.keeper import Keeper
from afina.records import Change, Dimension, Probes, Score, silent

STORY = stories.CASES["two"]


def with_base(story=STORY):
    """The same run with the score that a head alone had."""
    baselines = {**story.evaluation.baselines, "probe": (Score("accuracy", 0.9, 0.89, 0.91),)}
    return replace(story, evaluation=replace(story.evaluation, baselines=baselines))


def made(folder, story=STORY, probes=PROBES):
    return finished.of_run(stories.on_disk(folder, with_base(story), probes))


def held(run, rival):
    return champion.held(Keeper(run.folder, silent), rival, 3080, 0)


def lines(beside):
    return {one.probe: one for one in beside.dimensions}


def test_of_the_base_only_what_is_known_is_told(tmp_path):
    kept = (Dimension("forgetting", Score("similarity_to_base", 0.8, 0.7, 0.9)), *PROBES.dimensions)
    beside, won = held(made(tmp_path / "new", probes=Probes(5, "none", kept)), None)
    known = {probe: one.base and (one.base.value, one.base.low, one.base.high) for probe, one in lines(beside).items()}
    assert known == {
        "compress": (0.9, 0.89, 0.91),
        "forgetting": (1.0, 1.0, 1.0),
        "robustness": None,
        "size": (90_900_000, 90_900_000, 90_900_000),
    }
    assert (beside.runs, won, beside.notes) == (("new",), None, ())
    assert dimensions.verdict(beside) == ""


def test_points_of_glue_that_the_base_lost_are_none(tmp_path):
    glue = Probes(5, "none", (Dimension("forgetting", Score("glue_change", -2.0, -3.0, -1.0), "points"),))
    beside, _ = held(made(tmp_path / "new", probes=glue), None)
    assert lines(beside)["forgetting"].base.value == 0.0


def test_a_champion_of_the_same_rows_stands_beside_and_one_without_its_model_is_compared_by_intervals(tmp_path):
    worse = replace(STORY, compressed=replace(STORY.compressed, scores=(Score("accuracy", 0.8, 0.78, 0.82),)))
    beside, won = held(made(tmp_path / "new"), made(tmp_path / "old", worse))
    assert beside.runs == ("new", "old")
    assert lines(beside)["compress"].best == 0
    assert lines(beside)["robustness"].scores[1].value == 0.91
    assert won is None
    assert beside.notes == ("Rows were not compared one by one: labels.json cannot be read beside the model.",)


def test_what_became_of_the_rows_is_kept_for_this_champion_alone(tmp_path, monkeypatch):
    asked = []
    change = Change(-1.0, -1.9, -0.1, 0.9, 0.89, 0.91, 10, 40, 3000, "rows")
    monkeypatch.setattr(champion, "change", lambda *given: asked.append(given) or change)
    run, old = made(tmp_path / "new"), made(tmp_path / "old")
    for rival in (old, old, replace(old, id="another")):
        beside, won = held(run, rival)
        assert lines(beside)["compress"].gain == won
    assert len(asked) == 2
    assert "what counts is where one is right and one wrong" in beside.notes[0]
    held(run, None)
    assert not (run.folder / "records" / "compare.json").exists()


def test_a_champion_that_was_never_probed_says_so(tmp_path):
    beside, _ = held(made(tmp_path / "new"), made(tmp_path / "old", probes=None))
    assert "The champion was never probed" in beside.notes[0]
    assert lines(beside)["robustness"].unjudged == "measured in one alone"


def test_a_champion_of_another_task_or_other_labels_says_so_and_nobody_is_better(tmp_path):
    run = made(tmp_path / "new")
    labels = ("card", "fee")
    rows = tuple(replace(row, label=labels[place % 2]) for place, row in enumerate(STORY.corpus.test))
    corpus = replace(STORY.corpus, labels=labels, test=rows)
    scores = (Score("accuracy", 0.1, 0.1, 0.1),)
    bad = replace(STORY, corpus=corpus, compressed=replace(STORY.compressed, scores=scores))
    beside, won = held(run, made(tmp_path / "old", bad))
    assert beside.notes[0].startswith("The champion answers with other labels (it knows 'fee'; it lacks 'loan')")
    assert (lines(beside)["compress"].best, won) == (None, None)
    task = replace(STORY, corpus=replace(corpus, kind="multilabel"))
    beside, _ = held(run, made(tmp_path / "tags", task))
    assert beside.notes[0].startswith("The champion was made for the task multilabel, this model for classify")
    assert {one.scores[1] for one in beside.dimensions if one.probe != "size"} == {None}
    assert lines(beside)["compress"].unjudged == "another task or other labels"
    assert lines(beside)["size"].scores[1].value == 22_800_000


def test_a_champion_that_is_gone_is_told_before_the_run_and_one_that_goes_meanwhile_does_no_harm(tmp_path):
    run, old = made(tmp_path / "new"), made(tmp_path / "old")
    shutil.rmtree(old.folder)
    with pytest.raises(ConfigError, match="there is no run folder") as told:
        champion.read(old.folder, run.folder)
    assert "champion=null" in told.value.fix
    beside, _ = held(run, old)
    assert lines(beside)["robustness"].scores[1].value == 0.91
    assert "Rows were not compared one by one" in beside.notes[0]


def test_a_number_that_is_none_is_no_number_of_the_picture(tmp_path):
    nothing = Probes(5, "none", (Dimension("robustness", Score("answers_kept", float("nan"), 0.0, 1.0)),))
    beside, _ = held(made(tmp_path / "new", probes=nothing), None)
    assert lines(beside)["robustness"].scores == (None,)
