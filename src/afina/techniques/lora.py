"""LoRA: learn a low-rank change of the attention's linear layers and leave every other weight alone.

    y = W x + bias + (alpha / r) * B A x        A: (r, d_in)    B: (d_out, r), starts at 0

Trainable numbers: r * (d_in + d_out) a layer touched. Once merged it costs nothing at inference. The change is put
on the bare body, and the head is an ordinary trainable module beside it: with the head inside the adapter, merging
and swapping adapters fail.
What it does not do: save time in proportion; gradients still flow through every layer above the lowest one touched.
Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685, section 4.1.

Alone, with a plain Trainer:

    lora.apply(model, lora.Config(r=8))
    Trainer(model=model, args=args, train_dataset=rows).train()
    lora.merge(model).save_pretrained("out")
"""

from typing import Any

from pydantic import BaseModel, Field

from afina.errors import ConfigError
from afina.records import Facts, Verdict

ATTENTION = {
    "distilbert": ("q_lin", "v_lin"),
    "modernbert": ("Wqkv",),
    "deberta": ("in_proj",),
    "deberta-v2": ("query_proj", "value_proj"),
    "mpnet": ("q", "v"),
}  # by config.model_type; PEFT has no default for the first two
USUAL = ("query", "value")


class Config(BaseModel, frozen=True, extra="forbid"):
    """Size and place of the change."""

    r: int = Field(default=8, ge=1, description="rank of the change; memory grows with it")
    alpha: float = Field(default=16.0, gt=0, description="size of the change; the factor used is alpha / r")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="on the input of A, while training only")
    targets: tuple[str, ...] = Field(default=(), description="last part of the layers' names; by architecture if empty")


def apply(model: Any, config: Config) -> Any:
    """Wrap the body's target layers, freeze the rest of the body, leave the head trainable; returns the same model.

    Raises ConfigError where no linear layer of the body has one of the names, with the names there are.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    body = model.base_model
    targets = config.targets or ATTENTION.get(body.config.model_type, USUAL)
    linear = {name.rpartition(".")[2] for name, m in body.named_modules() if isinstance(m, torch.nn.Linear)}
    if missing := sorted(set(targets) - linear):
        raise ConfigError(
            f"lora: no linear layer of {type(body).__name__} is named {' or '.join(missing)}",
            f"set the targets to some of {', '.join(sorted(linear))}",
        )
    settings = LoraConfig(
        r=config.r, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=list(targets), bias="none"
    )
    model.requires_grad_(True)
    setattr(model, model.base_model_prefix, get_peft_model(body, settings))  # freezes the body
    return model


def merge(model: Any) -> Any:
    """Add each learned change into its base weight; the model has its original layers again."""
    setattr(model, model.base_model_prefix, model.base_model.merge_and_unload())
    return model


def suits(facts: Facts, config: Config) -> Verdict:
    """Two square layers wrapped a block; the backward pass goes through the whole body."""
    trainable = facts.layers * 2 * config.r * 2 * facts.hidden + facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=4 * facts.parameters + 16 * trainable,
        seconds_per_row=2.5 * facts.seconds_per_row,
        fits=facts.rows_per_class >= 8,
        why=f"trains {trainable / facts.parameters:.2%} of the numbers; merged, it adds no latency (Hu 2021, 4.1)",
    )
