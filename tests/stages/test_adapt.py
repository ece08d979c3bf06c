import dataclasses
import os
import random
import re
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_plan import corpus_of, planned
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer

from afina import adapting, bases, fitting, growing, maskedlm, vocabulary, watching
from afina.errors import DataError, Interrupted
from afina.initializers import mean
from afina.records import Adapted, Row, from_json, silent, to_json
from afina.stages import adapt as stage

STEPS = 30


@pytest.fixture(autouse=True)
def no_collecting(monkeypatch):
    """Trainer collects garbage as it begins, which takes longer than these trainings."""
    monkeypatch.setattr("accelerate.utils.memory.gc", SimpleNamespace(collect=int))


@pytest.fixture(scope="module")
def opened(make_masked_base):
    return bases.open_base(str(make_masked_base("bert")))


@pytest.fixture(scope="module")
def bare(tiny_bert):
    """A base without a head."""
    return bases.open_base(str(tiny_bert))


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A language in which the word before says most of the next one."""
    rng, following = random.Random(0), "my card is lost today please my visit the doctor no pain".split(" ")
    path, lines = tmp_path_factory.mktemp("texts") / "texts.txt", []
    for number in range(300):
        start = rng.randrange(len(following))
        words = [following[(start + place) % len(following)] for place in range(rng.randint(6, 12))]
        lines.append(" ".join([*words, *str(number)]))
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def adapt(texts):
    """A function that adapts a base in a folder."""

    def run(opened, folder, tell=silent, seed=0, **settings):
        made = planned(opened, technique="full", adapt_file=str(texts), adapt_steps=STEPS, adapt_learning_rate=5e-3)
        quick = dataclasses.replace(made.settings, precision="fp32", **settings)
        folder.mkdir(exist_ok=True)
        return stage.adapt(corpus_of(10), dataclasses.replace(made, settings=quick), opened, folder, tell, seed)

    return run


@pytest.fixture(scope="module")
def straight(adapt, bare, tmp_path_factory):
    """An adapting that nothing disturbed, of a base without a head."""
    folder, said = tmp_path_factory.mktemp("straight"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "LOOKS", 10)
        return folder, adapt(bare, folder, said.append), said


def test_held_out_texts_are_told_better_afterwards_by_more_than_their_doubt(straight):
    folder, made, said = straight
    assert made.after.value < 0.8 * made.before.value
    assert made.gain.low > 0
    assert made.gain.value == pytest.approx(np.log(made.before.value / made.after.value))
    assert (made.texts, made.held_out, made.steps, made.new_head) == (300, 30, STEPS, True)
    assert [look.step for look in made.looks] == [10, 20, 30]
    assert {event.stage for event in said} == {"adapt"}
    assert not (folder / stage.CHECKPOINTS).exists()
    assert from_json(Adapted, to_json(made)) == made


def test_what_is_written_answers_the_held_out_masks_as_the_record_says(straight, bare, texts):
    """The best look's perplexity is the record's, and the folder's own."""
    folder, made, _ = straight
    best = max(made.looks, key=lambda look: look.score)
    assert (best.step, 1 / best.score) == (made.best_step, pytest.approx(made.after.value, rel=1e-4))
    settings = dataclasses.replace(planned(bare).settings, adapt_file=str(texts), adapt_steps=STEPS)
    rows = stage.windows(adapting.read(settings, corpus_of(10))[0], bare, settings, 0)
    model, new_head = maskedlm.load(folder / made.folder)
    assert not new_head
    nats = maskedlm.nats(model, bare.tokenizer, rows.held).sum()
    masked = sum(label != -100 for row in rows.held for label in row["labels"])
    assert np.exp(nats / masked) == pytest.approx(made.after.value, rel=1e-4)


def test_the_body_stays_bit_for_bit_while_a_new_head_is_fitted_and_only_then(adapt, bare, tmp_path, monkeypatch):
    real, moved = fitting.fit, []

    def watched(model, *rest):
        before = [p.clone() for p in model.base_model.parameters()]
        head = [p.clone() for name, p in model.named_parameters() if not name.startswith(model.base_model_prefix)]
        fitted = real(model, *rest)
        body = all(map(torch.equal, before, model.base_model.parameters()))
        after = [p for name, p in model.named_parameters() if not name.startswith(model.base_model_prefix)]
        moved.append((not body, not any(map(torch.equal, head, after))))
        return fitted

    monkeypatch.setattr(stage.fitting, "fit", watched)
    adapt(bare, tmp_path, adapt_steps=2)
    assert moved == [(False, True), (True, True)]


