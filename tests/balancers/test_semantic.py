"""Groups of like texts, by hand and by properties."""

from collections import Counter

import numpy as np
import pytest

from afina.balancers import random, semantic

ONE_WAY, OTHER_WAY = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])


def around(middle, count, seed=0, noise=0.02):
    return middle + noise * np.random.default_rng(seed).normal(size=(count, 3))


def two_facets():
    """A rare class of 9 rows that speak of one thing and 3 of another, and a class of 24 rows."""
    labels = ["rare"] * 12 + ["large"] * 24
    vectors = np.concatenate([around(ONE_WAY, 9), around(OTHER_WAY, 3, 1), around(np.ones(3), 24, 2, 0.5)])
    return labels, vectors


def test_the_smaller_facet_is_filled_up_first_by_hand():
    """12 rows are short of 24: of 9 and 3, filled up to 12 and 12, 3 are added to the one and 9 to the other."""
    labels, vectors = two_facets()
    places, clusters = semantic.add(labels, vectors, semantic.Config(share=1), 0)
    assert clusters == {"rare": 2}
    times = Counter(places.tolist())
    assert sum(times[place] for place in range(9)) == 3
    assert [times[place] for place in (9, 10, 11)] == [3, 3, 3]
    drawn, _ = random.add(labels, None, random.Config(share=1), 0)
    assert Counter(drawn.tolist()) == dict.fromkeys(range(12), 1)  # which leaves the shares of the facets as they were


def test_half_the_way_only_the_smaller_facet_gets_rows():
    """18 wanted: 6 more, all of them for the 3, which are then 9 beside 9."""
    labels, vectors = two_facets()
    places, _ = semantic.add(labels, vectors, semantic.Config(share=0.75), 0)
    assert Counter(places.tolist()) == {9: 2, 10: 2, 11: 2}


def test_the_length_of_a_vector_says_nothing():
    labels, vectors = two_facets()
    longer = vectors * np.random.default_rng(3).uniform(0.1, 10, (len(vectors), 1))
    one, other = (semantic.add(labels, v, semantic.Config(share=1), 0)[0] for v in (vectors, longer))
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("facets", [2, 3, 5])
def test_clear_groups_are_found_whole_whatever_their_number(facets):
    middles = np.eye(6)[:facets]
    vectors = np.concatenate(
        [m + 0.05 * np.random.default_rng(n).normal(size=(6 + n, 6)) for n, m in enumerate(middles)]
    )
    truth = np.repeat(np.arange(facets), 6 + np.arange(facets))
    found = semantic.groups(vectors, 8, 0)
    assert len(set(zip(found.tolist(), truth.tolist(), strict=True))) == facets


def test_no_groups_are_seen_where_there_are_none_and_no_row_is_a_group_of_its_own():
    assert set(semantic.groups(np.random.default_rng(0).normal(size=(60, 64)), 8, 0).tolist()) == {0}
    odd = np.concatenate([around(ONE_WAY, 9), around(OTHER_WAY, 1)])  # a single text that is like no other
    assert set(semantic.groups(odd, 8, 0).tolist()) == {0}
    assert set(semantic.groups(around(ONE_WAY, 2), 8, 0).tolist()) == {0}


def test_groups_end_as_even_as_they_can():
    """A second way: the level that all groups below it are raised to, by trying every one."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        sizes, count = rng.integers(1, 30, rng.integers(1, 6)), int(rng.integers(0, 60))
        ends = sizes + semantic.filled(sizes, count)
        level = max(level for level in range(100) if np.maximum(level - sizes, 0).sum() <= count)
        assert ends.sum() == sizes.sum() + count
        assert (ends >= np.maximum(sizes, level)).all()
        assert (ends <= np.maximum(sizes, level + 1)).all()
