import dataclasses
import random
import re

import pytest

from afina import bases, choosing, heads, keys, pooling, shelf, sources, timing
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.freezing import NEAR
from afina.records import Columns, Corpus, Distance, LayerScore, Plan, Profile, Row, from_json, silent, to_json
from afina.stages.plan import plan


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


def planned(opened, rows_per_class=80, distance=0.2, **options):
    corpus = corpus_of(rows_per_class)
    return plan(corpus, profile_of(corpus, distance), opened, TrainOptions(**options), silent, 0)


def of_kind(corpus, kind):
    """The same rows with a score, or a list of labels, in the place of the class."""

    def turned(row):
        if kind == "multilabel":
            return dataclasses.replace(row, label="", labels=(row.label,))
        return dataclasses.replace(row, label="", value=100.0 + 10 * corpus.labels.index(row.label))

    parts = {part: tuple(map(turned, getattr(corpus, part))) for part in ("train", "dev", "test")}
    return dataclasses.replace(corpus, kind=kind, labels=("value",) if kind == "regress" else corpus.labels, **parts)


def paired(corpus):
    """Each row beside the text of another, as a pair of one class: whether both are about the same."""

    def turned(rows):
        others = rows[1::2] + rows[::2]
        same = (one.text.split()[:2] == other.text.split()[:2] for one, other in zip(rows, others, strict=True))
        named = zip(rows, others, same, strict=True)
        return tuple(dataclasses.replace(row, pair=other.text, label=str(alike)) for row, other, alike in named)

    parts = {part: turned(getattr(corpus, part)) for part in ("train", "dev", "test")}
    columns = dataclasses.replace(corpus.columns, pair="other")
    return dataclasses.replace(corpus, columns=columns, labels=("False", "True"), **parts)


def choice(made, name):
    return next(choice for choice in made.choices if choice.name == name)


@pytest.mark.parametrize("rows", [4, 16])
def test_few_rows_a_class_are_learned_from_as_pairs(opened, rows):
    made = planned(opened, rows_per_class=rows)
    assert made.settings.technique == "contrastive"
    assert "too few" in choice(made, "technique").refused["full"]
    whole = planned(opened, rows_per_class=rows, technique="full")
    assert whole.settings.technique == "full"
    assert (made.settings.num_train_epochs, whole.settings.num_train_epochs) == (20, 10)


def test_up_to_64_rows_a_class_are_learned_from_as_pairs_where_there_are_few_rows_in_all(opened):
    made = planned(opened, rows_per_class=64)
    assert made.settings.technique == "contrastive"
    assert "better with up to 64" in choice(made, "technique").why
    once = corpus_of(64)
    many = dataclasses.replace(once, train=once.train * 4)  # 768 rows
    rows = dataclasses.replace(profile_of(once, 0.2), rows=len(many.train))
    assert plan(many, rows, opened, TrainOptions(), silent, 0).settings.technique == "full"


def test_two_unequal_classes_are_told_by_their_mean_and_the_rarer_one_and_make_no_pairs(opened):
    once = corpus_of(380, classes=2)
    rare = tuple(row for row in once.train if row.label == "label 0")[:20]
    common = tuple(row for row in once.train if row.label == "label 1")
    corpus = dataclasses.replace(once, train=rare + common)
    made = plan(corpus, profile_of(corpus, 0.2), opened, TrainOptions(), silent, 0)
    technique = choice(made, "technique")
    assert (made.facts.rows_per_class, made.facts.smallest) == (20, 20)
    assert technique.value == "full"
    assert technique.why.startswith("200 rows a class on average (the rarest has 20) are enough")
    assert technique.evidence["rows a class, lower median"] == technique.evidence["rows of the rarest class"] == 20
    assert "unequal" in technique.refused["contrastive"]
    assert choice(planned(opened), "technique").why.startswith("80 rows a class are enough")


def test_few_rows_without_one_class_each_or_with_a_loss_asked_for_make_no_pairs(opened):
    several = of_kind(corpus_of(5), "multilabel")
    made = plan(several, profile_of(several, 0.2), opened, TrainOptions(), silent, 0)
    assert made.settings.technique == "head_only"
    assert planned(opened, rows_per_class=5, class_weights="balanced").settings.technique == "head_only"
    focal = planned(opened, rows_per_class=12, loss="focal")
    assert focal.settings.technique == "full"
    assert "a loss of their own" in choice(focal, "technique").refused["contrastive"]


