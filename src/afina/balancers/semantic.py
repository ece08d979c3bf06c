"""Rows of rare classes are repeated so that each group of like texts in a class counts, up to a share of the largest.

    groups of a class   k-means of its vectors, each of length 1; of k = 2 to `most` the one with the highest mean
                        silhouette, among those whose groups all have FEWEST rows; one group where none reaches LEAST
    added to a group    max(0, level - its rows), the level being what brings the class to ceil(share * max n) rows

So the smallest groups of a class are filled up first, where random repeats follow the largest. Inside a group a row
comes again only once all of it have come as often. Cost: k-means and silhouettes of each rare class beside the vectors:
on one core 2 s for 12 classes of 4 to 480 rows, 17 s for 130 classes of 20 to 60.

    places, clusters = add(labels, vectors, Config(share=0.5), seed=0)

What it does not do: say what a group means, make new texts, or do more than random repeats for a class of fewer than
2 * FEWEST rows.
Source: Jo & Japkowicz 2004, "Class Imbalances versus Small Disjuncts", SIGKDD Explorations 6(1) (cluster-based
oversampling); Rousseeuw 1987, J. Comput. Appl. Math. 20 (silhouette).
"""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, Field

from afina.oversampling import drawn, short

VECTORS = True  # whether it looks at vectors
FEWEST = 3  # rows of a group
LEAST = 0.1  # mean silhouette, -1 to 1; 0.05 was no better on dev (LOG.md)
SILHOUETTES = 1000  # rows at most that a silhouette is the mean of


class Config(BaseModel, frozen=True, extra="forbid"):
    """How far rare classes are brought up, and how finely they are seen."""

    share: float = Field(default=0.25, gt=0, le=1, description="of the largest class's rows, which each class gets")
    most: int = Field(default=8, ge=1, description="groups of a class, at most")


def add(
    labels: Sequence[str], vectors: np.ndarray | None, config: Config, seed: int
) -> tuple[np.ndarray, dict[str, int]]:
    """Places of the rows to add, and for each class that gets any how many groups its rows fell into."""
    assert vectors is not None  # noqa: S101  (VECTORS)
    rng, names = np.random.default_rng(seed), np.array(labels)
    places: list[int] = []
    clusters: dict[str, int] = {}
    for label, count in short(labels, config.share).items():
        own = np.flatnonzero(names == label)
        group = groups(vectors[own], config.most, seed)
        sizes = np.bincount(group)
        for one, more in enumerate(filled(sizes, count)):
            places += drawn(own[group == one], int(more), rng)
        clusters[label] = len(sizes)
    return np.array(places, dtype=np.int64), clusters


def groups(vectors: np.ndarray, most: int, seed: int) -> np.ndarray:
    """The group of each row, (n,): 0 for all where there are no clear ones."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score
    from threadpoolctl import threadpool_limits

    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    best, found = LEAST, np.zeros(len(unit), dtype=np.int64)
    different = len(np.unique(unit, axis=0))  # of which k-means can make so many groups at most
    with threadpool_limits(1):
        for k in range(2, min(most, len(unit) // FEWEST, different) + 1):
            group = KMeans(k, n_init=4, random_state=seed).fit_predict(unit).astype(np.int64)
            if np.bincount(group, minlength=k).min() < FEWEST:
                continue
            score = float(silhouette_score(unit, group, sample_size=min(len(unit), SILHOUETTES), random_state=seed))
            if score >= best:
                best, found = score, group
    return found


def filled(sizes: np.ndarray, count: int) -> np.ndarray:
    """How many of `count` rows each group gets, so that the groups end as even as they can.

    >>> filled(np.array([6, 2, 1]), 4).tolist(), filled(np.array([6, 2, 1]), 12).tolist()
    ([0, 2, 2], [1, 5, 6])
    """
    added = np.zeros(len(sizes), dtype=np.int64)
    for _ in range(count):
        added[np.argmin(sizes + added)] += 1
    return added
