"""Which words tell a class, by hand, and that these are neither touched nor put in."""

import random
from math import log, sqrt

import pytest

from afina import terms
from afina.augmenters import fill_mask
from afina.records import Answer, Row


def rows_of(*texts):
    return [Row(text, label, f"f:{n}") for n, (label, text) in enumerate(texts, 2)]


ROWS = rows_of(
    *[("card", f"my card is {word} and i want it here") for word in ("lost", "stolen", "lost", "gone")],
    *[("bill", f"my bill is {word} and i want it here") for word in ("high", "late", "wrong", "high")],
)


def test_the_rule_by_hand():
    a, b, c, d = 2.5, 2.5, 0.5, 4.5  # "lost": 2 of 4 rows of the class, none of 4 others
    z = (log(a / b) - log(c / d)) / sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    assert z == pytest.approx(1.264, abs=1e-3)
    assert "lost" not in fill_mask.telling(ROWS)  # the cut for two classes is 1.645
    more = [*ROWS, *[Row("my card is lost", "card", "f:99")] * 3]
    a, b = 5.5, 2.5
    assert (log(a / b) - log(c / d)) / sqrt(1 / a + 1 / b + 1 / c + 1 / d) == pytest.approx(1.783, abs=1e-3)
    assert "lost" in fill_mask.telling(more)


def test_of_many_classes_the_words_that_all_share_stay_free():
    """Eight rows of each of 40 classes: some class has any common word more often than the others, by chance."""
    rng = random.Random(0)
    common = "i my is the can how what do you it to on for when where".split(" ")
    rows = [
        Row(" ".join([f"topic{n}", *rng.sample(common, 6)]), f"class {n}", "f:1") for n in range(40) for _ in range(8)
    ]
    found = fill_mask.telling(rows)
    assert {f"topic{n}" for n in range(40)} <= found
    assert len(found & set(common)) <= 3


def test_words_of_all_classes_tell_nothing():
    assert fill_mask.telling(ROWS) == {"card", "bill"}
    assert fill_mask.telling([]) == frozenset()


def asked_with(rows, protected=(), wanted=8):
    seen = []

    def ask(questions):
        seen.extend(questions)
        return [Answer(one.text) for one in questions]

    fill_mask.augment(rows, {"card": wanted, "bill": wanted}, ask, protected, 0)
    return seen


def blanked(question):
    return [question.text[start:end] for start, end in question.blanks]


def test_no_blank_is_a_word_that_tells_or_that_the_user_protects():
    for question in asked_with(ROWS, ("want it", "HERE")):
        words = blanked(question)
        assert words
        assert not {"card", "bill", "want", "it", "here"} & set(words)
    free = {word for question in asked_with(ROWS) for word in blanked(question)}
    assert {"want", "it", "here"} & free


def test_of_the_words_of_a_text_15_percent_are_replaced_and_at_least_one_of_the_free_ones():
    assert {len(question.blanks) for question in asked_with(ROWS)} == {1}  # of 9
    long = rows_of(("card", "the " * 39 + "card"), ("bill", "the " * 39 + "bill"))
    assert {len(question.blanks) for question in asked_with(long, wanted=1)} == {6}
    assert {len(question.blanks) for question in asked_with(ROWS[:1], ("is lost and i want it here",), 1)} == {1}


def test_no_word_that_tells_or_is_protected_may_be_put_in():
    for question in asked_with(ROWS, ("Want It",)):
        assert question.barred == {"card", "bill", "want it"}


def test_a_row_of_telling_words_alone_is_left_alone():
    rows = rows_of(*[("card", f"card {n}") for n in range(4)], *[("bill", f"bill {n}") for n in range(4)])
    made = fill_mask.augment(rows, {"card": 2}, lambda some: [Answer(one.text) for one in some], (), 0)
    assert [one.fault for one in made] == ["no word may be replaced"] * 2


@pytest.mark.parametrize("guess", ["bill", "Card", "refund"])
def test_a_guess_that_tells_a_class_or_is_protected_is_a_fault(guess):
    def ask(questions):
        return [Answer(f"{one.text[: one.blanks[0][0]]}{guess}{one.text[one.blanks[0][1] :]}") for one in questions]

    made = fill_mask.augment(ROWS, {"card": 3}, ask, ("refund",), 0)
    assert {one.fault for one in made} == {"a word that tells a class was put in"}


def test_what_was_protected_is_still_there_word_for_word():
    def ask(questions):
        return [Answer(f"{one.text[: one.blanks[0][0]]}perhaps{one.text[one.blanks[0][1] :]}") for one in questions]

    for one in fill_mask.augment(ROWS, {"card": 4, "bill": 4}, ask, ("want it",), 0):
        assert one.fault == ""
        find = terms.finder(["card", "bill", "want it"])
        before, after = (ROWS[one.sources[0]].text, one.row.text)
        assert [before[a:b] for a, b in find(before)] == [after[a:b] for a, b in find(after)]
        assert len(before.split()) == len(after.split())
