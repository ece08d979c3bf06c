"""What stands in an exported folder, and that it answers as the torch model did."""

import json
import logging
import re
import sys

import numpy as np
import onnx
import processes
import pytest
import tiny
import torch
from conftest import RELATIVE
from transformers import AutoTokenizer

from afina import export, heads
from afina.errors import ConfigError, DataError
from afina.predictors import onnx as predictor
from afina.predictors import torch as in_memory

TEXTS = ["my card is lost", "where can i book a visit please", "", "doctor " * 60]
PAIRS = [("a card", "the bill is late"), ("pain " * 60, "no"), ("no", "pain " * 60), ("", "no")]
PATHS = re.compile(rb"/home/|/root|/usr/|/tmp|/work|site-packages|stack_trace|\.py\b|[A-Z]:\\\\")


def random_model(folder, pooling):
    model = heads.build(folder, pooling, tiny.LABELS).eval()
    torch.nn.init.normal_(heads.output_layer(model).weight)
    return model, AutoTokenizer.from_pretrained(folder)


def largest_gap(model, tokenizer, folder, texts):
    return np.abs(in_memory.logits(model, tokenizer, 48)(texts) - predictor.logits(folder)(texts)).max()


def test_the_file_answers_as_the_model_did(tiny_bert):
    done = tiny.exported(tiny_bert)
    for texts in (TEXTS, PAIRS):
        assert largest_gap(done.model, done.tokenizer, done.folder, texts) < 1e-4


@pytest.mark.slow
def test_the_file_of_a_siamese_model_answers_as_the_model_did_and_wants_two_texts(tiny_bert, tmp_path):
    model, tokenizer = random_model(tiny_bert, "siamese")
    export.export(model, tokenizer, tiny.TASK, tmp_path / "onnx", 48)
    many = PAIRS * 20
    assert largest_gap(model, tokenizer, tmp_path / "onnx", many) < 1e-4
    assert np.ptp(predictor.logits(tmp_path / "onnx")(many), axis=0).min() > 1e-3  # pairs are told apart
    assert predictor.logits(tmp_path / "onnx")([]).shape == (0, 3)
    with pytest.raises(DataError, match="one text was given to a model that compares two"):
        predictor.logits(tmp_path / "onnx")(TEXTS)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["mean", "siamese", "cls"])
@pytest.mark.parametrize(
    "architecture", ["albert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta", "xlm-roberta"]
)
def test_every_known_architecture_answers_as_the_model_did(architecture, pooling, make_base, tmp_path):
    model, tokenizer = random_model(make_base(architecture), pooling)
    export.export(model, tokenizer, tiny.TASK, tmp_path / "onnx", 48)
    for texts in (PAIRS,) if pooling == "siamese" else (TEXTS, PAIRS):
        assert largest_gap(model, tokenizer, tmp_path / "onnx", texts) < 1e-4


DEBERTA_V3 = {**RELATIVE, "type_vocab_size": 0}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "special"), [("deberta-v2", DEBERTA_V3), ("modernbert", {"local_attention": 8})])
def test_relative_positions_and_sliding_windows_hold_at_every_length(name, special, tiny_bert, tmp_path):
    """The example that the exporter follows has 7 tokens; here the windows are passed many times over."""
    from transformers import CONFIG_MAPPING, AutoModelForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    sizes = {"vocab_size": 200, "hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 66}
    ids = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    layers = {"num_hidden_layers": 4, "num_attention_heads": 2, "num_labels": 3}
    config = CONFIG_MAPPING[name](**sizes, **ids, **layers, **special)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    torch.nn.init.normal_(model.classifier.weight)
    export.export(model, tokenizer, tiny.TASK, tmp_path / "onnx", 48)
    texts = [*("pain " * count + "card" for count in (1, 5, 12, 30, 60)), *TEXTS]
    assert largest_gap(model, tokenizer, tmp_path / "onnx", texts) < 1e-4


def test_the_tokenizers_library_cuts_as_transformers_does(tiny_bert):
    from tokenizers import Tokenizer

    done = tiny.exported(tiny_bert)
    bare = Tokenizer.from_file(str(done.folder / "tokenizer.json"))
    bare.enable_truncation(20, strategy="longest_first")
    for text in [*TEXTS, *PAIRS]:
        first, second = (text, None) if isinstance(text, str) else text
        theirs = done.tokenizer([first], second and [second], truncation="longest_first", max_length=20)
        ours = bare.encode(first, second)
        assert ([ours.ids], [ours.type_ids]) == (theirs["input_ids"], theirs["token_type_ids"])


def test_no_path_of_this_machine_is_in_any_file(tiny_bert):
    folder = tiny.exported(tiny_bert).folder
    assert sorted(path.name for path in folder.iterdir()) == ["labels.json", "model.onnx", "tokenizer.json"]
    for path in folder.iterdir():
        assert not PATHS.search(path.read_bytes()), path.name
    model = onnx.load(folder / "model.onnx")
    assert not model.metadata_props
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)