def test_every_value_that_the_user_gives_is_the_user_s_also_where_the_plan_would_have_chosen_it(opened):
    own = planned(opened)
    given = {name: choice(own, name).value for name in ("technique", "learning_rate", "weight_decay", "staging")}
    users = planned(opened, **given)
    assert {name: choice(users, name).value for name in given} == given
    assert {choice(users, name).why for name in given} == {"set by the user"}
    assert choice(users, "technique").refused == choice(own, "technique").refused
    assert choice(planned(opened, weight_decay=0.1), "weight_decay").why == "set by the user"


def test_an_early_stop_needs_rows_to_judge_by(opened):
    corpus = dataclasses.replace(corpus_of(10), dev=())
    with pytest.raises(ConfigError, match="30 rows are too few to keep a dev") as caught:
        plan(corpus, profile_of(corpus, 0.2), opened, TrainOptions(early_stopping_patience=2), silent, 0)
    assert "dev_share" in caught.value.fix


def test_what_was_not_taken_says_why(opened):
    made = planned(opened)
    refused = choice(made, "technique").refused
    assert refused.keys() == {*shelf.names("techniques")} - {made.settings.technique}
    assert all("not taken: " in why for why in refused.values())


def test_a_far_domain_trains_all_layers_and_a_near_one_keeps_the_lower_third(opened):
    six = dataclasses.replace(opened, record=dataclasses.replace(opened.record, layers=6))
    far, near = planned(six, distance=4 * NEAR), planned(six, distance=NEAR / 4)
    assert (far.settings.technique, choice(far, "freeze_layers").value) == ("full", 0)
    assert (near.settings.technique, near.settings.options["layers"]) == ("freeze", 2)
    line = choice(near, "freeze_layers")
    assert line.evidence["distance"] == NEAR / 4
    assert line.evidence["95% to"] == pytest.approx(NEAR / 4 + 0.005)
    assert line.why.startswith("a saving of time")
    assert "not known for near texts" in line.refused["0"]


def test_what_frozen_layers_know_is_shown_beside_the_depth_as_context(opened):
    made = planned(opened)
    evidence = choice(made, "freeze_layers").evidence
    assert evidence["context, decides nothing: frozen accuracy of layers 0 to 2"] == tuple(
        round(one.value, 4) for one in made.layers if one.pooling == "mean"
    )
    assert not any(name.startswith("layer ") for name in evidence)


def test_freezing_that_is_asked_for_freezes_something_however_far_the_domain_is(opened):
    six = dataclasses.replace(opened, record=dataclasses.replace(opened.record, layers=6))
    made = planned(six, distance=4 * NEAR, technique="freeze")
    assert (made.settings.technique, made.settings.options["layers"]) == ("freeze", 2)
    assert (choice(made, "technique").why, "0" in choice(made, "freeze_layers").refused) == ("set by the user", True)
    assert planned(six, technique="freeze", freeze_layers=1).settings.options["layers"] == 1


def test_layers_to_freeze_that_the_user_names_take_the_technique_that_freezes_them(opened):
    made = planned(opened, rows_per_class=16, freeze_layers=1)
    assert (made.settings.technique, made.settings.options["layers"]) == ("freeze", 1)
    technique = choice(made, "technique")
    assert technique.why.startswith("freeze_layers=1, set by the user")
    assert technique.refused["contrastive"].startswith("the plan's own choice: ")
    assert technique.refused.keys() == {*shelf.names("techniques")} - {"freeze"}
    assert made.estimates["trainable"] < 0.7 * planned(opened, rows_per_class=16).estimates["trainable"]
    assert planned(opened, rows_per_class=16, freeze_layers=0).settings.technique == "contrastive"


def test_layers_to_freeze_are_not_given_up_for_a_limit(opened):
    with pytest.raises(ConfigError, match="nothing keeps within the limits: freeze: ") as caught:
        planned(opened, freeze_layers=1, memory_limit="1MB")
    assert "lora" not in caught.value.found


