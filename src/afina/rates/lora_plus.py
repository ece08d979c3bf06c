"""LoRA+: of each pair of LoRA's matrices, B learns faster than A.

    rate(B) = rate        rate(A) = rate / ratio        rate for all else in the body, head_rate for the head

With one rate for both, A and B of a wide layer cannot both learn as fast as they could: B starts at 0 and has to grow.
What it does not do: anything where there is no LoRA; there it is flat.
Source: Hayou, Ghosh & Yu 2024, "LoRA+: Efficient Low Rank Adaptation of Large Models", arXiv:2402.12354, section 4.

Alone, with a plain Trainer:

    groups = lora_plus.groups(model, lora_plus.Config(rate=2e-3), head_rate=1e-3, weight_decay=0.01)
    Trainer(model=model, args=args, train_dataset=rows, optimizers=(torch.optim.AdamW(groups), None)).train()
"""

from typing import Any

from pydantic import BaseModel, Field

from afina import depths, grouping


class Config(BaseModel, frozen=True, extra="forbid"):
    """B's rate, and by how much A's is lower."""

    rate: float = Field(default=2e-3, gt=0, lt=1, description="peak rate of B")
    ratio: float = Field(default=16.0, ge=1, description="B's rate by A's")


def groups(model: Any, config: Config, head_rate: float, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups `A`, `body` (B, and what else is trained there), its undecayed twin, and `head`."""

    def place(name: str) -> tuple[str, float]:
        if depths.in_head(model, name):
            return grouping.HEAD, head_rate
        return ("A", config.rate / config.ratio) if ".lora_A." in name else ("body", config.rate)

    return grouping.build(model, {name: place(name) for name, _ in model.named_parameters()}, weight_decay)
