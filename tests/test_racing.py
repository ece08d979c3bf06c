"""A plan whose technique was raced: what its line says, what stays as it was, and what no race is for."""

import dataclasses
import random
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest

from afina import bases, config, halving, metrics, pipeline, planfile, racing, rounds, store, tasks
from afina.config import TrainOptions
from afina.errors import Interrupted, MachineError
from afina.keeper import Keeper
from afina.records import Columns, Corpus, Plan, Profile, Row, Score, from_json, to_json
from afina.stages import plan as stage

TOPICS = {"lost": "my card is lost", "visit": "book a visit", "pay": "pay the bill"}
ENDINGS = ("today", "please", "red", "no", "blue", "late", "early", "tomorrow")
FAST = {"forward": 0.001, "single": 0.004, "fp32": 0.003, "sdpa": 0.003, "eager": 0.003}


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    """The same timings for all plans; the frozen base is asked once about each number of rows."""
    monkeypatch.setattr("afina.stages.plan._speed", lambda *_: FAST)
    monkeypatch.setattr("afina.trying.on", lambda *_: True)
    look = stage.look
    monkeypatch.setattr(
        stage, "look", lambda corpus, profile, opened, options, tell, seed: seen(look, corpus, profile, opened, options)
    )


KNOWN = {}


def seen(look, corpus, profile, opened, options):
    key = opened.folder, corpus.train
    if key not in KNOWN:
        KNOWN[key] = look(corpus, profile, opened, TrainOptions(), lambda _: None, 0)
    return KNOWN[key]


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


def corpus_of(rows=60):
    rng, labels = random.Random(0), tuple(TOPICS)
    made = tuple(
        Row(f"{TOPICS[labels[n % 3]]} {' '.join(rng.choices(ENDINGS, k=4))}", labels[n % 3], f"f:{n}")
        for n in range(rows)
    )
    return Corpus("test", Columns("text", "label"), labels, made, (), made[:6], "", (), ())