@pytest.mark.parametrize("technique", ["full", "contrastive", "lora", "head_only"])
def test_layers_to_freeze_beside_another_technique_are_refused(opened, technique):
    with pytest.raises(
        ConfigError, match=f"freeze_layers is an option of freeze, .* technique is {technique}"
    ) as caught:
        planned(opened, technique=technique, freeze_layers=1)
    assert "set technique=freeze, or leave freeze_layers out" in caught.value.fix


@pytest.mark.parametrize("options", [{"technique": "lora"}, {"rows_per_class": 16}])
def test_near_general_language_no_layer_is_said_to_stay_where_the_technique_freezes_none(opened, options):
    made = planned(opened, distance=NEAR / 4, **options)
    depth = choice(made, "freeze_layers")
    assert depth.value == 0
    assert f"technique is {made.settings.technique}" in depth.why


def test_a_base_whose_layers_are_one_has_none_frozen_however_near_the_domain_is(make_base):
    shared = bases.open_base(str(make_base("albert")))
    made = planned(shared, distance=NEAR / 4)
    assert (made.settings.technique, choice(made, "freeze_layers").value) == ("full", 0)
    assert "share their weights" in choice(made, "freeze_layers").why
    assert "share their weights" in choice(made, "technique").refused["freeze"]


@pytest.mark.parametrize("options", [{}, {"freeze_layers": 1}, {"freeze_top": 1}])
def test_freezing_layers_that_share_their_weights_is_refused_by_the_plan(make_base, options):
    shared = bases.open_base(str(make_base("albert")))
    with pytest.raises(ConfigError, match="share one set of weights: none can stay while another learns") as caught:
        planned(shared, technique="freeze", **options)
    assert "freeze_pattern=embeddings" in caught.value.fix
    assert planned(shared, technique="freeze", freeze_pattern="embeddings").settings.technique == "freeze"


@pytest.mark.parametrize("options", [{"freeze_top": 1}, {"freeze_pattern": "embeddings"}])
def test_the_plan_has_no_line_on_freeze_layers_beside_what_says_it_otherwise(opened, options):
    made = planned(opened, technique="freeze", **options)
    assert not [one for one in made.choices if one.name == "freeze_layers"]
    assert set(made.settings.options) == {"top", "pattern"}
    assert [one for one in planned(opened, technique="freeze").choices if one.name == "freeze_layers"]


def test_bf16_may_be_asked_for_where_the_processor_has_none(opened, monkeypatch):
    monkeypatch.setattr(timing, "has_bf16", lambda: False)
    made = planned(opened, precision="bf16")
    assert made.settings.precision == "bf16"
    assert made.estimates["seconds"] > 0


def test_every_setting_has_a_choice_with_a_reason(opened):
    made = planned(opened, technique="lora")
    settings = {field.name: getattr(made.settings, field.name) for field in dataclasses.fields(made.settings)}
    settings |= {f"lora_{option}": value for option, value in settings.pop("options").items()}
    chosen = {choice.name: choice.value for choice in made.choices if choice.name != "freeze_layers"}
    assert chosen == {name: value for name, value in settings.items() if value is not None}
    assert chosen["lora_r"] == 8
    assert all(choice.why for choice in made.choices)


def test_what_the_user_sets_is_kept_and_what_depends_on_it_follows(opened):
    made = planned(opened, technique="lora", num_train_epochs=4.0, per_device_train_batch_size=8)
    assert choice(made, "technique").why == "set by the user"
    assert "full" in choice(made, "technique").refused
    assert made.settings.learning_rate == 2e-3
    assert made.settings.warmup_steps == 0  # 120 rows need none
    assert made.estimates["trainable"] < 10_000


def test_more_rates_than_depths_are_refused_before_anything_is_trained(opened):
    """Two layers and the embeddings are three depths."""
    four = (1e-5, 2e-5, 3e-5, 4e-5)
    with pytest.raises(ConfigError, match="4 rates for 2 layers and the embeddings"):
        planned(opened, rates="discriminative", discriminative_rates=four)
    assert (
        choice(planned(opened, rates="discriminative", discriminative_rates=four[:3]), "rates").value
        == "discriminative"
    )


