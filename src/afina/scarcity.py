"""How many rows a class there are, as the rules of the plan count them.

    up to 600 rows     the lower median: half of the classes, or more, have no more; of two classes the rarer one's
    of more rows       the mean where that is larger: a rare class among many rows makes no small set of them

What it rests on: the rules were measured on draws with as many rows of every class, where all of these are one number
(benchmarks/RESULTS.md, Few labels and Regret). With unequal classes they were not.
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
    return facts.rows_per_class if facts.rows <= FEW_IN_ALL else max(facts.rows_per_class, facts.rows / facts.classes)


def said(facts: Facts, counted: str) -> str:
    """The same with its name; `counted` is what a class is called: "20 rows of the rarest class"."""
    number = rows(facts)
    if number > facts.rows_per_class:
        return f"{number:,.0f} rows a {counted} on average (the rarest has {facts.smallest:,})"
    if facts.smallest * facts.classes == facts.rows or facts.smallest > number:
        return f"{number:g} rows a {counted}"
    if facts.smallest == number:
        return f"{number:g} rows of the rarest {counted}"
    return f"{number:g} rows a {counted} (half have no more; the rarest has {facts.smallest:,})"
