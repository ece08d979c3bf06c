"""The arithmetic of the quantizers, against plain NumPy on graphs of one or two nodes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from afina import onnxfiles
from afina.quantizers import half, int8_blocks, int8_dynamic, int8_embeddings, int8_weights

RNG = np.random.default_rng(0)


def save(path, nodes, weights, inputs):
    typed = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs]
    output = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    stored = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "g", typed, [output], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


def run(path, options=None, **feed):
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, feed)[0]


@pytest.fixture
def product(tmp_path):
    weight = RNG.normal(size=(64, 48)).astype(np.float32) * RNG.uniform(0.01, 10, size=48).astype(np.float32)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    save(tmp_path / "model.onnx", [node], {"w": weight}, [("x", onnx.TensorProto.FLOAT, ["n", "t", 64])])
    x = RNG.normal(size=(2, 5, 64)).astype(np.float32)
    x[0, 0] *= 1000  # one loud token
    return tmp_path / "model.onnx", weight, x


def test_int8_dynamic_rounds_each_token_and_each_channel_by_itself(product, tmp_path):
    path, weight, x = product
    int8_dynamic.quantize(path, tmp_path / "small.onnx")
    top = 127 if int8_dynamic._exact() else 63  # by what this processor can multiply
    token, channel = np.abs(x).max(-1, keepdims=True) / 127, np.abs(weight).max(0) / top
    expected = np.rint(x / token) @ np.rint(weight / channel) * token * channel
    np.testing.assert_allclose(run(tmp_path / "small.onnx", x=x), expected, rtol=1e-4, atol=1e-4)


def test_a_loud_token_costs_its_neighbours_nothing(product, tmp_path):
    path, _, x = product
    int8_dynamic.quantize(path, tmp_path / "small.onnx")
    quiet = x.copy()
    quiet[0, 0] /= 1000
    loud = run(tmp_path / "small.onnx", x=x)
    np.testing.assert_array_equal(loud[0, 1:], run(tmp_path / "small.onnx", x=quiet)[0, 1:])


def test_int8_dynamic_answers_zero_to_zeros(product, tmp_path):
    path, _, x = product
    int8_dynamic.quantize(path, tmp_path / "small.onnx")
    np.testing.assert_array_equal(run(tmp_path / "small.onnx", x=np.zeros_like(x)), 0)


def test_without_exact_products_the_weights_have_seven_bits(product, tmp_path, monkeypatch):
    path, _, _ = product
    monkeypatch.setattr(int8_dynamic, "_exact", lambda: False)
    int8_dynamic.quantize(path, tmp_path / "small.onnx")
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(tmp_path / "small.onnx").graph.initializer}
    assert np.abs(stored["w/int8"]).max() == 63
    assert 2 * 255 * 63 < 2**15  # two products fit in 16 bits


def test_int8_weights_is_by_its_letter_fp32_arithmetic_on_rounded_weights(product, tmp_path):
    path, weight, x = product
    int8_weights.quantize(path, tmp_path / "small.onnx")
    channel = np.abs(weight).max(0) / 127
    expected = x @ (np.rint(weight / channel) * channel)
    letter = onnxruntime.SessionOptions()
    letter.add_session_config_entry("session.disable_quant_qdq", "1")
    np.testing.assert_allclose(run(tmp_path / "small.onnx", letter, x=x), expected, rtol=1e-3, atol=1e-2)
    as_run = run(tmp_path / "small.onnx", x=x)  # the runtime may round the activations too
    assert np.linalg.norm(as_run - expected) < 0.02 * np.linalg.norm(expected)


def test_a_column_of_zeros_stays_a_column_of_zeros():
    numbers, scales = onnxfiles.rounded(np.array([[0.0, 1.0], [0.0, -2.0]], np.float32), axis=0)
    np.testing.assert_array_equal(numbers, [[0, 64], [0, -127]])
    np.testing.assert_allclose(scales, [[1.0, 2 / 127]])


@pytest.mark.parametrize("rows", [32, 40, 64])
def test_blocks_hold_an_outlier_to_its_own_block(rows):
    weight = RNG.normal(size=(rows, 3)).astype(np.float32)
    weight[0, 0] = 1000
    numbers, scales = int8_blocks._blocks(weight)
    back = ((numbers.astype(np.float32) - 128) * scales[:, :, None]).reshape(3, -1)[:, :rows].T
    assert np.abs(back - weight)[32:].max(initial=0) < 0.02
    assert np.abs(back - weight)[:, 1:].max() < 0.02


def test_a_table_of_embeddings_has_a_scale_for_each_row(tmp_path):
    table = (RNG.normal(size=(50, 32)) * np.logspace(-3, 3, 50)[:, None]).astype(np.float32)
    node = helper.make_node("Gather", ["e", "ids"], ["y"])
    save(tmp_path / "model.onnx", [node], {"e": table}, [("ids", onnx.TensorProto.INT64, ["n", "t"])])
    int8_embeddings.quantize(tmp_path / "model.onnx", tmp_path / "small.onnx")
    back = run(tmp_path / "small.onnx", ids=np.arange(50)[None])[0]
    assert (np.abs(back - table).max(1) <= np.abs(table).max(1) / 254 * 1.001).all()


def test_half_leaves_alone_what_does_not_fit_in_sixteen_bits(tmp_path):
    fits, too_large = (RNG.normal(size=(64, 64)).astype(np.float32) for _ in range(2))
    too_large[3, 3] = 70_000
    nodes = [helper.make_node("MatMul", ["x", "a"], ["z"]), helper.make_node("MatMul", ["z", "b"], ["y"])]
    save(tmp_path / "model.onnx", nodes, {"a": fits, "b": too_large}, [("x", onnx.TensorProto.FLOAT, ["n", 64])])
    half.quantize(tmp_path / "model.onnx", tmp_path / "small.onnx")
    kinds = {t.name: t.data_type for t in onnx.load(tmp_path / "small.onnx").graph.initializer}
    assert kinds == {"a/half": onnx.TensorProto.FLOAT16, "b": onnx.TensorProto.FLOAT}


def test_weights_beyond_the_limit_go_to_a_second_file(product, tmp_path, monkeypatch):
    path, weight, x = product
    expected = run(path, x=x)
    monkeypatch.setattr(onnxfiles, "LIMIT", 1000)
    onnxfiles.write(onnxfiles.read(path), tmp_path / "large.onnx")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["large.onnx", "large.onnx.data", "model.onnx"]
    assert (tmp_path / "large.onnx.data").stat().st_size >= weight.nbytes
    np.testing.assert_array_equal(run(tmp_path / "large.onnx", x=x), expected)
    int8_weights.quantize(tmp_path / "large.onnx", tmp_path / "small.onnx")
    assert run(tmp_path / "small.onnx", x=x).shape == expected.shape
