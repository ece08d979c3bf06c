"""Train: the planned technique on the training rows, from a head that already fits the frozen body.

The head starts from the solution of a linear probe, so that the first steps do not tear up the body to please a
random head. Source: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features", arXiv:2202.10054.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from afina import features, fitting, heads, metrics, probing, shelf, store
from afina.bases import Opened
from afina.records import Corpus, Event, Plan, Row, Settings, Tell, Trained

CHECKED_ROWS = 32  # rows whose logits are compared after reading the model back from disk


def train(corpus: Corpus, plan: Plan, opened: Opened, folder: Path, tell: Tell, seed: int) -> Trained:
    """Train, merge, write to `folder`/model, and read back; returns what happened.

    Raises RecordError where the model read back from disk gives other logits, and what `fitting.fit` raises.
    """
    began, settings = time.monotonic(), plan.settings
    torch.manual_seed(seed)
    model = heads.build(opened.folder, settings.pooling, corpus.labels)
    tokenizer, bf16 = opened.tokenizer, settings.precision == "bf16"
    rows, dev = (
        _encode(tokenizer, part, corpus.labels, settings.max_seq_length) for part in (corpus.train, corpus.dev)
    )
    dev_accuracy = _probe_head(model, tokenizer, rows, dev, bf16)
    tell(Event("train", f"the probe's head is in place: accuracy {dev_accuracy:.3f} on dev", metric=dev_accuracy))
    name = settings.technique
    technique = shelf.load("techniques", name)
    technique.apply(model, technique_config(settings))
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    fitted = fitting.Fitted((), 0)
    if name != "head_only":
        fitted = fitting.fit(model, tokenizer, (rows, dev), _recipe(settings, seed), folder / "checkpoints", tell)
    if name == "lora":
        _save_adapter(model, folder / "adapter")
    model = technique.merge(model).eval()
    with store.whole_folder(folder / "model") as temporary:
        layout = heads.save(model, tokenizer, temporary, settings.max_seq_length)
    logits = _logits(model, tokenizer, dev, bf16=False)
    error = _reload_error(folder / "model", tokenizer, dev, logits)
    labels = np.array([row["labels"] for row in dev])
    return Trained(
        technique=name,
        folder="model",
        layout=layout,
        trainable=trainable,
        parameters=sum(p.numel() for p in model.parameters()),
        seconds=round(time.monotonic() - began, 1),
        curve=fitted.curve,
        best_step=fitted.best_step,
        dev=metrics.scores(labels, metrics.softmax(logits), seed),
        reload_error=error,
    )


def technique_config(settings: Settings) -> Any:
    """The planned technique's options as its own Config."""
    name = settings.technique
    options: dict[str, Any] = {}
    if name == "freeze":
        options = {"layers": settings.freeze_layers}
    if name == "lora":
        options = {"r": settings.lora_r, "alpha": settings.lora_alpha}
    return shelf.load("techniques", name).Config(**options)


def _encode(tokenizer: Any, rows: Sequence[Row], labels: Sequence[str], max_tokens: int) -> list[dict[str, Any]]:
    """Token ids with the class of each row; rows of unknown classes are left out."""
    index = {label: place for place, label in enumerate(labels)}
    known = [row for row in rows if row.label in index]
    encoded = features.encode(tokenizer, [row.input for row in known], max_tokens)
    return [{**ids, "labels": index[row.label]} for ids, row in zip(encoded, known, strict=True)]


def _probe_head(model: nn.Module, tokenizer: Any, rows: list[dict], dev: list[dict], bf16: bool) -> float:
    """Fit a logistic head on the frozen body's features and put it in place; returns its accuracy on dev."""
    output = heads.output_layer(model)

    def seen(part: list[dict]) -> tuple[np.ndarray, np.ndarray]:
        labels = np.array([row["labels"] for row in part])
        bare = [{key: value for key, value in row.items() if key != "labels"} for row in part]
        read = lambda batch: features.before_output(model, output, batch)  # noqa: E731
        return features.collect(model, tokenizer, bare, read, bf16), labels

    train, held_out = seen(rows), seen(dev)
    strength, _ = probing.choose_strength(train, held_out, output.out_features)
    weights, biases = probing.logistic(*train, output.out_features, strength)
    with torch.no_grad():
        output.weight.copy_(torch.from_numpy(weights))
        output.bias.copy_(torch.from_numpy(biases))
    return float(((held_out[0] @ weights.T + biases).argmax(1) == held_out[1]).mean())


def _recipe(settings: Settings, seed: int) -> fitting.Recipe:
    return fitting.Recipe(
        epochs=settings.num_train_epochs,
        batch=settings.per_device_train_batch_size,
        rate=settings.learning_rate,
        head_rate=settings.head_learning_rate,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        bf16=settings.precision == "bf16",
        seed=seed,
    )


def _save_adapter(model: Any, folder: Path) -> None:
    """The unmerged adapter in PEFT's own layout, with no path of this machine inside."""
    with store.whole_folder(folder) as temporary:
        for settings in model.base_model.peft_config.values():
            settings.base_model_name_or_path = None
        model.base_model.save_pretrained(temporary)
        (temporary / "README.md").unlink(missing_ok=True)  # PEFT's template; the run has its own card


def _logits(model: nn.Module, tokenizer: Any, rows: list[dict], bf16: bool) -> np.ndarray:
    bare = [{key: value for key, value in row.items() if key != "labels"} for row in rows]
    return features.collect(model, tokenizer, bare, lambda batch: model(**batch).logits, bf16)


def _reload_error(folder: Path, tokenizer: Any, dev: list[dict], logits: np.ndarray) -> float:
    """Largest difference between logits in memory and of the model read back from disk."""
    from afina.errors import RecordError

    again = _logits(heads.load(folder), tokenizer, dev[:CHECKED_ROWS], bf16=False)
    error = float(np.abs(again - logits[:CHECKED_ROWS]).max(initial=0))
    if error > 1e-3:
        raise RecordError(
            f"the model read back from {folder} differs by {error:g}", "report this: it is a bug in saving"
        )
    return error
