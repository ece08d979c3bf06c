"""Cleaners that compare rows: contradictions, duplicates, leakage."""

import pytest

from afina.cleaners import contradictions, duplicates, leakage
from afina.records import Row


def rows(file, *pairs):
    return tuple(Row(text, label, f"{file}.csv:{line}") for line, (text, label) in enumerate(pairs, 2))


def texts(rows):
    return [row.text for row in rows]


SAME = ("Where is it?", "where  is IT? ", "Where is\tit?", "ｗhere is it?")


@pytest.mark.parametrize("copy", SAME)
def test_later_copies_leave_train_and_the_first_stays(copy):
    cleaned, (finding,) = duplicates.clean({"train": rows("train", (SAME[0], "a"), (copy, "a"), ("else", "a"))})
    assert texts(cleaned["train"]) == [SAME[0], "else"]
    assert (finding.action, finding.count, finding.where) == ("removed", 1, ("train.csv:3",))


@pytest.mark.parametrize("other", ["where is it", "wherë is it?", "Whereisit?"])
def test_texts_that_differ_in_a_letter_are_no_copies(other):
    given = {"train": rows("train", (SAME[0], "a"), (other, "a"))}
    assert duplicates.clean(given) == (given, ())


def test_copies_in_test_are_kept_and_counted():
    given = {"test": rows("test", ("x", "a"), ("x", "a"), ("X", "a"))}
    cleaned, (finding,) = duplicates.clean(given)
    assert cleaned == given
    assert (finding.action, finding.count) == ("kept", 2)
    assert "1 exact, 1 but for case" in finding.problem


def test_a_pair_is_a_copy_only_if_both_its_texts_are():
    pairs = (Row("a", "x", "t:2", "b"), Row("a", "x", "t:3", "c"), Row("A", "x", "t:4", "B"), Row("b", "x", "t:5", "a"))
    cleaned, _ = duplicates.clean({"train": pairs})
    assert [row.where for row in cleaned["train"]] == ["t:2", "t:3", "t:5"]


def test_the_label_of_the_majority_wins_and_a_tie_loses_all():
    given = rows("train", ("x", "a"), ("X", "a"), ("x", "b"), ("tie", "a"), ("tie", "b"), ("fine", "b"))
    cleaned, (finding,) = contradictions.clean({"train": given})
    assert texts(cleaned["train"]) == ["x", "X", "fine"]
    assert (finding.action, finding.count) == ("removed", 3)
    assert finding.where == ("train.csv:4", "train.csv:5", "train.csv:6")
    assert finding.problem.startswith("2 texts")


@pytest.mark.parametrize("split", ["dev", "test"])
def test_contradictions_outside_train_are_kept_and_counted(split):
    given = {split: rows(split, ("x", "a"), ("x", "b"), ("y", "b"))}
    cleaned, (finding,) = contradictions.clean(given)
    assert cleaned == given
    assert (finding.action, finding.count) == ("kept", 2)


def test_test_keeps_its_rows_and_train_and_dev_give_way():
    given = {
        "train": rows("train", ("in test", "a"), ("In dev", "a"), ("own", "a"), ("in TEST", "b"), ("in both", "a")),
        "dev": rows("dev", ("in dev", "a"), ("in test ", "a"), ("in both", "a"), ("own dev", "a")),
        "test": rows("test", ("in test", "a"), ("in both", "a"), ("own test", "a")),
    }
    cleaned, findings = leakage.clean(given)
    assert cleaned["test"] == given["test"]
    assert texts(cleaned["dev"]) == ["in dev", "own dev"]
    assert texts(cleaned["train"]) == ["own"]
    assert [finding.count for finding in findings] == [2, 3, 1]
    assert findings[1].problem == "2 rows of test are also in train"


def test_what_a_hold_out_set_shares_with_train_is_counted_and_stays():
    given = {
        "train": rows("train", ("one", "a"), ("two", "b"), ("in test", "a")),
        "test": rows("test", ("in test", "a")),
        "old": rows("old", ("One", "a"), ("in test", "a"), ("three", "b")),
    }
    cleaned, findings = leakage.clean(given)
    assert texts(cleaned["train"]) == ["one", "two"]
    assert cleaned["old"] == given["old"]
    assert (findings[-1].action, findings[-1].count, findings[-1].where) == ("kept", 1, ("old.csv:2",))
