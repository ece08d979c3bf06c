"""Scores against hand-worked numbers, against scikit-learn, and the intervals against simulation."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afina import metrics
from afina.records import Change

# rows: right at 0.8, right at 0.6, wrong (says 0) at 0.7, a label training never saw
TRUTH = np.array([0, 1, 1, -1])
CHANCES = np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.9, 0.1]])


def named(truth, chances, **more):
    return {score.name: score for score in metrics.scores(truth, chances, **more)}


def test_hand_worked_scores():
    scores = named(TRUTH, CHANCES)
    assert scores["accuracy"].value == scores["micro_f1"].value == 0.5
    # class 0: 1 hit, 1 row, 3 answers -> 2/4; class 1: 1 hit, 2 rows, 1 answer -> 2/3; the unseen label -> 0
    assert scores["macro_f1"].value == pytest.approx((0.5 + 2 / 3 + 0) / 3)
    assert scores["brier"].value == pytest.approx((0.08 + 0.32 + 0.98 + (0.81 + 0.01 + 1)) / 4)
    worst = -math.log(np.finfo(np.float64).eps)
    assert scores["log_loss"].value == pytest.approx((-math.log(0.8) - math.log(0.6) - math.log(0.3) + worst) / 4)
    # each confidence has a bin of its own: |1 - .8|, |1 - .6|, |0 - .7|, |0 - .9|
    assert scores["ece"].value == pytest.approx((0.2 + 0.4 + 0.7 + 0.9) / 4)


def test_hand_worked_table_of_classes():
    first, second = metrics.per_class(TRUTH, CHANCES.argmax(1), ("a", "b"))
    assert (first.label, first.precision, first.recall, first.f1, first.rows) == ("a", 1 / 3, 1.0, 0.5, 1)
    assert (second.precision, second.recall, second.rows) == (1.0, 0.5, 2)
    assert metrics.confusion(TRUTH, CHANCES.argmax(1), 2).tolist() == [[1, 0], [1, 1]]


def test_reliability_has_a_line_for_each_bin():
    lines = metrics.reliability(np.array([0, 0, 1]), np.array([[1.0, 0.0], [0.99, 0.01], [0.95, 0.05]]))
    assert len(lines) == 15
    assert sum(count for _, _, count in lines) == 3
    assert lines[-1] == pytest.approx((0.98, 2 / 3, 3))
    assert lines[0] == (pytest.approx(1 / 30), 0.0, 0)


def test_a_perfect_predictor_scores_one():
    scores = named(np.array([0, 1, 2, 0]), np.eye(3)[[0, 1, 2, 0]])
    assert (scores["accuracy"].value, scores["macro_f1"].value, scores["macro_f1"].high) == (1, 1, 1)
    assert (scores["ece"].value, scores["brier"].value, scores["log_loss"].value) == (0, 0, 0)


@st.composite
def answers(draw):
    rows, classes = draw(st.integers(1, 40)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.integers(-1, classes, rows), rng.dirichlet(np.full(classes, 0.3), rows)


@settings(max_examples=60, deadline=None)
@given(answers())
def test_scikit_learn_says_the_same(drawn):
    sklearn = pytest.importorskip("sklearn.metrics")
    truth, chances = drawn
    predicted, classes = chances.argmax(1), chances.shape[1]
    scores = named(truth, chances, resamples=2)
    assert scores["accuracy"].value == pytest.approx(sklearn.accuracy_score(truth, predicted))
    for kind in ("macro", "micro"):
        expected = sklearn.f1_score(truth, predicted, average=kind, zero_division=0)
        assert scores[f"{kind}_f1"].value == pytest.approx(expected)
    per_class = metrics.per_class(truth, predicted, [str(i) for i in range(classes)])
    kept = {"labels": np.arange(classes), "average": None, "zero_division": 0}
    assert [one.precision for one in per_class] == pytest.approx(sklearn.precision_score(truth, predicted, **kept))
    assert [one.recall for one in per_class] == pytest.approx(sklearn.recall_score(truth, predicted, **kept))
    assert [one.f1 for one in per_class] == pytest.approx(sklearn.f1_score(truth, predicted, **kept))
    matrix = sklearn.confusion_matrix(truth, predicted, labels=np.arange(-1, classes))[1:, 1:]
    assert (metrics.confusion(truth, predicted, classes) == matrix).all()
    known = truth >= 0
    if known.any():
        scores = named(truth[known], chances[known], resamples=2)
        expected = sklearn.log_loss(truth[known], chances[known], labels=np.arange(classes))
        assert scores["log_loss"].value == pytest.approx(expected, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(answers())
def test_every_interval_holds_possible_values_and_the_seed_decides_it(drawn):
    scores = metrics.scores(*drawn, seed=3, resamples=50)
    assert scores == metrics.scores(*drawn, seed=3, resamples=50)
    for score in scores:
        assert 0 <= score.low <= score.value <= score.high
        assert score.high <= 1 or score.name in ("brier", "log_loss")


def test_blocks_of_resamples_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    truth, chances = rng.integers(0, 3, 50), rng.dirichlet(np.ones(3), 50)
    whole = metrics.scores(truth, chances, seed=1, resamples=40)
    monkeypatch.setattr(metrics, "BLOCK", 50 * 7)
    assert metrics.scores(truth, chances, seed=1, resamples=40) == whole


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "brier"])
def test_a_95_percent_interval_holds_the_truth_about_95_times_in_100(name):
    """A world with known scores: 3 classes, each answered right with its own probability."""
    rng = np.random.default_rng(5)
    right = np.array([0.9, 0.7, 0.8])

    def draw(rows):
        truth = rng.integers(0, 3, rows)
        slip = rng.random(rows) > right[truth]
        best = np.where(slip, (truth + rng.integers(1, 3, rows)) % 3, truth)
        return truth, 0.2 + 0.4 * np.eye(3)[best]

    exact = named(*draw(200_000), resamples=1)[name].value
    inside = 0
    for _ in range(300):
        score = named(*draw(250), resamples=200, seed=int(rng.integers(2**32)))[name]
        inside += score.low <= exact <= score.high
    assert 0.90 <= inside / 300 <= 0.98


def test_a_perfect_score_on_few_rows_is_no_certainty():
    truth = np.arange(27) % 3
    found = named(truth, np.eye(3)[truth])
    assert (found["accuracy"].value, found["macro_f1"].value) == (1.0, 1.0)
    assert found["accuracy"].low == found["macro_f1"].low == pytest.approx(27 / (27 + 1.96**2), abs=1e-4)
    assert found["accuracy"].high == 1.0
    wrong = named(truth, np.eye(3)[(truth + 1) % 3])
    assert (wrong["accuracy"].low, wrong["accuracy"].high) == pytest.approx((0, 1.96**2 / (27 + 1.96**2)), abs=1e-4)
    assert found["brier"].high == found["log_loss"].high == 0  # no shares, and not touched


def test_wilson_agrees_with_published_values_and_covers():
    assert metrics.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)  # Newcombe 1998, table I has 15/148
    assert metrics.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert metrics.wilson(0, 0) == (0.0, 1.0)
    rng = np.random.default_rng(0)
    hits = rng.binomial(120, 0.97, 2000)
    covered = [low <= 0.97 <= high for low, high in (metrics.wilson(int(hit), 120) for hit in hits)]
    assert 0.92 <= np.mean(covered) <= 0.98


def test_three_thousand_rows_of_77_classes_take_less_than_a_second_of_processor():
    rng = np.random.default_rng(0)
    truth, chances = rng.integers(0, 77, 3080), rng.dirichlet(np.ones(77), 3080)
    start = time.process_time()
    metrics.scores(truth, chances)
    assert time.process_time() - start < 2  # 0.4 on an idle core; a busy machine may double it


@pytest.mark.parametrize("rows", [20, 100, 400])
@pytest.mark.parametrize("rates", [(0.02, 0.02), (0.1, 0.02), (0.3, 0.05), (0.5, 0.1)])
def test_the_interval_of_a_paired_difference_holds_the_true_one(rows, rates):
    broken, fixed, _ = np.random.default_rng(0).multinomial(rows, [*rates, 1 - sum(rates)], 2000).T
    ends = np.array([metrics.paired(b, f, rows) for b, f in zip(broken.tolist(), fixed.tolist(), strict=True)])
    covered = ((ends[:, 0] <= rates[0] - rates[1]) & (rates[0] - rates[1] <= ends[:, 1])).mean()
    assert covered > 0.93
    assert covered < 0.98 or rows * min(rates) < 8  # few changes: counts are coarse, and it errs to the wide side


def test_the_interval_of_a_paired_difference_holds_the_one_that_was_seen():
    for rows in (1, 2, 5, 30):
        for broken in range(rows + 1):
            for fixed in range(rows + 1 - broken):
                low, high = metrics.paired(broken, fixed, rows)
                assert low <= (broken - fixed) / rows <= high


def test_the_gain_is_what_was_lost_turned_round_with_the_paired_interval():
    change = Change(-1.0, -1.9, -0.1, 0.9, 0.89, 0.91, 10, 40, 3000, "rows")
    gain = metrics.gained(change, "classify", 3000)
    # Bonett & Price: (11 - 41) / 3002 = -0.999%; sqrt((52 / 3002 - 0.00999 ** 2) / 3002) * 1.96 = 0.470%
    assert (gain.value, gain.low, gain.high) == pytest.approx((1.0, 0.53, 1.47), abs=0.005)
    few = metrics.gained(replace(change, broken=0, fixed=4), "classify", 300)
    assert few.low < 0 < few.high  # four rows of four may be luck
    other = metrics.gained(change, "multilabel", 3000)
    assert (other.value, other.low, other.high) == (1.0, 0.1, 1.9)
