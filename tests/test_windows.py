"""Long texts in windows: what is in each, what they are together, and that every reader of a text agrees."""

import json
import resource

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from afina import config, features, heads, inference, pipeline, windows, words
from afina.errors import DataError
from afina.predictors import onnx, torch
from afina.records import Task

WINDOWED = Task(labels=tiny.LABELS, long_texts=windows.WINDOW)
KNOWN = [*tiny.FILLING, *sum(tiny.TELLING.values(), ())]
WORDS = st.lists(st.sampled_from(KNOWN), max_size=150).map(" ".join)


@pytest.fixture(scope="module")
def done(tiny_bert):
    return tiny.exported(tiny_bert)


@pytest.fixture(scope="module")
def folder(done, tmp_path_factory):
    """The exported model, its card saying that long texts are read in windows."""
    folder = tmp_path_factory.mktemp("windowed")
    for path in done.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    card = json.loads((folder / "labels.json").read_text())
    (folder / "labels.json").write_text(json.dumps(card | {"long_texts": "window", "pair": False}))
    return folder


@pytest.fixture(scope="module")
def score(folder):
    return onnx.logits(folder)


@pytest.fixture(scope="module")
def in_torch(done):
    return torch.logits(done.model, done.tokenizer, tiny.MAX_TOKENS, task=WINDOWED)


def long_text(count, seed=0):
    return " ".join(np.random.default_rng(seed).choice(KNOWN, count))


# ---------------------------------------------------------------- what is in them


@settings(max_examples=40)
@given(text=WORDS, most=st.integers(8, 48))
def test_the_windows_of_a_text_hold_every_token_and_share_a_quarter(done, text, most):
    (row,) = features.encode_long(done.tokenizer, [text], most)
    begin, *whole, end = done.tokenizer(text)["input_ids"]
    read = [window["input_ids"] for window in windows.of(row)]
    assert all(ids[0] == begin and ids[-1] == end and len(ids) <= most for ids in read)
    assert all(len(ids) == most for ids in read[:-1])
    shared, together = words.overlap(most), read[0][1:-1]
    for ids in read[1:]:
        assert ids[1:-1][:shared] == together[-shared:]
        together += ids[1:-1][shared:]
    assert together == whole


@given(texts=st.lists(WORDS, max_size=5))
def test_the_first_window_is_the_text_cut_and_a_short_text_has_no_other(done, texts):
    rows = features.encode_long(done.tokenizer, texts, 24)
    assert [windows.cut(row) for row in rows] == features.encode(done.tokenizer, texts, 24)
    short = [len(done.tokenizer(text)["input_ids"]) <= 24 for text in texts]
    assert [windows.MORE not in row for row in rows] == short


def test_each_pass_shows_the_next_window_with_what_stands_beside_it():
    row = {"input_ids": [1], "labels": 7, "where": "f:2", "more": [{"input_ids": [2]}, {"input_ids": [3]}]}
    seen = [windows.shown(row, 1, epoch) for epoch in range(4)]
    assert [one["input_ids"] for one in seen] == [[2], [3], [1], [2]]
    assert all(one.keys() == {"input_ids", "labels", "where"} and one["labels"] == 7 for one in seen)
    short = {"input_ids": [1], "labels": 7}
    assert all(windows.shown(short, place, 3) == short for place in range(3))


# ---------------------------------------------------------------- what they are together


@pytest.mark.parametrize(("activation", "expected"), [("none", [4, 6.5]), ("softmax", [5, 9]), ("sigmoid", [5, 9])])
def test_what_is_made_of_windows_is_that_of_each_row_in_whatever_order_they_come(activation, expected):
    values, owner = np.array([[1.0, -2], [3, 9], [5, 4], [7, 7]], np.float32), windows.owners([1, 2, 1])
    together = windows.pooling(activation)
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        parts = [(np.array(order[:3]), values[order[:3]]), (np.array(order[3:]), values[order[3:]])]
        assert together(parts, owner).tolist() == [[1, -2], expected, [7, 7]]
    assert together([], windows.owners([])).shape == (0,)


