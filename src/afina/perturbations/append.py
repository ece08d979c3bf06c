"""A sentence is added at the end, one of those that the suite gives.

    >>> change("I need a refill.", Config(texts=("Thank you.",)), np.random.default_rng(0))
    'I need a refill. Thank you.'

Not done: fitting it to the text in language, person or tense.
"""

import numpy as np
from pydantic import BaseModel, Field


class Config(BaseModel, frozen=True, extra="forbid"):
    """What is added."""

    texts: tuple[str, ...] = Field(min_length=1, description="sentences, of which one is drawn")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text and one of the sentences; None where that is drawn which it ends in."""
    added = config.texts[int(rng.integers(len(config.texts)))]
    return None if not added.strip() or text.endswith(added) else f"{text} {added}".lstrip()
