"""How deep each parameter of a classifier stands: 0 the embeddings, 1 to n the body's layers, n + 1 the head.

A parameter outside the layers stands as deep as the lowest layer that reads it: tables that every layer reads
(relative positions and their norm) are 0, as the embeddings are; a pooler or a norm behind the last layer is n. What a
technique puts inside a layer (LoRA, an adapter) belongs to that layer. ALBERT's layers share their weights: there, n
is the number of groups that share them.
"""

from typing import Any

from torch import nn

from afina.errors import ConfigError

BEHIND = ("pooler", "final_norm")  # the body's parts that stand behind its last layer, in every known architecture


def count(model: Any) -> int:
    """The number n of layers. Raises ConfigError where the body has no list of them."""
    return len(_layers(model.base_model))


def shared(model: Any) -> bool:
    """Whether none of the body's layers can be told from the others: they share their weights, or stand in no list."""
    try:
        return count(model) < int(model.base_model.config.num_hidden_layers)
    except ConfigError:
        return True


def of(model: Any) -> dict[str, int]:
    """Depth of every parameter, by its name. Raises ConfigError where the body has no list of layers."""
    layers = _layers(model.base_model)
    inside = {id(p): depth for depth, layer in enumerate(layers, 1) for p in layer.parameters()}
    depths = {}
    for name, parameter in model.named_parameters():
        behind = not set(BEHIND).isdisjoint(name.split("."))
        outside = len(layers) if behind else 0
        depths[name] = len(layers) + 1 if in_head(model, name) else inside.get(id(parameter), outside)
    return depths


def in_head(model: Any, name: str) -> bool:
    """Whether the parameter of that name is outside the body."""
    return not name.startswith(f"{model.base_model_prefix}.")


def _layers(body: Any) -> nn.ModuleList:
    config = body.config
    length = getattr(config, "num_hidden_groups", config.num_hidden_layers)
    lists = (module for module in body.modules() if isinstance(module, nn.ModuleList) and len(module) == length)
    layers = next(lists, None)
    if layers is None:
        raise ConfigError(
            f"{type(body).__name__} has no list of {length} layers to tell apart", "use rates=flat and staging=none"
        )
    return layers