def test_the_logits_of_a_long_text_are_the_largest_of_those_of_its_windows(done, score, in_torch):
    text = long_text(100)
    (row,) = features.encode_long(done.tokenizer, [text], tiny.MAX_TOKENS)
    read = windows.of(row)
    assert len(read) == 3
    alone = [done.model(**features.pad(done.tokenizer, [window])).logits.detach().numpy()[0] for window in read]
    np.testing.assert_allclose(in_torch([text])[0], np.max(alone, axis=0), atol=1e-5)
    np.testing.assert_allclose(score([text])[0], np.max(alone, axis=0), atol=1e-4)


@settings(max_examples=15)
@given(counts=st.lists(st.integers(0, 300), min_size=1, max_size=8), data=st.data())
def test_both_predictors_agree_and_order_and_company_change_no_answer(score, in_torch, counts, data):
    texts = [long_text(count, seed) for seed, count in enumerate(counts)]
    order = data.draw(st.permutations(range(len(texts))))
    answers = score(texts)
    np.testing.assert_allclose(in_torch(texts), answers, atol=1e-4)
    np.testing.assert_allclose(score([texts[place] for place in order]), answers[order], atol=1e-4)
    np.testing.assert_allclose(in_torch([texts[order[0]]])[0], answers[order[0]], atol=1e-4)


def test_a_short_text_and_an_empty_one_are_answered_as_before(done, score, in_torch):
    texts = ["", "my card is lost", long_text(40)]
    assert (score(texts) == onnx.logits(done.folder)(texts)).all()
    assert (in_torch(texts) == torch.logits(done.model, done.tokenizer, tiny.MAX_TOKENS)(texts)).all()
    assert in_torch([]).shape == score([]).shape == (0, len(tiny.LABELS))


def test_what_stands_behind_the_first_window_matters_in_windows_alone(done, score):
    text = "the a is my " * 20 + "doctor pain test the a is " * 30
    plain, health = onnx.logits(done.folder), tiny.LABELS.index("health")
    np.testing.assert_allclose(plain([text]), plain(["the a is my " * 12]), atol=1e-5)
    assert score([text])[0].argmax() == health
    assert score([text])[0, health] > plain([text])[0, health]


def test_a_pair_is_refused_where_single_texts_are_read_in_windows(score):
    with pytest.raises(DataError, match="a pair of texts was given"):
        score([("my card", "is lost")])


@pytest.mark.slow
def test_a_text_of_a_million_characters_is_answered_alike_and_in_bounded_memory(score, in_torch):
    text = long_text(230_000)
    assert len(text) > 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answers = score([text]), in_torch([text])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024  # MB
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-3)
    assert grown < 600


@pytest.mark.slow
def test_a_run_on_long_texts_answers_alike_in_memory_and_from_its_folder(tiny_bert, tmp_path):
    lines = [f"{row.text},{row.label}" for row in tiny.rows(240, 7, "train")]
    (tmp_path / "notes.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    asked = {"train_file": str(tmp_path / "notes.csv"), "model_name_or_path": str(tiny_bert), "max_seq_length": 12}
    asked["probes"] = "none"
    made = pipeline.run(config.build({**asked, "num_train_epochs": 2, "output_dir": str(tmp_path / "run")}))
    assert made.plan.settings.long_texts == made.trained.task.long_texts == windows.WINDOW
    predict, task, corpus = inference.open_run(made.folder)
    assert task.long_texts == windows.WINDOW
    texts = [long_text(count, count) for count in (0, 3, 10, 14, 40, 200)]
    model, tokenizer = heads.load(made.folder / "model"), AutoTokenizer.from_pretrained(made.folder / "model")
    answers = torch.wrap(model, tokenizer, 12, task=task)(texts)
    np.testing.assert_allclose(onnx.load(made.folder / "onnx")(texts), answers, atol=1e-4)
    assert predict(texts).shape == (6, len(corpus.labels))
