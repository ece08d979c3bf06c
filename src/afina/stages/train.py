"""Train: the planned technique on the training rows, from a head that already fits the frozen body.

The head starts from the solution of a linear probe, so that the first steps do not tear up the body to please a
random head. The epoch best on dev is kept; where none beats the probe, the probe is.
Source: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features", arXiv:2202.10054.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from afina import encoding, features, fitting, heads, shelf, store, tasks, words
from afina.bases import Opened
from afina.encoding import Encoded
from afina.errors import RecordError
from afina.predictors import torch as predictor
from afina.records import Corpus, Event, Plan, Settings, Task, Tell, Trained

MOST_WORDS = 20_000  # that the first head of a task by word is fitted on
CHECKED_ROWS = 32  # rows whose logits are compared after reading the model back from disk


def train(corpus: Corpus, plan: Plan, opened: Opened, folder: Path, tell: Tell, seed: int) -> Trained:
    """Train, merge, write to `folder`/model, and read back; returns what happened.

    Raises RecordError where the model read back from disk gives other logits, and what `fitting.fit` raises.
    """
    began, settings = time.monotonic(), plan.settings
    torch.manual_seed(seed)
    task, objective = tasks.of(corpus), shelf.load(tasks.OBJECTIVES, corpus.kind)
    plain = (opened.folder, settings.pooling, corpus.labels, objective.PROBLEM)
    model = heads.build(*plain)
    most = settings.max_seq_length
    rows, dev = (encoding.encode(opened.tokenizer, part, corpus, most) for part in (corpus.train, corpus.dev))
    probe = _fit_probe(model, opened.tokenizer, (rows, dev), settings.precision == "bf16", folder, corpus)
    tell(Event("train", f"a linear head on the frozen body: {objective.PROBED} {probe:.3f} on dev", metric=probe))
    technique = shelf.load("techniques", settings.technique)
    technique.apply(model, _technique_config(settings))
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    fitted = fitting.Fitted((), 0)
    if settings.technique != "head_only":
        recipe = _recipe(settings, corpus, seed)
        fitted = fitting.fit(model, opened.tokenizer, (rows, dev), recipe, folder / "checkpoints", tell)
    if fitted.curve and max(point.dev_accuracy or 0 for point in fitted.curve) < probe:
        tell(Event("train", "no epoch beat the linear head on dev: the frozen body with that head is kept"))
        model = heads.put_probe(heads.build(*plain), folder)
        fitted = fitting.Fitted(fitted.curve, 0)
    else:
        if settings.technique == "lora":
            _save_adapter(model, folder / "adapter")
        model = heads.rescale(technique.merge(model), *objective.units(corpus.train))
    with store.whole_folder(folder / "model") as temporary:
        layout = heads.save(model, opened.tokenizer, temporary, settings.max_seq_length)
    texts = [row.input for row in corpus.dev]
    predict = predictor.wrap(model, opened.tokenizer, settings.max_seq_length, task=task)
    answers = predict(texts)
    task = objective.tune(corpus.dev, lambda _: answers, task)
    score = predictor.logits(model, opened.tokenizer, settings.max_seq_length, task=task)
    return Trained(
        technique=settings.technique,
        folder="model",
        layout=layout,
        trainable=trainable,
        parameters=sum(p.numel() for p in model.parameters()),
        seconds=round(time.monotonic() - began, 1),
        curve=fitted.curve,
        best_step=fitted.best_step,
        dev=objective.scores(corpus.dev, answers, task, seed),
        reload_error=_reload_error(folder / "model", opened, settings, texts[:CHECKED_ROWS], score, task),
        task=task,
    )


def _technique_config(settings: Settings) -> Any:
    """The planned technique's options as its own Config."""
    options: dict[str, Any] = {}
    if settings.technique == "freeze":
        options = {"layers": settings.freeze_layers}
    if settings.technique == "lora":
        options = {"r": settings.lora_r, "alpha": settings.lora_alpha}
    return shelf.load("techniques", settings.technique).Config(**options)


def _fit_probe(
    model: nn.Module, tokenizer: Any, parts: tuple[Encoded, Encoded], bf16: bool, folder: Path, corpus: Corpus
) -> float:
    """Fit a linear head on the frozen body, keep it and put it in place; returns its main score on dev."""
    output, objective = heads.output_layer(model), shelf.load(tasks.OBJECTIVES, corpus.kind)
    by_word = objective.PER == "word"

    def seen(part: Encoded, read: Callable[[Any], torch.Tensor]) -> np.ndarray:
        if not by_word:
            return features.collect(model, tokenizer, encoding.bare(part), read, bf16)
        return features.collect_words(model, tokenizer, encoding.bare(part), encoding.labelled(part), read, bf16)

    def pair(part: Encoded) -> tuple[np.ndarray, np.ndarray]:
        some = encoding.drawn(part, MOST_WORDS) if by_word else part
        labels = [row["labels"] for row in some]
        flat = [one for row in labels for one in row if one != encoding.NO_LABEL] if by_word else labels
        return seen(some, lambda batch: features.before_output(model, output, batch)), np.array(flat)

    train, dev = pair(parts[0]), pair(parts[1])
    weights, biases = objective.fit_head(train, dev, output.out_features)
    heads.put_head(model, torch.from_numpy(weights), torch.from_numpy(biases))
    offset, scale = objective.units(corpus.train)
    with store.disk_errors(folder):
        heads.keep_probe(folder, weights * np.float32(scale), biases * np.float32(scale) + np.float32(offset))
    judged = dev[0] @ weights.T + biases, dev[1]
    if by_word:  # all of dev
        judged = encoding.padded(seen(parts[1], lambda batch: model(**batch).logits), parts[1])
    score: float = objective.dev_score(*judged, corpus.labels)
    return score


def _recipe(settings: Settings, corpus: Corpus, seed: int) -> fitting.Recipe:
    objective = shelf.load(tasks.OBJECTIVES, corpus.kind)
    return fitting.Recipe(
        epochs=settings.num_train_epochs,
        batch=settings.per_device_train_batch_size,
        rate=settings.learning_rate,
        head_rate=settings.head_learning_rate,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        bf16=settings.precision == "bf16",
        seed=seed,
        dev_score=lambda logits, wanted: objective.dev_score(logits, wanted, corpus.labels),
        per_word=objective.PER == "word",
    )


def _save_adapter(model: Any, folder: Path) -> None:
    """The unmerged adapter in PEFT's own layout, with no path of this machine inside."""
    with store.whole_folder(folder) as temporary:
        model.base_model.save_pretrained(temporary)
        (temporary / "README.md").unlink(missing_ok=True)  # PEFT's template; the run has its own card
        path = temporary / "adapter_config.json"
        settings = {**json.loads(path.read_text(encoding="utf-8")), "base_model_name_or_path": None}
        path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _reload_error(
    folder: Path, opened: Opened, settings: Settings, texts: Sequence[Any], score: Any, task: Task
) -> float:
    """Largest difference between logits in memory and of the model read back from disk."""
    again = predictor.logits(heads.load(folder), opened.tokenizer, settings.max_seq_length, task=task)
    error = float(np.abs(words.flat(again(texts)) - words.flat(score(texts))).max(initial=0))
    if error > 1e-3:
        raise RecordError(
            f"the model read back from {folder} differs by {error:g}", "report this: it is a bug in saving"
        )
    return error
