"""Parameters with their rates as the groups that an optimizer of torch's takes."""

from collections.abc import Mapping, Sequence
from typing import Any

HEAD = "head"
UNDECAYED = ", no decay"  # end of the name of a group's twin
PEFT_ROWS = "trainable_tokens_delta"  # in the names of parameters: PEFT's rows of new tokens
NEW_ROWS, NEW_ROWS_RATE = "new rows", 1e-4  # of tokens, which PEFT trains alone; at most the rate of full fine-tuning


def build(model: Any, places: Mapping[str, tuple[str, float]], weight_decay: float) -> list[dict[str, Any]]:
    """Groups of the trainable parameters; `places` gives each parameter's group and peak rate by its name.

    A group has a twin for its biases and norms (fewer than two dimensions), which are not decayed. The head is not
    decayed at all. Frozen parameters are in no group, and a group without parameters is left out. Rows of new tokens
    that are trained beside LoRA's matrices have a group of their own, at NEW_ROWS_RATE at most: what has a meaning
    already does not bear the rate of what begins at 0.
    """
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            group, rate = places[name]
            if PEFT_ROWS in name:
                group, rate = NEW_ROWS, min(rate, NEW_ROWS_RATE)
            decayed = parameter.ndim > 1 and group != HEAD
            label = group if decayed or group == HEAD else group + UNDECAYED
            decay = weight_decay if decayed else 0.0
            empty: dict[str, Any] = {"name": label, "params": [], "lr": rate, "weight_decay": decay}
            groups.setdefault(label, empty)["params"].append(parameter)
    return list(groups.values())


def rates(groups: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The rate of each group as it is now, 0 while all of it is frozen; a group and its twin are one."""
    found: dict[str, float] = {}
    for group in groups:
        name = group["name"].removesuffix(UNDECAYED)
        rate = float(group["lr"]) if any(p.requires_grad for p in group["params"]) else 0.0
        found[name] = max(rate, found.get(name, 0.0))
    return found


def body_rate(rates: Mapping[str, float]) -> float:
    """The highest rate outside the head; the head's where nothing else is trained."""
    return max((rate for name, rate in rates.items() if name != HEAD), default=rates.get(HEAD, 0.0))
