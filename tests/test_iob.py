"""Tags to spans and back, against hand-worked cases and a second implementation of the same rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afina import iob

TAGS = st.sampled_from(["O", *(f"{mark}-{label}" for mark in "BIES" for label in "xy")])


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("", []),
        ("O O", []),
        ("B-x I-x O B-y", [(0, 2, "x"), (3, 4, "y")]),
        ("B-x B-x", [(0, 1, "x"), (1, 2, "x")]),
        ("I-x I-x O I-x", [(0, 2, "x"), (3, 4, "x")]),  # IOB1, and broken IOB2
        ("I-x B-x I-x", [(0, 1, "x"), (1, 3, "x")]),
        ("B-x I-y I-y", [(0, 1, "x"), (1, 3, "y")]),
        ("O I-x I-y O", [(1, 2, "x"), (2, 3, "y")]),
        ("B-x I-x E-x S-y O S-x", [(0, 3, "x"), (3, 4, "y"), (5, 6, "x")]),  # BIOES
        ("B-x L-x U-y", [(0, 2, "x"), (2, 3, "y")]),  # BILOU
        ("I-x E-x I-x E-x", [(0, 2, "x"), (2, 4, "x")]),  # IOE
        ("B I O", [(0, 2, "span")]),
        ("B-new-york I-new-york", [(0, 2, "new-york")]),
    ],
)
def test_spans_by_hand(tags, spans):
    assert iob.decode(tags.split()) == spans


def conlleval(tags):
    """The rule as conlleval writes it: whether a chunk ends between two tags, whether one starts."""

    def ends(before, after):
        (a, x), (b, y) = before, after
        return (
            a in "ES" or (a == "B" and b in "BSO") or (a == "I" and b in "BSO") or (a not in "O." and x != y)
        )  # fmt: skip

    def starts(before, after):
        (a, x), (b, y) = before, after
        return b in "BS" or (a in "ESO" and b in "EI") or (b not in "O." and x != y)

    spans, start, last = [], 0, ("O", "")
    for place, tag in enumerate([*tags, "O"]):
        mark, _, label = tag.partition("-")
        now = (mark, label)
        if last[0] != "O" and ends(last, now):
            spans.append((start, place, last[1]))
        if starts(last, now):
            start = place
        last = now
    return spans


@given(tags=st.lists(TAGS, max_size=12))
def test_conlleval_says_the_same_of_any_tags(tags):
    assert iob.decode(tags) == conlleval(tags)


@given(tags=st.lists(TAGS, max_size=12))
def test_spans_come_back_from_their_own_tags(tags):
    spans = iob.decode(tags)
    again = iob.encode(spans, len(tags))
    assert iob.decode(again) == spans
    assert all((tag == "O") == (own == "O") for tag, own in zip(tags, again, strict=True))


places = st.integers(0, 4)  # O, B-x, I-x, B-y, I-y


@given(table=st.lists(st.lists(st.tuples(places, st.integers(-1, 4)), min_size=5, max_size=5), min_size=1, max_size=5))
def test_spans_counted_all_at_once_are_those_of_each_row(table):
    names = ("O", "B-x", "I-x", "B-y", "I-y")
    pairs = np.array(table)
    said, wanted = pairs[..., 0], np.where(pairs[..., 1] < 0, -100, pairs[..., 1])
    found = [
        tuple(set(iob.decode([names[tag] for tag in side[own >= 0]])) for side in (row, own))
        for row, own in zip(said, wanted, strict=True)
    ]
    expected = [
        sum(map(len, ones)) for ones in ((a & b for a, b in found), (a for a, _ in found), (b for _, b in found))
    ]
    assert list(iob.count(said, wanted)) == expected