def test_policies_that_the_user_sets_stand_in_the_plan_with_their_options(opened):
    made = planned(opened, rates="discriminative", discriminative_rates=(1e-5, 5e-5), lr_scheduler_type="triangular2")
    assert choice(made, "rates").refused["flat"].startswith("the plan's own choice")
    assert choice(made, "discriminative_rates").value == (1e-5, 5e-5)
    assert made.settings.learning_rate == 5e-5
    assert made.settings.num_cycles == 3
    assert from_json(Plan, to_json(made)) == made


def test_a_list_of_rates_that_was_edited_in_the_plan_file_is_an_edit_and_one_that_was_not_is_none(opened, tmp_path):
    from afina import config, planfile, store

    made = from_json(Plan, to_json(planned(opened, rates="discriminative")))
    keep = tmp_path / "records" / "plan.json"
    store.write_text(keep, f'{{"record": {to_json(made)}}}')
    store.write_text(tmp_path / "plan.yaml", planfile.text(made))
    run = config.build({"rates": "discriminative"})
    assert planfile.edited(run, tmp_path, silent) == run.train
    text = (tmp_path / "plan.yaml").read_text().replace("- 0.0001\n", "- 0.0002\n")
    store.write_text(tmp_path / "plan.yaml", text)
    assert planfile.edited(run, tmp_path, silent).discriminative_rates == (2e-5, 6e-5, 2e-4)


def test_one_look_a_pass_and_no_early_stop_unless_the_user_says_so(opened):
    made = planned(opened, per_device_train_batch_size=16)
    assert made.settings.eval_steps == 15  # 240 rows
    assert made.settings.early_stopping_patience == 0
    users = planned(opened, eval_steps=3, early_stopping_patience=2)
    assert (users.settings.eval_steps, users.settings.early_stopping_patience) == (3, 2)
    assert choice(users, "eval_steps").why == "set by the user"


@pytest.mark.parametrize(
    ("technique", "classes", "batch"),
    [("full", 77, 32), ("contrastive", 3, 32), ("contrastive", 77, 154), ("contrastive", 500, 256)],
)
def test_contrastive_tuning_of_many_classes_has_batches_in_which_most_texts_meet_their_like(
    opened, technique, classes, batch
):
    facts = dataclasses.replace(planned(opened).facts, classes=classes)
    assert choosing.batch(technique, facts).value == batch


def test_the_options_of_a_technique_are_set_by_name_and_those_of_another_are_refused(opened):
    made = planned(opened, technique="adapter", adapter_size=4, adapter_kind="pfeiffer")
    assert made.settings.options == {"size": 4, "kind": "pfeiffer"}
    assert choice(made, "adapter_size").why == "set by the user"
    with pytest.raises(ConfigError, match="lora_r is an option of lora") as caught:
        planned(opened, technique="adapter", lora_r=4)
    assert "technique=lora" in caught.value.fix


REFUSED = {
    "an unknown technique": ({"technique": "adaptor"}, "there is no 'adaptor'", "'adapter'"),
    "a layer that is not there": ({"technique": "lora", "lora_targets": "query,valeu"}, "named valeu", "value"),
    "a pattern without a match": ({"technique": "freeze", "freeze_pattern": "x+"}, "in no parameter", "layer.0."),
    "a broken pattern": ({"technique": "freeze", "freeze_pattern": "("}, "no regular expression", "leave them out"),
    "too many layers": ({"technique": "freeze", "freeze_top": 7}, "freeze_top is 7", "2 or less"),
    "rates of another technique": ({"technique": "full", "rates": "lora_plus"}, "no meaning", "technique=lora"),
    "two ways at once": ({"technique": "freeze", "freeze_top": 1, "freeze_pattern": "a"}, "not both", "leave them out"),
    "no room for a prompt": (
        {"technique": "prompt", "prompt_tokens": 40, "max_seq_length": 32}, "26 tokens beside the 40", "26 or less",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "found", "fix"), REFUSED.values(), ids=REFUSED)
def test_what_a_technique_cannot_do_is_refused_before_training_with_the_way_out(opened, options, found, fix):
    with pytest.raises(ConfigError, match=found) as caught:
        planned(opened, **options)
    assert fix in caught.value.fix