def test_a_base_with_a_head_of_its_own_keeps_it_and_is_trained_at_once(adapt, opened, tmp_path):
    made = adapt(opened, tmp_path, adapt_steps=10)
    assert not made.new_head
    assert made.after.value < made.before.value


@pytest.fixture(scope="module")
def deeper(make_masked_base, tmp_path_factory):
    """A function that opens a base with three layers, of which freeze keeps two."""

    def make(architecture):
        folder, base = tmp_path_factory.mktemp(architecture), make_masked_base(architecture)
        config = AutoConfig.from_pretrained(base)
        config.update({"n_layers" if architecture == "distilbert" else "num_hidden_layers": 3})
        if architecture == "modernbert":
            config.layer_types = [*config.layer_types, "full_attention"]
        torch.manual_seed(4)
        AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
        AutoTokenizer.from_pretrained(base).save_pretrained(folder)
        return bases.open_base(str(folder))

    return make


MOVES = {  # technique -> how the names of what it moves of the body are told
    "full": r".",
    "lora": r"(query|value|q_lin|v_lin|Wqkv)\.weight$",
    "bitfit": r"bias$",
    "freeze": r"layers?\.2\.|final_norm",
}
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("architecture", "technique"),
    [("bert", "lora"), ("bert", "bitfit"), ("bert", "freeze"), ("albert", "lora"),
     *(pytest.param(one, name, marks=slow) for one in ("roberta", "distilbert", "modernbert", "albert", "bert")
       for name in MOVES if (one, name) not in {("modernbert", "bitfit"), ("albert", "freeze")})],
)  # fmt: skip
def test_a_technique_moves_what_it_says_of_the_base_and_leaves_a_plain_one(
    adapt, deeper, tmp_path, architecture, technique
):
    base = deeper(architecture)
    made = adapt(base, tmp_path, adapt_technique=technique, adapt_steps=10)
    was, now = (AutoModelForMaskedLM.from_pretrained(one) for one in (base.folder, tmp_path / made.folder))
    assert made.best_step > 0 < made.gain.value
    start, end = was.state_dict(), now.state_dict()
    assert start.keys() == end.keys()
    moved = {name for name in start if not torch.equal(start[name], end[name])}
    body = {name for name in moved if name.startswith(f"{now.base_model_prefix}.")}
    assert body == {name for name in body if re.search(MOVES[technique], name)} != set()
    assert now.get_output_embeddings().weight is now.get_input_embeddings().weight
    table = next(name for name, value in now.named_parameters() if value is now.get_input_embeddings().weight)
    assert (table in moved) == (technique == "full")
    assert moved - body  # the head learns too
    known = adapting.applied(technique, base)
    assert (made.technique, made.trainable) == (
        technique, sum(p.numel() for p in known.parameters() if p.requires_grad)
    )  # fmt: skip
    bases.open_base(str(tmp_path / made.folder))


def moved_at_random(model, scale=0.1):
    torch.manual_seed(6)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += parameter.requires_grad * scale * torch.randn_like(parameter)


