"""Rows of rare classes are repeated at random, until each class has a share of the largest one's rows.

    added[c] = max(0, ceil(share * max n) - n[c])          n[c] rows of class c

A row comes again only once all of its class have come as often, so that no row counts much more than its neighbour
(drawing with replacement, as is usual, leaves a third of them out). Needs no vectors. Cost: none but the longer epochs.

    places, _ = add(labels, None, Config(share=0.5), seed=0)
    labels += [labels[place] for place in places]

What it does not do: tell rows apart. Where most rows of a class say the same, it repeats just that.
Source: He & Garcia 2009, "Learning from Imbalanced Data", IEEE TKDE 21(9), 3.1.1.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, Field

from afina.oversampling import drawn, short

VECTORS = False  # whether it looks at vectors


class Config(BaseModel, frozen=True, extra="forbid"):
    """How far rare classes are brought up."""

    share: float = Field(default=0.25, gt=0, le=1, description="of the largest class's rows, which each class gets")


def add(
    labels: Sequence[str], vectors: np.ndarray | None, config: Config, seed: int
) -> tuple[np.ndarray, dict[str, int]]:
    """Places of the rows to add, and for each class that gets any that they are one group."""
    del vectors
    rng, names = np.random.default_rng(seed), np.array(labels)
    wanted = short(labels, config.share)
    drawn_of = (drawn(np.flatnonzero(names == label), count, rng) for label, count in wanted.items())
    places = [place for own in drawn_of for place in own]
    return np.array(places, dtype=np.int64), dict.fromkeys(wanted, 1)
