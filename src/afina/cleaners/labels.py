"""One class under several spellings: labels that differ only in case or white space, and 1.0 beside 1.

Spellings are merged into the commonest one (in train first, then in all splits; a tie goes to the first in order).
Where every label is a whole number, '1.0' is written '1', as pandas makes floats of integers with a gap.

Cost: one look-up a row. Not done: other spellings ('e-mail' and 'email'); `label_typos` asks about those.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from afina.records import Finding, Row
from afina.sameness import FEW

ORDER = 40

_WHOLE = re.compile(r"[-+]?\d+(\.0+)?")


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Give every class one spelling; no row is lost."""
    spelling = _spellings(splits)
    changed = [(row, n) for rows in splits.values() for row in rows for n in row.names if spelling[n] != n]
    if not changed:
        return splits, ()

    def merged(row: Row) -> Row:
        if all(spelling[name] == name for name in row.names):
            return row
        label = spelling[row.label] if row.label else ""
        labels = row.labels and tuple(sorted({spelling[one] for one in row.labels}))
        spans = row.spans and tuple(replace(span, label=spelling[span.label]) for span in row.spans)
        return replace(row, label=label, labels=labels, spans=spans)

    pairs = Counter((name, spelling[name]) for _, name in changed)
    finding = Finding(
        check="labels",
        problem=f"{len(changed):,} labels are other spellings of a class: {_list(pairs)}",
        action="repaired",
        fix="nothing: each was given its class's commonest spelling; rename them if they are different classes",
        count=len(changed),
        where=tuple(f"{row.where}: {name!r} read as {spelling[name]!r}" for row, name in changed[:FEW]),
    )
    return {name: tuple(map(merged, rows)) for name, rows in splits.items()}, (finding,)


def _spellings(splits: Mapping[str, tuple[Row, ...]]) -> dict[str, str]:
    """Label as written -> label to use."""
    everywhere = Counter(name for rows in splits.values() for row in rows for name in row.names)
    train = Counter(name for row in splits.get("train", ()) for name in row.names)
    whole = all(_WHOLE.fullmatch(label) for label in everywhere if label.strip())
    if whole:
        return {label: label.partition(".")[0] for label in everywhere}
    groups: dict[str, list[str]] = {}
    for label in sorted(everywhere):
        groups.setdefault(" ".join(label.casefold().split()), []).append(label)
    best = {folded: max(group, key=lambda x: (train[x], everywhere[x])) for folded, group in groups.items()}
    return {label: best[folded] for folded, group in groups.items() for label in group}


def _list(pairs: Counter[tuple[str, str]]) -> str:
    shown = ", ".join(f"{wrong!r} for {right!r} ({count:,})" for (wrong, right), count in pairs.most_common(FEW))
    return shown + (", ..." if len(pairs) > FEW else "")
