"""The options of the techniques under the keys of the run file: `lora_r` is the field `r` of lora's Config."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from afina import shelf
from afina.errors import ConfigError

SWITCHES = {
    "augment_": "augmentation", "balancing_": "balancing", "adapt_": "adapt_file", "retention_": "retention",
    "general_file": "retention",
    "staging_": "staging", "cycle_": "lr_scheduler_type", "num_cycles": "lr_scheduler_type", "layerwise_": "rates",
    "discriminative_": "rates", "lora_plus_": "rates", "focal_": "loss",
}  # how keys begin -> the key that they belong to  # fmt: skip

ALIASES = {
    "base_model": "model_name_or_path",
    "validation_file": "dev_file",
    "lr": "learning_rate",
    "epochs": "num_train_epochs",
    "num_epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "micro_batch_size": "per_device_train_batch_size",
    "cutoff_len": "max_seq_length",
    "sequence_len": "max_seq_length",
    "max_length": "max_seq_length",
    "lora_rank": "lora_r",
    "lora_target": "lora_targets",
    "lora_target_modules": "lora_targets",
    "loraplus_lr_ratio": "lora_plus_ratio",
    "use_rslora": "lora_rslora",
    "use_dora": "lora_dora",
    "num_virtual_tokens": "prompt_tokens",
    "out": "output_dir",
    "project_name": "output_dir",
}


def of(name: str, where: str = "techniques") -> dict[str, str]:
    """The keys of a module's options and what they are called in its own Config: {"lora_r": "r", ...}."""
    return {f"{name}_{option}": option for option in shelf.load(where, name).Config.model_fields}


def config(name: str, given: Mapping[str, Any], where: str = "techniques") -> Any:
    """A module's own Config. Raises ConfigError where options contradict each other."""
    try:
        return shelf.load(where, name).Config(**given)
    except ValidationError as error:
        said = f"{where[:-1]} {name}: {problems(error)}"
        raise ConfigError(said, "correct them, or leave them out") from None


def fields(where: str = "techniques") -> dict[str, Any]:
    """A pydantic field for each option of each module of a shelf, checked as in its own Config; None is no decision."""
    found: dict[str, Any] = {}
    annotated: Any = Annotated
    for name in shelf.names(where):
        known = shelf.load(where, name).Config.model_fields
        for key, option in of(name, where).items():
            checked = annotated[known[option].annotation, *(known[option].metadata or [None])]
            found[key] = (checked | None, Field(default=None, description=known[option].description))
    return found


def names(value: Any, where: str) -> Any:
    """One name on a shelf, several with commas between, a list, or none. Raises ConfigError with the nearest name."""
    several = [name.strip() for name in value.split(",") if name != "none"] if isinstance(value, str) else value
    for name in several or ():
        shelf.check(where, str(name))
    return several


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
