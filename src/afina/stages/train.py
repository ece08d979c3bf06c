"""Train: the planned technique on the training rows, from a head that already fits the frozen body.

The head starts from the solution of a linear probe, so that the first steps do not tear up the body to please a
random head. The look best on dev is kept, of equal ones the earliest; the probe is, where it is better than that by
more than a standard error of the score on dev: a smaller difference there says nothing, and training rarely harms.
Without dev the last look is kept, but for the probe where that is better on train by more than two standard errors of
the difference: training diverged. A look is at no more than 500 rows of each hold-out set, the same ones every time,
and at old tasks as `recalling` says.
Source: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features", arXiv:2202.10054.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from afina import (
    adapters,
    checkpoints,
    choosing,
    encoding,
    fitting,
    heads,
    judging,
    keys,
    label_errors,
    policies,
    probing,
    recalling,
    recipes,
    retaining,
    shelf,
    store,
    tasks,
    windows,
    words,
)
from afina.bases import Opened
from afina.encoding import Encoded
from afina.errors import RecordError
from afina.layers import linear_head
from afina.predictors import torch as predictor
from afina.records import Adapter, Corpus, Event, Plan, Point, Row, Score, Settings, Suspect, Task, Tell, Trained

CHECKPOINTS = "checkpoints"
LOOKED_ROWS = 500  # of a hold-out set; an accuracy from them is known to 4 points at worst
CHECKED_ROWS = 32  # rows whose logits are compared after reading the model back from disk


def train(corpus: Corpus, plan: Plan, opened: Opened, folder: Path, tell: Tell, seed: int) -> Trained:
    """Train, merge, write to `folder`/model, and read back; returns what happened.

    Checkpoints stand in `folder`/checkpoints until the model is written; those of other settings are not used.
    What was trained goes to `folder`/adapter too, where it is a small part of the model.
    Raises RecordError where the model read back from disk gives other logits, and what `fitting.fit` raises.
    """
    began, settings, objective = time.monotonic(), plan.settings, shelf.load(tasks.OBJECTIVES, corpus.kind)
    torch.manual_seed(seed)
    model = heads.build(opened.folder, settings.pooling, corpus.labels, objective.PROBLEM)
    rows, holdouts = _encoded(corpus, opened.tokenizer, settings, seed)
    name, chosen = next(iter(holdouts.items()))
    probe, suspects = _fit_probe(model, opened.tokenizer, (rows, chosen), settings, folder, corpus)
    tell(Event("train", f"a linear head on the frozen body: {objective.METRIC}", metric=probe, decides=name))
    trainable = _apply(model, settings)
    fitted, reached = recipes.Fitted((), 0), probe
    if settings.technique != "head_only":
        own, recipe = _own(corpus, settings, opened, folder, tell, seed), _recipe(settings, opened, seed, corpus)
        fitted = fitting.fit(model, opened.tokenizer, (rows, holdouts), recipe, own, tell)
        reached = _refit(model, opened.tokenizer, (rows, chosen), settings, _kept_score(fitted.curve, corpus), corpus)
    elif corpus.old_tasks:
        tell(Event("train", recalling.UNMOVED))
    rates = settings.learning_rate, choosing.rate(settings.technique)[0]
    untuned = judging.untuned(reached, probe, len(chosen), name, rates)
    made = _made(settings, opened, corpus.labels, objective.PROBLEM)
    if untuned:
        tell(Event("train", untuned))
        model, made = _untuned(opened, made, folder)
        fitted, trainable = replace(fitted, best_step=0), _open(model)
    else:
        heads.rescale(model, *objective.units(corpus.train))  # the adapter's head too gives the final answers
    model, layout = _write(model, made, opened, folder)
    task, scores = _judged(model, opened.tokenizer, made, corpus, seed)
    error = _reload_error(folder / "model", model, opened.tokenizer, made, corpus)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    return Trained(
        technique=made.technique,
        folder="model",
        layout=layout,
        trainable=trainable,
        parameters=sum(p.numel() for p in model.parameters()),
        seconds=round(time.monotonic() - began, 1),
        dev=scores,
        reload_error=error,
        task=task,
        **{name: getattr(fitted, name) for name in ("curve", "best_step", "stages", "looks", "stopped")},
        suspects=suspects,
        untuned=untuned,
    )


def _apply(model: Any, settings: Settings) -> int:
    """Put the planned attention and technique on the model, in place; returns how many parameters are trained."""
    if model.config._attn_implementation != settings.attention:
        model.base_model.set_attn_implementation(settings.attention)
    technique = shelf.load("techniques", settings.technique)
    technique.apply(model, keys.config(settings.technique, settings.options))
    return _open(model)


def _open(model: nn.Module) -> int:
    """How many parameters are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _kept_score(curve: Sequence[Point], corpus: Corpus) -> float:
    """The main score of the look that is kept: the best on dev, and without dev the last on train."""
    scores = [point.dev_accuracy for point in curve if point.dev_accuracy is not None]
    return max(scores) if corpus.dev else scores[-1]


