"""A word or phrase becomes another one of its group: brand and generic name, one name for another, two ways to cite.

    >>> change("Took Advil today.", Config(groups=(("Advil", "ibuprofen"),)), np.random.default_rng(0))
    'Took ibuprofen today.'

One of the words that the text has is drawn, and all its occurrences change. Whole words, in any case; a small first
letter becomes a capital where the old word began the text with one. In a suite, `lexicon: NAME` gives the groups: the
entries of the lexicon, or all of it as one group where its entries have one form each. `to` allows one direction alone:
with groups of a long form and its abbreviations, first writes them out and others abbreviates.

Not done: agreement of articles, gender and number with the new word.
"""

import re
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field


class Config(BaseModel, frozen=True, extra="forbid"):
    """What may stand for what."""

    groups: tuple[tuple[str, ...], ...] = Field(min_length=1, description="words of which each may stand for another")
    to: Literal["any", "first", "others"] = Field(default="any", description="which words of a group may come in")


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text with one word exchanged; None where it has none that can be."""
    others = {word.casefold(): _others(word, group, config.to) for group in config.groups for word in group}
    others = {word: group for word, group in others.items() if word and group}
    if not others:
        return None
    longest = sorted(others, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)", re.IGNORECASE)
    there = [word for word in dict.fromkeys(map(str.casefold, pattern.findall(text))) if word in others]
    if not there:
        return None
    old = there[int(rng.integers(len(there)))]
    new = others[old][int(rng.integers(len(others[old])))]

    def other(match: re.Match[str]) -> str:
        if match[0].casefold() != old:
            return match[0]
        return new[0].upper() + new[1:] if match.start() == 0 and match[0][0].isupper() else new

    changed = pattern.sub(other, text)
    return changed if changed != text else None


def _others(word: str, group: tuple[str, ...], to: str) -> list[str]:
    """What may stand in the place of a word."""
    return [one for one in group if one != word and (to == "any" or (one == group[0]) == (to == "first"))]
