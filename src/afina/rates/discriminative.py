"""Discriminative rates: the body in a few groups by depth, each with a rate of its own.

    rate(p) = rates[floor(depth(p) * k / (n + 1))]        depth: 0 embeddings, 1 to n layers;   k rates
    head_rate for the head

The n + 1 depths are cut into k parts as equal as can be, the lowest first. The default is the example often given for
RoBERTa: 1e-5 for the embeddings and lowest layers, 3e-5 in the middle, 5e-5 at the top.
What it does not do: save time; gradients flow through every layer all the same.
Source: Howard & Ruder 2018, "Universal Language Model Fine-tuning", arXiv:1801.06146, section 3.2.

Alone, with a plain Trainer:

    groups = discriminative.groups(model, discriminative.Config(), head_rate=1e-3, weight_decay=0.01)
    Trainer(model=model, args=args, train_dataset=rows, optimizers=(torch.optim.AdamW(groups), None)).train()
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from afina import depths, grouping
from afina.errors import ConfigError

THREE = ("bottom", "middle", "top")


class Config(BaseModel, frozen=True, extra="forbid"):
    """The rates, from the bottom to the top."""

    rates: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(1e-5, 3e-5, 5e-5), min_length=1, description="peak rates of the body's parts, from the bottom"
    )


def groups(model: Any, config: Config, head_rate: float, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups `bottom`, `middle`, `top` (`part 1` to `part k` where k is not 3), their twins, and `head`.

    Raises ConfigError where there are more rates than depths, or the body has no list of layers.
    """
    top, parts = depths.count(model), len(config.rates)
    if parts > top + 1:
        raise ConfigError(
            f"{parts} rates for {top} layers and the embeddings", f"give at most {top + 1} discriminative_rates"
        )
    names = THREE if parts == len(THREE) else [f"part {part}" for part in range(1, parts + 1)]
    cut = [depth * parts // (top + 1) for depth in range(top + 1)]
    places = {depth: (names[part], config.rates[part]) for depth, part in enumerate(cut)}
    places[top + 1] = (grouping.HEAD, head_rate)
    return grouping.build(model, {name: places[depth] for name, depth in depths.of(model).items()}, weight_decay)
