"""Places where a text may go wrong, one in each word that is drawn: what typing and scanning have in common."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def drawn(places: Sequence[Sequence[T]], count: int, rng: np.random.Generator) -> Iterator[T]:
    """One place of each of `count` words at most; `places` are those of each word that has any.

    A place is drawn when it is asked for, so that with a higher count the first ones stay the same.
    """
    for word in rng.permutation(len(places))[:count]:
        yield places[word][int(rng.integers(len(places[word])))]
