import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from test_plan import corpus_of, planned

from afina import bases, heads
from afina.errors import RecordError
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


@pytest.mark.parametrize("technique", ["full", "freeze", "head_only", "lora"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_every_technique_and_pooling_ends_in_a_folder_that_gives_the_same_answers(opened, technique, pooling, tmp_path):
    plan = plan_for(opened, technique=technique, pooling=pooling, freeze_layers=1)
    corpus = corpus_of(20)
    trained = stage.train(corpus, plan, opened, tmp_path, silent, 0)
    assert trained.reload_error < 1e-5
    assert trained.layout == {"mean": heads.MEAN, "cls": heads.CLS}[pooling]
    assert (trained.curve == ()) == (technique == "head_only")
    predict = predictor.wrap(heads.load(tmp_path / "model"), opened.tokenizer, 32)
    truth = [corpus.labels.index(row.label) for row in corpus.dev]
    accuracy = np.mean(predict([row.input for row in corpus.dev]).argmax(1) == truth)
    assert accuracy == pytest.approx(next(score.value for score in trained.dev if score.name == "accuracy"))
    assert not (tmp_path / "checkpoints").exists()
    if technique == "head_only":
        head = load_file(tmp_path / heads.PROBE)
        assert torch.equal(heads.output_layer(heads.load(tmp_path / "model")).weight, head["weights"])


def test_the_seed_decides_the_result_whatever_was_drawn_before(opened, tmp_path):
    plan, models = plan_for(opened, technique="lora", warmup_steps=0), []
    for drawn in (1, 2):
        torch.manual_seed(drawn)
        (tmp_path / str(drawn)).mkdir()
        stage.train(corpus_of(10), plan, opened, tmp_path / str(drawn), silent, 0)
        models.append((tmp_path / str(drawn) / "model" / "model.safetensors").read_bytes())
    assert models[0] == models[1]


def test_only_checkpoints_of_the_same_plan_are_gone_on_from(opened, tmp_path):
    """Regression: after Ctrl-C and an edited plan, training went on with the old rates, or failed on other weights."""
    said = []
    tell = lambda event: said.append(event.text)  # noqa: E731
    settings = plan_for(opened).settings
    own = stage._checkpoints(tmp_path, (settings, 0), tell)
    (own / "checkpoint-3").mkdir(parents=True)
    assert (stage._checkpoints(tmp_path, (settings, 0), tell), said) == (own, [])
    other = stage._checkpoints(tmp_path, (dataclasses.replace(settings, learning_rate=5e-2), 0), tell)
    assert (other == own, own.exists(), len(said)) == (False, False, 1)


def test_the_planned_policies_are_what_trains_and_stand_in_the_record(opened, tmp_path):
    policies = {"rates": "layerwise", "layerwise_decay": 0.5, "lr_scheduler_type": "constant", "warmup_steps": 0}
    plan = plan_for(opened, **policies, staging="progressive_freezing", staging_by="epoch", technique="full")
    trained = stage.train(corpus_of(20), plan, opened, tmp_path, silent, 0)
    assert [(change.step, change.number) for change in trained.stages] == [(2, 1), (4, 2)]  # 60 rows, two steps a pass
    first, last = trained.curve[0].rates, trained.curve[-1].rates
    assert first == pytest.approx({"embeddings": 2.5e-4, "layer 1": 5e-4, "layer 2": 1e-3, "head": 1e-2})
    assert last == pytest.approx({**first, "embeddings": 0})
    assert from_json(Trained, to_json(trained)) == trained


def test_an_adapter_is_saved_in_the_layout_of_peft_without_a_path_inside(opened, tmp_path):
    from peft import PeftModel
    from transformers import AutoModel

    stage.train(corpus_of(10), plan_for(opened, technique="lora"), opened, tmp_path, silent, 0)
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] is None
    base = AutoModel.from_pretrained(opened.folder)
    assert PeftModel.from_pretrained(base, tmp_path / "adapter").peft_config["default"].r == 8


def test_where_no_epoch_beats_the_linear_head_on_dev_that_head_is_kept(opened, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(stage, "_fit_probe", perfect(stage._fit_probe))
    plan = plan_for(opened, technique="full", learning_rate=0.5, num_train_epochs=1.0)
    trained = stage.train(corpus_of(10), plan, opened, tmp_path, lambda event: said.append(event.text), 0)
    assert any("no look beat" in text for text in said)
    assert trained.best_step == 0
    body = heads.load(tmp_path / "model").base_model.state_dict()
    untouched = heads.build(opened.folder, "mean", ("a", "b", "c")).base_model.state_dict()
    assert all((body[name] == untouched[name]).all() for name in body)


def perfect(real):
    """The probe as it is, but said to be right on every dev row."""

    def fit(*args):
        real(*args)
        return 1.1

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
