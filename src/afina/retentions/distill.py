"""Feature distillation on general text: the body's vectors of general texts stay where the pretrained body put them.

    penalty = weight * mean |v / |v| - v_0 / |v_0||^2        over a batch of general texts; from 0 to 4 * weight
    v       mean token vector of the last layer            v_0     the same of the body before the first step

Needs no head, so it serves every encoder. Where the base has a masked-language head, `replay` can put its own loss on
general text instead.
Cost a step: two forward passes and a backward pass of the general batch. Memory: the starting values of the body's
trainable parameters (for an adapter, the adapter alone: no second body).
What it does not do: hold single tokens, or the length of the vectors; keep what the general texts say nothing of.
Source: Jung et al. 2016, "Less-forgetting Learning in Deep Neural Networks", arXiv:1607.00122, which holds the
features of the new task's inputs; here it is general text that is held.

Alone, with a plain Trainer:

    state = distill.begin(model, distill.Config(weight=1.0), general)  # sampling.General: token ids, batch, seed

    class Keeping(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
            loss, outputs = super().compute_loss(model, inputs, True, **kwargs)
            loss = loss + distill.penalty(model, inputs, None, state, self.state.global_step)
            return (loss, outputs) if return_outputs else loss
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn.functional import normalize

from afina import features
from afina.records import Facts
from afina.sampling import General, general_batch

READS = True  # whether it needs general text


class Config(BaseModel, frozen=True, extra="forbid"):
    """How hard the vectors are held."""

    weight: float = Field(default=1.0, ge=0, description="of the mean squared distance of unit vectors")


@dataclass(frozen=True, slots=True)
class State:
    """What the old vectors are made from."""

    config: Config
    start: Mapping[str, Tensor]
    general: General


def begin(model: Any, config: Config, general: General, folder: Any = None) -> State:
    """Copy the parameters that will move. The base's folder is not used."""
    del folder
    return State(config, features.trained_values(model.base_model), general)


def penalty(model: Any, batch: Any, answer: Any, state: State, step: int) -> Tensor:
    """The penalty of one step's general texts, a scalar with its gradient; the task's batch does not matter."""
    del batch, answer
    texts = {name: ids.to(model.base_model.device) for name, ids in general_batch(state.general, step).items()}
    old = features.mean_vectors(features.as_it_was(model.base_model, state.start, texts), texts)
    new = features.mean_vectors(model.base_model(**texts), texts)
    apart = normalize(new.float(), dim=-1) - normalize(old.float(), dim=-1)
    return state.config.weight * apart.square().sum(-1).mean()


def adds(facts: Facts, trainable: int, share: float, logits: int) -> tuple[float, int]:
    """Seconds a row, with general batches `share` as large as the task's, and bytes: the starting values."""
    del logits
    return 4 * share * facts.seconds_per_row, 4 * trainable
