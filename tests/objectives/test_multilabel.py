"""Any number of labels a text: what the contract needs to know of it, and what only this kind has."""

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afina import counting
from afina.objectives import multilabel
from afina.records import Row, Task

TELLING = {"lost": "card", "visit": "visit", "bill": "pay"}
WORDS = ("today", "please", "no", "my", "the", "a", "red", "blue")
TASK = Task("multilabel", ("a", "b"), "sigmoid")
UNREADABLE = {"labels": "n/a"}


def rows(count, seed=0):
    """A label for each telling word, and none for a text without one."""
    rng = random.Random(seed)
    made = []
    for line in range(2, count + 2):
        labels = [label for label in TELLING if rng.random() < 0.4]
        words = [TELLING[label] for label in labels] + rng.choices(WORDS, k=5)
        rng.shuffle(words)
        made.append(Row(" ".join(words), "", f"rows.jsonl:{line}", labels=tuple(sorted(labels))))
    return tuple(made)


def write(folder, given_rows):
    path = folder / "rows.jsonl"
    lines = [json.dumps({"text": row.text, "labels": row.labels}) for row in given_rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def perfect(given_rows, task):
    return 20 * multilabel.targets(given_rows, task.labels) - 10


def labelled(*lists):
    return [Row("t", "", f"f:{n}", labels=tuple(one)) for n, one in enumerate(lists)]


def test_scores_of_four_rows_by_hand():
    """Wanted a | a b | none | b; given a b | a | none | none: of 4 wanted and 3 given, 2 hits."""
    answers = np.array([[0.9, 0.6], [0.9, 0.1], [0.1, 0.1], [0.4, 0.4]])
    scores = multilabel.scores(labelled("a", "ab", "", "b"), answers, TASK, 0)
    assert {score.name: score.value for score in scores} == {
        "micro_f1": pytest.approx(4 / 7), "macro_f1": pytest.approx((1 + 0) / 2), "precision": pytest.approx(2 / 3),
        "recall": 0.5, "exact_match": 0.25,
    }  # fmt: skip


tables = st.integers(2, 4).flatmap(  # scikit-learn takes one column for two classes
    lambda k: st.lists(st.tuples(*[st.tuples(st.booleans(), st.booleans())] * k), min_size=1, max_size=30)
)


@given(table=tables)
def test_scikit_learn_says_the_same(table):
    from sklearn import metrics

    pairs = np.array(table)
    wanted, given_ = pairs[..., 0], pairs[..., 1]
    occur = (wanted | given_).any(0)
    micro, macro, precision, recall = counting.scores(np.ones((1, len(wanted))), multilabel._counts(given_, wanted))[0]
    plain = {"average": "micro", "zero_division": 0}
    assert micro == pytest.approx(metrics.f1_score(wanted, given_, **plain))
    assert precision == pytest.approx(metrics.precision_score(wanted, given_, **plain))
    assert recall == pytest.approx(metrics.recall_score(wanted, given_, **plain))
    by_label = metrics.f1_score(wanted, given_, average=None, zero_division=0)
    assert macro == pytest.approx(by_label[occur].mean() if occur.any() else 0.0)


def test_a_label_that_training_never_saw_is_missed_in_each_of_its_rows():
    answers = np.array([[0.9, 0.1], [0.9, 0.1]])
    scores = {s.name: s.value for s in multilabel.scores(labelled("a", "ax"), answers, TASK, 0)}
    assert (scores["recall"], scores["precision"], scores["exact_match"]) == (pytest.approx(2 / 3), 1.0, 0.5)
    assert [one[1:3] for one in multilabel.details(labelled("a", "ax"), answers, TASK).mistakes] == [("a, x", "a")]


@given(
    pairs=st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=25),
)
def test_no_other_threshold_has_a_higher_f1(pairs):
    chances, wanted = np.array([p for p, _ in pairs]) / 8, np.array([w for _, w in pairs])
    cut, best = counting.best_cut(chances, wanted)

    def f1(threshold):
        given_ = chances >= threshold
        both = given_.sum() + wanted.sum()
        return 2 * (given_ & wanted).sum() / both if both else 0.0

    assert best == pytest.approx(f1(cut) if wanted.any() else 0.0)
    assert all(f1(threshold) <= best + 1e-9 for threshold in np.linspace(0.01, 1.01, 60)) or not wanted.any()
    assert 0 <= cut <= 1


