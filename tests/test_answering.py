"""Answers that no number may be made of."""

import numpy as np
import pytest

from afina import answering
from afina.errors import RecordError
from afina.records import Task

TWO = Task(labels=("a", "b"))


def by_word(*tables):
    answers = np.empty(len(tables), dtype=object)
    for place, table in enumerate(tables):
        answers[place] = table
    return answers


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (np.ones((3, 2)), "3 answers to 2 texts"),
        (np.ones((2, 3)), "2 by 3 numbers, not"),
        (np.ones(2), "are 2 numbers, not"),
        (np.array([[0.5, np.nan], [0.5, 0.5]]), "no numbers"),
        (np.array([[0.5, np.inf], [0.5, 0.5]]), "no numbers"),
        (by_word(np.ones((1, 2)), np.full((4, 2), np.nan)), "no numbers"),
    ],
)
def test_broken_answers_are_told(answers, said):
    with pytest.raises(RecordError, match=said):
        answering.checked(answers, 2, TWO)


def test_good_answers_stay_as_they_are():
    for answers in (np.array([[0.2, 0.8]] * 2, np.float32), by_word(np.ones((1, 2)), np.ones((0, 2)))):
        assert answering.checked(answers, 2, TWO) is answers


def test_what_is_no_probability_is_told():
    with pytest.raises(RecordError, match="below 0 or above 1"):
        answering.probabilities(np.array([[3.0, -2.0]]), 1, TWO)
    with pytest.raises(RecordError, match="add up to 1"):
        answering.probabilities(np.array([[0.9, 0.9]]), 1, TWO)
    both = Task("multilabel", labels=("a", "b"), activation="sigmoid")
    assert answering.probabilities(np.array([[0.9, 0.9]]), 1, both).tolist() == [[0.9, 0.9]]
