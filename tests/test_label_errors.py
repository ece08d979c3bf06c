"""Labels that look wrong: a worked example, planted errors, and what is never judged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afina import label_errors, layers, probing
from afina.records import Row, Suspect


def test_rows_are_listed_by_the_odds_against_their_label():
    labels = np.array([0] * 5 + [1] * 5)
    chances = np.array([[0.9, 0.1]] * 5 + [[0.2, 0.8]] * 5)
    chances[1] = 0.04, 0.96  # 24 to 1
    chances[7] = 0.99, 0.01  # 99 to 1
    chances[3] = 0.06, 0.94  # 15.7 to 1
    wrong, likely = label_errors.find(chances, labels)
    assert wrong.tolist() == [7, 1]
    assert likely.tolist() == [0, 1]


def test_classes_of_fewer_than_five_rows_are_not_judged():
    labels = np.array([0] * 5 + [1] * 4)
    chances = np.tile([1.0, 0.0], (9, 1))
    assert label_errors.find(chances, labels)[0].tolist() == []
    assert label_errors.find(chances[[*range(9), 8]], np.append(labels, 1))[0].tolist() == [5, 6, 7, 8, 9]


def test_a_suspect_says_where_it_is_and_what_it_may_be_and_no_text():
    rows = [Row("a text of a user", "card", f"t.csv:{n}") for n in range(2, 8)]
    chances = np.tile([0.9, 0.08, 0.02], (6, 1))
    chances[2] = 0.01, 0.09, 0.9
    assert label_errors.suspects(rows, ("card", "loan", "visa"), chances) == (
        Suspect("t.csv:4", "card", "visa", 0.9, 0.01),
    )


@given(st.integers(0, 1000), st.integers(2, 5), st.integers(1, 40))
def test_whatever_the_probabilities_the_list_is_in_order_and_no_row_twice(seed, classes, rows):
    rng = np.random.default_rng(seed)
    chances, labels = rng.dirichlet(np.full(classes, 0.2), rows), rng.integers(0, classes, rows)
    wrong, likely = label_errors.find(chances, labels)
    assert len(set(wrong.tolist())) == len(wrong)
    assert (likely != labels[wrong]).all()
    odds = chances[wrong, likely] / np.maximum(chances[wrong, labels[wrong]], 1e-300)
    assert (odds >= 20).all()
    assert (np.diff(odds) <= 0).all()


@pytest.mark.parametrize("classes", [2, 5])
def test_planted_errors_in_parted_clouds_are_found_and_nothing_else(classes):
    rng = np.random.default_rng(0)
    truth = np.arange(300) % classes
    points = 4 * np.eye(classes)[truth] + 0.3 * rng.normal(size=(300, classes))
    labels, planted = truth.copy(), rng.permutation(300)[:5]
    labels[planted] = (labels[planted] + 1) % classes
    wrong, likely = label_errors.find(probing.crossed(points, labels, classes, 3.0), labels)
    assert set(wrong) == set(planted)
    assert (likely == truth[wrong]).all()


def test_no_head_has_seen_the_row_that_it_judges():
    rng = np.random.default_rng(1)
    points, labels = rng.normal(size=(90, 60)), rng.integers(0, 2, 90)  # 60 numbers can learn 90 labels by heart
    chances = probing.crossed(points, labels, 2, 100.0)
    assert chances.sum(1) == pytest.approx(np.ones(90))
    assert abs((chances.argmax(1) == labels).mean() - 0.5) < 0.15


def test_a_class_of_two_rows_is_known_to_the_heads_that_judge_them():
    points = np.concatenate([np.zeros((8, 2)), [[5.0, 5.0], [5.0, 5.1]]]) + 0.01 * np.arange(20).reshape(10, 2)
    labels = np.array([0] * 8 + [1] * 2)
    assert (probing.crossed(points, labels, 2, 100.0).argmax(1) == labels).all()


def test_most_of_the_planted_labels_look_wrong_and_no_other_whatever_the_length_of_the_vectors():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=600)
    vectors = (np.eye(4)[labels] @ rng.normal(size=(4, 16)) * 3 + rng.normal(size=(600, 16))).astype(np.float32)
    given = np.where(np.arange(600) % 20 == 0, (labels + 1) % 4, labels)
    found = layers._wrong(vectors, given, 4)
    assert 0.03 < found.value <= 0.05
    assert found.low < found.value < found.high
    assert layers._wrong(100 * vectors, given, 4).value == pytest.approx(found.value)
    assert layers._wrong(vectors, labels, 4).value < 0.005
    assert layers._wrong(vectors[:40], given[:40], 4) is None
