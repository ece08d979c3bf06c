"""One rate for the whole body, one for the head.

    rate(p) = rate for every trainable p of the body, head_rate for the head

What it does not do: spare the lower layers, which hold general language; see discriminative and layerwise for that.
Source: Devlin et al. 2019, "BERT", arXiv:1810.04805, appendix A.3 (one rate for all); the head's own rate is ours.

Alone, with a plain Trainer:

    groups = flat.groups(model, flat.Config(rate=5e-5), head_rate=1e-3, weight_decay=0.01)
    Trainer(model=model, args=args, train_dataset=rows, optimizers=(torch.optim.AdamW(groups), None)).train()
"""

from typing import Any

from pydantic import BaseModel, Field

from afina import depths, grouping


class Config(BaseModel, frozen=True, extra="forbid"):
    """The one rate."""

    rate: float = Field(default=1e-4, gt=0, description="peak rate of the body")


def groups(model: Any, config: Config, head_rate: float, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups `body`, its undecayed twin, and `head`, for any optimizer of torch's."""
    head, body = (grouping.HEAD, head_rate), ("body", config.rate)
    names = (name for name, _ in model.named_parameters())
    return grouping.build(model, {n: head if depths.in_head(model, n) else body for n in names}, weight_decay)
