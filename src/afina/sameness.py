"""When two rows are the same: what the cleaners that look for copies share.

Two rows are the same where their texts differ only in case, white space and Unicode form (NFKC: full-width
letters, ligatures, superscripts). The second texts of pairs count too. About 1 microsecond a short text.
"""

import unicodedata
from collections.abc import Iterable

from afina.records import Row

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


def places(rows: Iterable[Row]) -> tuple[str, ...]:
    """Where the first few of these rows are."""
    return tuple(row.where for row, _ in zip(rows, range(FEW), strict=False))
