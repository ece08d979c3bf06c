"""LoRA: learn a low-rank change of the attention's linear layers and leave every other weight alone.

    y = W x + bias + factor * B A x        A: (r, d_in)    B: (d_out, r), starts at 0

    factor   alpha / r; with rslora alpha / sqrt(r), so that large ranks learn (Kalajdzievski 2023, arXiv:2312.03732)
    dora     the lengths of the rows of W + factor * B A are learned apart from their directions, for small ranks;
             slower (Liu et al. 2024, arXiv:2402.09353)

Trainable numbers: r * (d_in + d_out) a layer touched. Once merged it costs nothing at inference. The change is put
on the bare body, and the head is an ordinary trainable module beside it: with the head inside the adapter, merging
and swapping adapters fail.
Where the base has rows of new tokens (`new_rows` in its config.json, from `growing`), these are trained and stored
too, and no other row of the embeddings: 4 * d_in bytes a token, or 2 * d_in where `adapters.round_rows` rounded them.
What it does not do: give A and B rates of their own (LoRA+), see the shelf of rates; or save time in proportion:
gradients still flow through every layer above the lowest one touched.
Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685, section 4.1.

Alone, with a plain Trainer:

    lora.apply(model, lora.Config(r=8))
    Trainer(model=model, args=args, train_dataset=rows).train()
    lora.merge(model).save_pretrained("out")
"""

from typing import Any

from pydantic import BaseModel, Field

from afina.errors import ConfigError
from afina.records import Facts, Nature, Verdict

NATURE = Nature(starts_at_base=True, merges=True, small=True, new_rows=True)

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
    targets: str = Field(default="", description="ends of the layers' names, with commas; by architecture if empty")
    rslora: bool = Field(default=False, description="the factor is alpha / sqrt(r), for large ranks")
    dora: bool = Field(default=False, description="learn lengths apart from directions; slower")


def apply(model: Any, config: Config) -> Any:
    """Wrap the body's target layers, freeze the rest of the body, leave the head trainable; returns the same model.

    Raises ConfigError where no linear layer of the body has one of the names, with the names there are.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    body = model.base_model
    named = tuple(name.strip() for name in config.targets.split(",") if name.strip())
    targets = named or ATTENTION.get(body.config.model_type, USUAL)
    linear = {name.rpartition(".")[2] for name, m in body.named_modules() if isinstance(m, torch.nn.Linear)}
    if missing := sorted(set(targets) - linear):
        raise ConfigError(
            f"lora: no linear layer of {type(body).__name__} is named {' or '.join(missing)}",
            f"set the targets to some of {', '.join(sorted(linear))}",
        )
    settings = LoraConfig(
        r=config.r,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(targets),
        bias="none",
        use_rslora=config.rslora,
        use_dora=config.dora,
        trainable_token_indices=list(range(*getattr(body.config, "new_rows", (0, 0)))) or None,
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
    touched = facts.own_layers * (config.targets.count(",") + 1 if config.targets else 2)
    added = touched * (2 * config.r * facts.hidden + (facts.hidden if config.dora else 0))
    trainable = added + facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=4 * facts.parameters + 16 * trainable,
        seconds_per_row=(3.3 if config.dora else 2.5) * facts.seconds_per_row,
        fits=facts.rows_per_class >= 8,
        why=f"trains {trainable / facts.parameters:.2%} of the numbers; merged, it adds no latency (Hu 2021, 4.1)",
    )
