"""Whole numbers become others near them: 8 hours becomes 7 or 9.

    >>> change("8 hours on the phone", Config(), np.random.default_rng(0))
    '9 hours on the phone'

Every whole number n of the text becomes a different one from n - d to n + d, d = max(1, share * n), and not below 0.
Not done: fractions, dates and times of day, whose parts are left as they are.
Source: Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", arXiv:2005.04118.
"""

import re

import numpy as np
from pydantic import BaseModel, Field

_WHOLE = re.compile(r"(?<![\w.,:/-])[0-9]{1,9}(?![\w:/-]|[.,][0-9])")


class Config(BaseModel, frozen=True, extra="forbid"):
    """How far."""

    share: float = Field(default=0.2, gt=0, le=1, description="of a number, by which it changes at most")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text with other numbers; None where it has none."""

    def other(match: re.Match[str]) -> str:
        number = int(match[0])
        far = max(1, int(config.share * number))
        drawn = int(rng.integers(max(0, number - far), number + far))  # of as many as there are without this one
        return str(drawn + (drawn >= number))

    changed = _WHOLE.sub(other, text)
    return changed if changed != text else None
