"""The end of a text is left out, as of a message that was cut or sent in haste.

    >>> change("I lost my card in Rome yesterday.", Config(share=0.5), np.random.default_rng(0))
    'I lost my'

Of n words round(share * n) are left out, and at least one stays. What is cut may have held the answer: a change of the
answer is then no fault. Not done: cutting the beginning or the middle, cutting at the end of a sentence.
"""

import re

import numpy as np
from pydantic import BaseModel, Field

_WORD = re.compile(r"\S+")


class Config(BaseModel, frozen=True, extra="forbid"):
    """How much."""

    share: float = Field(default=0.25, gt=0, lt=1, description="of the words, that are left out")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The beginning of the text; None where that is all of it."""
    del rng
    ends = [match.end() for match in _WORD.finditer(text)]
    kept = max(1, len(ends) - round(config.share * len(ends)))
    return text[: ends[kept - 1]] if kept < len(ends) else None
