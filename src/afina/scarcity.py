"""How many rows a class there are, as the rules of the plan count them.

    classes            the mean, and no less than the lower median: a rare class makes no small set of many rows
    labels, spans, values    the lower median of what is counted: half or more have no more

The rules were measured on draws with as many rows of every class, where all of these are one number
(benchmarks/RESULTS.md, Few labels and Regret). Of two classes with 20 and 380 rows pairs of texts were worse than
single ones (LOG.md), though 20 are few: most batches of pairs hold one text of the rare class, or none.
"""

from collections.abc import Iterable

from afina.records import Facts

FEW_IN_ALL = 600  # rows up to which many rows a class were measured to be few; pairs of more take long


def lower_median(counts: Iterable[int]) -> int:
    """The middle one, or the smaller of the two in the middle; 0 of none.

    >>> lower_median([380, 20]), lower_median([5, 80, 300]), lower_median([8, 8, 8, 8])
    (20, 80, 8)
    """
    ordered = sorted(counts)
    return ordered[(len(ordered) - 1) // 2] if ordered else 0


def rows(facts: Facts) -> float:
    """Rows a class that the plan goes by."""
    return max(facts.rows_per_class, facts.rows / facts.classes) if facts.kind == "classify" else facts.rows_per_class


def said(facts: Facts, counted: str) -> str:
    """The same with its name, and the rarest class where they are unequal; `counted` is what a class is called."""
    number = rows(facts)
    if number > facts.rows_per_class:
        return f"{number:,.0f} rows a {counted} on average (the rarest has {facts.smallest:,})"
    if facts.smallest >= number:
        return f"{number:g} rows a {counted}"
    return f"{number:g} rows a {counted} (half have no more; the rarest has {facts.smallest:,})"
