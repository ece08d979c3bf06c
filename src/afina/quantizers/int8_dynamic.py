"""INT8 weights and INT8 arithmetic, the activations rounded token by token while the model runs.

    y[t, j] = s[t] * c[j] * sum_k X[t, k] W[k, j]        X = round(x / s[t]),  s[t] = max_k |x[t, k]| / 127
                                                         W = round(w / c[j]),  c[j] = max_k |w[k, j]| / 127

W is stored and multiplied in 8 bits, embedding tables have one scale a row, what is left of the large tensors is
kept in 16 bits. Size: about a quarter. Cost: the error of both roundings; the fastest rung where the processor
multiplies 8-bit numbers (AVX-512 VNNI, AVX-VNNI, Arm dot products).

A token's scale comes from that token alone, so a text's answer does not depend on what else is in the batch. The
runtime's own `quantize_dynamic` has one scale for the whole batch, padding included: there the same text got logits
that differed by up to 1.2 (77 intents, answers beside 31 others against alone), and labels with it.

On a processor without those instructions two products of 255 * 127 overflow 16 bits. Where a trial shows that, the
weights are rounded to 7 bits. It does not quantize products of two activations (attention scores).

Source: Yao et al. 2022, "ZeroQuant", arXiv:2206.01861, section 4.1 (token-wise activations);
https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html (reduce_range).
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from afina.onnxfiles import Edit, halve, rounded, table_rows, write

ORDER = 1


def quantize(source: Path, target: Path) -> None:
    """Write the quantized copy of the model `source` to `target`."""
    edit = Edit(source)
    top = 127 if _exact() else 63
    seen: set[str] = set()
    for node in edit.waiting:
        if not (table_rows(edit, node) or _product(edit, node, top, seen)):
            edit.keep(node)
    halve(edit)
    write(edit.done(), target)


def _product(edit: Edit, node: Any, top: int, seen: set[str]) -> bool:
    weight = edit.weight(node.input[1]) if node.op_type == "MatMul" else None
    if weight is None:
        return False
    x, name, output = node.input[0], node.input[1], node.output[0]
    if x not in seen:  # query, key and value read the same tokens
        seen.add(x)
        _round_tokens(edit, x)
    numbers, scales = rounded(weight, 0, top)
    inputs = [f"{x}/uint8", edit.store(f"{name}/int8", numbers), edit.store("zero_point", np.uint8(128))]
    edit.add("MatMulInteger", inputs, f"{output}/int32")
    edit.add("Cast", [f"{output}/int32"], f"{output}/float", to=onnx.TensorProto.FLOAT)
    edit.add("Mul", [f"{output}/float", edit.store(f"{name}/scales", scales[0])], f"{output}/columns")
    edit.add("Mul", [f"{output}/columns", f"{x}/scale"], output)
    return True


def _round_tokens(edit: Edit, x: str) -> None:
    """Make `x`/uint8 (128 stands for 0) and `x`/scale, one for each token, from the activations `x`."""
    edit.add("Abs", [x], f"{x}/abs")
    edit.add("ReduceMax", [f"{x}/abs", edit.store("last_axis", np.array([-1]))], f"{x}/max", keepdims=1)
    edit.add("Div", [f"{x}/max", edit.store("top", np.float32(127))], f"{x}/raw_scale")
    edit.add("Max", [f"{x}/raw_scale", edit.store("least_scale", np.float32(1e-12))], f"{x}/scale")
    edit.add("Div", [x, f"{x}/scale"], f"{x}/scaled")
    edit.add("Round", [f"{x}/scaled"], f"{x}/whole")
    edit.add("Add", [f"{x}/whole", edit.store("shift", np.float32(128))], f"{x}/shifted")
    edit.add("Cast", [f"{x}/shifted"], f"{x}/uint8", to=onnx.TensorProto.UINT8)


def _exact() -> bool:
    """Whether this processor adds up products of 255 * 127 without overflow, by trying it."""
    kind, size = onnx.TensorProto, 64
    node = onnx.helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    weight = onnx.numpy_helper.from_array(np.full((size, size), 127, np.int8), "b")
    a = onnx.helper.make_tensor_value_info("a", kind.UINT8, [size, size])
    y = onnx.helper.make_tensor_value_info("y", kind.INT32, [size, size])
    graph = onnx.helper.make_graph([node], "trial", [a], [y], [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"a": np.full((size, size), 255, np.uint8)})
    return bool((answer == 255 * 127 * size).all())
