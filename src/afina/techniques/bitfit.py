"""BitFit: the biases of the body and the head are trained, every other number stays.

Trainable numbers: 11 * hidden a layer in BERT's shape (attention 4, feed-forward 4 + 1, norms 2), about 0.1% of the
model. A bias moves a layer's answer by a constant, whatever the text: it can stress what the base knows already.
What it does not do: anything for an architecture without biases (ModernBERT), and save time in proportion: gradients
flow through every layer.
Source: Ben Zaken, Ravfogel & Goldberg 2022, "BitFit: Simple Parameter-efficient Fine-tuning", arXiv:2106.10199.

Alone, with a plain Trainer:

    bitfit.apply(model, bitfit.Config())
    Trainer(model=model, args=args, train_dataset=rows).train()
"""

from typing import Any

from pydantic import BaseModel

from afina.errors import ConfigError
from afina.records import Facts, Nature, Verdict

NATURE = Nature(starts_at_base=True, merges=True, small=True)


class Config(BaseModel, frozen=True, extra="forbid"):
    """BitFit has no options."""


def apply(model: Any, config: Config) -> Any:
    """Freeze the body but for its biases, leave the head trainable; returns the same model.

    Raises ConfigError where the body has no biases.
    """
    del config
    body = model.base_model
    biases = [parameter for name, parameter in body.named_parameters() if name.endswith("bias")]
    if not biases:
        raise ConfigError(
            f"bitfit trains biases, and {type(body).__name__} has none", "use technique=lora, adapter or full"
        )
    model.requires_grad_(True)
    body.requires_grad_(False)
    for bias in biases:
        bias.requires_grad_(True)
    return model


def merge(model: Any) -> Any:
    """Nothing was added, so nothing is merged; returns the same model."""
    return model


def suits(facts: Facts, config: Config) -> Verdict:
    """Eleven vectors a layer; the backward pass goes through the whole body, but makes no weight gradients."""
    del config
    trainable = facts.own_layers * 11 * facts.hidden + facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=4 * facts.parameters + 16 * trainable,
        seconds_per_row=2 * facts.seconds_per_row,
        fits=facts.rows_per_class >= 8,
        why=f"trains {trainable / facts.parameters:.2%} of the numbers; competes where data are few (Ben Zaken 2022)",
    )