def test_a_common_label_gets_a_threshold_of_its_own_and_a_rare_one_the_common_one():
    dev = labelled(*(["a"] * 30 + ["b"] * 4 + [""] * 66))
    chances = np.full((100, 2), 0.05)
    chances[:30, 0], chances[30:50, 0] = 0.3, 0.2  # a: the cut lies at 0.25
    chances[30:34, 1], chances[34:60, 1] = 0.6, 0.1
    tuned = multilabel.tune(dev, lambda texts: chances, TASK)
    common, _ = counting.best_cut(chances.ravel(), multilabel.targets(dev, TASK.labels).ravel())
    assert tuned.thresholds[0] == pytest.approx(0.25)
    assert tuned.thresholds[1] == common
    assert (tuned.kind, tuned.labels) == (TASK.kind, TASK.labels)


def test_thresholds_decide_what_is_said_and_scored():
    lenient = Task("multilabel", ("a", "b"), "sigmoid", thresholds=(0.3, 0.7))
    said, counts = multilabel.say(["t"] * 2, np.array([[0.4, 0.6], [0.2, 0.8]]), lenient)
    assert said == [{"predicted": ["a"], "probability": [0.4]}, {"predicted": ["b"], "probability": [0.8]}]
    assert counts == {"a": 1, "b": 1}
    assert multilabel.scores(labelled("a", "b"), np.array([[0.4, 0.6], [0.2, 0.8]]), lenient, 0)[0].value == 1.0


def test_labels_that_changed_are_counted_and_empty_rows_are_no_excuse():
    given_ = labelled(*(["a"] * 4 + [""] * 96))
    was = np.zeros((100, 2))
    was[:4, 0] = 1
    now = was.copy()
    now[0, 0] = 0
    change = multilabel.compare(given_, was, now, TASK)
    assert (change.broken, change.fixed, change.count, change.unit) == (1, 0, 4, "labels")
    assert change.agreement == pytest.approx(6 / 7)
    assert change.drop_points == pytest.approx(100 * (1 - 6 / 7))


def test_where_nothing_is_given_before_and_after_all_agrees():
    nothing = np.zeros((2, 2))
    change = multilabel.compare(labelled("a", ""), nothing, nothing, TASK)
    assert (change.agreement_low, change.agreement, change.agreement_high) == (1.0, 1.0, 1.0)


def test_giving_all_rows_the_commonest_labels_is_the_blind_answer():
    """3 of 4 rows have a: F1 of giving a to all = 2 * 3 / (4 + 4) = 0.75, of giving both 2 * 4 / (8 + 4)."""
    assert multilabel.blind(labelled("a", "a", "ab", "")) == pytest.approx(0.75)


@pytest.mark.parametrize("cell", ["a", '"a"', '{"a": 1}', '[["a"]]', "[null]", '[{"start": 0}]', "[" * 5000])
def test_what_is_no_list_of_labels_is_refused(cell):
    with pytest.raises(ValueError, match="is no list of labels"):
        multilabel.read(Row("t", "", "f:1"), cell)


def test_a_list_is_read_sorted_once_and_without_blanks():
    assert multilabel.read(Row("t", "", "f:1"), '["b", " a ", "b", "", 3]').labels == ("3", "a", "b")
    assert multilabel.read(Row("t", "", "f:1"), "[]").labels == ()
    assert multilabel.read(Row("t", "", "f:1"), "null").labels is None
