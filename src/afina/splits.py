"""Cutting a split off train: stratified, and the same for the same rows and seed.

Every class gives its share of the cut, fractions go to the classes that lost most by rounding down, and every class
keeps at least one row. Source of the rounding: the largest remainder method (Hamilton).

Near copies may be kept on one side: groups of them that the cut parts move to the side that brings the classes nearest
to their shares, the largest first. Rows without near copies stay where they would be without.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from afina.errors import DataError
from afina.records import Finding, Row

LEAST = 2  # rows of a split
UNSURE = 50  # rows; below it the 95% interval of an accuracy is wider than 20 points


def cut(
    rows: Sequence[Row],
    share: float,
    seed: int,
    most: int | None = None,
    strata: Sequence[str] | None = None,
    groups: Mapping[str, str] | None = None,
) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """The rows that stay and those cut off, both in the order of the file. Raises DataError for too few rows.

    strata   for each row what it is counted as; its label where nothing is said
    groups   where a row stands -> the name of those that stay on one side with it
    """
    kinds = [row.label for row in rows] if strata is None else strata
    names = sorted(set(kinds))
    code = {name: number for number, name in enumerate(names)}
    labels = np.array([code[kind] for kind in kinds], dtype=np.int64)  # (rows,)
    sizes = np.bincount(labels, minlength=len(names))  # (classes,)
    wanted = max(LEAST, round(share * len(rows)))
    wanted = min(wanted, int((sizes - 1).sum()), wanted if most is None else most)
    if wanted < LEAST:
        raise DataError(
            f"{len(rows):,} rows in {len(names):,} classes are too few to cut off {LEAST} and leave one of each class",
            "give more rows, or name the files of the other splits: dev_file=... test_file=...",
        )
    random = np.random.default_rng(seed)
    quotas = _quotas(sizes, wanted, random)
    gone = np.zeros(len(rows), dtype=bool)
    order = random.permutation(len(rows))
    order = order[np.argsort(labels[order], kind="stable")]  # by class, shuffled within
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    for start, quota in zip(starts, quotas, strict=True):
        gone[order[start : start + quota]] = True
    if groups:
        gone = _together(gone, labels, [groups.get(row.where) for row in rows], most or len(rows))
        if gone.sum() < LEAST:
            raise DataError(
                f"nearly all of {len(rows):,} rows are near copies of others, so that none can be cut off whose copy "
                "is not learned from",
                "give more different rows, or name the files of the other splits: dev_file=... test_file=...",
            )
    kept = tuple(row for row, out in zip(rows, gone, strict=True) if not out)
    return kept, tuple(row for row, out in zip(rows, gone, strict=True) if out)


def small(name: str, rows: Sequence[Row]) -> tuple[Finding, ...]:
    """What to say of a split too small to trust its scores."""
    if len(rows) >= UNSURE:
        return ()
    return (
        Finding(
            check="split",
            problem=f"{name} has only {len(rows):,} rows, so its scores are uncertain by ten points and more",
            action="kept",
            fix="give more labelled rows; read the intervals beside the scores",
            count=len(rows),
        ),
    )


def _together(gone: np.ndarray, labels: np.ndarray, groups: Sequence[str | None], most: int) -> np.ndarray:
    """The same cut with each group that it parts moved to one side, and a row of each class kept."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(groups):
        if name is not None:
            places.setdefault(name, []).append(place)
    parted = [np.array(own) for own in places.values() if 0 < gone[own].sum() < len(own)]
    sizes = np.bincount(labels)
    missing = np.bincount(labels[gone], minlength=len(sizes))  # of each class, to be cut off still
    decided = gone.copy()
    for own in parted:
        decided[own] = False
    missing -= np.bincount(labels[decided], minlength=len(sizes))
    for own in sorted(parted, key=len, reverse=True):
        counts = np.bincount(labels[own], minlength=len(sizes))
        after = missing - counts
        stays = sizes - np.bincount(labels[decided], minlength=len(sizes)) - counts
        nearer = (abs(after).sum(), abs(after.sum())) < (abs(missing).sum(), abs(missing.sum()))
        if nearer and stays.min() >= 1 and decided.sum() + len(own) <= most:
            decided[own] = True
            missing = after
    return decided


def _quotas(sizes: np.ndarray, wanted: int, random: np.random.Generator) -> list[int]:
    """Rows to cut from each class: in proportion, all together `wanted`, and one less than the class at most."""
    exact = sizes * (wanted / sizes.sum())
    quotas = np.floor(exact).astype(np.int64)  # less than the class, as wanted is less than all rows
    while (missing := wanted - int(quotas.sum())) > 0:  # at most as often as the largest class has rows
        open_ = quotas < sizes - 1
        tie = random.random(len(sizes))  # else the same classes, the first in the alphabet, would win every tie
        order = np.lexsort((tie, np.where(open_, quotas - exact, np.inf)))
        quotas[order[: min(missing, int(open_.sum()))]] += 1
    return [int(quota) for quota in quotas]
