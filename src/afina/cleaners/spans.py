"""Spans that begin or end within a word, touch one another's words, or hold no word.

Models answer by whole words (see `words`): a span that ends within one is widened to take all of it, white space at its
ends is left off, one without a word is dropped. Of two spans that share a word the longer is kept, of equally long ones
the first. Rows of other kinds pass as they are.

Cost: one look at each word of texts with spans. Not done: spans within spans as a task of their own.
"""

from collections.abc import Mapping
from dataclasses import replace

from afina.records import Finding, Row, Span
from afina.sameness import places
from afina.words import within, words

ORDER = 25

_PROBLEMS = {  # kind of repair -> what is said of it
    "edges": ("spans that end within a word or in white space", "each was set to whole words"),
    "shared": ("spans that share words", "the longer of two was kept"),
    "wordless": ("spans without a word", "they were dropped"),
}


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Set spans to whole words that no other span has; no row is lost."""
    repaired: dict[str, list[Row]] = {kind: [] for kind in _PROBLEMS}

    def row_of(row: Row) -> Row:
        if not row.spans:
            return row
        kinds: set[str] = set()
        spans = _apart(_whole(row, kinds), kinds)
        for kind in kinds:
            repaired[kind].append(row)
        return replace(row, spans=spans) if kinds else row

    cleaned = {name: tuple(map(row_of, rows)) for name, rows in splits.items()}
    return cleaned, tuple(_finding(kind, rows) for kind, rows in repaired.items() if rows)


def _whole(row: Row, kinds: set[str]) -> list[Span]:
    found, spans = words(row.text), []
    for span in row.spans or ():
        first, last = within(found, span.start, span.end)
        if first == last:
            kinds.add("wordless")
            continue
        whole = Span(found[first][0], found[last - 1][1], span.label)
        if whole != span:
            kinds.add("edges")
        spans.append(whole)
    return spans


def _apart(spans: list[Span], kinds: set[str]) -> tuple[Span, ...]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start - one.end, one)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
        else:
            kinds.add("shared")
    return tuple(sorted(kept))


def _finding(kind: str, rows: list[Row]) -> Finding:
    what, done = _PROBLEMS[kind]
    return Finding(
        check="spans",
        problem=f"{len(rows):,} rows have {what}",
        action="repaired",
        fix=f"nothing: {done}",
        count=len(rows),
        where=places(rows),
    )
