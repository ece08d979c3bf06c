"""Copies: rows with the same text and the same label.

What is known of a text (its class, its score) is here called its label. In train the first copy stays and later ones
are removed, so that no text weighs more by accident and none straddles a cut into splits. In dev and test copies are
kept and counted, so that a published set keeps its size. Exact copies and those that differ in case, white space or
Unicode form are counted apart.

Cost: linear. Not done: near copies with other words (a change of one number, say); one text under two labels, which
is a contradiction.
"""

from collections.abc import Hashable, Mapping

from afina.records import Finding, Row
from afina.sameness import key, places

ORDER = 80


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Remove the copies of train, count those of dev and test."""
    findings = []
    cleaned = dict(splits)
    for name, rows in splits.items():
        firsts: dict[tuple[str, Hashable], Row] = {}
        copies: list[Row] = []
        exact = 0
        for row in rows:
            first = firsts.setdefault((key(row), row.target), row)
            if first is not row:
                copies.append(row)
                exact += first.input == row.input
        if copies:
            findings.append(_finding(name, copies, exact))
        if name == "train":
            cleaned[name] = tuple(firsts.values())
    return cleaned, tuple(findings)


def _finding(name: str, copies: list[Row], exact: int) -> Finding:
    removed = name == "train"
    return Finding(
        check="duplicates",
        problem=f"{len(copies):,} rows of {name} are copies: {exact:,} exact, {len(copies) - exact:,} but for case, "
        "white space or Unicode form",
        action="removed" if removed else "kept",
        fix="nothing: the first of each was kept" if removed else "delete them if each text should count once",
        count=len(copies),
        where=places(copies),
    )
