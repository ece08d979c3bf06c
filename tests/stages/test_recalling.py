"""Looks at old tasks: the body as it is at the step, the training as it would have been without them."""

import dataclasses
import json
import os
import random
import signal

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from test_cli import afina, messages, write
from test_plan import corpus_of
from test_train import plan_for, useless
from trainings import model_of, recipe, rows_of, weights

from afina import bases, crossfit, features, fitting, heads, recalling, shelf, watching, wording
from afina.errors import Interrupted, MachineError
from afina.records import OldTask, Row, Trained, from_json, silent, to_json
from afina.stages import train as stage

TOPICS = {"pain": "doctor pain today", "test": "test result is late", "rain": "red green blue"}
WORDS = ("three", "two", "one", "early", "thanks", "hoy")  # which no training row has


def old_task(rows=60, pair=False):
    """Rows of three classes, of words that are in no training row too."""
    names = list(TOPICS)
    found = []
    for n in range(rows):
        label, ending = names[n % 3], f"{WORDS[n % 6]} {WORDS[n // 6 % 6]} {WORDS[n // 36]}"
        second = f"{TOPICS[label]} {ending}" if pair else None
        first = f"the {ending}" if pair else f"{TOPICS[label]} {ending}"
        found.append(Row(first, label, f"old.csv:{n + 2}", second))
    return OldTask("classify", tuple(found))


def scored(rows=60):
    values = np.random.default_rng(1).permutation(rows) / 7
    cut = np.median(values)
    texts = [f"{TOPICS['pain' if value > cut else 'rain']} {WORDS[n % 6]}" for n, value in enumerate(values)]
    return OldTask("regress", tuple(Row(t, "", f"old.csv:{n + 2}", value=v) for n, (t, v) in enumerate(zip(texts, values.tolist(), strict=True))))  # noqa: E501  # fmt: skip


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


def watched(rows_per_class=20, **tasks):
    return dataclasses.replace(corpus_of(rows_per_class), old_tasks=tasks or {"old": old_task()})


def looks_of(opened, corpus, model):
    found = recalling.asides(corpus, opened.tokenizer, 32, 0)
    return {name: one.look(model) for name, one in found.items()}


def test_a_look_is_what_cross_fitted_heads_say_of_the_body_s_mean_vectors(opened):
    corpus, model = watched(old=old_task(), pairs=old_task(pair=True), scores=scored()), heads.build(opened.folder, "mean", ("a", "b"))  # noqa: E501  # fmt: skip
    seen = looks_of(opened, corpus, model)
    places = np.random.default_rng(0).permutation(60)
    rows = [corpus.old_tasks["old"].rows[place] for place in places]
    encoded = features.encode(opened.tokenizer, [row.text for row in rows], 32)
    x = features.collect(model.base_model, opened.tokenizer, encoded, lambda b: features.all_layers(model.base_model, b)[:, -1, 0])  # noqa: E501  # fmt: skip
    truth = np.array([list(TOPICS).index(row.label) for row in rows])
    x, order = x / np.linalg.norm(x, axis=1, keepdims=True), np.argsort(list(TOPICS))
    truth = np.argsort(order)[truth]  # as names are sorted
    fold, said = crossfit._folds(truth), np.zeros(60, int)
    for held in range(5):
        out = fold == held
        said[out] = crossfit.ridge(x[~out], np.eye(3)[truth[~out]], x[out]).argmax(1)
    assert seen["old"]["score"] == pytest.approx(np.mean(said == truth))
    assert seen["old"]["score"] > 0.9
    assert seen["old"]["rows"] == 60
    for one in seen.values():
        assert one["low"] <= one["score"] <= one["high"]
    assert seen["scores"]["score"] > 0.5  # Spearman: two halves alone are known
    assert looks_of(opened, corpus, model) == seen
    assert spearmanr([1, 2, 3, 4], [1, 1, 2, 2]).statistic == pytest.approx(0.894, abs=1e-3)


