"""Two neighbouring letters inside a word change places, as fast fingers do it.

    >>> change("chest pain", Config(), np.random.default_rng(0))
    'chset pain'

Words of four letters or more; the first and the last letter stay, and a swap that changes nothing is none. Not done:
letters left out, doubled, or hit beside the right key.
Source: Belinkov & Bisk 2018, "Synthetic and Natural Noise Both Break Neural Machine Translation", arXiv:1711.02173, 3.
"""

import re

import numpy as np
from pydantic import BaseModel, Field

from afina import slips

_WORD = re.compile(r"[^\W\d_]{4,}")


class Config(BaseModel, frozen=True, extra="forbid"):
    """How many."""

    count: int = Field(default=1, ge=1, le=20, description="swaps, as far as there are words for them")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text with its swaps, each in another word; None where no word can have one."""
    places = [_inside(match) for match in _WORD.finditer(text)]
    places = [own for own in places if own]
    if not places:
        return None
    letters = list(text)
    for at in slips.drawn(places, config.count, rng):
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)


def _inside(match: re.Match[str]) -> list[int]:
    """Places in the text of letters that can change with the next one."""
    word, start = match[0], match.start()
    return [start + at for at in range(1, len(word) - 2) if word[at] != word[at + 1]]
