"""English contractions: "is not" becomes "isn't", or the other way round.

    >>> rng = np.random.default_rng(0)
    >>> change("I do not smoke.", Config(), rng), change("I don't smoke.", Config(), rng)
    ("I don't smoke.", 'I do not smoke.')

Every one in the text, in the direction of the first; `to` allows one direction alone. Not done: 's and 'd, which stand
for several words (it's, let's, John's), and contractions of nouns.
"""

import re
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field

_NOT = "is are was were do does did has have had would could should".split(" ")
_LONG = {f"{word} not": f"{word}n't" for word in _NOT} | {"cannot": "can't", "will not": "won't"}
_LONG |= {f"{who} are": f"{who}'re" for who in ("we", "you", "they")} | {"i am": "i'm"}
_LONG |= {f"{who} {verb}": f"{who}'{verb[-2:]}" for who in ("i", "we", "you", "they") for verb in ("have", "will")}
_SHORT = {short: long for long, short in _LONG.items()}


class Config(BaseModel, frozen=True, extra="forbid"):
    """In which direction."""

    to: Literal["either", "short", "long"] = Field(default="either", description="which forms the text gets")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text with the other forms; None where it has none of these."""
    del rng
    straight = text.replace("\u2019", "'")
    short, long = _first(straight, _LONG), _first(straight, _SHORT)
    if config.to == "short" or (config.to == "either" and short < long):
        changed = _written(straight, _LONG)
    else:
        changed = _written(straight, _SHORT)
    return changed if changed != straight else None


def _pattern(forms: dict[str, str]) -> re.Pattern[str]:
    longest = sorted(forms, key=len, reverse=True)
    return re.compile(rf"(?<![\w'])(?:{'|'.join(map(re.escape, longest))})(?![\w'])", re.IGNORECASE)


def _first(text: str, forms: dict[str, str]) -> int:
    found = _pattern(forms).search(text)
    return found.start() if found else len(text)


def _written(text: str, forms: dict[str, str]) -> str:
    def other(match: re.Match[str]) -> str:
        new = forms[match[0].lower()]
        return new[0].upper() + new[1:] if match[0][0].isupper() else new

    return _pattern(forms).sub(other, text)