def test_no_more_rows_are_asked_than_a_look_is_taken_at(opened, monkeypatch):
    monkeypatch.setattr(recalling, "ROWS", 40)
    model = heads.build(opened.folder, "mean", ("a", "b"))
    assert looks_of(opened, watched(), model)["old"]["rows"] == 40


@pytest.mark.parametrize("technique", ["full", "lora"])
def test_the_training_is_bit_for_bit_the_same_with_and_without_an_old_task(opened, technique, tmp_path, monkeypatch):
    """The embeddings of words that only the old task has too: they are neither trained nor decayed."""
    monkeypatch.setattr(stage, "_fit_probe", useless(stage._fit_probe))
    options = {"technique": technique, "options": {}, "eval_steps": 1, "weight_decay": 0.1, "dropout": True}
    plan, made = plan_for(opened, **options), []
    for place, corpus in enumerate((watched(), corpus_of(20))):
        (tmp_path / str(place)).mkdir()
        made.append(stage.train(corpus, plan, opened, tmp_path / str(place), silent, 0))
    files = [(tmp_path / str(place) / "model" / "model.safetensors").read_bytes() for place in (0, 1)]
    assert files[0] == files[1]
    assert made[0].curve == made[1].curve
    assert [look for look in made[0].looks if look.name == "dev"] == list(made[1].looks)
    assert [look.step for look in made[0].looks if look.name == "old"] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("technique", [name for name in shelf.names("techniques") if name != "head_only"])
def test_every_technique_s_body_is_read_as_it_is(opened, technique, tmp_path):
    """Once before the first step, which is the base, and at every look."""
    module = shelf.load("techniques", technique)
    plan = plan_for(opened, technique=technique, options=module.Config().model_dump(), eval_steps=2)
    trained = stage.train(watched(), plan, opened, tmp_path, silent, 0)
    looks = [look for look in trained.looks if look.name == "old"]
    base = looks_of(opened, watched(), heads.build(opened.folder, "mean", ("a", "b")))["old"]
    assert [look.step for look in looks] == [0, 2, 4]
    assert (looks[0].score, looks[0].low, looks[0].high) == (base["score"], base["low"], base["high"])
    assert {(look.metric, look.loss, look.rows) for look in looks} == {("accuracy", None, 60)}
    assert from_json(Trained, to_json(trained)) == trained


def of_trained_words():
    """Two classes by words of the training rows that say nothing of the task."""
    rng, rows = random.Random(3), {}
    for n in range(240):
        topic, kind = ("my card is lost", "book a visit", "pay the bill")[n % 3], n // 3 % 2
        text = (
            f"{topic} {('today please', 'red no')[kind]} {' '.join(rng.choices(('today', 'please', 'red', 'no'), k=2))}"
        )
        rows[text] = Row(text, "ab"[kind], f"old.csv:{n + 2}")
    return OldTask("classify", tuple(rows.values()))


def test_a_training_that_destroys_the_body_shows_how_the_old_task_falls(opened, tmp_path):
    said = []
    rates = {"learning_rate": 0.9, "head_learning_rate": 0.9, "warmup_steps": 0, "num_train_epochs": 4.0}
    plan = plan_for(opened, technique="full", options={}, **rates)
    corpus = dataclasses.replace(watched(60, old=of_trained_words()), dev=())
    trained = stage.train(corpus, plan, opened, tmp_path, lambda event: said.append(event.text), 0)
    looks = [look for look in trained.looks if look.name == "old"]
    assert looks[0].low > 0.7
    assert looks[-1].high < 0.65
    assert any(text.startswith(f"old: accuracy {looks[-1].score:.3f} (") for text in said)
    assert trained.remembered["old"] == (looks[0], looks[0])  # the frozen body is what was kept
    changed = dataclasses.replace(trained, best_step=looks[-1].step)
    told = wording.trained(changed)[-1]
    assert told.startswith(f"old task old: accuracy {wording.number(looks[0].score)} [")
    assert f"before training, {wording.number(looks[-1].score)} [" in told


