"""Replay: the pretraining task goes on, on general text, beside the task.

    penalty = weight * mean -log p(token | its text with 15% of the tokens masked)        nats, over masked tokens

p is read by the base's own masked-language head, which stays frozen. General text stands in for the corpus of
pretraining, which nobody has at hand. Unlike the other retentions this is a loss, not a distance: it is above 0
before the first step.
Cost a step: a forward and a backward pass of the general batch, the head included. Memory: that head, and its
logits of the general batch, at every token, with their gradients.
What it does not do: serve a base without a masked-language head; `distill` does.
Source: Robins 1995, "Catastrophic Forgetting, Rehearsal and Pseudorehearsal", Connection Science 7(2); pretraining
beside the task, Chen et al. 2020, "Recall and Learn", arXiv:2004.12651, section 3; masking, Devlin et al. 2019,
arXiv:1810.04805 (all chosen tokens are masked here, not 80% of them).

Alone, with a plain Trainer:

    state = replay.begin(model, replay.Config(), general, folder)  # the base's own folder, for its head

    class Keeping(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
            loss, outputs = super().compute_loss(model, inputs, True, **kwargs)
            loss = loss + replay.penalty(model, inputs, None, state, self.state.global_step)
            return (loss, outputs) if return_outputs else loss
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn.functional import cross_entropy

from afina.errors import ConfigError
from afina.readout import Readout, masked_language
from afina.records import Facts
from afina.sampling import General, general_batch

MASKED = 0.15  # share of the tokens

READS = True  # whether it needs general text


class Config(BaseModel, frozen=True, extra="forbid"):
    """How much the old task counts."""

    weight: float = Field(default=0.1, ge=0, description="of the masked-language loss, which is some nats large")


@dataclass(frozen=True, slots=True)
class State:
    """The old task."""

    config: Config
    general: General
    head: Readout


def begin(model: Any, config: Config, general: General, folder: Path | None) -> State:
    """Open the head. Raises ConfigError where the base has none, or its tokenizer no mask token."""
    head = masked_language(folder) if folder is not None and general.tokenizer.mask_token_id is not None else None
    if head is None:
        found = "replay: this base has no pretrained masked-language head to go on with"
        raise ConfigError(found, "use retention=distill, or a base with one")
    return State(config, general, head.to(model.base_model.device))


def penalty(model: Any, batch: Any, answer: Any, state: State, step: int) -> Tensor:
    """The loss of one step's general texts, a scalar with its gradient; the task's batch does not matter."""
    del batch, answer
    texts = general_batch(state.general, step)
    chosen = _chosen(texts["input_ids"], state.general, step)
    truth = texts["input_ids"][chosen]
    texts["input_ids"] = texts["input_ids"].masked_fill(chosen, state.general.tokenizer.mask_token_id)
    texts = {name: ids.to(model.base_model.device) for name, ids in texts.items()}
    logits = state.head(model.base_model(**texts), texts)[chosen]  # (masked, vocabulary)
    return state.config.weight * cross_entropy(logits.float(), truth.to(logits.device))


def adds(facts: Facts, trainable: int, share: float, logits: int) -> tuple[float, int]:
    """Seconds a row, with general batches `share` as large as the task's, and bytes.

    logits   numbers that the base's head for masked words gives of the task's batch; 0 where it has none
    Bytes are the head, about the embeddings, and three times the logits of the general batch in float32 (LOG.md).
    """
    del trainable
    head = 4 * (facts.parameters - facts.body_parameters)
    return 3 * share * facts.seconds_per_row, head + int(3 * 4 * share * logits)


def _chosen(ids: Tensor, general: General, step: int) -> Tensor:
    """The tokens to mask, (n, tokens): a function of seed and step alone; never special ones, always at least one."""
    special = torch.isin(ids, torch.tensor(general.tokenizer.all_special_ids))
    drawn = np.random.default_rng((general.seed, step)).random(tuple(ids.shape))
    scores = torch.from_numpy(drawn).masked_fill(special, 2.0)
    return scores <= max(MASKED, float(scores.min()))
