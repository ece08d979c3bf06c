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
        ([380, 20], 200, "200 rows a class on average (the rarest has 20)"),
        ([100, 80, 3], 80, "80 rows a class (half have no more; the rarest has 3)"),
        ([5, 20, 30, 100], 38.75, "39 rows a class on average (the rarest has 5)"),
        ([9990, 10], 5000, "5,000 rows a class on average (the rarest has 10)"),
        ([1000, 200, 10], 1210 / 3, "403 rows a class on average (the rarest has 10)"),
    ],
)
def test_rows_a_class_are_the_mean_and_no_less_than_the_lower_median_by_name(counts, number, words):
    facts = facts_of(counts)
    assert scarcity.rows(facts) == pytest.approx(number)
    assert scarcity.said(facts, "class") == words


def test_no_classes_have_no_rows():
    assert scarcity.lower_median([]) == 0


def test_labels_and_values_that_are_not_one_a_row_are_counted_by_their_lower_median():
    facts = replace(FACTS, kind="multilabel", rows=1000, classes=4, rows_per_class=6.0, smallest=5)
    assert scarcity.rows(facts) == 6
    assert scarcity.said(facts, "label") == "6 rows a label (half have no more; the rarest has 5)"
