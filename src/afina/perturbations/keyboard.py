"""A letter becomes one beside it on the keyboard, as a finger slips.

    >>> change("chest pain", Config(), np.random.default_rng(0))
    'cheet pain'

Words of four letters or more, one letter of each, any but the first; the neighbours are those of a QWERTY board, case
is kept. Letters with accents are not touched. Not done: other boards (AZERTY, Dvorak), letters hit twice or missed.
Source: Belinkov & Bisk 2018, "Synthetic and Natural Noise Both Break Neural Machine Translation", arXiv:1711.02173, 3.
"""

import re

import numpy as np
from pydantic import BaseModel, Field

from afina import slips

_WORD = re.compile(r"[^\W\d_]{4,}")
_BOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # each row stands half a key to the right of the one above


def _beside(row: int, key: int) -> str:
    """The keys that touch one: two on its own row, two above, two below."""
    near = [(row, key - 1), (row, key + 1), (row - 1, key), (row - 1, key + 1), (row + 1, key - 1), (row + 1, key)]
    return "".join(_BOARD[r][k] for r, k in near if 0 <= r < len(_BOARD) and 0 <= k < len(_BOARD[r]))


BESIDE = {letter: _beside(row, key) for row, keys in enumerate(_BOARD) for key, letter in enumerate(keys)}


class Config(BaseModel, frozen=True, extra="forbid"):
    """How many."""

    count: int = Field(default=1, ge=1, le=20, description="letters, as far as there are words for them")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text with its slips, each in another word; None where no word can have one."""
    places = [
        [match.start() + at for at, letter in enumerate(match[0]) if at and letter.lower() in BESIDE]
        for match in _WORD.finditer(text)
    ]
    places = [own for own in places if own]
    if not places:
        return None
    letters = list(text)
    for at in slips.drawn(places, config.count, rng):
        near = BESIDE[letters[at].lower()]
        new = near[int(rng.integers(len(near)))]
        letters[at] = new.upper() if letters[at].isupper() else new
    return "".join(letters)
