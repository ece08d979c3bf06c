"""Spans are whole words that no other span has."""

from hypothesis import given
from hypothesis import strategies as st

from afina.cleaners import characters, labels, spans
from afina.records import Row, Span

TEXT = "the 22-oxa card, please"


def cleaned(*given_spans, text=TEXT, cleaner=spans):
    row = Row(text, "", "f.jsonl:1", spans=tuple(Span(*one) for one in given_spans))
    result, findings = cleaner.clean({"train": (row,)})
    (after,) = result["train"]
    return [(after.text[s.start : s.end], s.label) for s in after.spans], [f.problem for f in findings]


def test_spans_of_whole_words_stay():
    assert cleaned((4, 10, "drug"), (11, 15, "thing")) == ([("22-oxa", "drug"), ("card", "thing")], [])


def test_a_span_that_ends_within_a_word_takes_all_of_it():
    assert cleaned((5, 8, "drug"), (10, 16, "thing")) == (
        [("22-oxa", "drug"), ("card,", "thing")], ["1 rows have spans that end within a word or in white space"],
    )  # fmt: skip


def test_of_two_spans_that_share_a_word_the_longer_stays():
    assert cleaned((4, 10, "drug"), (4, 6, "number")) == ([("22-oxa", "drug")], ["1 rows have spans that share words"])
    assert cleaned((4, 6, "b"), (4, 6, "a"))[0] == [("22", "a")]


def test_a_span_of_white_space_is_dropped():
    assert cleaned((3, 4, "x"), (0, 3, "y")) == ([("the", "y")], ["1 rows have spans without a word"])


def test_spans_move_with_the_characters_that_a_repair_takes_out():
    text = "  \x00cafe\u0301 and \x00te\u0301 "
    found, said = cleaned((3, 8, "a"), (13, 17, "b"), text=text, cleaner=characters)
    assert found == [("café", "a"), ("té", "b")]
    assert len(said) == 3


@given(
    text=st.text(st.sampled_from(" ab\x00é\u0301e,\t"), max_size=20),
    edges=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=4),
)
def test_whatever_the_spans_the_cleaners_leave_whole_words_apart(text, edges):
    given_spans = [Span(min(a, b), max(a, b), "x") for a, b in edges if min(a, b) < max(a, b) <= len(text)]
    splits = {"train": (Row(text, "", "f:1", spans=tuple(given_spans)),)}
    for cleaner in (characters, spans):
        splits, _ = cleaner.clean(splits)
    (row,) = splits["train"]
    assert spans.clean(splits) == (splits, ())
    assert all(0 <= one.start < one.end <= len(row.text) for one in row.spans)
    assert all(one.end <= other.start for one, other in zip(row.spans, row.spans[1:], strict=False))


def test_labels_of_spans_have_one_spelling():
    rows = tuple(
        Row(TEXT, "", f"f:{n}", spans=(Span(0, 3, label),)) for n, label in enumerate(["Drug", "drug", "drug"])
    )
    result, findings = labels.clean({"train": rows})
    assert {row.spans[0].label for row in result["train"]} == {"drug"}
    assert findings[0].where == ("f:0: 'Drug' read as 'drug'",)
