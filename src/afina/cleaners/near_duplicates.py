"""Near copies: rows whose texts differ in a few letters, words or signs only, as `afina.nearness` says in full.

Rows of train or dev that nearly copy one of a more protected split are named, and rows of train that nearly copy
another. None is removed: a word, even a comma, may make another class of a text. A split that is cut from train later
keeps near copies on one side (`splits`).

Cost: linear, about 20 microseconds a short text. Not done: other words for the same, test within itself, hold-out sets.
"""

from collections.abc import Mapping

from afina import nearness
from afina.records import Finding, Row
from afina.sameness import FEW

ORDER = 85


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Name the near copies across splits and within train; nothing is changed."""
    split_of = [(name, row) for name in ("test", "dev", "train") for row in splits.get(name, ())]
    found: dict[tuple[str, str], list[tuple[Row, Row]]] = {}
    for place, earlier in nearness.copies([row for _, row in split_of]):
        (split, row), (other, copied) = split_of[place], split_of[earlier]
        if split == "train" or other != split:
            found.setdefault((split, other), []).append((row, copied))
    return splits, tuple(_finding(*names, pairs) for names, pairs in found.items())


def _finding(split: str, other: str, pairs: list[tuple[Row, Row]]) -> Finding:
    whose = "another" if other == split else f"one of {other}"
    differ = sum(one.names != earlier.names for one, earlier in pairs)
    under = f"; {differ:,} of them have another label" if differ else ""
    return Finding(
        check="near_duplicates",
        problem=f"{len(pairs):,} rows of {split} nearly copy {whose}{under}",
        action="kept",
        fix=f"look at them: copies are better left out of {split}"
        + ("" if other == split else f", for scores on {other} are too good with them in"),
        count=len(pairs),
        where=tuple(f"{one.where}, of {earlier.where}" for one, earlier in pairs[:FEW]),
    )
