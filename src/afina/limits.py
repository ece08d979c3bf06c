"""What a run may cost, as a user writes it: 10m, 1h30m, 4GB, 20ms."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2**10, "mib": 2**20, "gib": 2**30}
PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)")


def _measured(text: Any, units: dict[str, float], example: str) -> Any:
    """The sum of the parts, each a number with its unit; what is no text is left to pydantic."""
    if not isinstance(text, str) or re.fullmatch(r"\s*\d+(\.\d+)?\s*", text):
        return text
    parts = PART.findall(text)
    if PART.sub("", text).strip() or not parts or any(unit.lower() not in units for _, unit in parts):
        raise ValueError(f"{text!r} is no such amount: write e.g. {example}")
    return sum(float(number) * units[unit.lower()] for number, unit in parts)


def seconds(text: Any) -> Any:
    """Seconds of a duration.

    >>> seconds("1h30m"), seconds("20ms"), seconds(5)
    (5400.0, 0.02, 5)
    """
    return _measured(text, SECONDS, "90s, 10m or 1h30m")


def size(text: Any) -> Any:
    """Bytes of an amount of memory.

    >>> size("4GB"), size("1.5 GiB")
    (4000000000.0, 1610612736.0)
    """
    return _measured(text, BYTES, "500MB or 4GB")


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
Bytes = Annotated[float, BeforeValidator(size), Field(gt=0)]


class Limits(BaseModel):
    """The plan keeps within these by what it expects, which arithmetic and a few timed steps say: no guarantee."""

    time_limit: Seconds | None = Field(default=None, description="of training, and adapting before it: 10m, 1h30m")
    memory_limit: Bytes | None = Field(default=None, description="of training at its peak: 4GB")
    disk_limit: Bytes | None = Field(default=None, description="of the run folder: 2GB")
    latency_limit: Seconds | None = Field(default=None, description="of one text of median length: 20ms")
    size_limit: Bytes | None = Field(default=None, description="of the quantized model: 50MB")
    usd_per_1000_limit: float | None = Field(default=None, gt=0, description="for 1,000 answers on a hired machine")


class Race(BaseModel):
    """Time that the user gives to a comparison of techniques before one is planned."""

    race_limit: Seconds | None = Field(
        default=None, description="time to race techniques on parts of the rows, before training: 10m; absent: no race"
    )
