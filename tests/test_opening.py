"""A judge is opened from a run and from a plain folder, and answers as the library that wrote it."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import stories
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from afina import export, heads, opening
from afina.errors import ConfigError, RecordError
from afina.predictors import onnx
from afina.probes import consistency
from afina.records import Task

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
PAIRS = [("my card is lost", "the card"), ("the card", "my card is lost"), ("pay the bill today", "book a visit")]
LABELS = ("contradiction", "entailment", "neutral")


@pytest.fixture(scope="module")
def plain(tiny_bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nli")
    torch.manual_seed(3)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_bert, num_labels=3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.config.id2label = dict(enumerate(LABELS))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
    return folder


def test_a_plain_folder_answers_as_transformers_does(plain):
    judge = opening.judge(plain)
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(plain), AutoTokenizer.from_pretrained(plain)
    with torch.no_grad():
        wanted = [
            model(**tokenizer(one, other, return_tensors="pt")).logits.softmax(-1)[0, 1].item() for one, other in PAIRS
        ]
    assert len({round(one, 3) for one in wanted}) == 3  # the order of the texts counts
    assert judge.entails(PAIRS) == pytest.approx(wanted, abs=1e-5)
    assert (judge.name, judge.said) == (plain.name, "its folder tells no score")


def test_a_pickle_and_an_unknown_architecture_are_refused(plain, tmp_path):
    pickled = tmp_path / "pickled"
    shutil.copytree(plain, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(ConfigError, match=r"only as pytorch_model\.bin"):
        opening.judge(pickled)
    other = tmp_path / "other"
    shutil.copytree(plain, other)
    config = (other / "config.json").read_text(encoding="utf-8")
    (other / "config.json").write_text(config.replace('"model_type": "bert"', '"model_type": "bart"'))
    with pytest.raises(ConfigError, match="'bart' model"):
        opening.judge(other)


@pytest.mark.slow
def test_a_finished_run_is_asked_by_the_file_that_it_serves_and_says_how_good_it_is(tiny_bert, tmp_path):
    story = stories.make(LABELS, pair=True)
    folder = stories.on_disk(tmp_path / "run", replace(story, compressed=replace(story.compressed, file="onnx/m.onnx")))
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    export.export(heads.build(tiny_bert, "cls", LABELS).eval(), tokenizer, Task(labels=LABELS), folder / "onnx", 32)
    shutil.copy(folder / "onnx" / "model.onnx", folder / "onnx" / "m.onnx")
    judge = opening.judge(folder)
    assert judge.entails(PAIRS) == pytest.approx(onnx.load(folder / "onnx")(PAIRS)[:, 1], abs=1e-6)
    assert judge.said == "accuracy 0.938 [0.929, 0.946] on 3,080 rows of test, the commonest label 0.01"
    (folder / "records" / "evaluate.json").unlink()
    with pytest.raises(RecordError):
        opening.judge(folder)


def test_what_reads_the_folder_first_refuses_a_run_of_single_texts(tmp_path):
    folder = stories.on_disk(tmp_path / "run", stories.make(("entailment", "other")))
    (folder / "onnx").mkdir()
    (folder / "onnx" / "labels.json").write_text('{"labels": ["entailment", "other"]}')
    with pytest.raises(ConfigError, match="something else than pairs"):
        consistency.check(consistency.Config(nli=str(folder)))
