"""One space becomes two, or a line end: the same text as another program lays it out.

    >>> change("chest pain", Config(with_="\\n"), np.random.default_rng(0))
    'chest\\npain'

Not done: spaces left out, which make other words.
"""

import numpy as np
from pydantic import BaseModel, Field


class Config(BaseModel, frozen=True, extra="forbid", populate_by_name=True):
    """What takes the place of the space."""

    with_: str = Field(default="  ", alias="with", min_length=1, description="what stands there then")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text with one space changed; None where it has none."""
    places = [place for place, letter in enumerate(text) if letter == " "]
    if not places:
        return None
    place = places[int(rng.integers(len(places)))]
    changed = text[:place] + config.with_ + text[place + 1 :]
    return changed if changed != text else None
