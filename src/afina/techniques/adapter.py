"""Bottleneck adapters: a small network behind a sublayer learns what to add to its answer; the body stays.

    h + up(gelu(down(h)))        down: (size, hidden)    up: (hidden, size), starts at 0: nothing changes at first

    houlsby    behind the attention and behind the feed-forward block of each layer
    pfeiffer   behind the feed-forward block alone: half the size

Both stand where Houlsby et al. put theirs: on the sublayer's last projection, before the residual sum and the norm.
Trainable numbers: 2 * hidden * size + hidden + size for each. Where layers share their weights (ALBERT) they share the
adapter too. It hangs on the layer as a hook, so that the model's own parameters keep their names.
What it does not do: vanish. A nonlinearity cannot be folded into a linear layer, so each costs its 4 * hidden * size
operations a token at inference as well, and ships beside the base and inside the ONNX graph. Norms stay frozen,
which Houlsby et al. train.
Source: Houlsby et al. 2019, "Parameter-Efficient Transfer Learning for NLP", arXiv:1902.00751, section 2; Pfeiffer et
al. 2021, "AdapterFusion", arXiv:2005.00247, section 3.2.1, for one a layer.

Alone, with a plain Trainer:

    adapter.apply(model, adapter.Config(size=16))
    Trainer(model=model, args=args, train_dataset=rows).train()
"""

from typing import Any, Literal

from pydantic import BaseModel, Field

from afina.errors import ConfigError
from afina.records import Facts, Nature, Verdict

NATURE = Nature(starts_at_base=True, merges=False, small=True)

USUAL = ("attention.output.dense", "output.dense")  # last projection of attention, of feed-forward
PLACES = {
    "albert": ("attention.dense", "ffn_output"),
    "bert": USUAL,
    "camembert": USUAL,
    "deberta": USUAL,
    "deberta-v2": USUAL,
    "distilbert": ("attention.out_lin", "ffn.lin2"),
    "electra": USUAL,
    "modernbert": ("attn.Wo", "mlp.Wo"),
    "mpnet": ("attention.attn.o", "output.dense"),
    "roberta": USUAL,
    "xlm-roberta": USUAL,
}  # by config.model_type: how the names of the two layers end


class Config(BaseModel, frozen=True, extra="forbid"):
    """Width and number of the adapters."""

    size: int = Field(default=16, ge=1, description="width of the bottleneck; memory and time grow with it")
    kind: Literal["houlsby", "pfeiffer"] = Field(default="houlsby", description="two a layer, or one (pfeiffer)")


def apply(model: Any, config: Config) -> Any:
    """Hang an adapter on each place, freeze the rest of the body, leave the head trainable; returns the same model.

    Raises ConfigError for an architecture whose places are not known.
    """
    import torch
    from torch import nn

    model.requires_grad_(True)
    model.base_model.requires_grad_(False)
    for layer in _layers(model.base_model, config.kind):
        down, up = nn.Linear(layer.out_features, config.size), nn.Linear(config.size, layer.out_features)
        with torch.no_grad():
            up.weight.zero_()
            up.bias.zero_()
        layer.adapter = nn.Sequential(down, nn.GELU(), up).to(layer.weight.device)
        layer.register_forward_hook(_add)
    return model


def _add(layer: Any, inputs: Any, answer: Any) -> Any:
    del inputs
    return answer + layer.adapter(answer)


def _layers(body: Any, kind: str) -> list[Any]:
    """The linear layers that get an adapter."""
    architecture = body.config.model_type
    if architecture not in PLACES:
        raise ConfigError(
            f"adapter: where the sublayers of a {architecture!r} model end is not known",
            f"use technique=lora or full, or a base of one of these kinds: {', '.join(PLACES)}",
        )
    attention, forward = (f".{place}" for place in PLACES[architecture])
    named = [(f".{name}", module) for name, module in body.named_modules()]
    last = [module for name, module in named if name.endswith(forward) and not name.endswith(attention)]
    return last if kind == "pfeiffer" else last + [module for name, module in named if name.endswith(attention)]


def merge(model: Any) -> Any:
    """The adapters stay: returns the same model, whose answers need them."""
    return model


def suits(facts: Facts, config: Config) -> Verdict:
    """Two matrices a place; the backward pass goes through the whole body, but makes few weight gradients."""
    places = facts.own_layers * (2 if config.kind == "houlsby" else 1)
    added = places * (2 * facts.hidden * config.size + facts.hidden + config.size)
    trainable = added + facts.classes * (facts.hidden + 1)
    return Verdict(
        trainable=trainable,
        memory=4 * facts.parameters + 20 * trainable,
        seconds_per_row=2.5 * facts.seconds_per_row,
        fits=facts.rows_per_class >= 8,
        why=f"adds {added / facts.parameters:.2%} of the numbers, which stay and cost some latency (Houlsby 2019, 2.1)",
    )