def test_an_old_task_never_decides_which_look_is_kept_or_when_to_stop(tiny_bert, opened, tmp_path):
    """Its score rises at every look, that on dev is the same from the first on."""
    rows, rising = rows_of(opened.tokenizer), iter(np.linspace(0, 1, 50).tolist())
    aside = recalling.Aside("accuracy", lambda model: {"score": next(rising), "low": 0.0, "high": 1.0, "rows": 9})
    flat = recipe(asides={"a": aside}, eval_steps=1, patience=3, dev_score=lambda logits, labels: 0.5)
    fitted = fitting.fit(model_of(tiny_bert), opened.tokenizer, (rows, {"dev": rows}), flat, tmp_path, silent)
    assert fitted.best_step == 1
    assert fitted.looks[0].name == "dev"
    assert [look.step for look in fitted.looks if look.name == "a"] == [0, 1, 2, 3, 4]
    assert "on dev after step 1" in fitted.stopped


class Watch(watching.Watch):
    """A signal arrives while step 6 is at work."""

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == 5:
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_resumed_training_has_each_look_once_and_the_same_weights(tiny_bert, opened, tmp_path, monkeypatch):
    rows, options = rows_of(opened.tokenizer), recipe(asides=recalling.asides(watched(), opened.tokenizer, 32, 0))

    def fit(folder):
        model = model_of(tiny_bert)
        return weights(model), fitting.fit(model, opened.tokenizer, (rows, {"dev": rows}), options, folder, silent)

    straight = fit(tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "Watch", Watch)
        with pytest.raises(Interrupted):
            fit(tmp_path / "b")
    again = fit(tmp_path / "b")
    assert torch.equal(again[0], straight[0])
    assert again[1] == straight[1]
    assert [look.step for look in again[1].looks if look.name == "old"] == [0, 4, 8, 12]


def test_vectors_that_are_no_numbers_end_the_training_with_a_reason(opened):
    model = heads.build(opened.folder, "mean", ("a", "b"))
    with torch.no_grad():
        model.base_model.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(MachineError, match="vectors of the old task old hold what is no number"):
        looks_of(opened, watched(), model)


def test_a_body_that_never_moves_is_not_looked_at_and_that_is_said(opened, tmp_path):
    said = []
    plan = plan_for(opened, technique="head_only", options={})
    trained = stage.train(watched(), plan, opened, tmp_path, lambda event: said.append(event.text), 0)
    assert recalling.UNMOVED in said
    assert trained.looks == ()
    assert wording.trained(trained) == []


def test_a_training_with_another_old_task_begins_anew(opened, tmp_path):
    """Else its looks would be missing from the steps that were done."""
    settings = plan_for(opened, technique="full").settings
    folders = {str(stage._own(corpus, settings, opened, tmp_path, silent, 0)) for corpus in (corpus_of(20), watched())}
    assert len(folders) == 2


@pytest.mark.slow
def test_a_run_from_the_command_line_tells_what_is_left_of_an_old_task(tmp_path, tiny_bert):
    write(tmp_path / "notes.csv", messages())
    rows = [(row.text, row.label) for row in old_task().rows]
    write(tmp_path / "old.csv", rows)
    words = ("epochs=2", "lr=3e-3", "technique=full", "eval_steps=5", "probes=none", "old_tasks={before: old.csv}")
    done = afina("run", "notes.csv", "--model", tiny_bert, "--out", "run", *words, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])["old_tasks"]["before"]
    assert told["before"]["step"] == 0
    assert told["before"]["rows"] == 60
    page = (tmp_path / "run" / "report.html").read_text()
    assert "accuracy, old task before" in page
    assert "Old task before: accuracy" in page
    shown = afina("run", "notes.csv", "--model", tiny_bert, "--out", "run", *words, cwd=tmp_path)
    assert "old task before: accuracy" in shown.stdout
    assert "train: is done already" in shown.stdout or "is done already" in shown.stdout
    refused = afina("run", "notes.csv", "--model", tiny_bert, "holdouts={before: old.csv}", "--out", "no", cwd=tmp_path)
    assert refused.returncode == 1
    assert "old_tasks={before: FILE}" in refused.stdout + refused.stderr