def test_the_card_says_what_a_predictor_needs(tiny_bert):
    card = json.loads((tiny.exported(tiny_bert).folder / "labels.json").read_text())
    assert card.pop("sha256").keys() == {"model.onnx", "tokenizer.json"}
    assert card == {
        "format": 1,
        "kind": "classify",
        "labels": list(tiny.LABELS),
        "activation": "softmax",
        "thresholds": [],
        "per": "text",
        "long_texts": "cut",
        "max_tokens": tiny.MAX_TOKENS,
        "inputs": ["input_ids", "attention_mask", "token_type_ids"],
        "pad_token_id": 0,
        "pair": True,
        "siamese": False,
    }


def test_batch_and_length_are_free_axes_with_names(tiny_bert):
    graph = onnx.load(tiny.exported(tiny_bert).folder / "model.onnx").graph
    axes = {entry.name: [dim.dim_param for dim in entry.type.tensor_type.shape.dim] for entry in graph.input}
    assert set(map(tuple, axes.values())) == {("batch", "sequence")}
    assert [entry.name for entry in graph.output] == ["logits"]


@pytest.fixture
def no_graph(monkeypatch, tiny_bert):
    """Exports write a finished graph, so that what stands around the exporter is tested fast."""
    done = tiny.exported(tiny_bert)
    monkeypatch.setattr(export, "_graph", lambda *_: onnx.load(done.folder / "model.onnx"))
    return done


def test_a_second_export_takes_the_place_of_the_first(no_graph, tmp_path):
    folder = tmp_path / "onnx"
    folder.mkdir()
    (folder / "model.int8.onnx").write_text("of another model")
    path = export.export(no_graph.model, no_graph.tokenizer, tiny.TASK, folder, 48)
    assert path == folder / "model.onnx"
    assert [path.name for path in tmp_path.iterdir()] == ["onnx"]
    assert sorted(path.name for path in folder.iterdir()) == ["labels.json", "model.onnx", "tokenizer.json"]


def test_a_failed_export_leaves_the_older_one_alone(no_graph, tmp_path, monkeypatch):
    folder = tmp_path / "onnx"
    export.export(no_graph.model, no_graph.tokenizer, tiny.TASK, folder, 48)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(export.json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export.export(no_graph.model, no_graph.tokenizer, tiny.TASK, folder, 48)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["onnx"]


def test_a_full_disk_is_said_and_leaves_nothing(tiny_bert, tmp_path):
    """The system refuses a file above 20 kB: the tokenizer fits, the model does not."""
    source = tiny.exported(tiny_bert).folder
    program = f"""
import resource, signal, sys, onnx
from pathlib import Path
from types import SimpleNamespace
from tokenizers import Tokenizer
from afina import export
from afina.errors import MachineError
from afina.records import Task
tokenizer = SimpleNamespace(backend_tokenizer=Tokenizer.from_file({str(source / "tokenizer.json")!r}), pad_token_id=0)
graph = onnx.load({str(source / "model.onnx")!r})
export._graph, export.input_names = lambda *_: graph, lambda *_: ()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
model = SimpleNamespace(eval=lambda: None)
try: export.export(model, tokenizer, Task(labels=("a",)), Path("onnx"), 48)
except MachineError as error: sys.exit(error.found + error.fix)
"""
    done = processes.copied("-c", program, cwd=tmp_path)
    assert "could not be written" in done.stderr, done.stderr
    assert "disk space" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_followed_is_refused_with_the_reason(tiny_bert, tmp_path):
    model, tokenizer = random_model(tiny_bert, "mean")

    def forward(**inputs):
        if inputs["input_ids"].sum() > 3:  # the exporter cannot know which way to go
            return torch.zeros(1)
        return torch.ones(1)

    model.forward = forward
    with pytest.raises(ConfigError, match="cannot be exported"):
        export.export(model, tokenizer, tiny.TASK, tmp_path / "onnx", 48)
    assert not (tmp_path / "onnx").exists()


def test_a_tokenizer_without_a_file_is_refused(tiny_bert, tmp_path):
    model, _ = random_model(tiny_bert, "mean")
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        export.export(model, object(), tiny.TASK, tmp_path / "onnx", 48)


def test_the_exporter_is_silent_and_its_loggers_are_as_before(capsys, caplog):
    before = logging.getLogger("torch.onnx").level
    with export._quiet():
        sys.stdout.write("progress")
        logging.getLogger("torch.onnx._internal").warning("torchvision is not installed")
    assert capsys.readouterr().out == ""
    assert not caplog.records
    assert logging.getLogger("torch.onnx").level == before
