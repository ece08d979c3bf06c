"""L2-SP: the body's weights are drawn to where they started, not to zero.

    penalty = weight / 2 * sum (w - w_0)^2        over the body's trainable weights w; w_0 before the first step

Cost: memory of one more copy of the trainable weights of the body; a step reads them once more, and no text.
What it does not do: say anything of answers; a direction that matters is held no tighter than one that does not.
The head, which is new, is left free (the paper draws it to zero).
Source: Xuhong Li et al. 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks",
arXiv:1802.01483, section 3.

Alone, with a plain Trainer:

    state = l2.begin(model, l2.Config(weight=0.1))

    class Keeping(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
            loss, outputs = super().compute_loss(model, inputs, True, **kwargs)
            loss = loss + l2.penalty(model, inputs, None, state, self.state.global_step)
            return (loss, outputs) if return_outputs else loss
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from afina import features
from afina.records import Facts

READS = False  # whether it needs general text


class Config(BaseModel, frozen=True, extra="forbid"):
    """How hard the weights are held."""

    weight: float = Field(default=0.1, ge=0, description="of half the squared distance")


@dataclass(frozen=True, slots=True)
class State:
    """Where the weights started."""

    config: Config
    start: Mapping[str, Tensor]


def begin(model: Any, config: Config, general: Any = None, folder: Any = None) -> State:
    """Copy the weights that will move. General text and the base's folder are not used."""
    del general, folder
    return State(config, features.trained_values(model.base_model))


def penalty(model: Any, batch: Any, answer: Any, state: State, step: int) -> Tensor:
    """The penalty as it stands, a scalar with its gradient; batch, answer and step do not matter."""
    del batch, answer, step
    now = dict(model.base_model.named_parameters())
    squares = ((now[name] - start).square().sum() for name, start in state.start.items())
    return state.config.weight / 2 * sum(squares, start=torch.zeros((), device=model.base_model.device))


def adds(facts: Facts, trainable: int, share: float, logits: int) -> tuple[float, int]:
    """Seconds a row (a few reads of the weights, not counted) and bytes: the starting weights."""
    del facts, share, logits
    return 0.0, 4 * trainable