def _own(corpus: Corpus, settings: Settings, opened: Opened, folder: Path, tell: Tell, seed: int) -> Path:
    """Where the checkpoints of just this training are, by all that it depends on."""
    read = (corpus.kind, corpus.labels, corpus.train, corpus.dev, corpus.holdouts, corpus.old_tasks)
    made_by = settings, opened.record.sha256, read, retaining.text_sha256(settings), seed
    return checkpoints.own(folder / CHECKPOINTS, made_by, lambda text: tell(Event("train", text)))


def _made(settings: Settings, opened: Opened, labels: tuple[str, ...], problem: str | None) -> Adapter:
    """What the folder of trained parameters will say of itself."""
    return Adapter(
        technique=settings.technique,
        options=settings.options,
        base=opened.record.sha256,
        pooling=settings.pooling,
        labels=labels,
        max_tokens=settings.max_seq_length,
        problem=problem,
        long_texts=settings.long_texts or windows.CUT,
    )


def _untuned(opened: Opened, made: Adapter, folder: Path) -> tuple[Any, Adapter]:
    """The base as it was with the head that training started from: what head_only would have made."""
    technique = shelf.load("techniques", "head_only")
    model = heads.put_probe(heads.build(opened.folder, made.pooling, made.labels, made.problem), folder)
    return technique.apply(model, technique.Config()), replace(made, technique="head_only", options={})


def _write(model: Any, made: Adapter, opened: Opened, folder: Path) -> tuple[Any, str]:
    """Write the adapter, where it is small, and the model as it ships; returns that model and its layout."""
    technique = shelf.load("techniques", made.technique)
    shutil.rmtree(folder / "adapter", ignore_errors=True)  # of an earlier technique
    if technique.NATURE.small:
        adapters.round_rows(model)
        with store.whole_folder(folder / "adapter") as temporary:
            adapters.save(model, made, temporary)
    with store.whole_folder(folder / "model") as temporary:
        if not technique.NATURE.merges:
            return model, heads.save_added(model, made, opened.folder, opened.tokenizer, temporary)
        model = technique.merge(model)
        return model, heads.save(model, opened.tokenizer, temporary, made.max_tokens)


def _encoded(corpus: Corpus, tokenizer: Any, settings: Settings, seed: int) -> tuple[Encoded, dict[str, Encoded]]:
    """The training rows, and what a look is taken at: dev first, or train where there is none, then hold-out sets."""
    watched = {"dev" if corpus.dev else "train": corpus.choosing, **corpus.holdouts}
    most = settings.max_seq_length
    apart, long = settings.pooling == "siamese", settings.long_texts
    looked = {
        name: encoding.encode(tokenizer, _drawn(rows, seed), corpus, most, apart, long)
        for name, rows in watched.items()
    }
    return encoding.encode(tokenizer, corpus.train, corpus, most, apart, long), looked


def _drawn(rows: Sequence[Row], seed: int) -> Sequence[Row]:
    """All rows, or as many as a look is taken at."""
    if len(rows) <= LOOKED_ROWS:
        return rows
    return [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))[:LOOKED_ROWS]]


def _fit_probe(
    model: nn.Module, tokenizer: Any, parts: tuple[Encoded, Encoded], settings: Settings, folder: Path, corpus: Corpus
) -> tuple[float, tuple[Suspect, ...]]:
    """Fit a linear head on the frozen body and keep it; put it in place, or what training starts from.

    Returns the main score of the fitted one on dev, and the rows whose label looks wrong.
    """
    (weights, biases), score, start, seen = linear_head(model, tokenizer, parts, settings, corpus)
    offset, scale = shelf.load(tasks.OBJECTIVES, corpus.kind).units(corpus.train)
    with store.disk_errors(folder):
        heads.keep_probe(folder, weights * np.float32(scale), biases * np.float32(scale) + np.float32(offset))
    placed = (weights, biases) if settings.technique == "head_only" else start()
    heads.put_head(model, *map(torch.from_numpy, placed))
    return score, _suspects(corpus, *seen)


