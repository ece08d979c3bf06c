"""The rows of a race, round by round: what is learned from, and what is kept out to judge it; none of dev or test."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afina import shelf, splits, tasks
from afina.records import Corpus, Row

JUDGED, MOST_JUDGED = 1 / 3, 1000  # share of the training rows that is kept out, and rows
PARTS = (0.25, 0.5, 1.0)  # of the other rows, round by round
CUTS = 3  # where rows are few
LEAST = 2  # rows of a class in a part


@dataclass(frozen=True, slots=True)
class Round:
    """What is learned from, and what judges it."""

    train: tuple[Row, ...]
    judged: tuple[Row, ...]


def of(corpus: Corpus, seed: int) -> tuple[tuple[Round, ...], bool]:
    """The rounds of a race over the training rows, and whether they are cuts of the same size.

    Parts are stratified, each in the next one. Where a quarter would be fewer than two rows a class or than 50, each
    third of the rows is kept out once. Raises DataError where rows are too few to keep any out.
    """
    strata = shelf.load(tasks.OBJECTIVES, corpus.kind).strata
    rest, judged = splits.cut(corpus.train, JUDGED, seed, MOST_JUDGED, strata(corpus.train))
    kinds = strata(rest)
    if PARTS[0] * len(rest) >= max(splits.UNSURE, LEAST * len(set(kinds))):
        return tuple(Round(tuple(rest[at] for at in part(kinds, one, seed)), judged) for one in PARTS), False
    cuts, left = [judged], rest
    while len(cuts) < CUTS:
        share = min(1.0, JUDGED * len(corpus.train) / len(left))
        left, judged = splits.cut(left, share, seed, strata=strata(left))
        cuts.append(judged)
    out = [{id(row) for row in judged} for judged in cuts]
    return tuple(
        Round(tuple(row for row in corpus.train if id(row) not in gone), judged)
        for judged, gone in zip(cuts, out, strict=True)
    ), True


def part(strata: Sequence[str], share: float, seed: int) -> list[int]:
    """Places of a share of each class, and of two rows at least where it has them; a larger share holds a smaller."""
    places: dict[str, list[int]] = defaultdict(list)
    for place in np.random.default_rng(seed).permutation(len(strata)).tolist():
        places[strata[place]].append(place)
    return sorted(place for own in places.values() for place in own[: max(LEAST, round(share * len(own)))])
