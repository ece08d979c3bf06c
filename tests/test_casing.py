"""Capitals are spoken of where they cost tokens, or where they tell spans and the base cannot see them."""

from afina import casing
from afina.records import Row, Span


def letters(texts, **_):
    """A cased tokenizer: small words are one token, capitals one each."""
    return {"input_ids": [[ord(c) for w in t.split() for c in (w if w.isupper() else w[:1])] for t in texts]}


def uncased(texts, **_):
    return letters([text.lower() for text in texts])


def test_texts_in_capitals_are_named_with_what_they_cost():
    (note,) = casing.notes(["MY CARD IS LOST", "help me"], [], letters)  # 12 + 2 tokens, 4 + 2 in lower case
    assert "2.33 times" in note


def test_texts_with_a_capital_here_and_there_are_not():
    assert casing.notes(["My card is lost since I came to Rome"] * 5, [], letters) == []
    assert casing.notes([], [], letters) == []


def test_an_uncased_base_hides_what_tells_names():
    rows = [Row("we met Ada Byron in old Rome", "", "t:1", spans=(Span(7, 16, "person"), Span(24, 28, "place")))]
    (note,) = casing.notes(["We met Ada"], rows, uncased)
    assert "100% of the words in spans begin with a capital, 0% of the others" in note
    assert casing.notes(["We met Ada"], rows, letters) == []


def test_spans_in_small_letters_are_told_by_other_things():
    rows = [Row("She has a fever", "", "t:1", spans=(Span(10, 15, "disease"),))]
    assert casing.notes(["She has a fever"], rows, uncased) == []
