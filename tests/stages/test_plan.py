import dataclasses
import random

import pytest

from afina import bases
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.records import Columns, Corpus, Distance, Plan, Profile, Row, from_json, silent, to_json
from afina.stages.plan import NEAR, plan


def corpus_of(rows_per_class, classes=3):
    rng = random.Random(0)
    topics = ("my card is lost", "book a visit", "pay the bill")
    rows = tuple(
        Row(
            f"{topics[label]} {' '.join(rng.choices(('today', 'please', 'red', 'no'), k=4))}",
            f"label {label}",
            f"f:{n}",
        )
        for label in range(classes)
        for n in range(rows_per_class)
    )
    labels = tuple(f"label {label}" for label in range(classes))
    return Corpus("test", Columns("text", "label"), labels, rows, rows[:6], rows[:6], "", (), ())


def profile_of(corpus, distance):
    measured = Distance("embeddings", distance, distance - 0.005, distance + 0.005, 0.0, "squared MMD", 600, "")
    rows = len(corpus.train)
    counts = {label: rows // 3 for label in corpus.labels}
    numbers = (8.0, 9.0, 10.0)
    return Profile(rows, 3, rows // 3, rows // 3, "en", numbers, numbers, 1.1, 0.0, counts, "general", (measured,))


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


def planned(opened, rows_per_class=40, distance=0.2, **options):
    corpus = corpus_of(rows_per_class)
    return plan(corpus, profile_of(corpus, distance), opened, TrainOptions(**options), silent, 0)


def choice(made, name):
    return next(choice for choice in made.choices if choice.name == name)


def test_few_rows_a_class_leave_the_body_alone(opened):
    assert planned(opened, rows_per_class=5).settings.technique == "head_only"


def test_a_far_domain_trains_all_layers_and_a_near_one_keeps_the_lower_third(opened):
    six = dataclasses.replace(opened, record=dataclasses.replace(opened.record, layers=6))
    far, near = planned(six, distance=4 * NEAR), planned(six, distance=NEAR / 4)
    assert (far.settings.technique, far.settings.freeze_layers) == ("full", 0)
    assert (near.settings.technique, near.settings.freeze_layers) == ("freeze", 2)
    assert choice(near, "freeze_layers").evidence["distance"] == NEAR / 4


def test_every_setting_has_a_choice_with_a_reason(opened):
    made = planned(opened)
    names = [field.name for field in dataclasses.fields(made.settings)]
    assert [choice.name for choice in made.choices] != []
    assert sorted(choice.name for choice in made.choices) == sorted(names)
    assert all(choice.why for choice in made.choices)
    assert all(choice.value == getattr(made.settings, choice.name) for choice in made.choices)


def test_what_the_user_sets_is_kept_and_what_depends_on_it_follows(opened):
    made = planned(opened, technique="lora", num_train_epochs=4.0, per_device_train_batch_size=8)
    assert choice(made, "technique").why == "set by the user"
    assert "full" in choice(made, "technique").refused
    assert made.settings.learning_rate == 2e-3
    assert made.settings.warmup_steps == 6  # a tenth of 4 epochs of 15 steps
    assert made.estimates["trainable"] < 10_000


def test_more_tokens_than_the_base_can_read_are_refused(opened):
    with pytest.raises(ConfigError, match="66"):
        planned(opened, max_seq_length=100)


def test_the_layers_know_more_than_the_majority(opened):
    made = planned(opened)
    assert made.facts.probe > made.facts.majority
    assert {(score.layer, score.pooling) for score in made.layers} == {
        (layer, pooling) for layer in range(3) for pooling in ("mean", "cls")
    }
    assert all(score.low <= score.value <= score.high for score in made.layers)


def test_a_plan_survives_the_round_trip(opened):
    made = planned(opened)
    assert from_json(Plan, to_json(made)) == made
