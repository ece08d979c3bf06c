"""All letters become capitals, as in forms and in haste.

    >>> change("Denies chest pain.", Config(), np.random.default_rng(0))
    'DENIES CHEST PAIN.'

Not done: languages in which capitals lose or change letters (ß becomes SS).
"""

import numpy as np
from pydantic import BaseModel


class Config(BaseModel, frozen=True, extra="forbid"):
    """No options."""


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text in capitals; None where it is so already."""
    del config, rng
    return text.upper() if text.upper() != text else None
