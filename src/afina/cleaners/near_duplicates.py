"""Near copies: rows whose texts differ in a few letters, words or signs only.

    likeness = |A & B| / |A | B|      A, B: words and pairs of neighbouring words of two texts, no case, no URLs

Near copies are rows with a likeness of at least 0.9: a word left out of a sentence of ten, or one replaced in thirty.
Where each of two texts has a number, a name (a capital) or a marked word (in brackets) that the other lacks, or only
the brackets stand elsewhere, they are taken for one template filled twice and are no copies. Candidates come from
MinHash (128 values) in 16 bands, which finds 99.99% of the pairs at 0.9; each is then compared in full.

Rows of train or dev that nearly copy one of a more protected split are named, and rows of train that nearly copy
another. Of pairs both texts are nearly copied. None is removed: a word, even a comma, may make another class of a
text. Each row is compared with at most 10 earlier ones, so that a million lines of one template stay cheap.

Cost: linear, about 20 microseconds a short text. Not done: other words for the same, test within itself, hold-out sets.
Source: Broder 1997, "On the resemblance and containment of documents" (MinHash); Indyk & Motwani 1998 (bands).
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from afina.records import Finding, Row
from afina.sameness import FEW

ORDER = 85

_LIKE = 0.9
_VALUES, _BANDS = 128, 16
_MOST = 10  # earlier rows that one is compared with
_KEPT = 64  # texts whose shingles are kept: lines of one template are compared with the same few again and again
_URL = re.compile(r"(?:https?://|www\.)\S+")
_WORD = re.compile(r"[^\W_]+|[<>\[\]{}]+")
_BRACKETS = frozenset("<>[]{}")


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Name the near copies across splits and within train; nothing is changed."""
    split_of = [(name, row) for name in ("test", "dev", "train") for row in splits.get(name, ())]
    found: dict[tuple[str, str], list[tuple[Row, Row]]] = {}
    for place, earlier in _copies([row for _, row in split_of]):
        (split, row), (other, copied) = split_of[place], split_of[earlier]
        if split == "train" or other != split:
            found.setdefault((split, other), []).append((row, copied))
    return splits, tuple(_finding(*names, pairs) for names, pairs in found.items())


def _copies(rows: list[Row]) -> Iterator[tuple[int, int]]:
    """The place of each row that nearly copies an earlier one, with the place of that one."""
    if not rows:
        return
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(_LIKE, _VALUES, _BANDS)
    for place, row in enumerate(rows):
        shingles = frozenset().union(*map(_shingles, row.texts))
        if not shingles:
            continue
        hashed = RMinHash(_VALUES, 0)
        hashed.update(list(shingles))
        near = sorted(index.query(hashed))[:_MOST]
        first = next((other for other in near if all(map(_are_copies, row.texts, rows[other].texts))), None)
        if first is not None:
            yield place, first
        elif len(near) < _MOST:
            index.insert(place, hashed)


def _words(text: str) -> list[str]:
    return _WORD.findall(_URL.sub(" ", text))


@lru_cache(_KEPT)
def _shingles(text: str) -> frozenset[str]:
    words = [word.casefold() for word in _words(text)]
    return frozenset((*words, *map("{} {}".format, words, words[1:])))


def _are_copies(text: str, other: str) -> bool:
    one, two = _shingles(text), _shingles(other)
    both = len(one & two)
    if both < _LIKE * (len(one) + len(two) - both):
        return False
    return not (_names(text) - two and _names(other) - one) and not _mark_moved(text, other)


def _mark_moved(text: str, other: str) -> bool:
    """Whether the words and brackets are the same and the brackets stand elsewhere, as around another of two names."""
    one, two = _words(text), _words(other)
    return one != two and sorted(one) == sorted(two) and not _BRACKETS.isdisjoint("".join(one))


@lru_cache(_KEPT)
def _names(text: str) -> frozenset[str]:
    """Those of a text's shingles that are a word with a capital or a digit, or hold a bracket."""
    alone = frozenset(word.casefold() for word in _words(text) if word[0].isupper() or not word.isalpha())
    return alone | {pair for pair in _shingles(text) if not _BRACKETS.isdisjoint(pair)}


def _finding(split: str, other: str, pairs: list[tuple[Row, Row]]) -> Finding:
    whose = "another" if other == split else f"one of {other}"
    differ = sum(one.names != earlier.names for one, earlier in pairs)
    under = f"; {differ:,} of them have another label" if differ else ""
    return Finding(
        check="near_duplicates",
        problem=f"{len(pairs):,} rows of {split} nearly copy {whose}{under}",
        action="kept",
        fix=f"look at them: copies are better left out of {split}"
        + ("" if other == split else f", for scores on {other} are too good with them in"),
        count=len(pairs),
        where=tuple(f"{one.where}, of {earlier.where}" for one, earlier in pairs[:FEW]),
    )
