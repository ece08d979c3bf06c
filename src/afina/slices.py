"""Where a model is worse than elsewhere: kinds of rows found among all classes, lengths and words, and tested together.

    slices   rows of a class or label (5 or more); texts with a word (20 or more); quarters of the texts by length
    p        of as many errors in a slice, or more, were errors spread over all rows by chance: the upper tail of the
             hypergeometric distribution (Fisher's exact test, one-sided)
    Holm     p * (slices not yet named), never below that of the one before; slices below `level` are named

Where no slice is worse, one or more is named in at most 5 of 100 test sets, however the slices overlap (simulated in
the tests: fewer, for counts are coarse). Of named slices that share most of their errors the first alone is kept.
Cost: no answer of the model, a few milliseconds. Numbers are of the rows that it was found on: the error rate of a
named slice is too high by the luck that helped to find it; a new test set tells.
What it does not do: combine two conditions, look at phrases, find slices of fewer rows.
Source: Fisher 1935 (exact test); Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from afina import metrics
from afina.records import Measure, Row

CLASS_ROWS = 5
WORD_ROWS = 20
QUARTERS = (0.25, 0.5, 0.75)
NONE = "No kinds of texts were compared: there are too few rows of each, or answers are numbers."
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of one kind, of which more are wrong than elsewhere."""

    name: str
    rows: int
    wrong: int
    other_rows: int
    other_wrong: int
    p: float  # corrected for all slices that were looked at


def measures(rows: Sequence[Row], wrong: np.ndarray) -> tuple[list[Measure], str]:
    """The kinds of texts with more wrong answers than the others, as a probe tells them, and a sentence on them."""
    found, looked_at = worst(rows, wrong)
    told = []
    for one in found:
        here, there = f"{one.wrong:,} of {one.rows:,}", f"{one.other_wrong:,} of {one.other_rows:,}"
        remark = f"wrong: {here}, elsewhere {there}; p {one.p:.2g} after Holm over {looked_at:,} kinds of texts"
        low, high = metrics.wilson(one.wrong, one.rows)
        told.append(Measure(one.name, one.wrong / one.rows, low, high, "share", one.rows, "slices", None, remark))
    if not looked_at:
        return told, NONE
    names = ", ".join(one.name for one in found)
    said = f"more errors than elsewhere in: {names}" if found else "in none are errors surely more common"
    return told, f"Of {looked_at:,} kinds of texts (class, length, word), {said}."


def worst(rows: Sequence[Row], wrong: np.ndarray, level: float = 0.05, most: int = 5) -> tuple[list[Slice], int]:
    """The slices in which errors are more common than elsewhere, surest first; and how many were looked at."""
    found = slices(rows)
    if not found or not wrong.any():
        return [], len(found)
    names, inside = list(found), np.array(list(found.values()))
    raw = tail(inside @ wrong.astype(int), inside.sum(1), int(wrong.sum()), len(rows))
    corrected = holm(raw)
    kept: list[Slice] = []
    told = np.zeros(len(rows), bool)  # errors that a slice named before explains
    for place in np.argsort(raw, kind="stable"):
        own = inside[place] & wrong
        if corrected[place] >= level or len(kept) == most:
            break
        if (own & told).sum() * 2 <= own.sum():
            size, errors = int(inside[place].sum()), int(own.sum())
            others = len(rows) - size, int(wrong.sum()) - errors
            kept.append(Slice(names[place], size, errors, *others, float(corrected[place])))
            told |= own
    return kept, len(found)


def slices(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    """Which rows each slice holds, (n,) by its name; of two that hold the same rows, the first."""
    words = [{word.lower() for text in row.texts for word in _WORD.findall(text)} for row in rows]
    lengths = np.array([sum(len(text.split()) for text in row.texts) for row in rows])
    found = {f"class {name}": mask for name, mask in _holding([row.names for row in rows], CLASS_ROWS)}
    found |= _by_length(lengths)
    found |= {f'word "{word}"': mask for word, mask in _holding(words, WORD_ROWS)}
    first: dict[bytes, str] = {}
    for name, mask in found.items():
        if not mask.all():
            first.setdefault(mask.tobytes(), name)
    return {name: found[name] for name in first.values()}


def _holding(things: Sequence[Collection[str]], fewest: int) -> Iterator[tuple[str, np.ndarray]]:
    """Each thing that so many rows have, and which rows, (n,)."""
    counts = Counter(one for own in things for one in set(own))
    for thing in sorted(one for one, count in counts.items() if count >= fewest):
        yield thing, np.array([thing in own for own in things])


def _by_length(lengths: np.ndarray) -> dict[str, np.ndarray]:
    """The four quarters; fewer where many texts are equally long."""
    if len(lengths) < 4 * CLASS_ROWS:
        return {}
    cuts = [0, *sorted({int(np.quantile(lengths, share)) for share in QUARTERS}), int(lengths.max())]
    found = {}
    for below, top in pairwise(cuts):
        mask = (lengths > below) & (lengths <= top)
        if mask.any():
            found[f"texts of {lengths[mask].min()} to {lengths[mask].max()} words"] = mask
    return found


def tail(wrong: np.ndarray, sizes: np.ndarray, errors: int, rows: int) -> np.ndarray:
    """Probability of so many errors or more in slices of these sizes, of all errors in all rows.

    >>> tail(np.array([2, 0]), np.array([2, 2]), 2, 4).round(4).tolist()  # 1 of the 6 pairs; all of them
    [0.1667, 1.0]
    """
    from scipy.stats import hypergeom

    return np.minimum(1.0, hypergeom.sf(wrong - 1, rows, errors, sizes))


def holm(p: np.ndarray) -> np.ndarray:
    """Probabilities corrected for being several.

    >>> holm(np.array([0.02, 0.01, 0.9])).round(4).tolist()
    [0.04, 0.03, 0.9]
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(1.0, steps)
    return corrected
