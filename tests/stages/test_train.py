import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from test_plan import corpus_of, of_kind, paired, planned
from transformers import AutoModel

from afina import adapters, bases, grouping, growing, heads, shelf, vocabulary
from afina.errors import RecordError
from afina.initializers import mean
from afina.predictors import torch as predictor
from afina.records import Trained, from_json, silent, to_json
from afina.stages import train as stage


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


def plan_for(opened, **settings):
    made = planned(opened)
    quick = {"num_train_epochs": 2.0, "learning_rate": 1e-3, "precision": "fp32", **settings}
    return dataclasses.replace(made, settings=dataclasses.replace(made.settings, **quick))


@pytest.mark.parametrize("technique", shelf.names("techniques"))
@pytest.mark.parametrize(
    "pooling", ["mean", *(pytest.param(one, marks=pytest.mark.slow) for one in ("cls", "siamese"))]
)
def test_every_technique_and_pooling_ends_in_a_folder_that_gives_the_same_answers(
    opened, technique, pooling, tmp_path, monkeypatch
):
    monkeypatch.setattr(stage, "_fit_probe", useless(stage._fit_probe))
    module = shelf.load("techniques", technique)
    plan = plan_for(opened, technique=technique, pooling=pooling, options=module.Config().model_dump())
    corpus = paired(corpus_of(20)) if pooling == "siamese" else corpus_of(20)
    trained = stage.train(corpus, plan, opened, tmp_path, silent, 0)
    assert trained.reload_error < 1e-5
    merged = {"mean": heads.MEAN, "cls": heads.CLS, "siamese": heads.SIAMESE}[pooling]
    assert trained.layout == (merged if module.NATURE.merges else heads.ADDED)
    assert (trained.curve == ()) == (technique == "head_only")
    assert (tmp_path / "adapter").exists() == module.NATURE.small
    predict = predictor.wrap(heads.load(tmp_path / "model"), opened.tokenizer, 32)
    truth = [corpus.labels.index(row.label) for row in corpus.dev]
    accuracy = np.mean(predict([row.input for row in corpus.dev]).argmax(1) == truth)
    assert accuracy == pytest.approx(next(score.value for score in trained.dev if score.name == "accuracy"))
    assert not (tmp_path / "checkpoints").exists()
    if technique == "head_only":
        head = load_file(tmp_path / heads.PROBE)
        assert torch.equal(heads.output_layer(heads.load(tmp_path / "model")).weight, head["weights"])


def test_without_dev_rows_all_are_trained_on_and_the_last_look_is_kept(opened, tmp_path, monkeypatch):
    fit = stage._fit_probe
    monkeypatch.setattr(stage, "_fit_probe", lambda *given: (0.6, fit(*given)[1]))
    corpus = dataclasses.replace(corpus_of(10), dev=())
    plan = plan_for(opened, technique="full", options={}, learning_rate=1e-2)
    trained = stage.train(corpus, plan, opened, tmp_path, silent, 0)
    assert {look.name for look in trained.looks} == {"train"}
    assert trained.best_step == max(look.step for look in trained.looks)
    assert trained.untuned == ""


def test_a_body_that_collapsed_is_not_kept_where_there_is_no_dev_and_the_record_says_so(opened, tmp_path):
    events, corpus = [], dataclasses.replace(corpus_of(60), dev=())
    rates = {"learning_rate": 0.9, "head_learning_rate": 0.9, "warmup_steps": 0}
    plan = plan_for(opened, technique="full", options={}, **rates)
    trained = stage.train(corpus, plan, opened, tmp_path, events.append, 0)
    assert trained.untuned in [event.text for event in events]
    assert {event.decides for event in events if event.metric is not None} == {"train"}
    assert "diverged" in trained.untuned
    assert "leave learning_rate out: 0.9 is 9,000 times what the plan takes itself, 0.0001" in trained.untuned
    score = next(score.value for score in trained.dev if score.name == "accuracy")
    assert score > [point.dev_accuracy for point in trained.curve][-1] + 0.2
    assert (trained.technique, trained.best_step) == ("head_only", 0)
    assert trained.trainable == sum(p.numel() for p in heads.load(tmp_path / "model").head.parameters())


def test_the_seed_decides_the_result_whatever_was_drawn_before(opened, tmp_path):
    plan, models = plan_for(opened, technique="lora", warmup_steps=0), []
    for drawn in (1, 2):
        torch.manual_seed(drawn)
        (tmp_path / str(drawn)).mkdir()
        stage.train(corpus_of(10), plan, opened, tmp_path / str(drawn), silent, 0)
        models.append((tmp_path / str(drawn) / "model" / "model.safetensors").read_bytes())
    assert models[0] == models[1]


