"""ONNX files: read, changed node by node, written whole or not at all and without a trace of this machine.

The exporter and the quantizers share this. It needs NumPy and `onnx`, no torch and no runtime.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from afina.errors import MachineError, RecordError

LIMIT = 2_000_000_000  # bytes: protobuf ends at 2 GiB; what is larger has its weights in a second file
SMALL = 1024  # numbers: a tensor below this stays as it is, it would save nothing


def read(path: Path) -> Any:
    """The model in a file, its outside weights included. Raises RecordError where there is none."""
    try:
        return onnx.load(path)
    except FileNotFoundError:
        raise RecordError(f"{path.name} is missing", "run the compress stage again") from None
    except Exception as error:  # protobuf's own errors have no common base
        raise RecordError(f"{path.name} is not an ONNX file: {error}", "run the compress stage again") from None


def write(model: Any, path: Path) -> None:
    """Write a model to a temporary name beside `path`, then rename. Raises MachineError where the disk is full.

    Weights of more than 2 GB go to `path` + ".data".
    """
    forget(model)
    partial = path.with_name(f".{path.name}.partial")
    outside, partial_outside = path.with_name(f"{path.name}.data"), path.with_name(f"{path.name}.data.partial")
    try:
        if _bytes(model) > LIMIT:
            onnx.save(model, partial, save_as_external_data=True, location=partial_outside.name)
            for tensor in model.graph.initializer:
                for entry in tensor.external_data:
                    entry.value = outside.name if entry.key == "location" else entry.value
            partial.write_bytes(model.SerializeToString())
            os.replace(partial_outside, outside)
        else:
            partial.write_bytes(model.SerializeToString())
        os.replace(partial, path)
    except OSError as error:
        raise full(path, error) from None
    finally:
        partial.unlink(missing_ok=True)
        partial_outside.unlink(missing_ok=True)


def full(path: Path, error: OSError) -> MachineError:
    """The error for a file that could not be written."""
    return MachineError(
        f"{path.name} could not be written: {error.strerror}", "free some disk space, then run it again"
    )


def forget(model: Any) -> None:
    """Take out, in place, what tells of the machine it was made on: source paths, stack traces, notes."""
    for part in _parts(model):
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
        if hasattr(part, "doc_string"):
            part.ClearField("doc_string")


def _parts(model: Any) -> Iterator[Any]:
    yield model
    for function in model.functions:
        yield function
        yield from _nodes(function.node)
    yield from _graph_parts(model.graph)


def _graph_parts(graph: Any) -> Iterator[Any]:
    yield graph
    for listed in (graph.initializer, graph.input, graph.output, graph.value_info):
        yield from listed
    yield from _nodes(graph.node)


def _nodes(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            yield attribute
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("g"):
                yield from _graph_parts(attribute.g)


def _bytes(model: Any) -> int:
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer)


class Edit:
    """One pass over a model in which nodes are replaced and weights swapped; `done` gives the model back.

    The nodes wait in `waiting`, in their order; what is not put back by `keep` or replaced by `add` is gone.
    """

    def __init__(self, path: Path) -> None:
        self.model = read(path)
        self.waiting = list(self.model.graph.node)
        self.tensors = {tensor.name: tensor for tensor in self.model.graph.initializer}
        self.nodes: list[Any] = []

    def weight(self, name: str, dims: int = 2) -> np.ndarray | None:
        """A stored fp32 tensor with so many axes, or None where `name` is something else."""
        tensor = self.tensors.get(name)
        if tensor is None or tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) != dims:
            return None
        return numpy_helper.to_array(tensor)

    def store(self, name: str, values: Any) -> str:
        """Store a tensor, once for each name; returns the name."""
        if name not in self.tensors:
            self.tensors[name] = numpy_helper.from_array(np.asarray(values), name)
        return name

    def keep(self, node: Any) -> None:
        """Put a node back as it was."""
        self.nodes.append(node)

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Put in a node that makes `output`; returns that name."""
        self.nodes.append(onnx.helper.make_node(op, inputs, [output], name=f"{output}/{op}", **attributes))
        return output

    def done(self) -> Any:
        """The changed model, without the weights that no node uses any more."""
        graph = self.model.graph
        used = {name for part in _nodes(self.nodes) if hasattr(part, "op_type") for name in part.input}
        used |= {output.name for output in graph.output}
        kept = [tensor for name, tensor in self.tensors.items() if name in used]
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(kept)
        return self.model


def rounded(weight: np.ndarray, axis: int, top: int = 127) -> tuple[np.ndarray, np.ndarray]:
    """INT8 numbers from -top to top and the fp32 scales, one for each slice along the other axes.

    weight ~ numbers * scales; the scales keep `axis` with length 1. A slice of zeros has the scale 1.
    """
    scales = np.abs(weight).max(axis=axis, keepdims=True) / np.float32(top)
    scales = np.where(scales > 0, scales, 1).astype(np.float32)
    return np.rint(weight / scales).astype(np.int8), scales


def table_rows(edit: Edit, node: Any) -> bool:
    """Replace the look-up of an embedding table by one in INT8 with a scale for each row; False if it is none.

    A row costs its width + 4 bytes. The runtime's own quantizer has one scale for the whole table, which the
    largest number of all tokens decides.
    """
    table = edit.weight(node.input[0]) if node.op_type == "Gather" else None
    if table is None or table.size < SMALL or any(a.name == "axis" and a.i != 0 for a in node.attribute):
        return False
    name, output = node.input[0], node.output[0]
    numbers, scales = rounded(table, axis=1)
    edit.add("Gather", [edit.store(f"{name}/int8", numbers), node.input[1]], f"{output}/int8")
    edit.add("Cast", [f"{output}/int8"], f"{output}/float", to=onnx.TensorProto.FLOAT)
    edit.add("Gather", [edit.store(f"{name}/scales", scales), node.input[1]], f"{output}/scales")
    edit.add("Mul", [f"{output}/float", f"{output}/scales"], output)
    return True


def halve(edit: Edit) -> None:
    """Store every remaining large fp32 tensor in 16 bits; the runtime widens them once, when the file is opened.

    A tensor with a number beyond the reach of 16 bits (65,504) stays as it is.
    """
    used = {name for node in edit.nodes for name in node.input}
    body, edit.nodes = edit.nodes, []
    for name in [name for name in edit.tensors if name in used]:
        tensor = edit.tensors[name]
        values = edit.weight(name, len(tensor.dims))
        if values is None or len(tensor.dims) < 2 or values.size < SMALL or np.abs(values).max() > 65_504:
            continue
        del edit.tensors[name]
        edit.add("Cast", [edit.store(f"{name}/half", values.astype(np.float16))], name, to=onnx.TensorProto.FLOAT)
    edit.nodes += body
