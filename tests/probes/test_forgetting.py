"""Bodies of a few lines: what was scrambled or erased in the tuned one is found, and what was not is not."""

import csv
import zlib
from dataclasses import replace

import numpy as np
import pytest
import tiny
from scipy.stats import spearmanr

from afina import crossfit, glue
from afina.errors import AfinaError
from afina.probes import forgetting
from afina.probes.forgetting import Config, measure
from afina.records import Masked, Subject, Task

HIDDEN, LAYERS = 24, 3
MOODS = ("good", "bad")


def base(texts):
    """Each text has vectors of its own in each layer; the first two directions of all know its mood."""
    found = np.stack([np.random.default_rng(zlib.crc32(t.encode())).normal(size=(LAYERS, HIDDEN)) for t in texts])
    for place, mood in enumerate(MOODS):
        found[:, :, place] = [[4.0 * (mood in text)] * LAYERS for text in texts]
    return found


def scrambled(texts, layer=1):
    """One layer is another for each text."""
    found = base(texts)
    found[:, layer] = np.stack([np.random.default_rng(zlib.crc32(t.encode()) + 1).normal(size=HIDDEN) for t in texts])
    return found


def turned(texts):
    """The same space, turned and scaled."""
    return 3 * base(texts) @ np.linalg.qr(np.random.default_rng(0).normal(size=(HIDDEN, HIDDEN)))[0]


def forgetful(texts, share=10):
    """One in ten texts of good mood is taken for one of bad mood; all is turned, so that it was tuned."""
    found = base(texts)
    lost = [n for n, text in enumerate(texts) if "good" in text and zlib.crc32(text.encode()) % share == 0]
    found[np.ix_(lost, range(LAYERS), [0, 1])] = found[np.ix_(lost, range(LAYERS), [1, 0])]
    return 3 * found


def subject(after=None, before=base, language="en"):
    bodies = None if after is None else (lambda: (before, after))
    return Subject(lambda texts: None, (), np.zeros((0, 2)), Task(), lambda *_: None, language=language, bodies=bodies)


