from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afina.errors import DataError
from afina.records import Row
from afina.splits import cut, small


def rows(**sizes):
    return tuple(Row(f"{label} {n}", label, f"train.csv:{n}") for label, size in sizes.items() for n in range(size))


def test_each_class_gives_its_share():
    kept, gone = cut(rows(a=1000, b=300, c=50), 0.2, seed=0)
    assert Counter(row.label for row in gone) == {"a": 200, "b": 60, "c": 10}
    assert len(kept) == 1080


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30), share=st.floats(0.01, 0.95), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_no_row_is_lost_or_doubled_and_every_class_stays_in_train(sizes, share, seed):
    given = rows(**{f"c{n}": size for n, size in enumerate(sizes)})
    spare = sum(size - 1 for size in sizes)
    if spare < 2:
        with pytest.raises(DataError, match="too few"):
            cut(given, share, seed)
        return
    kept, gone = cut(given, share, seed)
    assert sorted(kept + gone, key=given.index) == list(given)
    assert {row.label for row in kept} == {row.label for row in given}
    assert len(gone) == min(max(2, round(share * len(given))), spare)


def test_the_same_seed_cuts_the_same_rows_and_another_seed_others():
    given = rows(a=100, b=100)
    assert cut(given, 0.2, seed=3) == cut(given, 0.2, seed=3)
    assert cut(given, 0.2, seed=3) != cut(given, 0.2, seed=4)


def test_rows_stay_in_the_order_of_the_file():
    given = rows(a=50, b=50)
    for part in cut(given, 0.3, seed=1):
        assert list(part) == sorted(part, key=given.index)


@given(
    sizes=st.lists(st.integers(2, 30), min_size=1, max_size=8),
    joined=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=40),
    share=st.floats(0.05, 0.5),
    seed=st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_a_group_stands_on_one_side_and_rows_of_none_where_they_stood_without(sizes, joined, share, seed):
    given = rows(**{f"c{n}": size for n, size in enumerate(sizes)})
    given = tuple(replace(row, where=f"f:{n}") for n, row in enumerate(given))
    groups = {f"f:{one % len(given)}": f"g{name % 20}" for one, name in joined}
    plain = cut(given, share, seed) if sum(size - 1 for size in sizes) >= 2 else None
    if plain is None:
        return
    try:
        kept, gone = cut(given, share, seed, groups=groups)
    except DataError:  # all are near copies of each other; see below
        return
    assert sorted(kept + gone, key=given.index) == list(given)
    sides = {(groups[row.where], side) for side, part in enumerate((kept, gone)) for row in part if row.where in groups}
    assert len(sides) == len({name for name, _ in sides})
    assert [row for row in gone if row.where not in groups] == [row for row in plain[1] if row.where not in groups]
    assert {row.label for row in kept} == {row.label for row in given}
    assert cut(given, share, seed, groups={}) == plain
    assert cut(given, share, seed, groups=groups) == (kept, gone)


def test_groups_keep_the_shares_of_the_classes_and_the_most_that_is_allowed():
    given = tuple(Row(f"{n}", "ab"[n % 2], f"f:{n}") for n in range(400))
    pairs = {f"f:{n}": f"g{n // 4}-{n % 2}" for n in range(400)}  # two rows of one class each
    assert Counter(row.label for row in cut(given, 0.2, 0, groups=pairs)[1]) == {"a": 40, "b": 40}
    assert len(cut(given, 0.5, 0, most=51, groups=pairs)[1]) in (50, 51)


def test_rows_that_are_all_near_copies_of_each_other_cannot_be_cut():
    given = rows(a=10, b=10)
    given = tuple(replace(row, where=f"f:{n}") for n, row in enumerate(given))
    with pytest.raises(DataError, match="near copies") as caught:
        cut(given, 0.2, 0, groups={row.where: row.label for row in given})
    assert "test_file" in caught.value.fix


def test_a_class_with_one_row_stays_in_train():
    kept, gone = cut(rows(a=20, b=1), 0.4, seed=0)
    assert "b" not in {row.label for row in gone}
    assert "b" in {row.label for row in kept}


def test_the_cut_is_never_larger_than_allowed():
    assert len(cut(rows(a=500, b=500), 0.4, seed=0, most=100)[1]) == 100


def test_small_classes_share_the_cut_by_chance_and_not_by_the_alphabet():
    given = rows(**{f"c{n:02}": 4 for n in range(50)})
    chosen = {row.label for seed in range(20) for row in cut(given, 0.1, seed)[1]}
    assert len(chosen) > 45


def test_ten_rows_are_enough_and_three_are_not():
    kept, gone = cut(rows(a=5, b=5), 0.2, seed=0)
    assert Counter(row.label for row in gone) == {"a": 1, "b": 1}
    assert len(kept) == 8
    with pytest.raises(DataError, match="3 rows in 2 classes are too few"):
        cut(rows(a=2, b=1), 0.2, seed=0)


def test_a_small_split_is_said_to_be_unsure():
    assert small("test", rows(a=49))[0].count == 49
    assert small("test", rows(a=50)) == ()
