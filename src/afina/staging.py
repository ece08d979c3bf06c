"""Staged training: a Trainer callback that opens or closes layers as a staging of the shelf says.

The optimizer knows all parameters from the start. A frozen one has no gradient, so the optimizer passes it by and keeps
what it remembers of it. Where the training stands is stored with each checkpoint, in Trainer's own state, so that a
resumed run is in the right stage, with the same averages.
What it does not do: run under DistributedDataParallel, which wants to know beforehand what is trained.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from pydantic import TypeAdapter
from torch import nn
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from afina import depths, triggers
from afina.errors import ConfigError
from afina.records import Event, Seen, Stage, StageChange, Tell, silent
from afina.triggers import Trigger


class Staged(TrainerCallback, ExportableState):
    """Trains only the depths of the present stage; `edges` is a staging's function of that name.

    by="loss" needs every training loss in `saw`, since Trainer shows it to no callback: call it from `training_step`.
    Raises ConfigError where it was not called, or the body has no list of layers.
    """

    def __init__(self, edges: Callable[[int, Any], Sequence[int]], trigger: Trigger, tell: Tell = silent) -> None:
        self.edges_of, self.trigger, self.tell = edges, trigger, tell
        self.stage = Stage()
        self.losses: list[float] = []
        self.norm = 0.0

    @property
    def changes(self) -> tuple[StageChange, ...]:
        """Every change of stage so far."""
        return self.stage.changes

    def saw(self, loss: float) -> None:
        """Take note of a batch's training loss."""
        self.losses.append(loss)

    def state(self) -> dict[str, Any]:
        """What Trainer stores with a checkpoint."""
        return {"args": {}, "attributes": {"stage": asdict(self.stage)}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Find the stage that a resumed run was in, and train its depths only."""
        depth = depths.of(kwargs["model"])
        self.trained = [(p, depth[name]) for name, p in kwargs["model"].named_parameters() if p.requires_grad]
        self.lowest = lowest(self.edges_of(depths.count(kwargs["model"]), self.trigger), [d for _, d in self.trained])
        stored = state.stateful_callbacks.setdefault(type(self).__name__, self.state())
        self.stage = TypeAdapter(Stage).validate_python(stored["attributes"]["stage"])
        self._open()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure the gradient (as it was clipped) at the lowest trained depth, where it is what ends a stage."""
        if self.trigger.by == "gradient_norm":
            edge = self.lowest[self.stage.number]
            gradients = [p.grad for p, depth in self.trained if depth == edge and p.grad is not None]
            self.norm = float(nn.utils.get_total_norm(gradients))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Go on to the next stage if it is time."""
        seen = Seen(state.global_step, state.max_steps, state.epoch, self._value())
        before, self.stage = self.stage, triggers.advance(self.stage, seen, len(self.lowest) - 1, self.trigger)
        if self.stage.number != before.number:
            self._open()
            text = f"stage {self.stage.number + 1} of {len(self.lowest)}: {self.changes[-1].why}"
            self.tell(Event("train", text, state.global_step, state.max_steps))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave the model as the technique had made it."""
        for parameter, _ in self.trained:
            parameter.requires_grad_(True)

    def _value(self) -> float:
        """The monitored number of the last step."""
        losses, self.losses = self.losses, []
        if self.trigger.by == "gradient_norm":
            return self.norm
        if self.trigger.by == "loss" and not losses:
            raise ConfigError(
                "a staging by loss was shown no loss", "call staged.saw(loss) in training_step, or use by=share"
            )
        return sum(losses) / len(losses) if losses else 0.0

    def _open(self) -> None:
        edge = self.lowest[self.stage.number]
        for parameter, depth in self.trained:
            parameter.requires_grad_(depth >= edge)
            if depth < edge:
                parameter.grad = None


def lowest(edges: Sequence[int], trained: Sequence[int]) -> tuple[int, ...]:
    """The lowest depth that each stage really trains, of those that a technique trains; stages alike are one.

    >>> lowest((0, 1, 2, 3), [1, 2, 3, 4])
    (1, 2, 3)
    """
    found = [min((depth for depth in trained if depth >= edge), default=edge) for edge in edges]
    return tuple(edge for edge, _ in groupby(found))
