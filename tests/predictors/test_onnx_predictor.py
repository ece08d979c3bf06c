"""The predict function of an exported folder: alone, in any company, and from a damaged or hostile folder."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from afina.errors import DataError, RecordError
from afina.predictors import onnx as predictor

WORDS = st.lists(st.sampled_from([*tiny.FILLING, *sum(tiny.TELLING.values(), ())]), max_size=60).map(" ".join)
TEXTS = st.lists(WORDS | st.tuples(WORDS, WORDS) | st.text(max_size=20), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def done(tiny_bert):
    return tiny.exported(tiny_bert)


@pytest.fixture(scope="module")
def score(done):
    return predictor.logits(done.folder)


@pytest.fixture
def folder(done, tmp_path):
    for path in done.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def unseal(folder, **changes):
    """Take the sha256 out of the card, as one would who built a folder by hand."""
    card = json.loads((folder / "labels.json").read_text())
    del card["sha256"]
    (folder / "labels.json").write_text(json.dumps({**card, **changes}))


@settings(max_examples=25, deadline=None)
@given(texts=TEXTS, data=st.data())
def test_order_and_company_change_no_answer(score, texts, data):
    order = data.draw(st.permutations(range(len(texts))))
    answers = score(texts)
    np.testing.assert_allclose(score([texts[place] for place in order]), answers[order], atol=1e-4)
    alone = data.draw(st.integers(0, len(texts) - 1))
    np.testing.assert_allclose(score([texts[alone]])[0], answers[alone], atol=1e-4)


def test_probabilities_are_the_softmax_of_the_logits(done, score):
    predict = predictor.load(done.folder)
    texts = [row.input for row in done.corpus.dev[:50]]
    powers = np.exp(score(texts).astype(np.float64))
    np.testing.assert_allclose(predict(texts), powers / powers.sum(1, keepdims=True), atol=1e-6)


def test_no_texts_give_no_rows(done):
    assert predictor.load(done.folder)([]).shape == (0, len(tiny.LABELS))


def test_what_is_cut_off_does_not_matter(score):
    long = "card " * tiny.MAX_TOKENS
    np.testing.assert_allclose(score([long]), score([long + "doctor " * 200]), atol=1e-5)


def test_a_file_longer_than_a_chunk_comes_back_in_order(score, monkeypatch):
    texts = [word for words in tiny.TELLING.values() for word in words]
    expected = score(texts)
    monkeypatch.setattr(predictor, "CHUNK", 4)
    monkeypatch.setattr(predictor, "BATCH", 3)
    np.testing.assert_allclose(score(texts), expected, atol=1e-4)


def test_answers_without_torch_or_transformers_in_the_process(done):
    program = (
        "import sys; from pathlib import Path; from afina.predictors import onnx\n"
        f"print(onnx.load(Path({str(done.folder)!r}), threads=1)(['my card is lost']).shape)\n"
        "sys.exit(', '.join({'torch', 'transformers', 'sklearn', 'onnx'} & sys.modules.keys()) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "(1, 3)\n"), ended.stderr


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "labels.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(RecordError, match=name):
        predictor.load(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "labels.json"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"{}", b"[1]"])
def test_a_damaged_file_is_named(folder, name, content):
    unseal(folder)
    (folder / name).write_bytes(content)
    with pytest.raises(RecordError, match=name):
        predictor.load(folder)


def test_one_flipped_bit_of_a_weight_is_found(folder):
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(RecordError, match="altered"):
        predictor.load(folder)


def test_a_card_of_a_later_format_is_refused(folder):
    unseal(folder, format=2)
    with pytest.raises(RecordError, match="format 2"):
        predictor.load(folder)


@pytest.mark.parametrize("place", ["../secret.bin", "/etc/hostname", "a/../../secret.bin", "secret.bin"])
def test_weights_outside_the_models_own_file_are_refused(folder, place):
    unseal(folder)
    model = onnx.load(folder / "model.onnx")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(RecordError, match="outside its folder"):
        predictor.load(folder)


def test_a_file_with_its_own_weights_beside_it_is_opened(folder, score):
    from afina import onnxfiles

    unseal(folder)
    limit, onnxfiles.LIMIT = onnxfiles.LIMIT, 1000
    try:
        onnxfiles.write(onnxfiles.read(folder / "model.onnx"), folder / "large.onnx")
    finally:
        onnxfiles.LIMIT = limit
    assert (folder / "large.onnx.data").is_file()
    np.testing.assert_allclose(predictor.logits(folder, "large.onnx")(["my card"]), score(["my card"]), atol=1e-5)


def test_an_operator_of_an_unknown_library_is_refused(folder):
    unseal(folder)
    model = onnx.load(folder / "model.onnx")
    model.graph.node[-1].domain = "evil.example"
    model.opset_import.append(onnx.helper.make_opsetid("evil.example", 1))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(RecordError, match="cannot be opened"):
        predictor.load(folder)


def test_a_name_with_a_path_is_refused(folder):
    with pytest.raises(RecordError, match="not the name of a file"):
        predictor.load(folder, "../model.onnx")


def test_a_pair_for_a_model_of_single_texts_is_an_error_of_the_data(folder):
    unseal(folder, pair=False)
    with pytest.raises(DataError, match="pair"):
        predictor.load(folder)([("a", "b")])
