"""What every balancer on the shelf keeps. Modules are found, never listed."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afina import shelf

MODULES = {name: shelf.load("balancers", name) for name in shelf.names("balancers")}
every = pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
SIZES = {"many": 40, "some": 12, "few": 7, "one": 1}


def labelled(sizes=SIZES):
    """Labels in a mixed order, and a vector each."""
    labels = [label for label, count in sizes.items() for _ in range(count)]
    order = np.random.default_rng(5).permutation(len(labels))
    return [labels[place] for place in order], np.random.default_rng(6).normal(size=(len(labels), 4))


def added(module, labels, vectors, share=0.5, seed=0):
    return module.add(labels, vectors if module.VECTORS else None, module.Config(share=share), seed)


@every
def test_a_balanced_set_gets_nothing(module):
    places, clusters = added(module, *labelled({"a": 9, "b": 9, "c": 9}), share=1)
    assert places.tolist() == []
    assert clusters == {}


@every
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1.0])
def test_each_class_gets_just_what_it_is_short_of_and_the_largest_nothing(module, share):
    labels, vectors = labelled()
    places, clusters = added(module, labels, vectors, share)
    more, target = Counter(labels[place] for place in places), math.ceil(share * SIZES["many"])
    for label, count in SIZES.items():
        assert count + more[label] == max(count, target)
    assert "many" not in more
    assert clusters.keys() == more.keys()
    assert all(1 <= clusters[label] <= SIZES[label] for label in clusters)


@every
@settings(max_examples=15)
@given(st.lists(st.sampled_from("abcde"), max_size=40), st.floats(0.01, 1), st.integers(0, 2**32 - 1))
def test_whatever_the_classes_the_target_is_reached_and_not_passed(module, labels, share, seed):
    vectors = np.random.default_rng(0).integers(0, 2, (len(labels), 3)).astype(float)  # many the same, some all zeros
    places, _ = added(module, labels, vectors, share, seed)
    before = Counter(labels)
    after = before + Counter(labels[place] for place in places)
    target = math.ceil(share * max(before.values(), default=0))
    assert after == {label: max(count, target) for label, count in before.items()}


@every
def test_the_seed_decides_and_nothing_else(module):
    labels, vectors = labelled()
    first, again, other = (added(module, labels, vectors.copy(), seed=seed)[0] for seed in (3, 3, 4))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


@every
def test_a_row_comes_again_only_in_its_turn(module):
    """Rows that are all alike are one group, in which none is repeated twice before all are repeated once."""
    labels = ["rare"] * 4 + ["large"] * 15
    places, clusters = added(module, labels, np.ones((19, 3)), share=1)
    assert sorted(Counter(places.tolist()).values()) == [2, 3, 3, 3]  # 11 rows from 4
    assert clusters == {"rare": 1}


@every
def test_what_it_is_given_is_left_alone(module):
    labels, vectors = labelled()
    before = list(labels), vectors.copy()
    added(module, labels, vectors)
    assert labels == before[0]
    np.testing.assert_array_equal(vectors, before[1])


@every
def test_it_says_its_cost_its_source_and_what_it_does_not_do(module):
    for needed in ("Source:", "does not do", "Cost:", "= add(labels"):
        assert needed in module.__doc__
    with pytest.raises(ValueError, match="nonsense"):
        module.Config(nonsense=1)
    for share in (0, 1.5):
        with pytest.raises(ValueError, match="share"):
            module.Config(share=share)
