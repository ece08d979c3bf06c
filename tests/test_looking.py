import math

import numpy as np
import pytest

from afina import looking
from afina.recipes import accuracy
from afina.records import Look


def test_a_score_stands_within_its_interval_and_more_rows_make_it_narrower():
    rng = np.random.default_rng(0)
    widths = []
    for rows in (50, 500):
        labels = rng.integers(3, size=rows)
        logits = np.eye(3)[np.where(rng.random(rows) < 0.8, labels, (labels + 1) % 3)]
        seen = looking.scored(logits, labels, accuracy)
        assert seen["low"] < seen["score"] < seen["high"]
        assert seen["rows"] == rows
        widths.append(seen["high"] - seen["low"])
    assert widths[1] < widths[0] / 2


def test_the_interval_of_an_accuracy_is_about_that_of_the_normal_approximation():
    labels = np.zeros(400, int)
    logits = np.eye(2)[(np.arange(400) % 4 == 0).astype(int)]  # three of four are right
    seen = looking.scored(logits, labels, accuracy)
    spread = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert (seen["score"], seen["low"], seen["high"]) == pytest.approx((0.75, 0.75 - spread, 0.75 + spread), abs=0.012)


def test_a_score_that_some_resamples_do_not_have_is_no_fault():
    def fragile(logits, labels):
        return math.nan

    seen = looking.scored(np.zeros((4, 2)), np.zeros(4, int), fragile)
    assert all(math.isnan(seen[name]) for name in ("score", "low", "high"))


def logged(name, *values):
    return {f"eval_{name}_{key}": v for key, v in zip(("score", "low", "high", "loss", "rows"), values, strict=True)}


HISTORY = [
    {"step": 2, "loss": 0.9, "rate/body": 1e-3},
    {"step": 4, "loss": 0.7, "rate/body": 2e-3},
    {"step": 5, **logged("dev", 0.5, 0.4, 0.6, 0.8, 9)},
    {"step": 5, **logged("old", 0.3, 0.2, 0.4, 1.8, 7)},
    {"step": 6, "train_runtime": 3.0},
]


def test_the_log_is_read_back_as_looks_in_the_order_of_the_sets():
    looks = looking.looks(HISTORY, {"dev": "accuracy", "old": "accuracy"})
    assert [(look.name, look.step, look.score, look.low, look.high, look.loss, look.rows) for look in looks] == [
        ("dev", 5, 0.5, 0.4, 0.6, 0.8, 9),
        ("old", 5, 0.3, 0.2, 0.4, 1.8, 7),
    ]


def test_a_look_at_an_old_task_has_a_score_of_its_own_and_no_loss():
    history = [{"step": 0, **{f"eval_before_{key}": 0.5 for key in ("score", "low", "high")}, "eval_before_rows": 7}]
    (look,) = looking.looks([*history, *HISTORY], {"before": "spearman"})
    assert look == Look("before", 0, "spearman", 0.5, 0.5, 0.5, None, 7)


def test_a_look_is_joined_to_the_training_loss_last_logged_before_it():
    points = looking.curve(HISTORY, looking.looks(HISTORY, {"dev": "accuracy"}))
    assert [(p.step, p.loss, p.rates, p.dev_loss, p.dev_accuracy) for p in points] == [
        (2, 0.9, {"body": 1e-3}, None, None), (4, 0.7, {"body": 2e-3}, None, None), (5, 0.7, {"body": 2e-3}, 0.8, 0.5),
    ]  # fmt: skip
    assert looking.curve(HISTORY[2:], looking.looks(HISTORY, {"dev": "accuracy"})) == ()


def test_places_name_each_file_once():
    assert looking.places(["a.csv:3", "a.csv:9", "b:c.csv:2"]) == "a.csv:3, 9; b:c.csv:2"
