"""Options that would do nothing, or be refused by training, are refused with the plan."""

import dataclasses

import pytest
from test_plan import corpus_of, of_kind, planned, profile_of

from afina import bases, config, trying
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.records import silent
from afina.stages.plan import plan


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"freeze_layers": 1, "freeze_top": 1}, "freeze_layers has no meaning with freeze_top"),
        ({"freeze_layers": 0, "freeze_pattern": "layer"}, "freeze_layers has no meaning with freeze_pattern"),
        ({"retention_temperature": 2.0}, "retention_temperature has no meaning without retention"),
        ({"retention": "none", "general_file": "es"}, "general_file has no meaning without retention"),
        (
            {"retention": "l2", "retention_temperature": 2.0},
            "has no meaning without retention=kl",
        ),
    ],
)
def test_an_option_beside_another_that_leaves_it_without_effect_is_refused(given, found):
    with pytest.raises(ConfigError, match=found):
        trying.unused(TrainOptions(**given))


def test_options_that_have_an_effect_are_not_refused():
    for given in ({"retention": "kl", "retention_temperature": 3.0}, {"retention": "l2", "retention_weight": 1.0}, {}):
        trying.unused(TrainOptions(**given))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"technique": "head_only", "staging": "gradual_unfreezing"}, "staging=gradual_unfreezing has no meaning"),
        ({"technique": "head_only", "rates": "layerwise"}, "rates=layerwise has no meaning with technique=head_only"),
        ({"technique": "freeze", "freeze_layers": 2, "staging": "progressive_freezing"}, "trains no layer here"),
        ({"technique": "full", "warmup_steps": 5000}, "warmup_steps=5,000 is more than the"),
    ],
)
def test_a_policy_that_has_nothing_to_work_on_is_refused(opened, given, found):
    with pytest.raises(ConfigError, match=found) as caught:
        planned(opened, **given)
    assert caught.value.fix


@pytest.mark.parametrize(("kind", "retention"), [("regress", "kl"), ("classify", "replay")])
def test_a_retention_that_the_base_has_no_head_for_is_refused_with_the_plan(opened, kind, retention):
    corpus = corpus_of(80) if kind == "classify" else of_kind(corpus_of(80), kind)
    options = TrainOptions(technique="full", retention=retention)
    with pytest.raises(ConfigError, match=retention):
        plan(corpus, profile_of(corpus, 0.2), opened, options, silent, 0)


def test_a_base_that_will_be_adapted_may_have_the_head_by_then(opened):
    made = planned(opened, technique="full")
    settings = dataclasses.replace(made.settings, retention="replay", adapt_file="train")
    trying.on(settings, made.facts, opened, ("label 0", "label 1", "label 2"))


def test_general_text_of_a_retention_that_was_turned_off_is_forgotten():
    assert config.keys.switch("general_file") == "retention"
