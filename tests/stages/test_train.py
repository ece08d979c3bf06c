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
from afina.records import silent
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
    assert any("no epoch beat" in text for text in said)
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
