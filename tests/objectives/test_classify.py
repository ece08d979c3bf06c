"""One class a text: what the contract needs to know of it, and what only this kind has."""

import csv
import random

import numpy as np
import pytest

from afina.errors import DataError
from afina.objectives import classify
from afina.records import Row, Task

KINDS = {"lost": "my card is lost", "visit": "book a visit", "bill": "pay the bill"}
WORDS = ("today", "please", "no", "my", "the", "a", "red", "blue")
UNREADABLE = {"label": ""}


def rows(count, seed=0):
    rng = random.Random(seed)
    labels = [list(KINDS)[n % 3] for n in range(count)]
    texts = [f"{KINDS[label]} {' '.join(rng.choices(WORDS, k=5))}" for label in labels]
    return tuple(
        Row(text, label, f"rows.csv:{n}") for n, (text, label) in enumerate(zip(texts, labels, strict=True), 2)
    )


def write(folder, given):
    path = folder / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *((row.text, row.label) for row in given)])
    return path


def perfect(given, task):
    """Logits that leave no doubt."""
    return np.float32(20) * np.eye(len(task.labels), dtype=np.float32)[classify.truth(given, task.labels)]


def test_a_class_that_training_never_saw_is_no_class():
    given = [Row("a", "x", "f:1"), Row("b", "unheard", "f:2")]
    assert classify.truth(given, ("x", "y")).tolist() == [0, -1]
    scores = classify.scores(given, np.array([[0.9, 0.1], [0.9, 0.1]]), Task(labels=("x", "y")), 0)
    assert scores[0].value == 0.5


def test_whole_numbers_are_sorted_by_size():
    assert classify.outputs([Row("t", label, "") for label in ("10", "9", "-1") * 4], "f") == ("-1", "9", "10")


def test_one_class_and_nearly_one_a_row_are_refused():
    with pytest.raises(DataError, match="one class only"):
        classify.outputs([Row("t", "x", "")] * 9, "f")
    with pytest.raises(DataError, match="mostly one row each"):
        classify.outputs([Row("t", f"l{n}", "") for n in range(9)], "f")


def test_of_ten_rows_one_broke_and_two_were_put_right():
    given = [Row("t", "x", "")] * 10
    was = np.array([[0.9, 0.1]] * 7 + [[0.1, 0.9]] * 3)
    now = np.array([[0.1, 0.9]] + [[0.9, 0.1]] * 8 + [[0.1, 0.9]])
    change = classify.compare(given, was, now, Task(labels=("x", "y")))
    assert (change.broken, change.fixed, change.count, change.drop_points) == (1, 2, 10, -10.0)
    assert change.agreement == pytest.approx(0.7)


def test_what_was_lost_is_as_sure_as_the_rows_that_changed_and_not_as_the_score():
    """Of 2,000 rows 1,400 are right before; then 40 break and 20 are put right: 1 point, with a deviation of
    100 sqrt((60 / n - (20 / n)^2) / n) = 0.387. Two scores drawn apart would give 1.45."""
    given = [Row("t", "x", f"f:{n}") for n in range(2000)]
    was = np.where(np.arange(2000)[:, None] < 1400, [0.9, 0.1], [0.1, 0.9])
    now = was.copy()
    now[:40], now[1400:1420] = [0.1, 0.9], [0.9, 0.1]
    change = classify.compare(given, was, now, Task(labels=("x", "y")))
    assert (change.drop_points, change.broken, change.fixed) == (pytest.approx(1.0), 40, 20)
    assert change.drop_low == pytest.approx(1 - 1.96 * 0.387, abs=0.08)
    assert change.drop_high == pytest.approx(1 + 1.96 * 0.387, abs=0.08)
    same = 100 * np.sqrt(0.97 * 0.03 / 2000)
    assert 100 * change.agreement_low == pytest.approx(97 - 1.96 * same, abs=0.1)


def test_training_starts_from_a_head_that_is_less_sure_of_the_training_rows_than_the_fitted_one():
    rng = np.random.default_rng(0)
    wanted = np.repeat([0, 1, 2], 40)
    known = np.eye(3)[wanted] + rng.normal(0, 0.4, (120, 3))
    train = (known.astype(np.float32), wanted)
    head = classify.fit_head(train, train, 3, classify.Config())
    start = classify.start(head, train, 3, classify.Config())

    def surest(weights, biases):
        logits = known @ weights.T + biases
        chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        return chances[np.arange(120), wanted].mean()

    assert surest(*start) < surest(*head) - 0.01
