import dataclasses

import pytest
from test_plan import choice, corpus_of, planned, profile_of

from afina import bases, retaining, shelf
from afina.config import TrainOptions
from afina.errors import ConfigError, DataError
from afina.records import silent
from afina.stages import train as stage
from afina.stages.plan import plan


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


@pytest.fixture(scope="module")
def bare(opened):
    return planned(opened, technique="full")


def test_nothing_is_retained_unless_it_is_asked_for(bare, opened):
    assert bare.settings.retention == "none"
    assert retaining.penalty(bare.settings, opened, 0) is None
    assert retaining.adds(bare.settings, bare.facts, 1000) == (0.0, 0)


@pytest.mark.parametrize("name", shelf.names("retentions"))
def test_a_retention_that_is_asked_for_brings_its_own_weight_and_its_cost(make_masked_base, bare, name):
    held = planned(bases.open_base(str(make_masked_base("bert"))), technique="full", retention=name)
    assert choice(held, "retention").why == "set by the user"
    assert held.settings.retention_weight == shelf.load("retentions", name).Config().weight
    assert held.estimates["memory"] > bare.estimates["memory"]


def test_weight_temperature_and_text_are_the_users_own_where_given(opened):
    options = {"retention": "kl", "retention_weight": 3.0, "retention_temperature": 4.0, "general_file": "es"}
    made = planned(opened, **options).settings
    assert {name: getattr(made, name) for name in options} == options


@pytest.mark.parametrize(("language", "name"), [("en", "en"), ("es", "es"), ("?", "en")])
def test_the_general_sentences_are_in_the_language_of_the_corpus(opened, language, name):
    corpus = corpus_of(40)
    profile = dataclasses.replace(profile_of(corpus, 0.2), language=language)
    assert plan(corpus, profile, opened, TrainOptions(), silent, 0).settings.general_file == name


@pytest.mark.parametrize("file", ["en", "nowhere.txt"])
def test_a_general_file_is_refused_where_the_retention_reads_none(opened, file):
    with pytest.raises(ConfigError, match="general_file has no meaning without retention=distill or kl or replay"):
        planned(opened, retention="l2", general_file=file)


@pytest.mark.parametrize(("name", "times"), [("kl", 7), ("replay", 1.5)])
def test_the_logits_of_a_head_for_masked_words_are_in_the_memory_of_the_plan(opened, make_masked_base, name, times):
    """Numbers of a batch of 32 and 16 general texts, each of 4 bytes."""
    masked = bases.open_base(str(make_masked_base("bert")))
    made = planned(masked, technique="full", retention=name)
    assert made.facts.masked
    logits = 32 * made.settings.max_seq_length * masked.config.vocab_size
    small = planned(masked, technique="full", retention=name, per_device_train_batch_size=16)
    bare, less = (planned(masked, technique="full", per_device_train_batch_size=size) for size in (32, 16))
    added = [one.estimates["memory"] - two.estimates["memory"] for one, two in ((made, bare), (small, less))]
    assert added[0] > times * 4 * logits
    assert added[0] - added[1] == pytest.approx((7 - 0.5 * 11) * 4 * logits if name == "kl" else 0, abs=8)
    without = planned(opened, technique="full", retention="kl")
    assert not without.facts.masked
    own = without.estimates["memory"] - planned(opened, technique="full").estimates["memory"]
    assert own == 4 * without.estimates["trainable"]


def test_a_base_that_gets_a_head_for_masked_words_by_adapting_holds_its_logits_too(opened):
    with_head = planned(opened, technique="full", retention="kl", adapt_file="train")
    adapted = planned(opened, technique="full", adapt_file="train")
    more = with_head.estimates["memory"] - adapted.estimates["memory"]
    assert more > 7 * 4 * 32 * with_head.settings.max_seq_length * opened.config.vocab_size


def test_a_head_on_a_frozen_body_has_nothing_to_retain(opened):
    with pytest.raises(ConfigError, match="never moves the body"):
        planned(opened, technique="head_only", retention="l2")


def test_a_misspelt_retention_is_told_the_near_one(opened):
    with pytest.raises(ConfigError) as caught:
        planned(opened, retention="distil")
    assert "distill" in caught.value.fix


def test_a_general_file_that_cannot_be_used_is_refused_with_its_name(opened, bare, tmp_path):
    path = tmp_path / "general.txt"
    settings = dataclasses.replace(bare.settings, retention="distill", general_file=str(path))
    with pytest.raises(ConfigError, match=r"no general file .*general\.txt"):
        retaining.penalty(settings, opened, 0)
    path.write_text("one line\n")
    with pytest.raises(DataError, match="too few"):
        retaining.penalty(settings, opened, 0)
    path.write_text("the card is lost\n" * 40)
    assert retaining.penalty(settings, opened, 0) is not None


@pytest.mark.parametrize(("technique", "retention"), [("full", "kl"), ("lora", "distill"), ("freeze", "l2")])
def test_a_run_with_retention_ends_in_a_model_and_says_what_the_penalty_was(opened, technique, retention, tmp_path):
    made = planned(opened, technique=technique, retention=retention)
    settings = dataclasses.replace(made.settings, num_train_epochs=2.0, learning_rate=1e-3, precision="fp32")
    trained = stage.train(corpus_of(20), dataclasses.replace(made, settings=settings), opened, tmp_path, silent, 0)
    assert trained.reload_error < 1e-5
    assert any(point.penalty is not None and point.penalty > 0 for point in trained.curve)
