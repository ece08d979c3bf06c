"""KL divergence to the pretrained model: through one frozen head, the moved body says what the old body said.

    penalty = weight * T^2 * (mean KL(p || q) over the task's own texts + the same over general texts)        nats
    p = softmax(head(body_0(x)) / T)        body_0: the body before the first step, dropout off
    q = softmax(head(body(x)) / T)

The head is the base's masked-language head where it has one (a mean over tokens), else the classifier's own head as
it was before the first step: a linear probe of the frozen body. Where its labels do not exclude each other
(problem_type multi_label_classification), p and q are those of each label against its absence, and the divergences of
the labels are added. T^2 keeps the gradient's size when T changes. The head that is being trained stays free.
Cost a step: body_0 on the task's batch; body_0 and body, and back, on the general batch; the head each time. The
task's own pass through the body is used again. Memory: the frozen head, and the starting values of the body's
trainable parameters: a copy of the body where all of it is trained, and where an adapter is trained the adapter alone
(its start is the adapter switched off), so that no second body is held. A masked-language head also needs room for a
distribution over the vocabulary at every token.
What it does not do: serve a probe of one number (regression); keep what neither text shows.
Source: Li & Hoiem 2016, "Learning without Forgetting", arXiv:1606.09282, on the task's own inputs; temperature and
T^2, Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531, section 2.

Alone, with a plain Trainer:

    state = kl.begin(model, kl.Config(temperature=2.0), general, folder)  # the base's own folder, for its head

    class Keeping(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
            with features.watching(model.base_model) as seen:
                loss, outputs = super().compute_loss(model, inputs, True, **kwargs)
            loss = loss + kl.penalty(model, inputs, seen[-1], state, self.state.global_step)
            return (loss, outputs) if return_outputs else loss
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from afina import features
from afina.errors import ConfigError
from afina.readout import Readout, masked_language
from afina.records import Facts
from afina.sampling import General, general_batch

MULTI = "multi_label_classification"  # config.problem_type

READS = True  # whether it needs general text


class Config(BaseModel, frozen=True, extra="forbid"):
    """How hard the answers are held, and how flat they are made first."""

    weight: float = Field(default=0.1, ge=0, description="of the divergence")
    temperature: float = Field(default=2.0, gt=0, description="above 1 the answers ranked low count for more")


@dataclass(frozen=True, slots=True)
class State:
    """What the old answers are made from."""

    config: Config
    start: Mapping[str, Tensor]
    general: General
    head: Readout
    each: bool  # the head's labels do not exclude each other


def begin(model: Any, config: Config, general: General, folder: Path | None = None) -> State:
    """Copy the parameters that will move, and the head: that of the base in `folder`, else the model's own.

    Raises ConfigError where neither gives a distribution.
    """
    head = masked_language(folder) if folder is not None else None
    each = head is None and model.config.problem_type == MULTI
    if head is None and not each and model.config.num_labels == 1:
        raise ConfigError("kl: a head of one output has no distribution to keep", "use retention=distill or l2")
    head = (head or Readout(model)).to(model.base_model.device)
    return State(config, features.trained_values(model.base_model), general, head, each)


def penalty(model: Any, batch: Any, answer: Any, state: State, step: int) -> Tensor:
    """The penalty of one step, a scalar with its gradient.

    batch    what the task's loss was computed from; labels in it are not looked at
    answer   what the body answered to it then (`features.watching`)
    """
    body = model.base_model
    names = state.general.tokenizer.model_input_names
    own = features.in_turn({name: ids for name, ids in batch.items() if name in names})
    texts = {name: ids.to(body.device) for name, ids in general_batch(state.general, step).items()}
    held = _apart(body, own, answer, state) + _apart(body, texts, body(**texts), state)
    return state.config.weight * held


def adds(facts: Facts, trainable: int, share: float, logits: int) -> tuple[float, int]:
    """Seconds a row, with general batches `share` as large as the task's, and bytes.

    logits   numbers that the base's head for masked words gives of the task's batch; 0 where it has none
    Bytes are the starting values, that head, and the most of its logits that are held at once, in float32: both bodies'
    with what the divergence makes of them (measured, LOG.md).
    """
    held = 4 * logits * max(7.0, 2 + 9 * share)
    head = 4 * (facts.parameters - facts.body_parameters) if logits else 0
    return (1 + 4 * share) * facts.seconds_per_row, 4 * trainable + head + int(held)


def _apart(body: Any, texts: dict[str, Tensor], answer: Any, state: State) -> Tensor:
    """T^2 times the mean divergence of what the body answered from what it answered before the first step."""
    heat = state.config.temperature
    old = state.head(features.as_it_was(body, state.start, texts), texts).float() / heat
    new = state.head(answer, texts).float() / heat
    if new.ndim == 3:  # a head that labels tokens: the padding's answers mean nothing
        real = texts["attention_mask"].bool()
        old, new = old[real], new[real]
    if state.each:  # (n, labels) -> (n, labels, 2): a label, and its absence
        old, new = (torch.stack([logits, torch.zeros_like(logits)], -1) for logits in (old, new))
    return heat**2 * kl_div(log_softmax(new, -1), log_softmax(old, -1), reduction="batchmean", log_target=True)
