"""Cleaners in their order, over the splits of a corpus or over rows that stand alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from afina import shelf
from afina.records import Finding, Row, Span, Text
from afina.sameness import key, places

CLEANERS = "cleaners"
NEAR = "near_duplicates"
COMPARES = ("leakage", NEAR, "label_typos")  # cleaners that say something of train, or of both splits
NEEDED = ("characters", "empty", "rare", "spans")  # without which rows cannot be read, answered for or scored
REPAIRS = ("characters", "markup")  # cleaners that change a text by what stands in it alone

Splits = Mapping[str, tuple[Row, ...]]


def clean(rows: Splits, asked: Sequence[str] | None) -> tuple[Splits, list[Finding]]:
    """The splits after every cleaner, or those that are asked for and needed, and what they did."""
    cleaners = [shelf.load(CLEANERS, name) for name in _chosen(shelf.names(CLEANERS), asked)]
    findings: list[Finding] = []
    for cleaner in sorted(cleaners, key=lambda module: int(module.ORDER)):
        rows, found = cleaner.clean(rows)
        findings.extend(found)
    return rows, findings


def of_test(
    rows: tuple[Row, ...], train: tuple[Row, ...], cleaners: Sequence[str] | None = None
) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    """Rows of a test file that came after the training, repaired as if it had been there, and what was found.

    What is wrong with train was said when it was read: here faultless rows stand in for it, two of each of its labels.
    Rows that were trained on stay and are counted.
    """
    cleaned, found = alone(rows, train, cleaners)
    known = {key(row) for row in train}
    seen = tuple(row for row in cleaned if key(row) in known)
    if seen:
        found.append(
            Finding(
                check="leakage",
                problem=f"{len(seen):,} rows were in the training data",
                action="kept",
                fix="leave them out: a score with them in is too good",
                count=len(seen),
                where=places(seen),
            )
        )
    return cleaned, tuple(found)


def alone(
    rows: tuple[Row, ...], like: tuple[Row, ...], cleaners: Sequence[str] | None
) -> tuple[tuple[Row, ...], list[Finding]]:
    """Rows repaired beside faultless ones, two of each label that rows `like` them have, and what was found."""
    cleaned, findings = clean({"train": _stand_ins(like), "test": rows}, cleaners)
    return cleaned["test"], [finding for finding in findings if finding.check not in COMPARES]


def as_trained(inputs: Sequence[Text], cleaners: Sequence[str] | None = None) -> list[Text]:
    """Texts or pairs repaired as those of a corpus with these cleaners: what a model trained on it is asked about.

    Not for models that answer by word, since answers are about the words as they were given.
    """
    single = [(one, None) if isinstance(one, str) else one for one in inputs]
    rows: Splits = {"test": tuple(Row(text, "", "", pair) for text, pair in single)}
    for name in _chosen(REPAIRS, cleaners):
        rows, _ = shelf.load(CLEANERS, name).clean(rows)
    return [row.input for row in rows["test"]]


def _stand_ins(train: tuple[Row, ...]) -> tuple[Row, ...]:
    """Two rows without a fault for each label; none where rows have a number in the place of labels."""

    def row_of(name: str, number: str) -> Row:
        row = Row(f"{name} {number}", "", "")
        if train[0].labels is not None:
            return replace(row, labels=(name,))
        if train[0].spans is not None:
            return replace(row, spans=(Span(0, len(name), name),))
        return replace(row, label=name)

    names = sorted({name for row in train for name in row.names})
    return tuple(row_of(name, number) for name in names for number in "12")


def _chosen(names: Sequence[str], cleaners: Sequence[str] | None) -> list[str]:
    """Those of the names that are asked for: all where nothing is said; those that are needed in any case."""
    return [name for name in names if cleaners is None or name in (*cleaners, *NEEDED)]
