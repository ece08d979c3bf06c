"""How many rows a class is short of, by hand."""

from collections import Counter

import numpy as np
import pytest

from afina import oversampling


@pytest.mark.parametrize(("share", "most", "wanted"), [(1, 7, 7), (0.5, 7, 4), (0.07, 100, 7), (0.01, 3, 1)])
def test_a_share_is_rounded_up_and_by_nothing_but_what_it_is(share, most, wanted):
    assert oversampling.target({"a": most, "b": 1}, share) == wanted
    assert oversampling.short(["a"] * most + ["b"], share) == ({"b": wanted - 1} if wanted > 1 else {})


def test_no_rows_are_short_of_nothing():
    assert oversampling.short([], 0.5) == {}


def test_all_places_come_once_before_any_comes_again():
    found = oversampling.drawn(np.array([4, 7, 9]), 8, np.random.default_rng(0))
    assert sorted(found[:3]) == sorted(found[3:6]) == [4, 7, 9]
    assert sorted(Counter(found).values()) == [2, 3, 3]
    assert oversampling.drawn(np.array([4]), 0, np.random.default_rng(0)) == []
