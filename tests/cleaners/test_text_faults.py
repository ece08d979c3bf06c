"""Cleaners of single texts: binary, characters, empty."""

import pytest

from afina.cleaners import binary, characters, empty
from afina.records import Row


def rows(*texts, label="x"):
    return {"train": tuple(Row(text, label, f"train.csv:{line}") for line, text in enumerate(texts, 2))}


def texts(splits):
    return [row.text for row in splits["train"]]


def counts(findings):
    return [(finding.action, finding.count) for finding in findings]


def test_a_text_of_control_characters_is_junk_and_a_stray_one_is_not():
    wide = "hello there".encode("utf-16-le").decode()
    cleaned, findings = binary.clean(rows(wide, "one stray \0 character", "\ufffd\ufffd?", "fine\n\ttoo"))
    assert texts(cleaned) == ["one stray \0 character", "fine\n\ttoo"]
    assert counts(findings) == [("removed", 2)]
    assert findings[0].where == ("train.csv:2", "train.csv:4")


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("a\0b", "ab"),
        ("a\x0cb", "a b"),
        ("\ufeffa\x7f", "a"),
        ("half \ud83d", "half \ufffd"),
        ("cafe\u0301", "café"),
        ("  outer \t\n", "outer"),
        ("\0 e\u0301 ", "é"),
    ],
)
def test_characters_that_nobody_sees_are_repaired(text, repaired):
    cleaned, findings = characters.clean(rows(text))
    assert texts(cleaned) == [repaired]
    assert {finding.action for finding in findings} - {"kept"} == {"repaired"}


@pytest.mark.parametrize("text", ["two\nlines", "a\ttab", "🙂 ¿qué?", "İstanbul", "ﬁ and １"])
def test_characters_that_mean_something_stay(text):
    assert characters.clean(rows(text)) == (rows(text), ())


def test_lost_letters_are_kept_and_counted():
    cleaned, findings = characters.clean(rows("caf\ufffd", "fine"))
    assert texts(cleaned) == ["caf\ufffd", "fine"]
    assert counts(findings) == [("kept", 1)]


def test_both_texts_of_a_pair_and_the_label_are_repaired():
    row = Row("a ", " x", "train.csv:2", "b\0")
    assert characters.clean({"train": (row,)})[0] == {"train": (Row("a", "x", "train.csv:2", "b"),)}


@pytest.mark.parametrize("nothing", ["", " \n", "nan", "NaN", "NULL", " null "])
def test_rows_without_text_or_label_are_removed(nothing):
    given = {
        "train": (
            Row(nothing, "x", "a:2"),
            Row("b", nothing, "a:3"),
            Row("c", "x", "a:4", nothing),
            Row("d", "x", "a:5"),
        ),
        "test": (Row("e", nothing, "t:2"),),
    }
    cleaned, findings = empty.clean(given)
    assert cleaned == {"train": (Row("d", "x", "a:5"),), "test": ()}
    assert counts(findings) == [("removed", 2), ("removed", 2)]


@pytest.mark.parametrize("label", ["none", "None", "n/a", "-", "0", "null and void", "nan bread"])
def test_labels_that_may_be_classes_are_no_missing_labels(label):
    given = rows(label, label=label)
    assert empty.clean(given) == (given, ())
