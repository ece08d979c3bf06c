"""Letters become others that look like them in print, as a scan is misread: rn and m, l and 1, O and 0.

    >>> change("Return to the clinic", Config(), np.random.default_rng(0))
    'Return to tbe clinic'

One confusion in each word that gets one. Digits become letters (500 is read 5OO), never other digits, so that a number
stays the number it was to a reader. Not done: words that are joined or torn apart, lost accents, the confusion rates of
a given scanner.
Source: Nguyen, Jatowt, Coustaty & Doucet 2021, "Survey of Post-OCR Processing Approaches", ACM Computing Surveys 54(6).
"""

import re

import numpy as np
from pydantic import BaseModel, Field

from afina import slips

_WORD = re.compile(r"\w+")
_READ = {
    "rn": "m", "m": "rn", "cl": "d", "d": "cl", "vv": "w", "w": "vv", "ri": "n", "h": "b", "e": "c", "c": "e", "u": "n",
    "l": "1", "I": "l", "1": "l", "O": "0", "o": "0", "0": "O", "S": "5", "5": "S", "B": "8", "8": "B", "g": "q",
}  # what stands there -> what is read  # fmt: skip


class Config(BaseModel, frozen=True, extra="forbid"):
    """How many."""

    count: int = Field(default=1, ge=1, le=20, description="confusions, as far as there are words for them")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text as it is misread, each confusion in another word; None where nothing in it is confused."""
    places = [_inside(match) for match in _WORD.finditer(text)]
    places = [own for own in places if own]
    if not places:
        return None
    # from the end, so that the earlier places stay where they are
    for at, old in sorted(slips.drawn(places, config.count, rng), reverse=True):
        text = text[:at] + _READ[old] + text[at + len(old) :]
    return text


def _inside(match: re.Match[str]) -> list[tuple[int, str]]:
    """Places in the text where something begins that can be misread, and what it is."""
    word, start = match[0], match.start()
    return [(start + at, old) for at in range(len(word)) for old in _READ if word.startswith(old, at)]
