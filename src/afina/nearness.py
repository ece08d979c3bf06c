"""Near copies: rows whose texts differ in a few letters, words or signs only.

    likeness = |A & B| / |A | B|      A, B: words and pairs of neighbouring words of two texts, no case, no URLs

Near copies are rows with a likeness of at least 0.9: a word left out of a sentence of ten, or one replaced in thirty.
Where each of two texts has a number, a name (a capital) or a marked word (in brackets) that the other lacks, or only
the brackets stand elsewhere, they are taken for one template filled twice and are no copies. Of pairs both texts are
nearly copied. Candidates come from MinHash (128 values) in 16 bands, which finds 99.99% of the pairs at 0.9; each is
then compared in full, a row with at most 10 earlier ones, so that a million lines of one template stay cheap.

Cost: linear, about 20 microseconds a short text. What it does not do: see other words for the same.
Source: Broder 1997, "On the resemblance and containment of documents" (MinHash); Indyk & Motwani 1998 (bands).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from afina import sameness
from afina.records import Row

_LIKE = 0.9
_VALUES, _BANDS = 128, 16
_MOST = 10  # earlier rows that one is compared with
_KEPT = 64  # texts whose shingles are kept: lines of one template are compared with the same few again and again
_URL = re.compile(r"(?:https?://|www\.)\S+")
_WORD = re.compile(r"[^\W_]+|[<>\[\]{}]+")
_BRACKETS = frozenset("<>[]{}")


def copies(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """The place of each row that nearly copies an earlier one, with the place of the first that is no copy itself."""
    yield from ((place, found[0]) for place, found in _found(rows, chains=False))


def groups(rows: Sequence[Row]) -> Mapping[str, str]:
    """Where each row with near copies stands, and where the first of its group does; rows without any are not named.

    Of three rows of which the first two and the last two are near copies, all are one group.
    """
    links = ((place, *found) for place, found in _found(rows, chains=True))
    return {rows[place].where: rows[first].where for place, first in sameness.joined(links).items()}


def _found(rows: Sequence[Row], chains: bool) -> Iterator[tuple[int, list[int]]]:
    """The place of each row with near copies before it, and theirs.

    chains   whether copies are copied too, and all are wanted; else the first will do
    """
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
        found = (other for other in near if all(map(_are_copies, row.texts, rows[other].texts)))
        one = next(found, None)
        if one is not None:
            yield place, [one, *(found if chains else ())]
        if len(near) < _MOST and (chains or one is None):
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
