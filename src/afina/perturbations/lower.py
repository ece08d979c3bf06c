"""All letters become small, as people type on phones.

    >>> change("The MI was in 2019.", Config(), np.random.default_rng(0))
    'the mi was in 2019.'

Not done: keeping names and abbreviations, which is the point of the test.
"""

import numpy as np
from pydantic import BaseModel


class Config(BaseModel, frozen=True, extra="forbid"):
    """No options."""


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text without capitals; None where it has none."""
    del config, rng
    return text.lower() if text.lower() != text else None
