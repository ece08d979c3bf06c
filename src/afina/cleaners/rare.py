"""Classes with too little to learn from: one row in train, or none.

A class with one row in train is kept and named. A class that only dev has cannot be learned, and dev only serves to
choose: its rows are removed. A class that only test has stays in test, where each of its rows counts as an error:
that is what a user of the model would see, and a published test set keeps its size.

Cost: one count a row. Not done: classes of two or three rows, which are few too but can be cut into splits.
"""

from collections import Counter
from collections.abc import Mapping

from afina.records import Finding, Row
from afina.sameness import FEW, places

ORDER = 90


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Name the classes that train has once, and those that dev or test have and train has not."""
    counts = Counter(row.label for row in splits.get("train", ()))
    if not counts:
        return splits, ()
    findings = []
    cleaned = dict(splits)
    single = [row for row in splits["train"] if counts[row.label] == 1]
    if single:
        findings.append(_single(single))
    for name in ("dev", "test"):
        unseen = [row for row in splits.get(name, ()) if row.label not in counts]
        if unseen:
            findings.append(_unseen(name, unseen))
        if unseen and name == "dev":
            cleaned[name] = tuple(row for row in splits[name] if row.label in counts)
    return cleaned, tuple(findings)


def _single(rows: list[Row]) -> Finding:
    return Finding(
        check="rare",
        problem=f"{len(rows):,} classes have one row in train: {_names(rows)}",
        action="kept",
        fix="give each class at least ten rows, or merge it into another",
        count=len(rows),
        where=places(rows),
    )


def _unseen(name: str, rows: list[Row]) -> Finding:
    means = "each of these rows counts as an error" if name == "test" else "they cannot help to choose"
    return Finding(
        check="rare",
        problem=f"{len(rows):,} rows of {name} have a label that train lacks ({_names(rows)}): {means}",
        action="kept" if name == "test" else "removed",
        fix=f"add rows with these labels to train, or correct the labels in {name}",
        count=len(rows),
        where=places(rows),
    )


def _names(rows: list[Row]) -> str:
    labels = list(dict.fromkeys(row.label for row in rows))
    return ", ".join(map(repr, labels[:FEW])) + (", ..." if len(labels) > FEW else "")
