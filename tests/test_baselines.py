"""What a model must beat: fair, and never in the way."""

import csv
import os
import time
from pathlib import Path

import numpy as np
import pytest
import tiny

from afina import baselines
from afina.records import Row

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))


def test_majority_says_the_commonest_label_with_the_shares_of_train():
    train = [Row("x", label, "t:1") for label in ("b", "b", "b", "a")]
    answers = baselines.majority(train, ("a", "b", "c"), train[:2])
    np.testing.assert_allclose(answers, [[0.25, 0.75, 0.0]] * 2)


def test_the_linear_model_learns_what_words_tell():
    train, test = tiny.rows(300, 1, "train"), tiny.rows(100, 2, "test")
    answers = baselines.tfidf(train, tiny.LABELS, test)
    np.testing.assert_allclose(answers.sum(1), 1)
    assert (answers.argmax(1) == [tiny.LABELS.index(row.label) for row in test]).mean() > 0.95


def test_a_label_without_training_rows_gets_no_probability():
    answers = baselines.tfidf(tiny.rows(100, 1, "train"), ("aaa", *tiny.LABELS, "zzz"), tiny.rows(5, 2, "test"))
    assert answers.shape == (5, 5)
    assert (answers[:, [0, 4]] == 0).all()


def test_both_texts_of_a_pair_are_read():
    train = [Row("same", label, "t:1", pair=word) for word, label in (("left", "a"), ("right", "b"))] * 20
    answers = baselines.tfidf(train, ("a", "b"), train[:2])
    assert answers.argmax(1).tolist() == [0, 1]


@pytest.mark.parametrize("texts", [["", "", ""], ["x", "x", "x"]])
def test_where_nothing_can_be_learned_the_majority_answers(texts):
    one_label = [Row(text, "a", "t:1") for text in texts]
    np.testing.assert_allclose(baselines.tfidf(one_label, ("a", "b"), one_label[:1]), [[1.0, 0.0]])
    two = [*one_label, Row("", "b", "t:9")]
    assert baselines.tfidf(two, ("a", "b"), two).shape == (4, 2)


def test_no_rows_give_no_answers():
    assert baselines.tfidf(tiny.rows(20, 1, "train"), tiny.LABELS, []).shape == (0, 3)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("banking77", 0.885), ("trec", 0.885), ("scicite", 0.82)])
def test_it_is_no_straw_man_on_public_data(name, least):
    if not (DATA / name / "train.csv").is_file():
        pytest.skip(f"no {name} in {DATA}")
    train, test = (_read(DATA / name / f"{split}.csv") for split in ("train", "test"))
    labels = sorted({row.label for row in train})
    start = time.process_time()
    answers = baselines.tfidf(train, labels, test)
    assert (answers.argmax(1) == [labels.index(row.label) for row in test]).mean() >= least
    assert time.process_time() - start < 15


def _read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(row["text"], row["label"], f"{path.name}:{n}") for n, row in enumerate(csv.DictReader(file), 2)]
