"""Accents are left out, as people type who have no key for them.

    >>> change("El niño tomó ácido fólico", Config(), np.random.default_rng(0))
    'El niño tomo acido folico'

The ñ stays unless `keep` says otherwise: without it año is another word. Not done: letters that are no base letter with
a mark (ø, ł, ß).
"""

import unicodedata

import numpy as np
from pydantic import BaseModel, Field


class Config(BaseModel, frozen=True, extra="forbid"):
    """Which letters keep their mark."""

    keep: str = Field(default="ñÑ", description="letters that stay as they are")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text without accents; None where it has none."""
    del rng
    composed = unicodedata.normalize("NFC", text)
    changed = "".join(letter if letter in config.keep else _plain(letter) for letter in composed)
    return changed if changed != composed else None


def _plain(letter: str) -> str:
    apart = unicodedata.normalize("NFD", letter)
    return "".join(part for part in apart if not unicodedata.combining(part)) or letter