def test_the_plan_s_own_length_leaves_room_for_what_the_technique_puts_before_a_text(opened):
    corpus = corpus_of(80)
    long = dataclasses.replace(profile_of(corpus, 0.2), tokens=(60.0, 90.0, 120.0))
    prompt = TrainOptions(technique="prompt", prompt_tokens=8)
    assert plan(corpus, long, opened, prompt, silent, 0).settings.max_seq_length == 66 - 8
    assert plan(corpus, long, opened, TrainOptions(technique="full"), silent, 0).settings.max_seq_length == 66


@pytest.mark.parametrize("technique", ["lora", "adapter", "bitfit"])
def test_layers_that_share_their_weights_are_counted_once(make_base, technique):
    albert = bases.open_base(str(make_base("albert")))
    made = planned(albert, technique=technique)
    model = heads.build(albert.folder, made.settings.pooling, ("a", "b", "c"))
    shelf.load("techniques", technique).apply(model, keys.config(technique, made.settings.options))
    counted = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert made.estimates["trainable"] == pytest.approx(counted, rel=0.12)


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


WEIGHED = {"class_weights": "balanced"}


def test_the_loss_is_plain_unless_the_user_says_so(opened):
    made = planned(opened)
    assert (made.settings.class_weights, made.settings.loss, made.settings.focal_gamma) == (
        "none", "cross_entropy", None,
    )  # fmt: skip
    users = planned(opened, loss="focal", **WEIGHED)
    assert (users.settings.class_weights, users.settings.loss, users.settings.focal_gamma) == ("balanced", "focal", 2.0)
    assert choice(users, "loss").why == "set by the user"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"focal_gamma": 1.0}, "focal_gamma has no meaning without loss=focal"),
        ({"loss": "focal", "technique": "head_only"}, "loss=focal has no meaning with technique=head_only"),
        ({"technique": "contrastive", **WEIGHED}, "class_weights=balanced has no meaning with technique=contrastive"),
        (
            {"technique": "contrastive", "class_weights": "effective"},
            "class_weights=effective has no meaning with technique=contrastive",
        ),
        ({"pooling": "token"}, "classify cannot read its texts with pooling=token"),
    ],
)
def test_a_loss_or_a_reading_that_would_do_nothing_is_refused(opened, options, found):
    with pytest.raises(ConfigError, match=found):
        planned(opened, **options)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (WEIGHED, "class_weights has no meaning for regress"),
        ({"loss": "focal"}, "loss has no meaning for regress"),
    ],
)
def test_what_a_kind_of_task_has_no_use_for_is_refused(opened, options, found):
    corpus = corpus_of(40)
    rows = tuple(dataclasses.replace(row, label="", value=float(n)) for n, row in enumerate(corpus.train))
    scored = dataclasses.replace(corpus, train=rows, dev=rows[:6], labels=("value",), kind="regress")
    with pytest.raises(ConfigError, match=found):
        plan(scored, profile_of(corpus, 0.2), opened, TrainOptions(**options), silent, 0)


@pytest.mark.parametrize("kind", ["regress", "multilabel"])
def test_a_technique_that_wants_classes_is_refused_before_anything_is_trained(opened, kind):
    corpus = of_kind(corpus_of(40), kind)
    with pytest.raises(ConfigError, match="no text has one class"):
        plan(corpus, profile_of(corpus, 0.2), opened, TrainOptions(technique="contrastive"), silent, 0)
    made = choice(plan(corpus, profile_of(corpus, 0.2), opened, TrainOptions(), silent, 0), "technique")
    probed = {"regress": "Pearson", "multilabel": "micro F1"}[kind]
    assert made.evidence[f"frozen probe, {probed}"] > made.evidence[f"majority, {probed}"]


def test_the_layers_are_asked_about_pairs_in_one_go_and_apart(opened):
    corpus = paired(corpus_of(40))
    made = plan(corpus, profile_of(corpus, 0.2), opened, TrainOptions(), silent, 0)
    asked = {pooling: [one.layer for one in made.layers if one.pooling == pooling] for pooling in ("mean", "siamese")}
    assert asked["mean"] == asked["siamese"] == list(range(opened.record.layers + 1))
    assert "texts apart, last layer" in choice(made, "pooling").evidence
    assert not made.facts.sentences


