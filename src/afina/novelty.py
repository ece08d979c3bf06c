"""Near copies: texts that share most of their characters with one that is known.

    J(a, b) = |A and B| / |A or B|      A, B: the different stretches of 5 characters of each text

Two texts are near copies where J is at least 0.7, case, white space and Unicode form aside; a text of fewer than 5
characters is one stretch. One word changed in eight gives about 0.6, a comma about 0.9.

Every near copy is found, not most of them as with sketches: of two sets with J >= t, each has a stretch in common with
the other among its |A| - ceil(t |A|) + 1 rarest, so that only these are looked up. Cost: 100 to 200 bytes of memory
and a few microseconds a character. What it does not do: see the same words in another order, or one text as a small
part of another.
Source: Jaccard 1912; the look-up, Bayardo, Ma & Srikant 2007, "Scaling Up All Pairs Similarity Search", WWW 2007.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

from afina.sameness import normal

SIZE = 5  # characters of a stretch
NEAR = 0.7


def shingles(text: str) -> frozenset[str]:
    """The stretches of a text.

    >>> sorted(shingles("My  CARD")), sorted(shingles("no"))
    ([' card', 'my ca', 'y car'], ['no'])
    """
    plain = normal(text)
    return frozenset(plain[at : at + SIZE] for at in range(max(1, len(plain) - SIZE + 1)))


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """J of two sets of stretches, none of them empty.

    >>> overlap(shingles("my card"), shingles("my cart"))
    0.5
    """
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


class Texts:
    """Known texts, in which near copies of others are looked up."""

    def __init__(self, texts: Iterable[str]) -> None:
        sets = [shingles(text) for text in texts]
        self._counts = Counter(one for own in sets for one in own)  # how rare each is; what comes later does not count
        self._sets: list[frozenset[str]] = []
        self._having: dict[str, list[int]] = defaultdict(list)  # of the rarest stretches alone
        for own in sets:
            self._add(own)

    def near(self, text: str) -> bool:
        """Whether one of the texts is a near copy of this one."""
        own = shingles(text)
        places = {place for one in self._rarest(own) for place in self._having.get(one, ())}
        return any(overlap(own, self._sets[place]) >= NEAR for place in places)

    def add(self, text: str) -> None:
        """Know this one too."""
        self._add(shingles(text))

    def _add(self, own: frozenset[str]) -> None:
        for one in self._rarest(own):
            self._having[one].append(len(self._sets))
        self._sets.append(own)

    def _rarest(self, own: frozenset[str]) -> list[str]:
        """Two sets with J >= NEAR have one of these in common, for both are sorted in one order."""
        return sorted(own, key=lambda one: (self._counts[one], one))[: len(own) - math.ceil(NEAR * len(own)) + 1]
