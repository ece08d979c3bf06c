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
    counts = Counter(name for row in splits.get("train", ()) for name in row.names)
    if not counts:
        return splits, ()
    findings = []
    cleaned = dict(splits)
    single = [(row, name) for row in splits["train"] for name in row.names if counts[name] == 1]
    if single:
        findings.append(_single(single))
    for name in ("dev", "test"):
        unseen = [(row, other) for row in splits.get(name, ()) for other in row.names if other not in counts]
        if unseen:
            findings.append(_unseen(name, unseen))
        if unseen and name == "dev":
            cleaned[name] = tuple(row for row in splits[name] if counts.keys() >= set(row.names))
    return cleaned, tuple(findings)


def _single(named: list[tuple[Row, str]]) -> Finding:
    return Finding(
        check="rare",
        problem=f"{len(named):,} classes have one row in train: {_names(named)}",
        action="kept",
        fix="give each class at least ten rows, or merge it into another",
        count=len(_rows(named)),
        where=places(_rows(named)),
    )


def _unseen(split: str, named: list[tuple[Row, str]]) -> Finding:
    means = "each of these rows counts as an error" if split == "test" else "they cannot help to choose"
    rows = _rows(named)
    return Finding(
        check="rare",
        problem=f"{len(rows):,} rows of {split} have a label that train lacks ({_names(named)}): {means}",
        action="kept" if split == "test" else "removed",
        fix=f"add rows with these labels to train, or correct the labels in {split}",
        count=len(rows),
        where=places(rows),
    )


def _rows(named: list[tuple[Row, str]]) -> list[Row]:
    """Each row once."""
    return list({id(row): row for row, _ in named}.values())


def _names(named: list[tuple[Row, str]]) -> str:
    labels = list(dict.fromkeys(name for _, name in named))
    return ", ".join(map(repr, labels[:FEW])) + (", ..." if len(labels) > FEW else "")
