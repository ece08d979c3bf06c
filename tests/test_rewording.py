"""What is asked of a model in other words: nothing that does not fit, and paraphrases as a file has them."""

import json

import numpy as np

from afina import rewording, shelf
from afina.records import Row, Subject, Task

ROWS = (Row("my card is not here", "a", "t:2"), Row("12", "b", "t:3"))


def subject(**known):
    known = {"perturbations": {name: shelf.load("perturbations", name) for name in ("upper", "typo")}, **known}
    return Subject(lambda texts: np.eye(2), ROWS, np.eye(2), Task(labels=("a", "b")), None, **known)


def test_a_step_changes_the_rows_that_it_fits_and_leaves_out_the_others():
    steps = list(rewording.steps(subject(), ROWS, None, {}))
    assert [(one.name, one.strength) for one in steps] == [("typo", 1), ("typo", 2), ("typo", 4), ("upper", None)]
    assert rewording.changed(subject(), ROWS, steps[-1]) == [(0, "MY CARD IS NOT HERE")]


def test_a_row_has_as_many_paraphrases_as_the_file_and_says_what_of_the_file_is_no_use(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(map(json.dumps, [["My card is not here", "it is gone", "it left"], ["x", "y"]])))
    others, said = rewording.paraphrases(subject(), path)
    assert "1 of 2 texts asked have some; 1 of 2 lists" in said
    *_, step = rewording.steps(subject(), ROWS, None, others)
    assert step.name == rewording.PARAPHRASE
    assert rewording.changed(subject(), ROWS, step) == [(0, "it is gone"), (0, "it left")]


def test_without_a_file_it_is_said_how_to_give_one():
    assert rewording.paraphrases(subject(), None) == ({}, rewording.UNKNOWN)
