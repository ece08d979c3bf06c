"""The options of the techniques under the keys of the run file: `lora_r` is the field `r` of lora's Config."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from afina import shelf
from afina.errors import ConfigError


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
