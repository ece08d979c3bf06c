"""Layer-wise decay: each layer learns a little slower than the one above it.

    rate(p) = rate * factor ** (n - depth(p))        depth: 0 embeddings, 1 to n layers;   head_rate for the head

The top layer has the full rate; with 12 layers and a factor of 0.95 the embeddings have 0.54 of it. ELECTRA and BEiT
count one or two steps more, from a head that shares the body's rate; ours has one of its own.
What it does not do: save time; gradients flow through every layer all the same.
Source: Clark et al. 2020, "ELECTRA", arXiv:2003.10555, appendix B; Bao et al. 2022, "BEiT", arXiv:2106.08254;
the idea, with a factor of 1/2.6: Howard & Ruder 2018, "ULMFiT", arXiv:1801.06146, section 3.2.

Alone, with a plain Trainer:

    groups = layerwise.groups(model, layerwise.Config(rate=5e-5), head_rate=1e-3, weight_decay=0.01)
    Trainer(model=model, args=args, train_dataset=rows, optimizers=(torch.optim.AdamW(groups), None)).train()
"""

from typing import Any

from pydantic import BaseModel, Field

from afina import depths, grouping


class Config(BaseModel, frozen=True, extra="forbid"):
    """The top layer's rate, and what is left of it a layer below."""

    rate: float = Field(default=1e-4, gt=0, description="peak rate of the top layer")
    factor: float = Field(default=0.95, gt=0, le=1, description="a layer's rate by that of the layer above it")


def groups(model: Any, config: Config, head_rate: float, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups `embeddings`, `layer 1` to `layer n`, their undecayed twins, and `head`.

    Raises ConfigError where the body has no list of layers.
    """
    top = depths.count(model)
    places = {
        depth: ("embeddings" if depth == 0 else f"layer {depth}", config.rate * config.factor ** (top - depth))
        for depth in range(top + 1)
    }
    places[top + 1] = (grouping.HEAD, head_rate)
    return grouping.build(model, {name: places[depth] for name, depth in depths.of(model).items()}, weight_decay)
