"""Rows that stand in two splits, which make a score look better than it is.

A row of train or dev whose text is also in test is removed, and a row of train whose text is also in dev; labels do
not matter. Test is never touched, so that a published test set keeps its size. Texts are compared without case, white
space and Unicode form. Splits of other names are hold-out sets that are only watched while training: what they share
with train is counted and stays.

Cost: linear. Not done: near copies with other words; pairs that share one of their two texts.
It runs before copies are removed, so that what it counts are the rows of the files. How much it may matter: in ACL-ARC
52 of 139 published test rows are in train; a linear model is right on 75% of all and on 66% of the others.
"""

from collections.abc import Mapping

from afina.records import Finding, Row
from afina.sameness import key, places

ORDER = 60

_PAIRS = (("test", "dev"), ("test", "train"), ("dev", "train"))  # the split that keeps its rows, the one that gives way


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Remove from train and dev what a more protected split holds too; count what a hold-out set shares with train."""
    findings = []
    keyed = {name: [(key(row), row) for row in rows] for name, rows in splits.items()}
    for held_out, name in _PAIRS:
        held = {k for k, _ in keyed.get(held_out, ())}
        leaked = [(k, row) for k, row in keyed.get(name, ()) if k in held]
        if leaked:
            texts = {k for k, _ in leaked}
            seen = sum(k in texts for k, _ in keyed[held_out])
            findings.append(_finding(name, held_out, [row for _, row in leaked], seen))
            keyed[name] = [(k, row) for k, row in keyed[name] if k not in held]
    learned = {k for k, _ in keyed.get("train", ())}
    for name in keyed.keys() - {"train", "dev", "test"}:
        shared = [row for k, row in keyed[name] if k in learned]
        if shared:
            findings.append(_watched(name, shared))
    return {name: tuple(row for _, row in rows) for name, rows in keyed.items()}, tuple(findings)


def _watched(name: str, shared: list[Row]) -> Finding:
    return Finding(
        check="leakage",
        problem=f"{len(shared):,} rows of the hold-out set {name} are also in train",
        action="kept",
        fix="leave them out of one of the two; until then its score is too good",
        count=len(shared),
        where=places(shared),
    )


def _finding(name: str, held_out: str, leaked: list[Row], seen: int) -> Finding:
    return Finding(
        check="leakage",
        problem=f"{seen:,} rows of {held_out} are also in {name}",
        action="removed",
        fix=f"nothing: their {len(leaked):,} rows were taken out of {name}; scores got with them in are too good",
        count=len(leaked),
        where=places(leaked),
    )