def test_the_planned_policies_are_what_trains_and_stand_in_the_record(opened, tmp_path):
    policies = {"rates": "layerwise", "layerwise_decay": 0.5, "lr_scheduler_type": "constant", "warmup_steps": 0}
    plan = plan_for(opened, **policies, staging="progressive_freezing", staging_by="epoch", technique="full")
    trained = stage.train(corpus_of(20), plan, opened, tmp_path, silent, 0)
    assert [(change.step, change.number) for change in trained.stages] == [(2, 1), (4, 2)]  # 60 rows, two steps a pass
    first, last = trained.curve[0].rates, trained.curve[-1].rates
    assert first == pytest.approx({"embeddings": 2.5e-4, "layer 1": 5e-4, "layer 2": 1e-3, "head": 1e-2})
    assert last == pytest.approx({**first, "embeddings": 0})
    assert from_json(Trained, to_json(trained)) == trained


def useless(real):
    """The probe as it is, but said to be wrong on every dev row, so that what was trained is kept."""

    def fit(*args):
        return -1.0, real(*args)[1]

    return fit


@pytest.mark.parametrize("technique", ["lora", "adapter"])
def test_the_adapter_folder_of_a_run_on_the_base_again_is_the_run_s_model(opened, technique, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "_fit_probe", useless(stage._fit_probe))
    plan = plan_for(opened, technique=technique, options={})
    corpus = corpus_of(10)
    stage.train(corpus, plan, opened, tmp_path, silent, 0)
    texts = [row.input for row in corpus.dev]
    torch.manual_seed(99)
    again = heads.rebuild(opened.folder, opened.record.sha256, tmp_path / "adapter")
    ours, theirs = (
        predictor.logits(model, opened.tokenizer, 32)(texts) for model in (heads.load(tmp_path / "model"), again)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert adapters.read(tmp_path / "adapter").labels == corpus.labels


def test_rows_of_new_tokens_are_judged_and_shipped_as_the_adapter_stores_them_in_half_precision(
    opened, tmp_path, monkeypatch
):
    monkeypatch.setattr(stage, "_fit_probe", useless(stage._fit_probe))
    after = vocabulary.add_marks(opened.tokenizer, ["[A]", "[B]"])
    model = growing.grow(AutoModel.from_pretrained(opened.folder), opened.tokenizer, after, mean.start)
    growing.write(tmp_path / "base", opened, after, model)
    grown, corpus = bases.open_base(str(tmp_path / "base")), corpus_of(20)
    corpus = dataclasses.replace(
        corpus, train=tuple(dataclasses.replace(row, text=f"[A] {row.text} [B]") for row in corpus.train)
    )
    stage.train(corpus, plan_for(grown, technique="lora"), grown, tmp_path, silent, 0)
    stored = load_file(tmp_path / "adapter" / adapters.PEFT_BODY)
    (rows,) = (value for name, value in stored.items() if grouping.PEFT_ROWS in name)
    assert rows.dtype == torch.float16
    shipped = heads.load(tmp_path / "model").base_model.get_input_embeddings().weight[-2:]
    assert torch.equal(shipped, rows.float())
    assert not torch.equal(shipped, model.get_input_embeddings().weight[-2:])


def test_training_rows_whose_label_looks_wrong_are_listed_by_file_and_line():
    corpus = corpus_of(60)
    right = np.array([corpus.labels.index(row.label) for row in corpus.train])
    other = next(label for label in corpus.labels if label != corpus.train[7].label)
    wrong = dataclasses.replace(corpus.train[7], label=other)
    corpus = dataclasses.replace(corpus, train=(*corpus.train[:7], wrong, *corpus.train[8:]))
    given = np.array([corpus.labels.index(row.label) for row in corpus.train])
    vectors = 4 * np.eye(len(corpus.labels))[right]
    (suspect,) = stage._suspects(corpus, vectors, given)
    assert (suspect.where, suspect.given, suspect.likely) == (wrong.where, other, corpus.labels[right[7]])
    twice = dataclasses.replace(corpus, train=(*corpus.train, wrong, wrong))
    places = [*range(len(given)), 7, 7]
    assert stage._suspects(twice, vectors[places], given[places]) == (suspect,)
    assert stage._suspects(dataclasses.replace(corpus, kind="multilabel"), vectors, given) == ()


def test_an_adapter_of_an_earlier_technique_does_not_stay_in_the_run_folder(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "_fit_probe", useless(stage._fit_probe))
    for technique in ("head_only", "full"):
        stage.train(corpus_of(10), plan_for(opened, technique=technique, options={}), opened, tmp_path, silent, 0)
        assert (tmp_path / "adapter").exists() == (technique == "head_only")


def test_where_the_head_fitted_on_the_tuned_body_is_better_it_is_taken(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "_fit_probe", useless(stage._fit_probe))
    plan = plan_for(opened, technique="contrastive", options={}, head_learning_rate=1e-9)
    corpus = corpus_of(20)
    trained = stage.train(corpus, plan, opened, tmp_path, silent, 0)
    accuracy = next(score.value for score in trained.dev if score.name == "accuracy")
    assert accuracy >= max(point.dev_accuracy or 0 for point in trained.curve)


def test_where_no_epoch_beats_the_linear_head_on_dev_that_head_is_kept(opened, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(stage, "_fit_probe", perfect(stage._fit_probe))
    plan = plan_for(opened, technique="full", options={}, learning_rate=0.5, num_train_epochs=1.0)
    trained = stage.train(corpus_of(10), plan, opened, tmp_path, lambda event: said.append(event.text), 0)
    assert trained.untuned in said
    assert trained.untuned.startswith("no look beat the linear head on dev (")
    assert (trained.technique, trained.best_step, trained.trainable) == ("head_only", 0, 3 * 32 + 3)
    assert adapters.read(tmp_path / "adapter").technique == "head_only"
    body = heads.load(tmp_path / "model").base_model.state_dict()
    untouched = heads.build(opened.folder, "mean", ("a", "b", "c")).base_model.state_dict()
    assert all((body[name] == untouched[name]).all() for name in body)


def perfect(real):
    """The probe as it is, but said to be right on every dev row."""

    def fit(*args):
        return 1.1, real(*args)[1]

    return fit


def test_a_model_that_reads_back_otherwise_is_refused(opened, tmp_path, monkeypatch):
    real = heads.load

    def altered(folder):
        model = real(folder)
        model.head.bias.data += 1
        return model

    monkeypatch.setattr(heads, "load", altered)
    with pytest.raises(RecordError, match="differs"):
        stage.train(corpus_of(10), plan_for(opened, technique="head_only"), opened, tmp_path, silent, 0)


def test_hold_out_sets_are_watched_beside_dev_on_no_more_rows_than_a_look_is_taken_at(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "LOOKED_ROWS", 5)
    corpus = dataclasses.replace(corpus_of(20), holdouts={"old": corpus_of(20).train[:3]})
    trained = stage.train(corpus, plan_for(opened, technique="full", eval_steps=3), opened, tmp_path, silent, 0)
    steps = [look.step for look in trained.looks if look.name == "old"]
    assert steps == [3, 4]  # 60 rows in batches of 32, twice
    assert {(look.name, look.rows) for look in trained.looks} == {("dev", 5), ("old", 3)}
    assert trained.stopped == ""


def test_checkpoints_of_other_settings_are_not_used(opened, tmp_path, monkeypatch):
    """A run that failed is run again with another rate: nothing of the first one may be in the second."""
    plans = [plan_for(opened, technique="full", learning_rate=rate) for rate in (1e-3, 3e-3)]
    (tmp_path / "straight").mkdir()
    (tmp_path / "again").mkdir()
    straight = stage.train(corpus_of(10), plans[1], opened, tmp_path / "straight", silent, 0)
    with monkeypatch.context() as patch:
        patch.setattr(heads, "save", lambda *args: 1 / 0)  # after training, before the model is written
        with pytest.raises(ZeroDivisionError):
            stage.train(corpus_of(10), plans[0], opened, tmp_path / "again", silent, 0)
    assert list((tmp_path / "again" / "checkpoints").iterdir())
    said = []
    again = stage.train(corpus_of(10), plans[1], opened, tmp_path / "again", lambda e: said.append(e.text), 0)
    assert not any("going on" in text for text in said)
    assert again.curve == straight.curve
    assert not (tmp_path / "again" / "checkpoints").exists()


def test_a_run_that_failed_after_training_does_not_train_again(opened, tmp_path, monkeypatch):
    plan = plan_for(opened, technique="full")
    with monkeypatch.context() as patch:
        patch.setattr(heads, "save", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            stage.train(corpus_of(10), plan, opened, tmp_path, silent, 0)
    said = []
    trained = stage.train(corpus_of(10), plan, opened, tmp_path, lambda event: said.append(event), 0)
    assert [event.text for event in said if event.text.startswith("going on from step")] != []
    assert not [event for event in said if event.step is not None]
    assert trained.reload_error < 1e-5


KINDS = {"regress": "pearson", "multilabel": "micro_f1"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("technique", ["lora", "adapter"])
def test_scores_and_lists_are_answered_by_the_model_and_by_its_adapter_folder_alike(
    opened, kind, technique, tmp_path, monkeypatch
):
    monkeypatch.setattr(stage, "_fit_probe", useless(stage._fit_probe))
    corpus = of_kind(corpus_of(20), kind)
    corpus = dataclasses.replace(corpus, holdouts={"old": corpus.train[::5]})
    trained = stage.train(corpus, plan_for(opened, technique=technique, options={}), opened, tmp_path, silent, 0)
    model, again = (
        predictor.logits(one, opened.tokenizer, 32)([row.input for row in corpus.train])
        for one in (
            heads.load(tmp_path / "model"),
            heads.rebuild(opened.folder, opened.record.sha256, tmp_path / "adapter"),
        )
    )
    np.testing.assert_allclose(model, again, rtol=1e-5, atol=1e-4)
    assert trained.reload_error < 1e-3
    assert {look.metric for look in trained.looks} == {KINDS[kind]}
    assert {look.name for look in trained.looks} == {"dev", "old"}
    assert trained.dev[0].name == KINDS[kind]
    assert (trained.task.kind, len(trained.task.thresholds)) == (kind, 3 if kind == "multilabel" else 0)
    assert kind == "multilabel" or 100 < model.mean() < 120  # as the file counts, and not as training did
    assert adapters.read(tmp_path / "adapter").problem == shelf.load("objectives", kind).PROBLEM


def test_the_head_that_is_kept_for_want_of_a_better_model_gives_scores_as_the_file_counts(
    opened, tmp_path, monkeypatch
):
    monkeypatch.setattr(stage, "_fit_probe", perfect(stage._fit_probe))
    corpus = of_kind(corpus_of(20), "regress")
    stage.train(corpus, plan_for(opened, technique="full", options={}), opened, tmp_path, silent, 0)
    for model in (
        heads.load(tmp_path / "model"),
        heads.rebuild(opened.folder, opened.record.sha256, tmp_path / "adapter"),
    ):
        answers = predictor.logits(model, opened.tokenizer, 32)([row.input for row in corpus.train])[:, 0]
        assert np.corrcoef(answers, [row.value for row in corpus.train])[0, 1] > 0.5
        assert answers.mean() == pytest.approx(110, abs=2)


def test_a_siamese_model_learns_whether_two_texts_are_about_the_same(opened, tmp_path):
    corpus = paired(corpus_of(60))
    plan = plan_for(opened, technique="full", options={}, pooling="siamese", num_train_epochs=4.0)
    trained = stage.train(corpus, plan, opened, tmp_path, silent, 0)
    assert trained.layout == heads.SIAMESE
    assert trained.reload_error < 1e-5
    predict = predictor.wrap(heads.load(tmp_path / "model"), opened.tokenizer, 32)
    truth = np.array([corpus.labels.index(row.label) for row in corpus.train])
    accuracy = np.mean(predict([row.input for row in corpus.train]).argmax(1) == truth)
    assert accuracy > max(np.mean(truth), 1 - np.mean(truth)) + 0.1


@pytest.mark.parametrize("kind", ["classify", "multilabel", "regress"])
def test_a_run_in_windows_says_so_in_its_records_and_answers_from_all_of_a_text(opened, kind, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "_fit_probe", useless(stage._fit_probe))
    corpus = corpus_of(20) if kind == "classify" else of_kind(corpus_of(20), kind)
    plan = plan_for(opened, technique="lora", options={}, max_seq_length=8, long_texts="window")
    trained = stage.train(corpus, plan, opened, tmp_path, silent, 0)
    assert trained.task.long_texts == adapters.read(tmp_path / "adapter").long_texts == "window"
    assert trained.reload_error < 1e-5
    predict = predictor.wrap(heads.load(tmp_path / "model"), opened.tokenizer, 8, task=trained.task)
    long = "my card is lost today please red no"
    assert not np.allclose(predict([long]), predict([long.partition(" today")[0]]))
    scores = shelf.load("objectives", kind).scores(
        corpus.dev, predict([row.text for row in corpus.dev]), trained.task, 0
    )
    assert [score.name for score in scores] == [score.name for score in trained.dev]
    assert [score.value for score in scores] == pytest.approx([score.value for score in trained.dev], abs=1e-5)
