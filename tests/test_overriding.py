"""What the user's own settings cost in score: only what was measured, and that the rest is not known."""

import re
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from stories import make

from afina import measured, overriding
from afina.records import Choice
from afina.sources import USERS

RESULTS = Path(__file__).parent.parent / "benchmarks" / "RESULTS.md"
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
        (FEW, "head_only", "on eight small tasks it was 9.9 points of macro F1 behind the best of seven"),
        (FEW, "lora", "5.3 points of macro F1 behind the best of seven, the plan's own contrastive 0.6"),
        (MANY, "lora", "0.9 and 1.8 points of accuracy behind full on two sets of 1,000 rows"),
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
    assert "5.3 points" in said


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


def test_the_regrets_are_those_of_the_table_of_results():
    text = RESULTS.read_text(encoding="utf-8")
    table = text[text.index("## Regret of the plan") :].partition("\n\nThe plan as it was")[0]
    names = re.search(r"\| set \| rows \| (.*) \| pick", table).group(1).split(" | ")
    rows = [
        [float(cell) for cell in line.split(" | ")[2:9]]
        for line in table.splitlines()
        if re.match(r"\| \w+ \| \d", line) and "| |" not in line  # pairs of texts need one class a text
    ]
    assert len(rows) == 8
    means = {name: fmean(max(row) - row[place] for row in rows) for place, name in enumerate(names)}
    assert {name: round(value, 1) for name, value in means.items()} == measured.REGRET
