"""What the user's own settings cost in score: only what was measured, and that the rest is not known."""

from dataclasses import replace

import pytest
from stories import make

from afina import overriding
from afina.records import Choice
from afina.sources import USERS

OWN = replace(make().plan.settings, technique="full", learning_rate=1e-4, head_learning_rate=1e-2)
FEW = replace(make().plan.facts, rows=48, classes=6, rows_per_class=8.0, smallest=8)
MANY = replace(FEW, rows=6000, rows_per_class=1000.0, smallest=1000)


def remarks(facts, own="full", **given):
    choices = [Choice(name, value, USERS) for name, value in given.items()]
    settings = replace(OWN, **{name: value for name, value in given.items() if hasattr(OWN, name)})
    return overriding.remarks(choices, replace(OWN, technique=own), settings, facts)


@pytest.mark.parametrize(
    ("facts", "technique", "words"),
    [
        (
            FEW,
            "head_only",
            "−7.7 points of macro F1 against the plan's own contrastive: the mean of 7 sets",
        ),
        (FEW, "lora", "−4.1 points of macro F1 against the plan's own contrastive: the mean of 7 sets (−8.6 to 0.0)"),
        (MANY, "prompt", "what it costs in score is not known"),
        (FEW, "prompt", "what it costs in score is not known"),
        (replace(FEW, kind="tag"), "head_only", "what it costs in score is not known"),
    ],
)
def test_another_technique_is_told_with_what_it_was_behind_where_that_was_measured(facts, technique, words):
    (said,) = remarks(facts, own="contrastive", technique=technique)
    assert said.startswith(f"technique={technique}: ")
    assert words in said


def test_a_technique_that_a_limit_takes_is_told_too():
    (said,) = overriding.remarks([], OWN, replace(OWN, technique="lora"), FEW)
    assert "−2.0 points of macro F1 against the plan's own full" in said


@pytest.mark.parametrize(("rate", "remarked"), [(0.5, "5,000 times the plan's own 0.0001"), (1e-3, None), (5e-5, None)])
def test_a_rate_more_than_ten_times_the_plans_own_is_remarked_on(rate, remarked):
    (said,) = remarks(MANY, learning_rate=rate)
    if remarked:
        assert said == f"learning_rate={rate:g} is {remarked}: training may diverge"
    else:
        assert said == "what your learning_rate costs in score is not known"


def test_what_was_measured_of_a_setting_is_said_and_the_rest_is_not_known():
    (said,) = remarks(MANY, dropout=False, num_train_epochs=2.0, pooling="cls")
    assert "dropout=False: a quarter faster a pass, and a point lost on banking77" in said
    assert said.endswith("what your num_train_epochs, pooling cost in score is not known")
    assert remarks(MANY) == ()


def test_a_rate_of_a_head_that_takes_no_steps_does_nothing():
    head = replace(OWN, technique="head_only", learning_rate=0.5)
    (said,) = overriding.remarks([Choice("learning_rate", 0.5, USERS)], head, head, FEW)
    assert said.startswith("learning_rate=0.5 does nothing")