def _suspects(corpus: Corpus, features: np.ndarray, targets: np.ndarray) -> tuple[Suspect, ...]:
    """The training rows whose label looks wrong, by heads on the frozen body that were fitted to other rows.

    Rows that balancing repeats are looked at once, or a head would have been fitted to a copy of what it judges; rows
    that a model wrote are not.
    """
    if not shelf.load(tasks.OBJECTIVES, corpus.kind).REVIEWED:
        return ()
    first: dict[Row, int] = {}
    for place, row in enumerate(corpus.train):
        if not row.origin:
            first.setdefault(row, place)
    once = list(first.values())
    probabilities = probing.crossed(features[once], targets[once], len(corpus.labels), label_errors.STRENGTH)
    return label_errors.suspects(tuple(first), corpus.labels, probabilities)


def _refit(
    model: nn.Module, tokenizer: Any, parts: tuple[Encoded, Encoded], settings: Settings, reached: float, corpus: Corpus
) -> float:
    """Put a linear head on the tuned body, unless the one that learned beside it is better on dev: the main score.

    Only techniques that need it do so.
    """
    if not shelf.load("techniques", settings.technique).NATURE.refits_head:
        return reached
    head, score, *_ = linear_head(model, tokenizer, parts, settings, corpus)
    if corpus.dev and score < reached:
        return reached
    heads.put_head(model, *map(torch.from_numpy, head))
    return score


def _recipe(settings: Settings, opened: Opened, seed: int, corpus: Corpus) -> recipes.Recipe:
    objective = shelf.load(tasks.OBJECTIVES, corpus.kind)
    rates, schedule, staging = policies.recipe(settings)
    return recipes.Recipe(
        epochs=settings.num_train_epochs,
        batch=settings.per_device_train_batch_size,
        rate=settings.learning_rate,
        head_rate=settings.head_learning_rate,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        bf16=settings.precision == "bf16",
        dropout=settings.dropout,
        seed=seed,
        rates=rates,
        schedule=schedule,
        staging=staging,
        eval_steps=settings.eval_steps,
        patience=settings.early_stopping_patience,
        keeps_last=not corpus.dev,
        retention=retaining.penalty(settings, opened, seed),
        dev_score=lambda logits, wanted: objective.dev_score(logits, wanted, corpus.labels),
        metric=objective.METRIC,
        together=windows.pooling(objective.ACTIVATION),
        per_word=objective.PER == "word",
        asides=recalling.asides(corpus, opened.tokenizer, settings.max_seq_length, seed),
        loss=objective.loss(tasks.config(corpus.kind, settings), *_wanted(corpus)),
    )


def _wanted(corpus: Corpus) -> tuple[np.ndarray, int]:
    """The targets of train, and how many outputs there are."""
    return shelf.load(tasks.OBJECTIVES, corpus.kind).targets(corpus.train, corpus.labels), len(corpus.labels)


def _judged(model: Any, tokenizer: Any, made: Adapter, corpus: Corpus, seed: int) -> tuple[Task, tuple[Score, ...]]:
    """The task with what is chosen for it on the rows for choices, and the scores there."""
    task, objective = tasks.of(corpus, made.long_texts), shelf.load(tasks.OBJECTIVES, corpus.kind)
    answers = predictor.wrap(model, tokenizer, made.max_tokens, task=task)([row.input for row in corpus.choosing])
    task = objective.tune(corpus.choosing, lambda _: answers, task)
    return task, objective.scores(corpus.choosing, answers, task, seed)


def _reload_error(folder: Path, model: Any, tokenizer: Any, made: Adapter, corpus: Corpus) -> float:
    """Largest difference between logits in memory and of the model read back from disk."""
    task, texts = tasks.of(corpus, made.long_texts), [row.input for row in corpus.choosing[:CHECKED_ROWS]]
    now, again = (
        words.flat(predictor.logits(one, tokenizer, made.max_tokens, task=task)(texts))
        for one in (model, heads.load(folder))
    )
    error = float(np.abs(again - now).max(initial=0))
    if error > 1e-3 * max(1.0, float(np.abs(now).max(initial=0))):  # numbers around a million are known to a tenth
        raise RecordError(
            f"the model read back from {folder} differs by {error:g}", "report this: it is a bug in saving"
        )
    return error
