"""Linear probing: the body stays frozen, only the head is trained.

The body's answers never change, so they are computed once and the head is fitted on them alone.
What it does not do: adapt the body to the domain; where the frozen layers do not separate the classes, it cannot.
Source: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features", arXiv:2202.10054, on when a frozen body wins.

Alone, with a plain Trainer:

    head_only.apply(model, head_only.Config())
    Trainer(model=model, args=args, train_dataset=rows).train()
"""

from typing import Any

from pydantic import BaseModel

from afina.records import Facts, Nature, Verdict

NATURE = Nature(starts_at_base=True, merges=True, small=True)


class Config(BaseModel, frozen=True, extra="forbid"):
    """Linear probing has no options."""


def apply(model: Any, config: Config) -> Any:
    """Freeze the body in place, leave the head trainable; returns the same model."""
    del config
    model.requires_grad_(True)
    model.base_model.requires_grad_(False)
    return model


def merge(model: Any) -> Any:
    """Nothing was added, so nothing is merged; returns the same model."""
    return model


def suits(facts: Facts, config: Config) -> Verdict:
    """One forward pass of each row in all; the head's own cost is nothing beside it."""
    del config
    trainable = facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=4 * facts.parameters + 4 * facts.seen * facts.hidden,
        seconds_per_row=facts.seconds_per_row,
        fits=True,
        why="with few rows a class a frozen body with a new head beats training the body (Kumar 2022)",
    )
