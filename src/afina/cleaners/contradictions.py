"""One text under two labels.

In train the rows with the label that most of the copies have are kept and the others removed; on a tie all are
removed, for nothing says which is right. In dev and test such texts are kept and counted: no model can be right on
all of them, so they put a ceiling on the score. Texts are compared without case, white space and Unicode form.

Cost: linear. Not done: texts that mean the same in other words; copies across splits (`leakage` removes those);
scores, which are measured and may differ.
"""

from collections import Counter
from collections.abc import Hashable, Mapping

from afina.records import Finding, Row
from afina.sameness import key, places

ORDER = 70


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Resolve the contradictions of train, count those of dev and test."""
    findings = []
    cleaned = dict(splits)
    for name, rows in splits.items():
        keys = [key(row) for row in rows]
        disputed = _disputed(rows, keys)
        if not disputed:
            continue
        if name != "train":
            findings.append(_kept(name, [r for r, k in zip(rows, keys, strict=True) if k in disputed], len(disputed)))
            continue
        winners = {text: _winner(labels) for text, labels in disputed.items()}
        right = [winners.get(k, row.target) == row.target for row, k in zip(rows, keys, strict=True)]
        cleaned[name] = tuple(row for row, ok in zip(rows, right, strict=True) if ok)
        lost = [row for row, ok in zip(rows, right, strict=True) if not ok]
        findings.append(_removed(lost, len(disputed)))
    return cleaned, tuple(findings)


def _disputed(rows: tuple[Row, ...], keys: list[str]) -> dict[str, Counter[Hashable]]:
    """Text -> its labels, for texts that have more than one."""
    first: dict[str, Hashable] = {}
    known = [(row.target, k) for row, k in zip(rows, keys, strict=True) if row.value is None]
    disputed = {k for target, k in known if first.setdefault(k, target) != target}
    labels: dict[str, Counter[Hashable]] = {k: Counter() for k in disputed}
    for target, k in known:
        if k in disputed:
            labels[k][target] += 1
    return labels


def _winner(labels: Counter[Hashable]) -> Hashable:
    (best, most), (_, second) = labels.most_common(2)
    return best if most > second else None


def _removed(lost: list[Row], texts: int) -> Finding:
    return Finding(
        check="contradictions",
        problem=f"{texts:,} texts of train have more than one label",
        action="removed",
        fix="give each text one label; the commonest was kept, and none where no label was",
        count=len(lost),
        where=places(lost),
    )


def _kept(name: str, rows: list[Row], texts: int) -> Finding:
    return Finding(
        check="contradictions",
        problem=f"{texts:,} texts of {name} have more than one label, so no model can be right on all their rows",
        action="kept",
        fix="give each text one label",
        count=len(rows),
        where=places(rows),
    )
