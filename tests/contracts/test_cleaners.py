"""What every cleaner on the shelf keeps: it is pure, it settles, it leaves clean rows alone and loses none unsaid."""

from collections.abc import Mapping
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afina import shelf
from afina.records import Row

NAMES = shelf.names("cleaners")
Splits = Mapping[str, tuple[Row, ...]]

TEXTS = (
    "one",
    "ONE ",
    "o\0ne",
    "ｏｎｅ",
    "two",
    "e\u0301",
    "é",
    "",
    "nan",
    "\0\0",
    "\ud800",
    "a\x0cb",
    "x\ufffdy is lost",
    "a &amp;lt; <b>b</b><br>",
    "x\u200by [a](http://b.c)",
)
LABELS = ("card", "Card", " card", "cadr", "1", "1.0", "2", "", "NaN", "none", "transfer", "tranfer")


def split(name: str) -> st.SearchStrategy[tuple[Row, ...]]:
    some = st.text(st.characters(), max_size=3)
    values = st.tuples(
        st.sampled_from(TEXTS) | some, st.sampled_from(LABELS) | some, st.none() | st.sampled_from(TEXTS)
    )
    return st.lists(values, max_size=12).map(
        lambda rows: tuple(Row(t, label, f"{name}:{n}", pair) for n, (t, label, pair) in enumerate(rows, 2))
    )


messy = st.fixed_dictionaries(
    {"train": split("train.csv")}, optional={"dev": split("dev.csv"), "test": split("test.csv")}
)
quick = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module", params=NAMES)
def cleaner(request: pytest.FixtureRequest) -> ModuleType:
    return shelf.load("cleaners", request.param)


def rows_of(splits: Splits) -> int:
    return sum(map(len, splits.values()))


def test_a_cleaner_says_what_it_does_what_it_costs_and_what_it_leaves(cleaner):
    assert "Cost:" in cleaner.__doc__
    assert "Not done:" in cleaner.__doc__
    assert cleaner.clean.__doc__


def test_no_two_cleaners_have_one_place_in_the_order():
    places = [shelf.load("cleaners", name).ORDER for name in NAMES]
    assert len(set(places)) == len(places)


def test_clean_rows_pass_unchanged_and_nothing_is_said(cleaner):
    def rows(name: str) -> tuple[Row, ...]:
        return tuple(
            Row(
                f"A clean text, number {n} of {name}: ¿qué tal?",
                ("card_arrival", "top_up", "none")[n % 3],
                f"{name}:{n}",
            )
            for n in range(30)
        )

    splits = {name: rows(name) for name in ("train", "dev", "test")}
    assert cleaner.clean(splits) == (splits, ())


@quick
@given(splits=messy)
def test_the_second_cleaning_finds_nothing_left_to_do(cleaner, splits):
    once, _ = cleaner.clean(splits)
    twice, findings = cleaner.clean(once)
    assert twice == once
    assert {finding.action for finding in findings} <= {"kept"}


@quick
@given(splits=messy)
def test_every_lost_row_is_counted_and_none_is_invented(cleaner, splits):
    cleaned, findings = cleaner.clean(splits)
    removed = sum(finding.count for finding in findings if finding.action == "removed")
    assert rows_of(splits) - rows_of(cleaned) == removed
    assert cleaned.keys() == splits.keys()
    for name, rows in cleaned.items():
        left = {row.where for row in rows}
        assert [row.where for row in rows] == [row.where for row in splits[name] if row.where in left]


@quick
@given(splits=messy)
def test_every_change_is_counted(cleaner, splits):
    cleaned, findings = cleaner.clean(splits)
    before = {row.where: row for rows in splits.values() for row in rows}
    changed = sum(row != before[row.where] for rows in cleaned.values() for row in rows)
    repaired = sum(finding.count for finding in findings if finding.action == "repaired")
    assert repaired >= changed
    assert bool(repaired) == bool(changed)


@quick
@given(splits=messy)
def test_the_same_rows_give_the_same_answer_and_are_not_touched(cleaner, splits):
    copy = {name: tuple(rows) for name, rows in splits.items()}
    assert cleaner.clean(splits) == cleaner.clean(copy)
    assert splits == copy


@quick
@given(splits=messy)
def test_a_finding_has_all_its_parts(cleaner, splits):
    for finding in cleaner.clean(splits)[1]:
        assert finding.check == cleaner.__name__.rpartition(".")[2]
        assert finding.action in ("removed", "repaired", "kept")
        assert finding.count > 0
        assert finding.problem
        assert finding.fix
        assert all(".csv:" in place for place in finding.where)


def test_no_splits_and_empty_splits_are_no_fault(cleaner):
    assert cleaner.clean({}) == ({}, ())
    assert cleaner.clean({"train": (), "test": ()}) == ({"train": (), "test": ()}, ())