@pytest.mark.parametrize("technique", MOVES)
@pytest.mark.parametrize("architecture", ["bert", "albert"])
def test_the_merged_base_guesses_as_it_did_while_it_was_trained_new_rows_and_all(
    deeper, tmp_path, architecture, technique
):
    """Regression: a head that is tied to the table did not read the rows that lora trains until they were merged."""
    if (architecture, technique) == ("albert", "freeze"):
        return
    base = deeper(architecture)
    after = vocabulary.add_marks(base.tokenizer, ["[A]", "[B]"])
    model = AutoModelForMaskedLM.from_pretrained(base.folder)
    growing.write(tmp_path / "base", base, after, growing.grow(model, base.tokenizer, after, mean.start))
    model, new_head = maskedlm.load(tmp_path / "base")
    table = model.model.get_input_embeddings().weight.detach().clone()
    batch = after(["my [A] card", "[B] is lost today"], padding=True, return_tensors="pt")
    everywhere, answers = batch["attention_mask"] == 1, []

    def train():
        moved_at_random(model)
        answers.append(model.eval().logits_at(everywhere, **batch))
        return "fitted"

    fitted, trainable = stage._by(technique, model, 0, train)
    assert (new_head, fitted, trainable > 0) == (False, "fitted", True)
    torch.testing.assert_close(model.logits_at(everywhere, **batch), answers[0], atol=1e-5, rtol=1e-4)
    rows = (model.model.get_input_embeddings().weight != table).any(1).nonzero()[:, 0].tolist()
    expected = {"full": list(range(len(table))), "lora": [len(after) - 2, len(after) - 1]}
    assert rows == expected.get(technique, [])
    assert not model.model.get_output_embeddings()._forward_hooks


class Disturbed(watching.Watch):
    """A signal arrives while step `at` of the training number `of` is at work."""

    at, of, began = 0, 1, 0

    def on_train_begin(self, *given, **known):
        type(self).began += 1
        super().on_train_begin(*given, **known)

    def on_step_begin(self, args, state, control, **kwargs):
        if (type(self).began, state.global_step + 1) == (self.of, self.at):
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("of", "at"), [pytest.param(1, 7, marks=pytest.mark.slow), (2, 23)])
def test_stopped_while_the_head_or_all_is_trained_it_goes_on_and_ends_bit_for_bit_the_same(
    adapt, bare, straight, tmp_path, monkeypatch, of, at
):
    """Masks are drawn anew in each pass: 300 texts are 17 steps, so that step 23 is in the second one."""
    monkeypatch.setattr(stage, "LOOKS", 10)
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "Watch", type("Watch", (Disturbed,), {"at": at, "of": of}))
        with pytest.raises(Interrupted):
            adapt(bare, tmp_path)
    made = adapt(bare, tmp_path)
    folder, undisturbed, _ = straight
    assert dataclasses.replace(made, seconds=0) == dataclasses.replace(undisturbed, seconds=0)
    name = "model.safetensors"
    assert (tmp_path / made.folder / name).read_bytes() == (folder / made.folder / name).read_bytes()


def stopped(adapt, opened, folder, monkeypatch, **given):
    """Adapt until a signal arrives in the fourth of six steps."""
    monkeypatch.setattr(stage, "LOOKS", 3)
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "Watch", type("Watch", (Disturbed,), {"at": 4, "of": 1}))
        with pytest.raises(Interrupted):
            adapt(opened, folder, adapt_steps=6, **given)


def test_stopped_while_a_technique_trains_it_goes_on_and_ends_bit_for_bit_the_same(
    adapt, opened, tmp_path, monkeypatch
):
    stopped(adapt, opened, tmp_path / "again", monkeypatch, adapt_technique="lora")
    said, ones = [], ("again", "straight")
    made = [adapt(opened, tmp_path / one, said.append, adapt_technique="lora", adapt_steps=6) for one in ones]
    assert sum("going on from step 4" in event.text for event in said) == 1
    assert len({to_json(dataclasses.replace(one, seconds=0)) for one in made}) == 1
    assert len({(tmp_path / one / stage.FOLDER / "model.safetensors").read_bytes() for one in ones}) == 1


def test_another_technique_begins_anew_where_one_was_stopped(adapt, opened, tmp_path, monkeypatch):
    stopped(adapt, opened, tmp_path, monkeypatch, adapt_technique="lora")
    said = []
    made = adapt(opened, tmp_path, said.append, adapt_technique="bitfit", adapt_steps=6)
    assert any("training begins anew" in event.text for event in said)
    assert made.technique == "bitfit"


