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

ELSEWHERE = {
    "gradient_accumulation_steps": "one step is one batch: set per_device_train_batch_size",
    "per_device_eval_batch_size": "leave it out; for training set per_device_train_batch_size",
    "max_steps": "set num_train_epochs, or time_limit",
    "warmup_ratio": "set warmup_steps",
    "eval_strategy": "set eval_steps: looks are by steps",
    "evaluation_strategy": "set eval_steps: looks are by steps",
    "load_best_model_at_end": "leave it out: the look best on dev is always kept",
    "bf16": "set precision=bf16",
    "fp16": "set precision=bf16, or leave it out: fp32",
    "target_modules": "set lora_targets",
    "report_to": "set trackers",
}  # of Hugging Face's names that are no keys here: what to type for them
USUAL = {
    "learning_rate": "1e-4", "head_learning_rate": "1e-2", "adapt_learning_rate": "1e-4", "num_train_epochs": "3",
    "per_device_train_batch_size": "32", "max_seq_length": "128", "weight_decay": "0.01", "precision": "fp32",
    "warmup_steps": "100", "lora_r": "8", "lora_alpha": "16", "dev_share": "0.1", "test_share": "0.2",
}  # a value that is seldom wrong  # fmt: skip


def of(name: str, where: str = "techniques") -> dict[str, str]:
    """The keys of a module's options and what they are called in its own Config: {"lora_r": "r", ...}."""
    return {f"{name}_{option}": option for option in shelf.load(where, name).Config.model_fields}


def config(name: str, given: Mapping[str, Any], where: str = "techniques") -> Any:
    """A module's own Config. Raises ConfigError where options contradict each other."""
    try:
        return shelf.load(where, name).Config(**given)
    except ValidationError as error:
        said = f"{where[:-1]} {name}: {problems(error)}"
        raise ConfigError(said, correction(error)) from None


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
    own = any(key in of(name) for name in shelf.names("techniques"))
    return found or ("technique" if own else None)


def meaningless(options: Any, names: Iterable[str], without: str) -> None:
    """Raise ConfigError where one of these keys is given, which do nothing without another: `without`, or key=value."""
    for name in names:
        if getattr(options, name) is not None:
            wanted = without if "=" in without else f"{without}=..."
            fix = f"add {wanted}, or leave {name} out (in plan.yaml: auto)"
            raise ConfigError(f"{name} has no meaning without {without}", fix)


def correction(error: ValidationError) -> str:
    """What to do about wrong values: usual ones where there are such."""
    wrong = dict.fromkeys(str(one["loc"][-1]) for one in error.errors() if one["loc"])
    usual = " ".join(f"{name}={USUAL[name]}" for name in wrong if name in USUAL)
    return f"correct them, e.g. {usual}, or leave them out" if usual else "correct them, or leave them out"


def problems(error: ValidationError) -> str:
    """Every wrong value with what is wrong about it."""
    found = [(".".join(map(str, e["loc"])), f"{e['msg']}, not {e['input']!r}") for e in error.errors()]
    return "; ".join(f"{name}: {said}" if name else said for name, said in found)
