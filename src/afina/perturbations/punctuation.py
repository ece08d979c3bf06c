"""The mark at the end of a text is left out, or a full stop is put there.

    >>> rng = np.random.default_rng(0)
    >>> change("Is that so?", Config(), rng), change("Is that so", Config(), rng)
    ('Is that so', 'Is that so.')

Not done: marks inside a text, where they can carry meaning (1.5 mg, "no, pain").
"""

import numpy as np
from pydantic import BaseModel

MARKS = ".!?…"


class Config(BaseModel, frozen=True, extra="forbid"):
    """No options."""


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text with its end changed; None where it is nothing but marks."""
    del config, rng
    bare = text.rstrip()
    without = bare.rstrip(MARKS)
    if not without:
        return None
    return without if without != bare else f"{bare}."
