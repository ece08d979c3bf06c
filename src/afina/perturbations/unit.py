"""A number with its unit is said in another unit, or gets another unit by mistake.

    >>> rng = np.random.default_rng(0)
    >>> change("Take 500 mg daily", Config(**{"from": "mg", "to": "g", "factor": "0.001"}), rng)
    'Take 0.5 g daily'
    >>> change("Take 500 mg daily", Config(**{"from": "mg", "to": "g"}), rng)
    'Take 500 g daily'

new number = number * factor, exact, for every such number of the text. With the right factor the quantity is the same;
with 1, the default, it is another.

Not done: numbers with separators of thousands, or written as words; a range (5-10 mg) changes in its second number
alone, so keep ranges out of templates.
"""

import re
from decimal import Decimal

import numpy as np
from pydantic import BaseModel, Field


class Config(BaseModel, frozen=True, extra="forbid", populate_by_name=True):
    """Which unit, and what of it."""

    from_: str = Field(alias="from", min_length=1, description="the unit as the text has it")
    to: str = Field(min_length=1, description="the unit that stands there then")
    factor: Decimal = Field(
        default=Decimal(1), ge=Decimal("1e-12"), le=Decimal("1e12"), description="that numbers are multiplied by"
    )
    decimal: str = Field(default=".", pattern="^[.,]$", description="the decimal mark")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text in the other unit; None where it has no number of the first."""
    del rng
    mark = re.escape(config.decimal)
    pattern = re.compile(rf"(?<![\w.,])([0-9]{{1,15}}(?:{mark}[0-9]{{1,15}})?)(\s?){re.escape(config.from_)}(?!\w)")

    def other(match: re.Match[str]) -> str:
        number = Decimal(match[1].replace(config.decimal, ".")) * config.factor
        plain = f"{number:f}"
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return f"{plain.replace('.', config.decimal)}{match[2]}{config.to}"

    changed = pattern.sub(other, text)
    return changed if changed != text else None