def profile_of(corpus):
    rows, numbers = len(corpus.train), (8.0, 9.0, 10.0)
    return Profile(rows, 3, rows // 3, rows // 3, "en", numbers, numbers, 1.1, 0.0, {}, "general", ())


def raced(opened, folder, corpus=None, told=None, **options):
    corpus = corpus or corpus_of()
    keep = Keeper(folder, (told if told is not None else []).append)
    given = {"race_limit": 60.0, "num_train_epochs": 1.0, **options}
    return racing.plan(corpus, profile_of(corpus), opened, TrainOptions(**given), keep, 0)


def line(made):
    return next(one for one in made.choices if one.name == "technique")


@pytest.fixture
def scripted(monkeypatch):
    """Trials that train nothing: each answers so many of the rows kept out right, by its technique."""

    def play(right, seconds=0.0, fails=()):
        def trial(ground, name, number):
            now = ground.rounds[number]
            time.sleep(seconds)
            if name in fails:
                return halving.Trial(name, number, len(now.train), seconds, None, "the loss is nan")
            answers = np.full((len(now.judged), len(ground.corpus.labels)), 0.1)
            for place, row in enumerate(now.judged):
                true = ground.corpus.labels.index(row.label)
                answers[place, true if place < right.get(name, 0.5) * len(now.judged) else true - 1] = 0.8
            score = ground.objective.scores(now.judged, answers, tasks.of(ground.corpus, None), 0)[0]
            return halving.Trial(name, number, len(now.train), seconds, score, "", answers)

        monkeypatch.setattr(racing, "_trial", trial)

    return play


def test_without_time_for_it_there_is_no_race_and_the_plan_is_its_own(opened, tmp_path):
    corpus = corpus_of()
    options = TrainOptions(num_train_epochs=1.0)
    told = []
    made = raced(opened, tmp_path, told=told, race_limit=None)
    assert made == stage.plan(corpus, profile_of(corpus), opened, options, lambda _: None, 0)
    assert told == []


def test_a_surely_better_one_takes_the_place_of_the_pick_with_its_own_settings(opened, tmp_path, scripted):
    scripted({"contrastive": 0.5, "full": 0.9})
    made = raced(opened, tmp_path, num_train_epochs=None)
    plain = raced(opened, tmp_path, num_train_epochs=None, race_limit=None, technique="full")
    assert line(raced(opened, tmp_path, race_limit=None)).value == "contrastive"
    assert (made.settings, made.estimates) == (plain.settings, plain.estimates)
    why = line(made).why
    assert re.search(r"surely better in a race: accuracy \+\S+ points \[.*\] on 57 rows kept out over contrastive", why)
    assert "lost the race" in line(made).refused["contrastive"]
    assert "full" not in line(made).refused
    assert line(made).source.startswith("measured in this run, a race")
    assert any("full takes the place of contrastive" in note for note in made.notes)
    assert from_json(Plan, to_json(made)) == made


def test_the_line_says_what_each_did_and_stands_in_the_file_that_the_user_edits(opened, tmp_path, scripted):
    scripted({"contrastive": 0.6, "full": 0.5, "lora": 0.4}, fails=("adapter",))
    made = raced(opened, tmp_path)
    evidence = line(made).evidence
    assert evidence["accuracy of full in the race"] == "; ".join(
        ["0.500 [0.300, 0.700] from 40 rows in 0 s"] * 2 + ["0.529 [0.294, 0.765] from 43 rows in 0 s"]
    )
    assert evidence["accuracy of lora in the race"].count("from") == 1
    assert evidence["accuracy of adapter in the race"] == "out: the loss is nan"
    assert "on 57 rows kept out" in evidence["gain of full over contrastive in the race"]
    assert "out: the loss is nan" in planfile.text(made)


@pytest.mark.parametrize(("full", "said"), [(0.55, "not told apart from full"), (0.05, "surely better than full")])
def test_else_the_pick_stays_with_its_settings_and_says_that_it_was_raced(opened, tmp_path, scripted, full, said):
    scripted({"contrastive": 0.5, "full": full, "freeze": 0.04, "adapter": 0.03, "lora": 0.03})
    made, plain = raced(opened, tmp_path), raced(opened, tmp_path, race_limit=None)
    assert (made.settings, made.estimates, line(made).refused) == (plain.settings, plain.estimates, line(plain).refused)
    assert line(made).why == f"{line(plain).why}; raced, {said}"
    assert any(f"contrastive stays, {said}" in note for note in made.notes)


def test_a_technique_that_the_user_names_is_not_raced_and_that_is_said(opened, tmp_path):
    told = []
    made = raced(opened, tmp_path, technique="full", told=told)
    assert made.notes[-1] == "no race: the technique is set by the user"
    assert told[-1].text == made.notes[-1]
    assert line(made).why == "set by the user"


def test_too_little_time_for_two_trials_is_said_with_the_time_that_they_need(opened, tmp_path):
    made = raced(opened, tmp_path, race_limit=0.01)
    assert made.notes[-1].startswith("no race: two techniques on 40 rows are expected to take ")
    assert line(made).value == "contrastive"


def test_rows_that_cannot_be_kept_out_are_no_race(opened, tmp_path):
    rows = corpus_of(6).train
    few = dataclasses.replace(corpus_of(6), train=(*rows[:2], *rows[:2]), labels=("lost", "visit"))
    assert raced(opened, tmp_path, few).notes[-1].startswith("no race: ")


def test_a_quarter_of_the_rows_decides_nothing(opened, tmp_path, scripted, monkeypatch):
    corpus = corpus_of(600)
    scripted({"full": 0.5, "adapter": 0.9})
    monkeypatch.setattr(racing.halving, "halve", first_round(racing.halving.halve))
    made = raced(opened, tmp_path, corpus, time_limit=None)
    assert len(rounds.of(corpus, 0)[0][0].train) == 100
    assert line(made).why.endswith("adapter was better, but on a quarter of the rows only, which decides nothing: "
                                   "give race_limit more")  # fmt: skip


def first_round(halve):
    """As if the time were over after it."""
    return lambda names, several, *others: halve(names, 1, *others)


def test_the_pick_that_fails_is_told_and_kept_for_nothing_was_held_against_it(opened, tmp_path, scripted):
    scripted({}, fails=("contrastive",))
    made = raced(opened, tmp_path)
    assert line(made).value == "contrastive"
    assert made.notes[-1] == "no race: contrastive is out, and the others are held against it: the loss is nan"


def test_of_candidates_those_are_left_out_that_break_a_limit_or_cannot_have_what_is_asked(opened, tmp_path, scripted):
    scripted({})
    most = raced(opened, tmp_path, race_limit=None, technique="adapter").estimates["memory"]
    evidence = line(raced(opened, tmp_path, memory_limit=most)).evidence
    assert "accuracy of full in the race" not in evidence
    assert "accuracy of adapter in the race" in evidence
    evidence = line(raced(opened, tmp_path, class_weights="balanced")).evidence
    assert "accuracy of contrastive in the race" not in evidence


@pytest.fixture
def two(monkeypatch):
    """The pick and one other, on one cut."""
    monkeypatch.setattr(racing, "MOST", 2)
    monkeypatch.setattr(rounds, "CUTS", 1)


def test_a_real_trial_is_trained_on_its_rows_and_leaves_no_file(opened, tmp_path, two):
    told = []
    made = raced(opened, tmp_path, told=told, memory_limit=None)
    evidence = line(made).evidence
    assert evidence["accuracy of contrastive in the race"].count("from 40 rows in ") == 1
    assert any(event.stage == "race" and event.step for event in told)
    assert not [event for event in told if event.stage == "train"]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_scores(opened, tmp_path, two):
    one, other = (line(raced(opened, tmp_path)).evidence for _ in range(2))
    assert [scores(value) for value in one.values()] == [scores(value) for value in other.values()]


def scores(value):
    return [part.partition(" in ")[0] for part in str(value).split("; ")]


def test_a_trial_that_fails_is_out_with_its_reason_and_never_the_plan(opened, tmp_path, two, monkeypatch):
    whole, folders = racing.train.train, []

    def train(corpus, made, *others):
        folders.append(others[1].name)
        if made.settings.technique == "full":
            raise MachineError(f"{others[1]}/model: training diverged", "take a lower rate")
        return whole(corpus, made, *others)

    monkeypatch.setattr(racing.train, "train", train)
    made = raced(opened, tmp_path)
    assert line(made).evidence["accuracy of full in the race"] == "out: model: training diverged"
    assert made.notes[-1] == "no race: only contrastive could be trained"
    assert all(name.startswith(".") and name.endswith(store.ASIDE) for name in folders)  # a killed one is swept away


def test_a_trial_that_answers_with_no_numbers_is_out(opened, tmp_path, two, monkeypatch):
    wrap, asked = racing.predictor.wrap, []

    def broken(model, *others, task):
        asked.append(model)
        return lambda texts: wrap(model, *others, task=task)(texts) * (np.nan if len(asked) == 2 else 1)

    monkeypatch.setattr(racing, "predictor", SimpleNamespace(wrap=broken))
    made = raced(opened, tmp_path)
    assert line(made).evidence["accuracy of full in the race"] == "out: its answers are no numbers"


def test_a_signal_ends_the_race_and_the_run(opened, tmp_path, monkeypatch):
    def stopped(*_):
        raise Interrupted("stopped", "run again", 130)

    monkeypatch.setattr(racing.train, "train", stopped)
    with pytest.raises(Interrupted):
        raced(opened, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_gain_of_few_rows_is_doubted_as_a_difference_of_counts_is():
    """4 of 40 rows fixed and none broken: (4 - 0) / 42 shares, and an interval that 0 is in. 12 of 40 are no chance."""
    rows, task = corpus_of(40).train, tasks.of(corpus_of(40), None)
    true = np.eye(3)[[task.labels.index(row.label) for row in rows]]

    def wrong(count):
        return np.concatenate([np.roll(true[:count], 1, axis=1), true[count:]])

    few, many = racing.gain(rows, wrong(4), true, task, 0), racing.gain(rows, wrong(12), true, task, 0)
    assert (few.value, few.low < 0 < few.high) == (pytest.approx(10), True)
    assert (many.value, many.low > 0) == (pytest.approx(30), True)
    back = racing.gain(rows, true, wrong(12), task, 0)
    assert (back.low, back.high) == pytest.approx((-many.high, -many.low))


def test_labels_with_thresholds_of_their_own_are_compared_as_each_trial_decides_them():
    """Both give the same labels, by other thresholds: nothing is gained."""
    rows = tuple(Row(f"text {n}", "", f"f:{n}", labels=("lost",) if n % 2 else ("pay",)) for n in range(20))
    corpus = dataclasses.replace(corpus_of(6), kind="multilabel", labels=("lost", "pay"), train=rows)
    true = np.array([["lost" in row.labels, "pay" in row.labels] for row in rows], dtype=np.float32)
    ground = dataclasses.make_dataclass("Ground", ["corpus", "objective"])(
        corpus, racing.shelf.load("objectives", "multilabel")
    )
    found = racing.gain(rows, true, true, racing._common(ground), 0)
    most = 100 * metrics.wilson(0, 20)[1]  # twenty rows without a difference prove no more
    assert found == Score("gain", 0, -most, most)
    assert racing.gain(rows, 1 - true, true, racing._common(ground), 0) == Score("gain", 100, 100 - most, 100 + most)


COLOURS, NAMES, DAYS = ("red", "blue"), ("anna", "peter", "maria", "john"), ("today", "yesterday", "last week")


@pytest.mark.slow
def test_a_rate_that_tears_the_whole_body_and_suits_an_adapter_is_found_out_in_time_and_once(tmp_path, monkeypatch):
    """Which of two colours comes first, 200 rows; the user's rate is thirty times what full fine-tuning likes."""
    rng, file = random.Random(0), tmp_path / "cars.csv"
    lines = ["text,label"]
    for n in range(200):
        one, other = COLOURS[n % 2], COLOURS[1 - n % 2]
        lines.append(f"{rng.choice(NAMES)} saw a {one} car and {n} {other} cars {rng.choice(DAYS)},{one}")
    file.write_text("\n".join(lines))
    given = ["learning_rate=3e-3", "num_train_epochs=2", "race_limit=20m", f"output_dir={tmp_path / 'run'}"]
    told = []
    began = time.monotonic()
    made = pipeline.run(config.build({"train_file": str(file)}, given), told.append, "plan").plan
    assert time.monotonic() - began < 1200
    first = line(made)
    assert first.value == made.settings.technique
    assert first.value in ("adapter", "lora")  # which both have all rows right
    assert "surely better in a race" in first.why
    assert "lost the race" in first.refused["full"]
    told.clear()
    again = pipeline.run(config.build({"train_file": str(file)}, given), told.append, "plan").plan
    assert again == made
    assert "race" not in {event.stage for event in told}
