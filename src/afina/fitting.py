"""Train a prepared model. The one file that names transformers.Trainer.

Trainer does the loop, the precision and the resume. Ours: parameter groups with a rate of their own for the head,
checkpoints that are used only if they are whole, a stop at the first loss that is not a number, a signal that
finishes the step and saves, and progress as events.
"""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from afina import heads, interrupts, store
from afina.checkpoints import Seal
from afina.curves import curve
from afina.errors import MachineError
from afina.records import Event, Point, Tell
from afina.sampling import LengthBuckets
from afina.watching import Watch

Encoded = dict[str, Any]  # token ids of one row, and "labels"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What training needs to know beside the model and the rows."""

    epochs: float
    batch: int
    rate: float  # peak, of the body
    head_rate: float
    warmup_steps: int
    weight_decay: float
    bf16: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """What happened; the model itself was trained in place and holds its best weights."""

    curve: tuple[Point, ...]
    best_step: int


def fit(model: Any, tokenizer: Any, rows: tuple[Sequence[Encoded], Sequence[Encoded]], recipe: Recipe,
        folder: Path, tell: Tell) -> Fitted:  # fmt: skip
    """Train `model` in place on rows[0], look at rows[1] after every epoch, end with the epoch best there.

    Checkpoints go to `folder`; the newest whole one there is resumed. They are deleted after a complete run.
    Raises Interrupted after SIGINT or SIGTERM, with a checkpoint saved; MachineError for a loss that is no number.
    """
    train, dev = rows
    model.accepts_loss_kwargs = False  # else loss and gradient are multiplied by the accumulation steps
    stop = interrupts.Stop()
    trainer = _Trainer(
        model=model,
        args=_arguments(recipe, folder, len(train)),
        train_dataset=_Rows(train),
        eval_dataset=_Rows(dev),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=_accuracy,
        preprocess_logits_for_metrics=_argmax,
        callbacks=[Seal(), Watch(tell, stop)],  # a signal ends the run once the checkpoint is sealed
    )
    trainer.recipe = recipe
    trainer.remove_callback(PrinterCallback)
    with interrupts.remembered(stop, tell), store.disk_errors(folder):
        trainer.train(resume_from_checkpoint=store.newest_whole(folder, lambda text: tell(Event("train", text))))
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # else its forward stays in bf16
    best = trainer.state.best_model_checkpoint
    best_step = int(best.rpartition("-")[2]) if best else trainer.state.global_step
    shutil.rmtree(folder, ignore_errors=True)
    return Fitted(curve(trainer.state.log_history), best_step)


def parameter_groups(model: Any, recipe: Recipe) -> list[dict[str, Any]]:
    """Body with and without weight decay, and the head; biases and norms are never decayed."""
    head = {name for name, _ in heads.head_parameters(model)}
    groups: dict[str, dict[str, Any]] = {
        "body": {"lr": recipe.rate, "weight_decay": recipe.weight_decay},
        "body, no decay": {"lr": recipe.rate, "weight_decay": 0.0},
        "head": {"lr": recipe.head_rate, "weight_decay": 0.0},
    }
    for name, group in groups.items():
        group["name"], group["params"] = name, []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            body = "body" if parameter.ndim > 1 else "body, no decay"
            groups["head" if name in head else body]["params"].append(parameter)
    return [group for group in groups.values() if group["params"]]


class _Trainer(Trainer):
    recipe: Recipe

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        if getattr(self, "optimizer", None) is None:
            groups = parameter_groups(self.model, self.recipe)
            self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(groups, fused=True)
        return self.optimizer

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        loss: Tensor = super().training_step(*args, **kwargs)
        if not torch.isfinite(loss):
            raise MachineError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}: training diverged",
                f"lower the rates, e.g. learning_rate={self.recipe.rate / 10:g}, then run again",
            )
        return loss

    def _get_train_sampler(self, *args: Any) -> torch.utils.data.Sampler:
        lengths = [len(row["input_ids"]) for row in self.train_dataset]
        self.buckets = LengthBuckets(lengths, self.recipe.batch, self.recipe.seed)
        self.add_callback(_Epochs(self.buckets))
        return self.buckets


class _Epochs(TrainerCallback):
    def __init__(self, buckets: LengthBuckets) -> None:
        self.buckets = buckets

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.buckets.epoch = int((state.epoch or 0) + 1e-6)  # a resumed epoch begins at a fraction


class _Rows(torch.utils.data.Dataset):
    def __init__(self, rows: Sequence[Encoded]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Encoded:
        return self.rows[row]


def _arguments(recipe: Recipe, folder: Path, rows: int) -> TrainingArguments:
    steps = math.ceil(rows / recipe.batch) * recipe.epochs
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        per_device_eval_batch_size=64,
        learning_rate=recipe.rate,
        lr_scheduler_type="linear",
        warmup_steps=recipe.warmup_steps,
        bf16=recipe.bf16,
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
        greater_is_better=True,
        save_total_limit=2,
        logging_steps=max(1, int(steps / 60)),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        label_names=["labels"],
        seed=recipe.seed,
    )


def _argmax(logits: Any, labels: Any) -> Any:
    del labels
    return logits.argmax(-1)  # keeps one number a row, not all logits of the set


def _accuracy(prediction: Any) -> dict[str, float]:
    return {"accuracy": float(np.mean(prediction.predictions == prediction.label_ids))}
