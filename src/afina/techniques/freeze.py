"""Selective fine-tuning: a part of the body stays as it was pretrained.

    layers=k       the embeddings and the bottom k layers stay; k = 0 keeps the embeddings alone. Tables that every
                   layer reads, as those of relative positions, stay with the embeddings
    top=k          only the top k layers are trained, whatever the depth of the base
    pattern=...    what stays is named by a regular expression, searched in the names of the body's parameters

Frozen layers at the bottom are never back-propagated, so time and memory fall with each of them. A layer frozen in the
middle by a pattern saves its optimizer's memory only: its backward pass is needed all the same. The head is always
trained.
Source: Lee et al. 2019, "What Would Elsa Do? Freezing Layers During Transformer Fine-Tuning", arXiv:1911.03090.

Alone, with a plain Trainer:

    freeze.apply(model, freeze.Config(layers=2))
    Trainer(model=model, args=args, train_dataset=rows).train()
"""

import re
from typing import Any

from pydantic import BaseModel, Field, model_validator

from afina.errors import ConfigError
from afina.records import Facts, Nature, Verdict

NATURE = Nature(starts_at_base=True, merges=True, small=False)


class Config(BaseModel, frozen=True, extra="forbid"):
    """How much stays."""

    layers: int = Field(
        default=2, ge=0, description="layers frozen from the bottom, above the embeddings; 0: those alone"
    )
    top: int | None = Field(default=None, ge=1, description="instead of layers: how many are trained, from the top")
    pattern: str = Field(default="", description="instead of layers: a regular expression for the names that stay")

    @model_validator(mode="after")
    def _one_of_them(self) -> "Config":
        if self.top is not None and self.pattern:
            raise ValueError("freeze takes top or pattern, not both")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"the pattern is no regular expression: {error}") from None
        return self


def apply(model: Any, config: Config) -> Any:
    """Freeze in place; returns the same model.

    Raises ConfigError where the body has fewer layers, layers that share their weights or stand in no list, or no name
    with the pattern.
    """
    from afina import depths

    body = model.base_model
    model.requires_grad_(True)
    if config.pattern:
        for parameter in _named(body, config.pattern):
            parameter.requires_grad_(False)
        return model
    layers = _layers(body)
    wanted = config.layers if config.top is None else config.top
    if wanted > len(layers):
        name = "freeze_layers" if config.top is None else "freeze_top"
        raise ConfigError(f"{name} is {wanted}, and there are {len(layers)} layers", f"set it to {len(layers)} or less")
    lowest = depths.of(model)
    for name, parameter in model.named_parameters():
        if lowest[name] == 0:
            parameter.requires_grad_(False)
    for layer in layers[: wanted if config.top is None else len(layers) - wanted]:
        layer.requires_grad_(False)
    return model


def _named(body: Any, pattern: str) -> list[Any]:
    """The body's parameters whose names hold the pattern."""
    found = [parameter for name, parameter in body.named_parameters() if re.search(pattern, name)]
    if not found:
        kinds = sorted({re.sub(r"\.\d+\.", ".0.", name) for name, _ in body.named_parameters()})
        raise ConfigError(
            f"freeze_pattern {pattern!r} is in no parameter's name of {type(body).__name__}",
            f"the names, with 0 for each number of a layer: {', '.join(kinds)}",
        )
    return found


def _layers(body: Any) -> Any:
    """The body's list of layers, bottom first."""
    import torch

    depth = body.config.num_hidden_layers
    own = getattr(body.config, "num_hidden_groups", depth)
    if own < depth:  # as ALBERT's, whose inner layers may be as many as its depth by chance
        sets = "one set" if own == 1 else f"{own} sets"
        said = f"the {depth} layers of {type(body).__name__} share {sets} of weights"
        fix = "use freeze_pattern=embeddings, or technique=full, head_only or lora"
        raise ConfigError(f"{said}: none can stay while another learns", fix)
    lists = (m for m in body.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == depth)
    layers = next(lists, None)
    if layers is None:
        raise ConfigError(
            f"{type(body).__name__} has no list of {depth} layers to freeze one by one",
            "use freeze_pattern, or technique=full, head_only or lora",
        )
    return layers


def merge(model: Any) -> Any:
    """Nothing was added, so nothing is merged; returns the same model."""
    return model


def suits(facts: Facts, config: Config) -> Verdict:
    """Each frozen layer saves two thirds of its time and three of its four copies; a pattern is taken to save none."""
    kept = min(config.layers, facts.layers) if config.top is None else max(0, facts.layers - config.top)
    kept = 0 if facts.shared else kept
    why = "the lower layers hold general language; training the rest reaches most of the score for less (Lee 2019)"
    open_share = 1.0 if config.pattern else 1 - kept / facts.layers
    trainable = int(facts.body_parameters * open_share) + facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=4 * facts.parameters + 12 * trainable,
        seconds_per_row=facts.seconds_per_row * (1 + 2 * open_share),
        fits=facts.rows_per_class >= 8 and 0 < kept < facts.layers,
        why="this base's layers share their weights: none can stay while another learns" if facts.shared else why,
    )
