"""Selective fine-tuning: the embeddings and the bottom `layers` layers stay as they were pretrained.

Frozen layers at the bottom are never back-propagated, so time and memory fall with each of them.
What it does not do: freeze a middle layer alone (its backward pass would be needed all the same).
Source: Lee et al. 2019, "What Would Elsa Do? Freezing Layers During Transformer Fine-Tuning", arXiv:1911.03090.

Alone, with a plain Trainer:

    freeze.apply(model, freeze.Config(layers=2))
    Trainer(model=model, args=args, train_dataset=rows).train()
"""

from typing import Any

from pydantic import BaseModel, Field

from afina.errors import ConfigError
from afina.records import Facts, Verdict


class Config(BaseModel, frozen=True, extra="forbid"):
    """How much stays."""

    layers: int = Field(default=2, ge=0, description="layers frozen from the bottom, above the embeddings")


def apply(model: Any, config: Config) -> Any:
    """Freeze in place; returns the same model.

    Raises ConfigError where the body has fewer layers, or no list of layers to count.
    """
    import torch

    body = model.base_model
    depth = body.config.num_hidden_layers
    lists = (m for m in body.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == depth)
    layers = next(lists, None)
    if layers is None:
        raise ConfigError(
            f"{type(body).__name__} has no list of {depth} layers to freeze one by one",
            "use technique=full, head_only or lora",
        )
    if config.layers > depth:
        raise ConfigError(
            f"cannot freeze {config.layers} layers: there are {depth}", f"set freeze_layers to 0..{depth}"
        )
    model.requires_grad_(True)
    body.get_input_embeddings().requires_grad_(False)
    for name, child in body.named_children():
        if "embed" in name:
            child.requires_grad_(False)
    for layer in layers[: config.layers]:
        layer.requires_grad_(False)
    return model


def merge(model: Any) -> Any:
    """Nothing was added, so nothing is merged; returns the same model."""
    return model


def suits(facts: Facts, config: Config) -> Verdict:
    """Each frozen layer saves two thirds of its time and three of its four copies."""
    open_share = 1 - min(config.layers, facts.layers) / facts.layers
    trainable = int(facts.body_parameters * open_share) + facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=4 * facts.parameters + 12 * trainable,
        seconds_per_row=facts.seconds_per_row * (1 + 2 * open_share),
        fits=facts.rows_per_class >= 8 and 0 < config.layers < facts.layers,
        why="the lower layers hold general language; training the rest reaches most of the score for less (Lee 2019)",
    )