@pytest.fixture
def folder(tmp_path):
    """A task that the base knows, and one that it cannot."""
    for name, label in (("sst2", lambda n: n % 2), ("wnli", lambda n: n // 2 % 2)):
        (tmp_path / name).mkdir()
        with (tmp_path / name / "train.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *((f"{MOODS[n % 2]} {n}", label(n)) for n in range(400))])
    return str(tmp_path)


def test_a_model_that_is_only_asked_is_left_out_with_a_reason():
    assert "run folder" in measure(subject(), Config()).skipped


def test_a_body_that_was_not_tuned_has_lost_nothing_and_costs_nothing(folder):
    asked = []
    watched = lambda texts: asked.append(len(texts)) or base(texts)  # noqa: E731
    for config in (Config(), Config(glue=folder)):
        found = measure(subject(watched), config)
        assert (found.score.name, found.score.value, found.score.low) == ("similarity_to_base", 1, 1)
    assert asked == [20, 20]


@pytest.mark.parametrize("language", ["en", "es", "?"])
def test_a_scrambled_layer_is_found_and_the_others_are_the_base_s(language):
    found = measure(subject(scrambled, language=language), Config())
    value = {one.strength: one.value for one in found.measures}
    assert value[1] < 0.2
    assert value[0] == value[2] == found.score.value == pytest.approx(1)
    assert "layer 1 changed most" in found.notes[0]
    assert ("Spanish" in found.notes[0]) == (language == "es")


def test_a_turned_and_scaled_space_is_the_same():
    found = measure(subject(turned), Config())
    assert [one.value for one in found.measures] == pytest.approx([1] * LAYERS)


def test_a_tenth_of_a_class_that_was_forgotten_is_found_and_the_task_is_named(folder):
    found = measure(subject(forgetful), Config(glue=folder))
    change = {one.name: one for one in found.measures if one.group == "GLUE change"}
    assert -8 < change["sst2"].value < -2  # a tenth of half the rows
    assert change["sst2"].high < 0
    assert change["wnli"].low <= 0 <= change["wnli"].high
    assert "worst is sst2" in found.notes[0]
    assert found.score.value == pytest.approx((change["sst2"].value + change["wnli"].value) / 2)


def test_a_change_that_costs_nothing_is_none(folder):
    found = measure(subject(turned), Config(glue=folder))
    assert found.score.low <= 0 <= found.score.high
    before, after = (
        [one.value for one in found.measures if one.group == f"GLUE {when}"] for when in ("before", "after")
    )
    assert before[0] == after[0] == 100


def test_bodies_of_unlike_depth_are_compared_from_the_top():
    found = measure(subject(lambda texts: 2 * base(texts)[:, 1:]), Config())
    assert [(one.strength, round(one.value, 6)) for one in found.measures] == [(0, 1), (1, 1)]


@pytest.mark.parametrize("wrong", [np.full((LAYERS, HIDDEN), np.nan), np.zeros(HIDDEN)], ids=["nan", "shape"])
def test_a_body_that_gives_no_vectors_is_told(wrong):
    with pytest.raises(AfinaError, match="a body answers"):
        measure(subject(lambda texts: np.stack([wrong] * len(texts))), Config())


@pytest.mark.parametrize("after", [turned, base], ids=["tuned", "not tuned"])
def test_a_folder_without_tasks_is_told(tmp_path, after):
    with pytest.raises(AfinaError, match="none of the folders"):
        measure(subject(after), Config(glue=str(tmp_path)))


def refit_subject(tiny_bert):
    """Of the copies to be trained the one before knows health from money, the one after is of random weights."""
    return replace(subject(turned), copies=tiny.copies(tiny_bert))


@pytest.fixture
def health(tmp_path):
    """A task that the tiny model was trained on."""
    rows = [(row.text, int(row.label == "health")) for row in tiny.rows(140, 7, "glue") if row.label != "travel"]
    (tmp_path / "sst2").mkdir()
    with (tmp_path / "sst2" / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return str(tmp_path)


def test_a_body_that_cannot_learn_it_back_is_worse_when_both_are_fine_tuned_again(tiny_bert, health):
    found = measure(refit_subject(tiny_bert), Config(glue=health, refit_minutes=10))
    change = {one.name: one for one in found.measures if one.group == "refit change"}
    assert change["sst2"].high < 0
    assert (change["all tasks"].value, change["all tasks"].rows) == (change["sst2"].value, change["sst2"].rows)
    assert "the only task is sst2" in found.notes[1]
    assert "steps of 16 rows: sst2 " in found.notes[1]
    assert found.score.name == "glue_change"  # of the heads, which a run without refit_minutes has too


def test_tasks_that_the_minutes_are_too_short_for_are_named(tiny_bert, health):
    found = measure(refit_subject(tiny_bert), Config(glue=health, refit_minutes=1e-5))
    assert not any("refit" in one.group for one in found.measures)
    assert "not fine-tuned again in 1e-05 minutes: sst2" in found.notes[1]


def test_a_model_without_copies_to_train_is_told(folder):
    found = measure(subject(turned), Config(glue=folder, refit_minutes=1))
    assert "nothing was fine-tuned again" in found.notes[1]


def test_minutes_without_tasks_are_refused_before_anything_is_measured():
    for asked in (forgetting.check, lambda config: measure(subject(turned), config)):
        with pytest.raises(AfinaError, match="without forgetting_glue"):
            asked(Config(refit_minutes=1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cola", "stsb_en"])
def test_the_interval_of_a_change_covers_what_these_heads_score_on_other_rows(name):
    rng, rows, covered = np.random.default_rng(0), 200, []

    def drawn(count):
        truth = rng.normal(size=count) if name == "stsb_en" else (rng.random(count) < 0.6).astype(int)
        x = rng.normal(size=(count, 10)) + 0.7 * (truth[:, None] - 0.6 * (name != "stsb_en")) * (np.arange(10) < 4)
        return truth, x, x + 0.8 * rng.normal(size=x.shape)

    for draw in range(120):
        truth, *bodies = drawn(rows)
        task = glue.known(name, tuple(map(str, range(rows))), (), truth)
        said = [crossfit.answers(task, dict(zip(task.first, body, strict=True))) for body in bodies]
        values, draws = forgetting.resampled(task, said, draw)
        low, high = forgetting._ends(values[2], draws[:, 2])
        other, *seen = drawn(10_000)
        before, after = (on_others(task, body, other, new) for body, new in zip(bodies, seen, strict=True))
        covered.append(low <= after - before <= high)
    assert 0.90 <= np.mean(covered) <= 0.98


def on_others(task, body, truth, seen):
    """Points of the five heads on rows that none of them saw: the mean."""
    fold, wanted = crossfit._folds(task.truth), task.truth[:, None]
    heads = [crossfit.ridge(body[fold != held], wanted[fold != held], seen)[:, 0] for held in range(5)]
    if task.name == "stsb_en":
        return 100 * np.mean([spearmanr(one, truth).statistic for one in heads])
    heads = [(one > (task.truth.mean() if task.name == "cola" else 0.5)).astype(int) for one in heads]
    return 100 * crossfit.scores(glue.known(task.name, (), (), truth), heads, np.ones((1, len(truth)))).mean()


def hard(texts, nats=2.0):
    """Ten hidden tokens a text, some texts harder than others."""
    return np.array([(10 * nats * (0.5 + zlib.crc32(text.encode()) % 100 / 100), 10) for text in texts])


def with_head(after, whose="the base"):
    return replace(subject(turned), masked=lambda: after and Masked(whose, hard, after))


def masked_words(found):
    return {one.name: one for one in found.measures if one.group == "masked words"}


@pytest.mark.parametrize("glued", [False, True], ids=["alone", "beside GLUE"])
def test_a_head_that_guesses_half_as_well_again_is_told_with_a_paired_interval(folder, glued):
    found = measure(with_head(lambda texts: hard(texts) + np.array([5, 0])), Config(glue=folder if glued else None))
    said = masked_words(found)
    assert said["change"].value == pytest.approx(said["after"].value - said["before"].value)
    assert said["change"].value == pytest.approx(said["change"].low) == pytest.approx(0.5)  # of every text alike
    assert said["before"].low < said["before"].value < said["before"].high
    assert {(one.unit, one.rows) for one in said.values()} == {("nats", 100)}
    note = found.notes[1 + glued]
    assert "head of the base" in note
    assert "+0.50 (+0.50 to +0.50)" in note
    assert f"{np.exp(0.5):.3g} times" in note


def test_a_head_that_guesses_as_before_has_lost_nothing():
    said = masked_words(measure(with_head(hard), Config()))
    assert said["change"].low == said["change"].value == said["change"].high == 0


def test_whose_head_it_was_is_said():
    assert "head of the adapted base" in measure(with_head(hard, "the adapted base"), Config()).notes[1]


def test_a_base_without_a_head_for_masked_words_is_told_and_the_rest_is_measured():
    found = measure(with_head(None), Config())
    assert not masked_words(found)
    assert "no head" in found.notes[1]
    assert found.score.name == "similarity_to_base"


@pytest.mark.parametrize("wrong", [np.full((100, 2), np.nan), np.zeros(100)], ids=["nan", "shape"])
def test_a_head_that_gives_no_nats_is_told(wrong):
    with pytest.raises(AfinaError, match="a head for masked words answers"):
        measure(with_head(lambda texts: wrong), Config())
