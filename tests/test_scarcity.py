"""Rows a class: the same number in every way of counting where classes are equal, and an honest name where not."""

from dataclasses import replace

import pytest
from stories import make

from afina import scarcity

FACTS = replace(make().plan.facts, kind="classify")


def facts_of(counts):
    rows, middle = sum(counts), float(scarcity.lower_median(counts))
    return replace(FACTS, rows=rows, classes=len(counts), rows_per_class=middle, smallest=min(counts))


@pytest.mark.parametrize(
    ("counts", "number", "words"),
    [
        ([16, 16, 16], 16, "16 rows a class"),
        ([900, 900], 900, "900 rows a class"),
        ([380, 20], 20, "20 rows of the rarest class"),
        ([300, 80, 20], 80, "80 rows a class (half have no more; the rarest has 20)"),
        ([5, 20, 30, 100], 20, "20 rows a class (half have no more; the rarest has 5)"),
        ([9990, 10], 5000, "5,000 rows a class on average (the rarest has 10)"),
        ([1000, 200, 10], 1210 / 3, "403 rows a class on average (the rarest has 10)"),
    ],
)
def test_rows_a_class_are_the_lower_median_and_of_many_rows_no_less_than_the_mean(counts, number, words):
    facts = facts_of(counts)
    assert scarcity.rows(facts) == pytest.approx(number)
    assert scarcity.said(facts, "class") == words


def test_no_classes_have_no_rows():
    assert scarcity.lower_median([]) == 0
