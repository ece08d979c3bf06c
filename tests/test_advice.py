"""What the plan says beside its choices, from numbers made by hand."""

from dataclasses import replace

import pytest
from stories import make

from afina import advice
from afina.limits import Limits
from afina.records import Choice, LayerScore, Score

FACTS = replace(make().plan.facts, rows=1000, majority=0.5, kind="classify")


def layer(value, half, curve=(), gain=None):
    return LayerScore(6, "mean", value, value - half, value + half, curve, gain and Score("gain", *gain))


def test_labels_that_the_base_cannot_tell_are_said_to_show_nothing():
    said = advice.notes(FACTS, [layer(0.48, 0.03), layer(0.53, 0.03)])
    assert len(said) == 1
    assert "accuracy 0.530 (0.500 to 0.560)" in said[0]
    assert "answering without reading has 0.500" in said[0]
    assert advice.notes(FACTS, [layer(0.48, 0.03), layer(0.56, 0.03)]) == ()  # 2 in 100 by chance for one reading


CURVE = ((250, 0.60), (500, 0.70), (1000, 0.78))


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (
            (0.08, 0.05, 0.11),
            "twice the rows still gain 8.0 points (5.0 to 11.0), so that more labelled rows would help",
        ),
        ((0.02, -0.005, 0.045), None),  # of 400 rows with a rare class: no proof of any gain
        (
            (0.005, -0.009, 0.019),
            "twice the rows gained 0.5 points (-0.9 to 1.9), so that more of this kind would gain",
        ),
        ((0.005, -0.02, 0.03), None),
        ((0.015, 0.004, 0.026), None),
        (None, None),
    ],
)
def test_the_learning_curve_says_whether_more_rows_would_help_where_its_interval_bears_it(gain, words):
    said = advice.notes(FACTS, [layer(0.78, 0.02, CURVE if gain else (), gain), layer(0.7, 0.02)])
    assert [words in note for note in said] == [True] if words else said == ()


def test_how_many_labels_look_wrong_is_said_with_its_interval_and_how_good_such_a_list_is():
    one = replace(layer(0.9, 0.02), wrong=Score("labels that look wrong", 0.03, 0.019, 0.046))
    (said,) = advice.notes(FACTS, [one])
    assert said.startswith("about 3.0% of the labels look wrong (1.9% to 4.6%)")
    assert "only 4 to 80% of them were found" in said
    assert advice.notes(FACTS, [replace(one, wrong=Score("labels that look wrong", 0.0, 0.0, 0.01))]) == ()


def test_what_the_users_settings_cost_is_told_from_the_plans_own():
    choices = [Choice("technique", "lora", "set by the user"), Choice("pooling", "mean", "says most")]
    own, found = {"seconds": 100.0, "memory": 1e9, "disk": 1e8}, {"seconds": 60.0, "memory": 1.01e9, "disk": 5e7}
    (said,) = advice.overridden(choices, Limits(), own, found)
    assert said == "with your technique: training 1 min 0 s instead of 1 min 40 s, disk 50.0 MB instead of 100.0 MB"
    assert advice.overridden(choices[1:], Limits(), own, found) == ()
    assert advice.overridden(choices, Limits(), own, own) == ()


def test_the_whole_plan_is_told_in_sentences_with_its_numbers_and_sources():
    told = make()
    made = replace(told.plan, notes=("twice the rows still gain 5.0 points",))
    text = "\n\n".join(advice.explain(told.profile, made))
    for needed in (*(choice.name for choice in made.choices), "source: ", "Twice the rows still gain 5.0 points."):
        assert needed in text
    assert all(one.measure in text for one in told.profile.distances)
    assert "-0.000" not in text


def test_where_the_probe_is_at_chance_the_note_comes_first_and_the_base_is_not_said_to_know_anything():
    told, at_chance = make(), (layer(0.228, 0.02), layer(0.269, 0.03))
    facts = replace(told.plan.facts, majority=0.228)
    plan = replace(told.plan, facts=facts, layers=at_chance, notes=advice.notes(facts, at_chance))
    said = list(advice.explain(told.profile, plan))
    (knows,) = [line for line in said if line.startswith("The base, bundled")]
    assert "is not seen to know any of it" in knows
    assert "no proof of more than the 0.228 of answering without reading" in knows
    assert said[said.index(knows) - 1].startswith("Nothing shows that these labels follow from the texts")
    assert not any("knows some of it" in line for line in said)


def test_what_is_to_know_of_the_profile_is_told_before_its_distances():
    told = make()
    profile = replace(told.profile, notes=("the texts look English and the reference Spanish",))
    said = list(advice.explain(profile, told.plan))
    assert said[1] == "The texts look English and the reference Spanish."
    assert said[2].startswith("By words")
