"""Binary junk: rows whose text is mostly control characters, which no repair makes readable.

A text is junk where control characters, lone surrogates and U+FFFD are at least 30% of it: UTF-16 read as UTF-8
has 50%, a sentence with one stray NUL far less. Such rows are removed from every split.

Cost: one search a text, in C. Not done: base64, code, markup and other readable text that is no language.
"""

import re
from collections.abc import Mapping

from afina.records import Finding, Row
from afina.sameness import places

ORDER = 10

_JUNK = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_SHARE = 0.3  # of the characters


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Remove the rows whose text is binary junk."""
    junk = [row for rows in splits.values() for row in rows if _is_junk(row)]
    if not junk:
        return splits, ()
    finding = Finding(
        check="binary",
        problem=f"{len(junk):,} texts are mostly control characters",
        action="removed",
        fix="export these rows again as text in UTF-8",
        count=len(junk),
        where=places(junk),
    )
    return {name: tuple(row for row in rows if not _is_junk(row)) for name, rows in splits.items()}, (finding,)


def _is_junk(row: Row) -> bool:
    return any(_JUNK.search(text) and len(_JUNK.findall(text)) >= _SHARE * len(text) for text in row.texts)
