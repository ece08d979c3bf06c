"""When two rows are the same: what the cleaners that look for copies share.

Two rows are the same where their texts differ only in case, white space and Unicode form (NFKC: full-width
letters, ligatures, superscripts). The second texts of pairs count too. About 1 microsecond a short text.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TypeVar

from afina.records import Row

T = TypeVar("T", int, str)
FEW = 5  # places named in one finding


def normal(text: str) -> str:
    """The text with single spaces, without case and in NFKC.

    >>> normal("  Where IS\\tit? ")
    'where is it?'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def key(row: Row) -> str:
    """Equal for two rows whose inputs are the same."""
    return normal(row.text) if row.pair is None else f"{normal(row.text)}\0{normal(row.pair)}"


def joined(links: Iterable[Sequence[T]]) -> dict[T, T]:
    """The least of all that hang together with each thing in the links, whose own things do.

    >>> joined([(1, 2), (5, 4), (4, 2), (7, 8)])
    {1: 1, 2: 1, 5: 1, 4: 1, 7: 7, 8: 7}
    """
    parent: dict[T, T] = {}

    def first(one: T) -> T:
        while (above := parent.setdefault(one, one)) != one:
            parent[one] = one = parent[above]  # shorter for whoever asks next
        return one

    for link in links:
        tops = [first(one) for one in link]
        parent.update(dict.fromkeys(tops, min(tops)))
    return {one: first(one) for one in list(parent)}


def places(rows: Iterable[Row]) -> tuple[str, ...]:
    """Where the first few of these rows are."""
    return tuple(row.where for row, _ in zip(rows, range(FEW), strict=False))