@pytest.mark.parametrize("technique", ["full", "lora", "bitfit"])
def test_where_nothing_is_gained_the_base_stays_as_it_was(adapt, opened, tmp_path, monkeypatch, technique):
    real = fitting.fit

    def ruined(model, *given):
        fitted = real(model, *given)
        moved_at_random(model, 5.0)
        return fitted

    monkeypatch.setattr(stage.fitting, "fit", ruined)
    made = adapt(opened, tmp_path, adapt_technique=technique, adapt_steps=2)
    assert (made.best_step, made.gain.value) == (0, 0.0)
    assert made.after == made.before
    body = AutoModel.from_pretrained(tmp_path / made.folder, add_pooling_layer=False).state_dict()
    before = AutoModel.from_pretrained(opened.folder, add_pooling_layer=False).state_dict()
    assert all(torch.equal(body[name], before[name]) for name in before)


def test_a_gain_is_that_of_all_masked_tokens_and_its_interval_that_of_texts():
    """By hand: two texts, the first with two windows; 4 and 6 masked tokens."""
    row = lambda masked: {"labels": [1] * masked + [-100]}  # noqa: E731
    rows = stage.Windows([], [row(1), row(3), row(6)], np.array([0, 0, 1]))
    was, now, gain = stage.judge(np.array([2.0, 6.0, 12.0]), np.array([1.0, 3.0, 12.0]), rows, 0)
    assert (was.value, now.value) == (pytest.approx(np.exp(20 / 10)), pytest.approx(np.exp(16 / 10)))
    assert (gain.value, gain.low, gain.high) == (pytest.approx(0.4), pytest.approx(0.0), pytest.approx(1.0))


def test_texts_without_words_to_guess_are_refused(opened, tmp_path):
    rows = tuple(Row("card", "", f"a.txt:{n}") for n in range(30))
    settings = dataclasses.replace(planned(opened).settings, adapt_file="a.txt", adapt_steps=3)
    with pytest.raises(DataError, match="hardly any words"):
        stage.windows(rows, opened, settings, 0)


@pytest.mark.parametrize(
    ("masking", "terms", "others"), [("terms", 0.5, 0.3), ("uniform", None, 0.4), ("uniform", None, None)]
)
def test_both_rates_are_those_of_the_run_file(opened, texts, masking, terms, others):
    settings = dataclasses.replace(
        planned(opened).settings, adapt_file=str(texts), adapt_masking=masking, adapt_term_rate=terms,
        adapt_other_rate=others,
    )  # fmt: skip
    recipe = stage._recipe(settings, opened, 1, 0)
    row = {"input_ids": list(range(10, 2010)), "words": list(range(2000)), "terms": [1, 0] * 1000, "place": 0}
    labels = np.array(recipe.seen(row, 0, 0)["labels"]) != -100
    assert labels[1::2].mean() == pytest.approx(others or 0.15, abs=0.04)
    assert labels[::2].mean() == pytest.approx(terms or others or 0.15, abs=0.04)


def test_terms_are_masked_more_often_than_other_words_while_held_out_masks_stay_the_same(
    adapt, opened, texts, tmp_path, monkeypatch
):
    glossary, said, recipes = tmp_path / "glossary.txt", [], []
    glossary.write_text("lost today\ndoctor\n")
    fit = fitting.fit

    def noted(model, tokenizer, data, recipe, *rest):
        recipes.append((data, recipe))
        return fit(model, tokenizer, data, recipe, *rest)

    monkeypatch.setattr(fitting, "fit", noted)
    plain = adapt(opened, tmp_path / "plain", adapt_steps=2)
    made = adapt(
        opened, tmp_path / "terms", said.append, adapt_steps=2, adapt_masking="terms", glossary_file=str(glossary)
    )
    rows, looked = recipes[1][0]
    assert looked == recipes[0][0][1]
    assert plain.terms == 0 < made.terms
    assert any(f"{made.terms:,} terms" in event.text for event in said)
    assert plain.before == made.before
    seen, hidden = np.zeros(2), np.zeros(2)
    for epoch in range(20):
        for place, row in enumerate(rows):
            labels = np.array(recipes[1][1].seen(row, place, epoch)["labels"])
            picked = np.unique(np.array(row["words"])[labels != -100])
            seen += np.bincount(row["terms"], minlength=2)
            hidden += np.bincount(np.array(row["terms"])[picked], minlength=2)
    assert hidden / seen == pytest.approx([0.15, 0.8], abs=0.05)
