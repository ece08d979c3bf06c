"""Characters that no reader sees: control characters, half letters, two forms of one letter, outer white space.

NUL and other control characters are taken out (those that part words, such as the form feed, become a space), so are
the zero-width space, the word joiner, the soft hyphen and the marks of direction; joiners, which Persian, Hindi and
emoji are written with, stay. A lone surrogate becomes U+FFFD, letters are composed (NFC), and white space at the ends
goes. U+FFFD itself, the mark of a letter lost before the file came here, is kept and counted. Tabs and line ends
inside a text stay.

Cost: one search and one form check a text; ASCII texts skip the latter. Not done: mojibake ("Ã©" for "é"), homoglyphs.
Source: Unicode Standard Annex 15 (normalization forms).
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from afina.records import Finding, Row, Span
from afina.sameness import places

ORDER = 20

_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u2060\ud800-\udfff\ufeff]")
_SPACES = "\x0b\x0c\x1c\x1d\x1e\x1f\x85"
_LOST = "\ufffd"

_PROBLEMS = {  # kind of repair -> what is said of it
    "odd": ("control or zero-width characters", "they were taken out"),
    "form": ("letters in two parts (not NFC)", "they were composed"),
    "ends": ("white space at the ends", "it was cut off"),
}


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Repair the characters of texts and labels; no row is lost."""
    repaired: dict[str, list[Row]] = {kind: [] for kind in _PROBLEMS}
    lost: list[Row] = []

    def row_of(row: Row) -> Row:
        kinds: set[str] = set()
        text, label = _repair(row.text, kinds), _repair(row.label, kinds)
        labels = row.labels and tuple(sorted({_repair(one, kinds) for one in row.labels}))
        pair = None if row.pair is None else _repair(row.pair, kinds)
        spans = row.spans and tuple(_moved(row.text, span, kinds) for span in row.spans)
        if kinds:
            for kind in kinds:
                repaired[kind].append(row)
            row = replace(row, text=text, label=label, pair=pair, labels=labels, spans=spans)
        if _LOST in text or (pair and _LOST in pair):
            lost.append(row)
        return row

    cleaned = {name: tuple(map(row_of, rows)) for name, rows in splits.items()}
    findings = [_repaired(kind, rows) for kind, rows in repaired.items() if rows]
    if lost:
        findings.append(_kept(lost))
    return cleaned, tuple(findings)


def _moved(text: str, span: Span, kinds: set[str]) -> Span:
    """The span where its characters stand after the repair; a span of white space at an end is none any more."""
    plain = _inside(text, set())
    lead, length = len(plain) - len(plain.lstrip()), len(plain.strip())
    start, end = (min(max(len(_inside(text[:edge], set())) - lead, 0), length) for edge in (span.start, span.end))
    return Span(start, end, _repair(span.label, kinds))


def _repair(text: str, kinds: set[str]) -> str:
    text = _inside(text, kinds)
    cut = text.strip()
    if cut != text:
        kinds.add("ends")
    return cut


def _inside(text: str, kinds: set[str]) -> str:
    if _ODD.search(text):
        kinds.add("odd")
        text = _ODD.sub(_substitute, text)
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        kinds.add("form")
        text = unicodedata.normalize("NFC", text)
    return text


def _substitute(match: re.Match[str]) -> str:
    odd = match[0]
    if "\ud800" <= odd <= "\udfff":
        return _LOST
    return " " if odd in _SPACES else ""


def _repaired(kind: str, rows: list[Row]) -> Finding:
    what, done = _PROBLEMS[kind]
    return Finding(
        check="characters",
        problem=f"{len(rows):,} rows have {what}",
        action="repaired",
        fix=f"nothing: {done}",
        count=len(rows),
        where=places(rows),
    )


def _kept(rows: list[Row]) -> Finding:
    return Finding(
        check="characters",
        problem=f"{len(rows):,} texts hold U+FFFD, the mark of a letter that was lost before",
        action="kept",
        fix="export the texts again with the right encoding",
        count=len(rows),
        where=places(rows),
    )
