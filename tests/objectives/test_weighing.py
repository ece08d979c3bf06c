"""Weights and focus of the loss, end to end: they reach training and change what is learned."""

import random

import numpy as np
import pytest
import tiny

from afina import bases
from afina.objectives import classify, multilabel
from afina.records import Columns, Corpus, Row, silent
from afina.stages import train as stage

WORDS = ("today", "please", "no", "my", "the", "a", "blue", "one")


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


def rare(kind, count=240):
    """One text of eight is of the rare kind, and half of those look like the common one."""
    rng = random.Random(0)
    rows = []
    for n in range(count):
        is_rare = n % 8 == 0
        word = "red" if (is_rare and n % 16 == 0) or (not is_rare and n % 5 == 0) else "green"
        text = " ".join([word, *rng.choices(WORDS, k=4)])
        known = {"label": "rare" if is_rare else "common"} if kind == "classify" else {"label": ""}
        if kind == "multilabel":
            known["labels"] = ("rare",) if is_rare else ()
        rows.append(Row(text, where=f"f:{n}", **known))
    labels = ("common", "rare") if kind == "classify" else ("rare",)
    return Corpus(
        "rare", Columns("text", "label"), labels, tuple(rows), tuple(rows), tuple(rows), "", (), (), kind=kind
    )


@pytest.mark.parametrize("technique", [pytest.param("full", marks=pytest.mark.slow), "head_only"])
@pytest.mark.parametrize("objective", [classify, multilabel], ids=lambda one: one.__name__.rpartition(".")[2])
def test_balanced_weights_make_the_rare_more_probable(opened, objective, technique, tmp_path):
    from afina import heads
    from afina.predictors import torch as predictor

    kind = objective.__name__.rpartition(".")[2]
    corpus, chances = rare(kind), {}
    for weights in ("none", "balanced", "effective")[: 2 if technique == "full" else 3]:
        folder = tmp_path / weights
        folder.mkdir()
        settings = {"technique": technique, "num_train_epochs": 2.0, "precision": "fp32", "options": {}}
        plan = tiny.plan_of(corpus, opened, class_weights=weights, **settings)
        trained = stage.train(corpus, plan, opened, folder, silent, 0)
        predict = predictor.wrap(heads.load(folder / "model"), opened.tokenizer, 32, task=trained.task)
        chances[weights] = predict([row.input for row in corpus.dev])[:, -1].mean()
    assert chances["balanced"] > chances["none"] + 0.1
    assert chances.get("effective", 1.0) > chances["none"] + 0.1  # in classes so small nearly every row is new


def test_a_focal_loss_reaches_training(opened, tmp_path):
    corpus, losses = rare("classify", 64), {}
    for loss in ("cross_entropy", "focal"):
        folder = tmp_path / loss
        folder.mkdir()
        settings = {"technique": "full", "num_train_epochs": 1.0, "precision": "fp32", "options": {}}
        plan = tiny.plan_of(corpus, opened, loss=loss, focal_gamma=2.0, **settings)
        losses[loss] = stage.train(corpus, plan, opened, folder, silent, 0).looks[0].loss
    assert 0 < losses["focal"] < 0.6 * losses["cross_entropy"]
    assert np.isfinite(losses["focal"])
