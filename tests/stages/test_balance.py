import dataclasses
from collections import Counter

import numpy as np
import pytest
from test_plan import corpus_of, of_kind, plan, profile_of
from transformers import AutoModel

from afina import balancing, bases, layers, shelf
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.records import Balanced, Plan, from_json, silent, to_json
from afina.stages import balance as stage

EVERY = shelf.names("balancers")
KEPT = {"label 0": 40, "label 1": 12, "label 2": 5}


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


@pytest.fixture(scope="module")
def corpus():
    """One large class and two rare ones."""
    seen: Counter[str] = Counter()
    rows = []
    for row in corpus_of(40).train:
        seen[row.label] += 1
        rows += [row] * (seen[row.label] <= KEPT[row.label])
    return dataclasses.replace(corpus_of(40), train=tuple(rows))


def planned(corpus, opened, **options):
    return plan(corpus, profile_of(corpus, 0.2), opened, TrainOptions(**options), silent, 0)


def value(made: Plan, name: str):
    return next(choice.value for choice in made.choices if choice.name == name)


@pytest.fixture(scope="module")
def whole(corpus, opened):
    return planned(corpus, opened, balancing="semantic", balancing_share=0.5)


@pytest.mark.parametrize("name", EVERY)
def test_rare_classes_get_rows_of_their_own_and_the_record_says_which(name, corpus, opened, whole):
    settings = dataclasses.replace(whole.settings, balancing=name)
    made = stage.balance(corpus, dataclasses.replace(whole, settings=settings), opened, silent, 0)
    assert made.method == name
    assert made.before == KEPT
    assert made.after == {"label 0": 40, "label 1": 20, "label 2": 20}
    assert set(made.clusters) == {"label 1", "label 2"}
    assert Counter(corpus.train[place].label for place in made.added) == {"label 1": 8, "label 2": 15}
    assert from_json(Balanced, to_json(made)) == made


def test_training_sees_the_added_rows_and_dev_and_test_stay_as_they_were(corpus, opened, whole):
    made = stage.balance(corpus, whole, opened, silent, 0)
    larger = stage.enlarged(corpus, made)
    assert larger.train[: len(corpus.train)] == corpus.train
    assert Counter(row.label for row in larger.train) == made.after
    assert set(larger.train) == set(corpus.train)
    assert dataclasses.replace(larger, train=corpus.train) == corpus


def test_the_same_seed_adds_the_same_rows_and_another_one_others(corpus, opened, whole):
    one, again, other = (stage.balance(corpus, whole, opened, silent, seed).added for seed in (0, 0, 1))
    assert one == again != other


def test_a_balanced_corpus_stays_as_it_is(opened, whole):
    corpus = corpus_of(12)
    made = stage.balance(corpus, whole, opened, silent, 0)
    assert made.added == ()
    assert made.before == made.after
    assert stage.enlarged(corpus, made) == corpus


def test_the_vectors_are_means_of_the_texts_tokens_in_the_order_of_the_rows(corpus, opened, whole):
    embed = layers.embedder(opened, dataclasses.replace(whole.settings, precision="fp32"))
    found = embed([row.input for row in corpus.train])
    inputs = opened.tokenizer(corpus.train[7].text, return_tensors="pt")
    own = AutoModel.from_pretrained(opened.folder)(**inputs).last_hidden_state[0].mean(0)
    assert len(found) == len(corpus.train)
    np.testing.assert_allclose(found[7], own.detach().numpy(), atol=1e-5)


def test_the_plan_leaves_it_out_unless_the_user_asks_for_it(corpus, opened, whole):
    made = planned(corpus, opened)
    assert (made.settings.balancing, made.settings.balancing_share, made.facts.added) == ("none", None, 0)
    line = next(choice for choice in made.choices if choice.name == "balancing")
    assert line.evidence == {"rows of the rarest class": 5, "of the commonest": 40}
    assert (whole.settings.balancing, whole.settings.balancing_share) == ("semantic", 0.5)
    usual = shelf.load("balancers", "semantic").Config().share
    assert planned(corpus, opened, balancing="semantic").settings.balancing_share == usual


def test_the_plan_counts_the_rows_that_will_be_added(corpus, opened, whole):
    """57 rows and 23 more: a pass of 80 rows in batches of 32 has 3 steps."""
    assert (whole.facts.rows, whole.facts.added, whole.facts.seen) == (57, 23, 80)
    assert value(whole, "eval_steps") == 3
    assert value(planned(corpus, opened), "eval_steps") == 2


@pytest.mark.parametrize(
    ("kind", "fix"), [("multilabel", "class_weights=balanced"), ("regress", "leave balancing out")]
)
def test_rows_without_one_class_each_are_refused_with_what_to_do(kind, fix, corpus):
    with pytest.raises(ConfigError, match=f"balancing has no meaning for {kind}") as caught:
        balancing.choices(TrainOptions(balancing="random"), of_kind(corpus, kind))
    assert fix in caught.value.fix
    assert balancing.choices(TrainOptions(), of_kind(corpus, kind))[0].value == "none"


def test_a_share_without_balancing_and_an_unknown_name_are_refused(corpus):
    for options in ({}, {"balancing": "none"}):
        with pytest.raises(ConfigError, match="balancing_share has no meaning without balancing"):
            balancing.choices(TrainOptions(balancing_share=0.5, **options), corpus)
    with pytest.raises(ConfigError) as caught:
        TrainOptions(balancing="semantics")
    assert "semantic" in caught.value.fix
