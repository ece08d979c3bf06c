"""Train a prepared model. The one file that names transformers.Trainer.

Trainer does the loop, the precision and the resume. Ours: rates, schedules and stages from their shelves, looks at
several hold-out sets, checkpoints that are whole or not there, a stop at the first loss or gradient that is not a
number and where training diverges, a signal that finishes the step and saves, and progress as events.
"""

import math
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor
from transformers import (
    DataCollatorForTokenClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_callback import ExportableState, PrinterCallback

from afina import checkpoints, features, grouping, interrupts, judging, looking, store, trimming, windows
from afina.errors import MachineError
from afina.recipes import Encoded, Fitted, Penalty, Policy, Recipe
from afina.records import Event, Tell
from afina.sampling import LengthBuckets, Rows
from afina.staging import Staged
from afina.watching import Finished, Watch


def fit(model: Any, tokenizer: Any, rows: tuple[Sequence[Encoded], Mapping[str, Sequence[Encoded]]], recipe: Recipe,
        folder: Path, tell: Tell) -> Fitted:  # fmt: skip
    """Train `model` in place on rows[0]; the look best on the first hold-out set of rows[1] is what it ends with.

    An accelerator is used where there is one; afterwards the model is back on the device it came from.
    Checkpoints go to `folder` and stay there; the newest whole one is resumed, and on a processor with one thread the
    weights are then bit for bit those of a run that never stopped. One folder is for one model, recipe and set of rows.
    Raises Interrupted after SIGINT or SIGTERM, with a checkpoint saved; MachineError for a loss or a gradient that is
    no number and for a training that diverges (see judging), naming step and rows.
    """
    train, holdouts = rows
    home = next(model.parameters()).device
    model.accepts_loss_kwargs = False  # else loss and gradient are multiplied by the accumulation steps
    stop, best = interrupts.Stop(), judging.Best(recipe.patience, recipe.keeps_last)
    losses = judging.Losses(judging.chance([row.get("labels") for row in train]))
    watch = Watch(tell, stop, best, losses, recipe.eval_steps or math.ceil(len(train) / recipe.batch))
    trainer = _Trainer(
        recipe,
        holdouts,
        watch,
        _staged(recipe, tell),
        model=model,
        args=_arguments(recipe, folder, len(train)),
        train_dataset=Rows(train, numbered=True, seen=recipe.seen),
        data_collator=DataCollatorForTokenClassification(tokenizer)
        if recipe.per_word
        else partial(features.pad, tokenizer),
    )
    trainer.penalty = recipe.retention(model) if recipe.retention else None  # before a checkpoint is loaded
    with interrupts.remembered(stop, tell), store.disk_errors(folder), _in_use(model, tokenizer, rows, recipe):
        resumed = checkpoints.newest(folder, lambda text: tell(Event("train", text)))
        try:
            trainer.train(resume_from_checkpoint=resumed and str(resumed))
        except Finished:
            trainer.callback_handler.on_train_end(trainer.args, trainer.state, trainer.control)
        if stop.number:  # during the last look: the stages that follow do not listen
            raise stop.error(trainer.state.global_step)
        load_model(model, checkpoints.best_weights(folder))
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # else its forward stays in bf16
    model.to(home)
    return _fitted(trainer)


def _in_use(model: Any, tokenizer: Any, rows: tuple[Sequence[Encoded], Mapping[str, Sequence[Encoded]]],
            recipe: Recipe) -> AbstractContextManager[None]:  # fmt: skip
    """Only the embeddings of what is read are trained, where that is known: a penalty or a mask may read more."""
    if recipe.retention or recipe.seen:
        return nullcontext()
    read = (ids for part in (rows[0], *rows[1].values()) for row in part for ids in features.sequences(row))
    return trimming.trimmed(model, read, tokenizer.pad_token_id)


def _fitted(trainer: "_Trainer") -> Fitted:
    """What Trainer's log and our own parts say of a finished run."""
    history, best, names = trainer.state.log_history, trainer.watch.best, tuple(trainer.holdouts)
    looks = looking.looks(history, dict.fromkeys(names, trainer.recipe.metric))
    others = looking.looks(history, {name: one.metric for name, one in trainer.recipe.asides.items()})
    early = trainer.state.global_step < trainer.state.max_steps
    why = f"{best.since} looks without a gain on {names[0]} after step {best.step}" if early else ""
    stages = tuple(change for one in trainer.staged for change in one.changes)
    curve = looking.curve(history, [look for look in looks if look.name == names[0]])
    return Fitted(curve, best.step, stages, looks + others, why)


def _staged(recipe: Recipe, tell: Tell) -> list[Staged]:
    if recipe.staging is None:
        return []
    module, config = recipe.staging.open("stagings")
    return [Staged(module.edges, config, tell)]


class _Trainer(Trainer):
    penalty: Penalty | None = None

    def __init__(
        self,
        recipe: Recipe,
        holdouts: Mapping[str, Sequence[Encoded]],
        watch: Watch,
        staged: list[Staged],
        **known: Any,
    ) -> None:
        super().__init__(callbacks=[*staged], **known)
        self.recipe, self.holdouts, self.watch, self.staged = recipe, holdouts, watch, staged
        self.seen: list[int] = []  # rows since the last step
        self.penalties: list[float] = []  # since the last log
        self.remove_callback(PrinterCallback)
        self.add_callback(_Log(self))
        self.add_callback(watch)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        if getattr(self, "optimizer", None) is None:
            recipe = self.recipe
            module, config = (recipe.rates or Policy("flat", {"rate": recipe.rate})).open("rates")
            groups = module.groups(self.model, config, recipe.head_rate, recipe.weight_decay)
            self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(groups, fused=True)
        return self.optimizer

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        if not self.recipe.dropout:
            model.eval()  # turns dropout off in every architecture; gradients flow all the same
        if self.penalty is None or not torch.is_grad_enabled():  # dev is looked at without the penalty
            return self._task_loss(model, inputs, return_outputs, **kwargs)
        with features.watching(self.model.base_model) as seen:
            loss, outputs = self._task_loss(model, inputs, True, **kwargs)
        with self.accelerator.autocast():
            held = self.penalty(self.model, inputs, seen[-1], self.state.global_step)
        self.penalties.append(held.item())
        return (loss + held, outputs) if return_outputs else loss + held

    def _task_loss(self, model: Any, inputs: Any, return_outputs: bool, **kwargs: Any) -> Any:
        if self.recipe.loss is None:
            return super().compute_loss(model, inputs, return_outputs, **kwargs)
        outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
        loss = self.recipe.loss(outputs.logits.float(), inputs["labels"])
        return (loss, outputs) if return_outputs else loss

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        module, config = self.recipe.schedule.open("schedules")
        share = lambda step: module.factor(step, num_training_steps, self.recipe.warmup_steps, config)  # noqa: E731
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, share)
        return self.lr_scheduler

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        if "loss" in logs:  # Trainer knows the rate of the first group only
            logs |= {f"{looking.RATE}{name}": rate for name, rate in self.rates.items()}
        if "loss" in logs and self.penalties:
            logs["penalty"] = float(np.mean(self.penalties))
            self.penalties.clear()
        super().log(logs, *args, **kwargs)

    def training_step(self, model: Any, inputs: dict[str, Tensor], *args: Any) -> Tensor:
        self.seen += inputs.pop("row").tolist()
        self.rates = grouping.rates(self.optimizer.param_groups)
        loss: Tensor = super().training_step(model, inputs, *args)
        for one in self.staged:
            one.saw(loss.item())
        self._refuse(self.watch.losses.add(loss.item() - sum(self.penalties[-1:])))  # judged on the task alone
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)
        self._refuse(None if math.isfinite(norm) else f"the gradient's norm is {float(norm)}")
        self.seen = []
        return norm

    def _refuse(self, problem: str | None) -> None:
        """Raise MachineError for a problem of this step, before it spoils the weights."""
        if problem is None:
            return
        rows = looking.places([self.train_dataset.rows[row].get("where", f"row:{row}") for row in self.seen])
        found = f"{problem}, at step {self.state.global_step + 1} with the batch {rows}"
        lower = f"{self.recipe.rate_key}={self.recipe.rate / 10:g}"
        fix = f"lower the rates, e.g. {lower}, or look at these rows; then run again"
        raise MachineError(found, fix)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """One look at every hold-out set, which changes nothing of the training."""
        found: dict[str, float] = {}
        for name, rows in self.holdouts.items():
            read, owner = windows.apart(rows)
            self.compute_metrics = partial(
                looking.looked, owner=owner, together=self.recipe.together, score=self.recipe.dev_score
            )
            with torch.random.fork_rng():  # a data loader draws from it
                found |= super().evaluate(Rows(read), metric_key_prefix=f"eval_{name}")
            if not math.isfinite(found[f"eval_{name}_loss"]):
                step, loss = self.state.global_step, found[f"eval_{name}_loss"]
                raise MachineError(f"the loss on {name} is {loss} at step {step}", "lower the rates; then run again")
        found |= self.look_aside()
        first = next(iter(self.holdouts))
        self.watch.looked(self.state, self.control, first, found[f"eval_{first}_score"])
        return found

    def look_aside(self) -> dict[str, float]:
        """One look at everything that the body is read for by other means than the model's answers."""
        found: dict[str, float] = {}
        with trimming.untrimmed(self.model):
            for name, one in self.recipe.asides.items():
                seen = one.look(self.model)
                found |= {f"eval_{name}_{key}": value for key, value in seen.items()}
                said = f"{name}: {one.metric} {seen['score']:.3f} ({seen['low']:.3f} to {seen['high']:.3f})"
                self.watch.tell(Event("train", f"{said} at step {self.state.global_step}"))
        if found:
            self.log(found)
        return found

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        del model, trial
        folder, step, best = Path(self.args.output_dir), self.state.global_step, self.watch.best.step
        with checkpoints.written(folder, step) as aside:
            save_model(self.model, str(aside / checkpoints.WEIGHTS))
            if 0 < best < step:
                shutil.copyfile(checkpoints.best_weights(folder), aside / checkpoints.BEST)
            if not self.watch.over(self.state):  # else no step follows that needs them
                self._save_optimizer_and_scheduler(str(aside))
            self._save_scaler(str(aside))
            self._save_rng_state(str(aside))
            for callback in self.callback_handler.callbacks:
                if isinstance(callback, ExportableState):
                    self.state.stateful_callbacks[type(callback).__name__] = callback.state()
            self.state.save_to_json(str(aside / "trainer_state.json"))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_model(self.model, Path(resume_from_checkpoint) / checkpoints.WEIGHTS)

    def _get_train_sampler(self, *args: Any) -> torch.utils.data.Sampler:
        lengths = [features.length(row) for row in self.train_dataset.rows]
        self.buckets = LengthBuckets(lengths, self.recipe.batch, self.recipe.seed)
        self.add_callback(_Epochs(self.buckets, self.train_dataset))
        return self.buckets