@pytest.mark.parametrize(
    ("apart", "first_token", "sentences", "taken"),
    [
        (0.70, 0.60, False, "siamese"),
        (0.62, 0.60, False, "mean"),
        (0.70, 0.80, False, "siamese"),
        (0.62, 0.80, False, "cls"),
        (0.62, 0.80, True, "siamese"),
        (0.56, 0.60, True, "siamese"),
        (0.54, 0.60, True, "mean"),
    ],
)
def test_texts_are_compared_apart_where_that_or_the_base_is_clearly_better_for_it(apart, first_token, sentences, taken):
    values = {"mean": 0.60, "cls": first_token, "siamese": apart}
    layers = [LayerScore(6, name, value, value - 0.05, value + 0.05) for name, value in values.items()]
    assert pooling.choose(layers, sentences).value == taken


@pytest.mark.parametrize("pooling", ["mean", "siamese"])
def test_the_plan_counts_what_a_head_alone_trains(opened, pooling):
    corpus = paired(corpus_of(40))
    options = TrainOptions(pooling=pooling, technique="head_only")
    made = plan(corpus, profile_of(corpus, 0.2), opened, options, silent, 0)
    head = heads.build(opened.folder, pooling, corpus.labels).head
    assert made.estimates["trainable"] == sum(p.numel() for p in head.parameters())


def test_single_texts_cannot_be_compared_and_pairs_can_whatever_the_probe_says(opened):
    with pytest.raises(ConfigError, match="classify cannot read single texts with pooling=siamese") as caught:
        planned(opened, pooling="siamese")
    assert caught.value.fix == "leave it out, or write one of mean, cls"
    corpus = paired(corpus_of(40))
    made = plan(corpus, profile_of(corpus, 0.2), opened, TrainOptions(pooling="siamese"), silent, 0)
    assert made.settings.pooling == "siamese"


def with_long_rows(every):
    """Every so many rows of the usual corpus are far longer than the base, which reads 66 tokens."""
    corpus = corpus_of(40)
    rows = tuple(
        dataclasses.replace(row, text=f"{'today ' * 90}{row.text}") if n % every == 0 else row
        for n, row in enumerate(corpus.train)
    )
    return dataclasses.replace(corpus, train=rows)


def planned_long(opened, corpus, p95=9.0, **options):
    profile = dataclasses.replace(profile_of(corpus, 0.2), tokens=(8.0, p95, 100.0))
    return plan(corpus, profile, opened, TrainOptions(**options), silent, 0)


def test_texts_longer_than_the_base_reads_are_read_in_windows_where_they_are_not_few(opened):
    made = planned_long(opened, with_long_rows(10), p95=100.0)
    assert made.settings.max_seq_length == opened.record.max_tokens
    assert made.settings.long_texts == "window"
    assert choice(made, "long_texts").evidence == {"longer, share": 0.1, "windows a text, mean": 1.1}
    assert "10% of the texts are longer" in choice(made, "long_texts").why
    few = planned_long(opened, with_long_rows(60), p95=100.0)
    assert (few.settings.long_texts, choice(few, "long_texts").evidence["longer, share"]) == ("cut", 0.0167)


def test_where_the_base_can_read_longer_texts_that_is_said_and_a_length_of_the_user_s_is_kept(opened):
    made = planned_long(opened, with_long_rows(10))
    assert (made.settings.max_seq_length, made.settings.long_texts) == (32, "cut")
    assert "larger max_seq_length" in choice(made, "long_texts").why
    assert planned_long(opened, with_long_rows(10), max_seq_length=32).settings.long_texts == "window"
    asked = planned_long(opened, with_long_rows(10), long_texts="window")
    assert (asked.settings.long_texts, choice(asked, "long_texts").why) == ("window", "set by the user")


def test_pairs_have_no_windows_and_are_told_so(opened):
    corpus = paired(corpus_of(40))
    assert planned_long(opened, corpus).settings.long_texts is None
    with pytest.raises(ConfigError, match="long_texts has no meaning for pairs, which are cut"):
        planned_long(opened, corpus, long_texts="window")


def test_every_line_of_a_plan_says_what_it_rests_on(opened):
    made = planned(opened, technique="lora", lora_r=4, dropout=False)
    assert all(choice.source for choice in made.choices)
    assert choice(made, "lora_r").source == "set by the user"
    assert "arXiv:2106.09685" in choice(made, "lora_alpha").source
    assert "measured in this run" in choice(made, "precision").source
    assert any(note.startswith("with your technique, lora_r, dropout: ") for note in made.notes)


