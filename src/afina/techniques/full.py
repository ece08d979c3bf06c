"""Full fine-tuning: every parameter of the body and the head is trained.

Cost: memory of four copies of the weights (weight, gradient, two Adam moments), time of a forward and two
backward passes. What it does not do: keep anything of the old knowledge; see retentions for that.
Source: Devlin et al. 2019, "BERT", arXiv:1810.04805, section 3.2.

Alone, with a plain Trainer:

    full.apply(model, full.Config())
    Trainer(model=model, args=args, train_dataset=rows).train()
"""

from typing import Any

from pydantic import BaseModel

from afina.records import Facts, Nature, Verdict

NATURE = Nature(starts_at_base=True, merges=True, small=False)


class Config(BaseModel, frozen=True, extra="forbid"):
    """Full fine-tuning has no options."""


def apply(model: Any, config: Config) -> Any:
    """Make every parameter trainable in place; returns the same model."""
    del config
    return model.requires_grad_(True)


def merge(model: Any) -> Any:
    """Nothing was added, so nothing is merged; returns the same model."""
    return model


def suits(facts: Facts, config: Config) -> Verdict:
    """Four copies of every weight; backward costs about twice the forward pass."""
    del config
    trainable = facts.parameters + facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=16 * trainable,
        seconds_per_row=3 * facts.seconds_per_row,
        fits=facts.rows_per_class >= 8,
        why="every weight can adapt, for four copies of the weights in memory (Devlin 2019, 3.2)",
    )