class _Epochs(TrainerCallback):
    def __init__(self, buckets: LengthBuckets, rows: Rows) -> None:
        self.buckets, self.rows = buckets, rows

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.buckets.epoch = self.rows.epoch = int((state.epoch or 0) + 1e-6)  # a resumed epoch begins at a fraction


class _Log(TrainerCallback, ExportableState):
    """The losses since Trainer's last log line, which Trainer itself forgets when it is resumed."""

    def __init__(self, trainer: "_Trainer") -> None:
        self.trainer = trainer

    def state(self) -> dict[str, Any]:
        loss, step = getattr(self.trainer, "_tr_loss", 0.0), getattr(self.trainer, "_globalstep_last_logged", 0)
        known = {"loss": float(loss), "step": step, "penalties": [*getattr(self.trainer, "penalties", ())]}
        return {"args": {}, "attributes": known}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        known = state.stateful_callbacks[type(self).__name__]["attributes"]
        self.trainer._tr_loss += known["loss"]
        self.trainer._globalstep_last_logged, self.trainer.penalties = known["step"], [*known["penalties"]]
        if not state.global_step:  # else the checkpoint knows of it
            self.trainer.look_aside()


def _arguments(recipe: Recipe, folder: Path, rows: int) -> TrainingArguments:
    steps = math.ceil(rows / recipe.batch) * recipe.epochs
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        per_device_eval_batch_size=64,
        learning_rate=recipe.rate,
        bf16=recipe.bf16,
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="no",  # Watch asks for looks and checkpoints
        save_strategy="no",
        logging_steps=max(1, int(steps / 60)),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        label_names=["labels"],
        seed=recipe.seed,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # else Trainer feeds every one of them a batch, and steps are fewer
    return arguments
