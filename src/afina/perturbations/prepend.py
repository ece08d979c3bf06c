"""A sentence is put before the text, one of those that the suite gives.

    >>> change("I need a refill.", Config(texts=("Good morning.",)), np.random.default_rng(0))
    'Good morning. I need a refill.'

Not done: fitting it to the text in language, person or tense.
"""

import numpy as np
from pydantic import BaseModel, Field


class Config(BaseModel, frozen=True, extra="forbid"):
    """What is put first."""

    texts: tuple[str, ...] = Field(min_length=1, description="sentences, of which one is drawn")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """One of the sentences and the text; None where that is drawn which it begins with."""
    added = config.texts[int(rng.integers(len(config.texts)))]
    return None if not added.strip() or text.startswith(added) else f"{added} {text}".rstrip()