LEFT_OUT = ("new_tokens", "augmentation", "retention", "adapt_file", "balancing", "class_weights", "dropout", "pooling")


@pytest.mark.parametrize("name", [*LEFT_OUT, "attention"])
def test_a_line_that_leaves_something_out_says_what_and_why_and_what_that_rests_on(opened, name):
    line = choice(planned(opened), name)
    assert line.refused
    assert all(line.refused.values())
    assert f"{line.value}" not in line.refused
    assert line.source != sources.USUAL
    assert line.evidence or name in ("class_weights", "dropout")


def test_the_numbers_that_speak_for_and_against_what_is_left_out_are_those_of_the_rows(opened):
    corpus = corpus_of(80)
    profile = dataclasses.replace(profile_of(corpus, 0.2), fertility=1.4, split=0.25)
    made = plan(corpus, profile, opened, TrainOptions(), silent, 0)
    assert choice(made, "new_tokens").evidence == {"tokens a word": 1.4, "words that break, share": 0.25}
    assert choice(made, "augmentation").evidence["rows of the rarest class"] == 80
    assert choice(made, "augmentation").refused.keys() == {*shelf.names("augmenters")}
    assert choice(made, "adapt_file").evidence["words of the training texts, about"] == 240 * 8
    assert choice(made, "retention").refused["kl"].startswith("a step of 32 rows takes 100% more time")


def test_what_the_user_sets_has_the_plans_own_choice_beside_it_and_no_other(opened):
    made = planned(opened, dropout=False, retention="l2")
    assert choice(made, "dropout").refused.keys() == {"True"}
    assert choice(made, "retention").refused.keys() == {"none"}


def test_the_rank_of_lora_is_said_not_to_be_chosen_from_the_data_with_what_was_measured(opened):
    rank = choice(planned(opened, technique="lora"), "lora_r")
    assert rank.value == 8
    assert rank.why.startswith("not chosen from the data")
    assert "0.946" in rank.refused["4"]
    assert "RESULTS.md, Techniques" in rank.source
    assert "not chosen from the data" in choice(planned(opened, technique="lora", lora_r=4), "lora_r").refused["8"]


def test_what_the_users_own_settings_cost_in_score_is_said_as_far_as_it_was_measured(opened):
    notes = planned(opened, rows_per_class=16, technique="head_only").notes
    assert any(
        re.search(r"technique=head_only: −\d+\.\d points of macro F1 against the plan's own", note) for note in notes
    )
    notes = planned(opened, learning_rate=0.5).notes
    assert any("learning_rate=0.5 is 5,000 times the plan's own 0.0001" in note for note in notes)
    assert not any("score is not known" in note for note in planned(opened).notes)


def test_labels_at_random_are_said_to_follow_from_nothing(opened):
    corpus = corpus_of(40)
    labels = [row.label for row in corpus.train]
    random.Random(3).shuffle(labels)
    rows = tuple(dataclasses.replace(row, label=label) for row, label in zip(corpus.train, labels, strict=True))
    made = plan(dataclasses.replace(corpus, train=rows), profile_of(corpus, 0.2), opened, TrainOptions(), silent, 0)
    assert any(note.startswith("nothing shows that these labels follow from the texts") for note in made.notes)
    assert not any("nothing shows" in note for note in planned(opened).notes)


def test_the_best_reading_has_a_learning_curve_that_ends_in_its_own_score(opened):
    layers = planned(opened, rows_per_class=80).layers
    (best,) = [one for one in layers if one.curve]
    assert best.value == max(one.value for one in layers) == best.curve[-1][1]
    assert [rows for rows, _ in best.curve] == [60, 120, 240]
    assert best.curve[0][1] <= best.value
    assert best.gain.value == pytest.approx(best.curve[2][1] - best.curve[1][1])
    assert [one.layer for one in layers if one.wrong] == [max(one.layer for one in layers)]
    assert best.gain.low <= best.gain.value <= best.gain.high
    assert not any(one.curve for one in planned(opened, rows_per_class=40).layers)  # a quarter of 120 rows says nothing
