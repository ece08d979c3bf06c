"""What a training is told beside the model and the rows, and what it tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from afina import shelf, windows
from afina.records import Look, Point, StageChange

Encoded = dict[str, Any]  # token ids of one row, "labels", and where it stands: "where", as file:line
Penalty = Callable[[Any, Encoded, Any, int], Tensor]  # model, batch, the body's answer to it, step


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of rows whose largest logit is that of their class."""
    return float(np.mean(logits.argmax(-1) == labels))


@dataclass(frozen=True, slots=True)
class Policy:
    """A module of a shelf, with the options of its Config."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def open(self, shelf_name: str) -> tuple[Any, Any]:
        """The module and its Config."""
        module = shelf.load(shelf_name, self.name)
        return module, module.Config(**self.options)


@dataclass(frozen=True, slots=True)
class Aside:
    """What is looked at beside the hold-out sets, by other means than the model's own head."""

    metric: str
    look: Callable[[Any], dict[str, float]]  # of a model: score, low, high, rows; draws nothing, changes nothing


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
    dropout: bool  # the model's own
    seed: int
    rates: Policy | None = None  # flat at `rate`
    schedule: Policy = Policy("linear")
    staging: Policy | None = None  # all layers at once
    retention: Callable[[Any], Penalty] | None = None  # from the model before its first step
    eval_steps: int = 0  # optimizer steps between two looks at the hold-out sets; 0 is an epoch
    patience: int = 0  # looks without a gain after which training stops; 0 is never
    keeps_last: bool = False  # the last look's weights rather than the best look's
    dev_score: Callable[[np.ndarray, np.ndarray], float] = accuracy  # logits and labels -> what the best look has most
    metric: str = "accuracy"  # its name
    together: windows.Together = windows.largest  # the logits of a hold-out row of those of its windows
    per_word: bool = False  # whether a row has a label for each token, -100 for none
    loss: Callable[[Tensor, Tensor], Tensor] | None = None  # of logits and labels; None is the model's own
    seen: Callable[[Encoded, int, int], Encoded] | None = None  # row, its place, the pass: what is trained on; None: it
    asides: Mapping[str, Aside] = field(default_factory=dict)  # by name; looked at before the first step too
    rate_key: str = "learning_rate"  # of the run file, for who is told to lower it


@dataclass(frozen=True, slots=True)
class Fitted:
    """What happened; the model itself was trained in place and holds its best weights."""

    curve: tuple[Point, ...]
    best_step: int
    stages: tuple[StageChange, ...] = ()
    looks: tuple[Look, ...] = ()
    stopped: str = ""  # why training ended before its last step
