"""Rare labels that are one slip of the hand away from a common one.

A slip is one letter left out, put in, replaced, or two neighbours swapped (Damerau-Levenshtein distance 1). It is
reported, as a question, where the rare label has at most a fifth of the rows of the common one; nothing is merged,
for 'form' and 'farm' may both be meant. Never asked about: labels under four letters, differences in a digit or in a
capital (label1 and label2, ClassA and ClassB), or in a short last word (part_a and part_b, phase_ii and phase_iii).

Cost: linear in the letters of all different labels, by looking up each with one letter left out.
Not done: two slips in one label, words in another order.
Source: Damerau 1964, doi:10.1145/363958.363994 (four in five spelling errors are one such slip); the look-up by
deletions is that of Mor and Fraenkel 1982, Communications of the ACM 25(12)
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from afina.records import Finding, Row
from afina.sameness import FEW

ORDER = 50

_SHORTEST = 4  # letters of a label
_LONGEST = 100  # letters; the look-up holds this many strings of this length for one label
_RARER = 5  # times fewer rows
_COUNTER = re.compile(r"[ivx]+|\w{1,2}", re.IGNORECASE)  # a last word that numbers a label


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Ask about labels that look mistyped; nothing is changed."""
    counts = Counter(name for rows in splits.values() for row in rows for name in row.names)
    meant = _meant(counts)
    if not meant:
        return splits, ()
    named = [(row, name) for split in splits.values() for row in split for name in row.names if name in meant]
    rows = {id(row) for row, _ in named}
    finding = Finding(
        check="label_typos",
        problem=f"{len(rows):,} rows have one of {len(meant):,} rare labels that look mistyped",
        action="kept",
        fix="correct these labels if they are wrong; as they stand, each is a class of its own",
        count=len(rows),
        where=tuple(f"{row.where}: {name!r}, did you mean {meant[name]!r}?" for row, name in named[:FEW]),
    )
    return splits, (finding,)


def _meant(counts: Counter[str]) -> dict[str, str]:
    """Rare label -> the common label that was probably meant."""
    near: dict[str, list[str]] = {}
    for label in counts:
        for shorter in _shorter(label):
            near.setdefault(shorter, []).append(label)
    meant = {}
    for label, count in counts.items():
        others = {other for shorter in _shorter(label) for other in near[shorter] if counts[other] >= _RARER * count}
        found = [other for other in others if _slip(label, other)]
        if found:
            meant[label] = max(found, key=lambda other: (counts[other], other))
    return meant


def _shorter(label: str) -> Iterator[str]:
    """The label and all that one letter left out makes of it: two labels one slip apart share one of these."""
    if _SHORTEST <= len(label) <= _LONGEST:
        yield label
        yield from {label[:place] + label[place + 1 :] for place in range(len(label))}


def _slip(rare: str, common: str) -> bool:
    """Whether one plausible slip turns `common` into `rare`.

    >>> _slip("transfre", "transfer"), _slip("label1", "label2"), _slip("part_a", "part_b")
    (True, False, False)
    """
    start = _shared(rare, common)
    end = _shared(rare[start:][::-1], common[start:][::-1])
    a, b = rare[start : len(rare) - end], common[start : len(common) - end]
    swapped = len(a) == 2 and a == b[::-1]
    if not (swapped or (len(a) <= 1 and len(b) <= 1)) or a == b:
        return False
    return not (_numbers(a + b, common) or _counts_up(rare, common))


def _shared(a: str, b: str) -> int:
    """How many letters both begin with."""
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _numbers(letters: str, label: str) -> bool:
    """Whether the letters that differ number the label: a digit, or a capital among small letters."""
    return any(letter.isdigit() or (letter.isupper() and not label.isupper()) for letter in letters)


def _counts_up(rare: str, common: str) -> bool:
    """Whether only a short last word differs."""
    first, last = (re.split(r"[\W_]+", label) for label in (rare, common))
    return len(first) > 1 and first[:-1] == last[:-1] and all(_COUNTER.fullmatch(words[-1]) for words in (first, last))
