"""Rows without a text or without a label.

Missing is what is empty, or 'nan' or 'null' in any case: what pandas and databases write for nothing. 'none', 'n/a'
and '-' are left alone, for they are names of real classes. Such rows are removed from every split, test too: a row
without a label cannot be scored.

Cost: one comparison a field. Not done: texts of punctuation only, placeholders such as 'lorem ipsum'.
"""

from collections.abc import Mapping

from afina.cells import missing
from afina.records import Finding, Row
from afina.sameness import places

ORDER = 30


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Remove the rows whose text, second text or label is missing."""
    textless: list[Row] = []
    unlabelled: list[Row] = []

    def keep(row: Row) -> bool:
        if missing(row.text) or (row.pair is not None and missing(row.pair)):
            textless.append(row)
            return False
        if row.target == row.label and missing(row.label):
            unlabelled.append(row)
            return False
        return True

    cleaned = {name: tuple(row for row in rows if keep(row)) for name, rows in splits.items()}
    found = (("text", textless), ("label", unlabelled))
    return cleaned, tuple(_finding(what, rows) for what, rows in found if rows)


def _finding(what: str, rows: list[Row]) -> Finding:
    return Finding(
        check="empty",
        problem=f"{len(rows):,} rows have no {what} (empty, nan or null)",
        action="removed",
        fix=f"give these rows a {what}, or delete them; if nan or null is a real {what}, write it in another way",
        count=len(rows),
        where=places(rows),
    )
