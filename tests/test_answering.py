"""Answers of every kind of task, checked, compared and said."""

import numpy as np
import pytest

from afina import answering
from afina.errors import RecordError
from afina.records import Row, Span, Task

CLASSES = Task(labels=("a", "b"))
LABELS = Task("multilabel", ("a", "b"), "sigmoid", (0.5, 0.9))
NUMBER = Task("regress", ("value",), "none")
TAGS = Task("tag", ("O", "B-x", "I-x"), "softmax", per="word")


def by_word(*tags):
    found = np.empty(len(tags), dtype=object)
    for place, own in enumerate(tags):
        found[place] = np.eye(3)[list(own)]
    return found


def test_classes_and_labels_are_the_same_where_all_that_is_given_is():
    rows = (Row("", "a", "f:1"), Row("", "a", "f:2"))
    before, after = np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([[0.6, 0.4], [0.4, 0.6]])
    assert answering.same(before, after, CLASSES).tolist() == [True, False]
    assert answering.right(rows, after, CLASSES).tolist() == [True, False]
    before, after = np.array([[0.9, 0.8], [0.6, 0.95]]), np.array([[0.6, 0.4], [0.6, 0.4]])
    assert answering.same(before, after, LABELS).tolist() == [True, False]  # b is given from 0.9 on
    rows = (Row("", "", "f:1", labels=()), Row("", "", "f:2", labels=("a", "b")))
    assert answering.right(rows, before, LABELS).tolist() == [False, True]


def test_a_class_that_training_never_saw_is_never_right():
    assert answering.right((Row("", "new", "f:1"),), np.array([[1.0, 0.0]]), CLASSES).tolist() == [False]


def test_numbers_are_the_same_within_a_tenth_of_their_spread_and_never_right():
    rows = (Row("", "", "f:1", value=0.0), Row("", "", "f:2", value=4.0))
    spread = answering.scale(rows, NUMBER)
    assert spread == 2.0
    one, other = np.array([[1.0], [1.0]]), np.array([[1.19], [1.21]])
    assert answering.same(one, other, NUMBER, spread).tolist() == [True, False]
    assert answering.right(rows, np.array([[0.0], [2.0]]), NUMBER) is None


def test_spans_are_the_same_where_all_words_of_all_of_them_are():
    row = Row("my red card here", "", "f:1", spans=(Span(3, 11, "x"),))
    was, now = by_word([0, 1, 2, 0]), by_word([0, 1, 0, 0])
    assert answering.same(was, was, TAGS).tolist() == [True]
    assert answering.same(was, now, TAGS).tolist() == [False]
    assert answering.right((row,), was, TAGS).tolist() == [True]
    assert answering.named(answering.found((row,), now, TAGS)[0]) == "x (word 2)"
    assert answering.named(frozenset({(0, 2, "x")})) == "x (words 1 to 2)"


def test_answers_are_said_as_people_read_them():
    assert answering.said(np.array([0.2, 0.8]), CLASSES) == "b 0.80"
    assert answering.said(np.array([0.7, 0.95]), LABELS) == "a 0.70 + b 0.95"
    assert answering.said(np.array([0.1, 0.1]), LABELS) == "nothing"
    assert answering.said(np.array([2.34567]), NUMBER) == "2.35"
    assert answering.said(by_word([0, 1])[0], TAGS) == "O B-x"


@pytest.mark.parametrize(
    ("task", "values"),
    [
        (CLASSES, np.zeros((1, 3))),
        (CLASSES, np.zeros(2)),
        (CLASSES, np.array([[0.5, np.nan]])),
        (CLASSES, np.array([[3.0, -2.0]])),
        (CLASSES, np.array([[0.9, 0.9]])),
        (LABELS, np.array([[0.9, 1.2]])),
        (CLASSES, None),
        (CLASSES, "no"),
        (NUMBER, np.array([[np.inf]])),
        (TAGS, np.zeros((1, 3))),
        (TAGS, by_word([0, 0, 0])),
        (TAGS, by_word([0, 1], [0])),
        (TAGS, by_word([0, 1]) * np.nan),
        (TAGS, None),
    ],
)
def test_what_is_no_answer_is_refused_with_what_to_do(task, values):
    with pytest.raises(RecordError) as caught:
        answering.checked(values, ["two words"], task)
    assert caught.value.fix
    assert "two words" not in str(caught.value)


def test_good_answers_pass_as_they_are():
    good = (CLASSES, [[0.2, 0.8]]), (LABELS, [[0.9, 0.9]]), (NUMBER, [[-3.0]])
    for task, values in good:
        assert answering.checked(np.array(values, np.float32), ["two words"], task).tolist() == pytest.approx(
            np.array(values)
        )
    words = by_word([0, 1])
    assert answering.checked(words, ["two words"], TAGS) is words
    assert len(answering.ask(lambda texts: np.zeros((0, 0)), [], CLASSES)) == 0
