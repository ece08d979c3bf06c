"""The options of the techniques under the keys of the run file: `lora_r` is the field `r` of lora's Config."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from afina import shelf
from afina.errors import ConfigError

SWITCHES = {
    "augment_": "augmentation", "balancing_": "balancing", "adapt_": "adapt_file", "retention_": "retention",
    "staging_": "staging", "cycle_": "lr_scheduler_type", "num_cycles": "lr_scheduler_type", "layerwise_": "rates",
    "discriminative_": "rates", "lora_plus_": "rates", "focal_": "loss",
}  # how keys begin -> the key that they belong to  # fmt: skip


def of(technique: str) -> dict[str, str]:
    """The keys of a technique's options and what they are called in its own Config: {"lora_r": "r", ...}."""
    return {f"{technique}_{option}": option for option in shelf.load("techniques", technique).Config.model_fields}


def config(technique: str, given: Mapping[str, Any]) -> Any:
    """A technique's own Config. Raises ConfigError where options contradict each other."""
    try:
        return shelf.load("techniques", technique).Config(**given)
    except ValidationError as error:
        raise ConfigError(f"technique {technique}: {problems(error)}", "correct them, or leave them out") from None


def fields() -> dict[str, Any]:
    """A pydantic field for each option of each technique, checked as in its own Config; None leaves it to the plan."""
    found: dict[str, Any] = {}
    annotated: Any = Annotated
    for technique in shelf.names("techniques"):
        known = shelf.load("techniques", technique).Config.model_fields
        for key, option in of(technique).items():
            checked = annotated[known[option].annotation, *(known[option].metadata or [None])]
            found[key] = (checked | None, Field(default=None, description=known[option].description))
    return found


def switch(key: str) -> str | None:
    """The key that this one belongs to, and does nothing without.

    >>> switch("augment_share"), switch("lora_r"), switch("lora_plus_ratio"), switch("learning_rate")
    ('augmentation', 'technique', 'rates', None)
    """
    found = next((name for start, name in SWITCHES.items() if key.startswith(start)), None)
    own = key != "freeze_layers" and any(key in of(name) for name in shelf.names("techniques"))  # a line of every plan
    return found or ("technique" if own else None)


def meaningless(options: Any, names: Iterable[str], without: str) -> None:
    """Raise ConfigError where one of these keys is given, which do nothing without another: `without`, or key=value."""
    for name in names:
        if getattr(options, name) is not None:
            wanted = without if "=" in without else f"{without}=..."
            fix = f"add {wanted}, or leave {name} out (in plan.yaml: auto)"
            raise ConfigError(f"{name} has no meaning without {without}", fix)


def problems(error: ValidationError) -> str:
    """Every wrong value with what is wrong about it."""
    found = [(".".join(map(str, e["loc"])), f"{e['msg']}, not {e['input']!r}") for e in error.errors()]
    return "; ".join(f"{name}: {said}" if name else said for name, said in found)
