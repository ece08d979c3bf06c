"""What the balancers share: how many rows each class is short of, and drawing them evenly."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np


def short(labels: Sequence[str], share: float) -> dict[str, int]:
    """Rows that each class needs to have `share` of the largest one's, rounded up; classes that need none are not here.

    >>> short(["a"] * 5 + ["b"] * 3 + ["c"], 0.5)
    {'c': 2}
    """
    counts = Counter(labels)
    wanted = target(counts, share)
    return {label: wanted - count for label, count in sorted(counts.items()) if count < wanted}


def target(counts: Mapping[str, int], share: float) -> int:
    """Rows that no class has fewer of afterwards.

    >>> target({"a": 5, "b": 3}, 0.5)
    3
    """
    return math.ceil(share * max(counts.values(), default=0) - 1e-9)  # 0.07 * 100 is above 7 by rounding


def drawn(places: np.ndarray, count: int, rng: np.random.Generator) -> list[int]:
    """So many of `places` at random: all of them once before any comes again."""
    rounds = [rng.permutation(places) for _ in range(math.ceil(count / len(places)))]
    return [int(place) for place in np.concatenate(rounds)[:count]] if rounds else []
