"""A torch classifier becomes an ONNX file, with the tokenizer and the labels beside it.

    folder/model.onnx        input_ids, attention_mask and, where the model takes it, token_type_ids -> logits;
                             inputs are (texts, tokens), of a siamese model (pairs, 2, tokens)
    folder/tokenizer.json    for the `tokenizers` library, with the special tokens of pairs
    folder/labels.json       the task and its labels in order, longest input, padding, sha256 of the two files above

Pooling and head are inside the graph; batch and sequence length are free (up to `max_tokens`). The exporter notes the
path of each source line in the graph; that is taken out. The folder appears whole or not at all.

Source: https://docs.pytorch.org/docs/stable/onnx_export.html (torch.export-based exporter).
"""

import contextlib
import hashlib
import inspect
import io
import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from afina import features, onnxfiles, windows
from afina.errors import ConfigError, MachineError
from afina.records import Task

MOST = 4096  # texts in a batch, a bound that the exporter asks for
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class _Positional(nn.Module):
    """A classifier whose inputs have an order and whose answer is the bare logits."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = tuple(names)

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.model(**dict(zip(self.names, tensors, strict=True))).logits


def export(model: nn.Module, tokenizer: Any, task: Task, folder: Path, max_tokens: int) -> Path:
    """Write `model` to `folder`, replacing what was there; returns the path of model.onnx.

    Raises ConfigError where the exporter cannot follow the model, MachineError where the disk is full.
    """
    backend = _backend(tokenizer)
    names = input_names(model, tokenizer)
    proto = _graph(model.eval(), names, max_tokens)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        onnxfiles.write(proto, partial / "model.onnx")
        (partial / "tokenizer.json").write_text(backend.to_str(), encoding="utf-8")
        card = {
            "format": 1,
            **asdict(task),
            "max_tokens": max_tokens,
            "inputs": [entry.name for entry in proto.graph.input],
            "pad_token_id": tokenizer.pad_token_id or 0,
            "pair": _takes_pairs(backend, model, task),
            "siamese": features.is_siamese(model),
            "sha256": {path.name: _sha256(path) for path in sorted(partial.iterdir())},
        }
        (partial / "labels.json").write_text(json.dumps(card, ensure_ascii=False, indent=1), encoding="utf-8")
        _replace(partial, folder)
    except OSError as error:
        raise onnxfiles.full(folder / "model.onnx", error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder / "model.onnx"


def input_names(model: nn.Module, tokenizer: Any) -> tuple[str, ...]:
    """The inputs that the tokenizer yields and the model's body takes."""
    body: Any = getattr(model, "base_model", model)
    if hasattr(body, "peft_config"):  # PEFT's own forward names fewer inputs than it passes on
        body = body.get_base_model()
    taken = inspect.signature(body.forward).parameters
    given = tokenizer("a")
    return tuple(name for name in INPUTS if name in given and name in taken)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _takes_pairs(backend: Tokenizer, model: nn.Module, task: Task) -> bool:
    """Whether pairs can be given: not where single texts are read word by word or in windows."""
    marked = backend.num_special_tokens_to_add(True) > backend.num_special_tokens_to_add(False)
    single = task.per == "word" or task.long_texts == windows.WINDOW
    return not single and (features.is_siamese(model) or marked)


def _backend(tokenizer: Any) -> Tokenizer:
    """A copy of the fast tokenizer, without the padding and cutting of its last call."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError(
            f"{type(tokenizer).__name__} has no tokenizer.json", "choose a base with a fast tokenizer: it runs anywhere"
        )
    copy = Tokenizer.from_str(backend.to_str())
    copy.no_padding()
    copy.no_truncation()
    return copy


def _graph(model: nn.Module, names: Sequence[str], max_tokens: int) -> Any:
    """The model as an ONNX graph with free axes."""
    device = next(model.parameters()).device
    shape = (2, 2, 7) if features.is_siamese(model) else (2, 7)
    example = tuple(torch.ones(shape, dtype=torch.long, device=device) for _ in names)
    free = torch.export.Dim("batch", min=1, max=MOST), torch.export.Dim("sequence", min=2, max=max_tokens)
    axes = {0: free[0], len(shape) - 1: free[1]}
    with _quiet(), torch.inference_mode():
        try:
            program = torch.onnx.export(
                _Positional(model, names).eval(),
                example,
                input_names=list(names),
                output_names=["logits"],
                dynamic_shapes=(tuple(axes for _ in names),),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise MachineError(
                    "memory ran out while exporting", "close other programs, then run it again"
                ) from None
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ConfigError(
                f"this model cannot be exported to ONNX: {reason}", "choose a base of another architecture, e.g. BERT"
            ) from error
    if program is None:
        raise ConfigError("this model cannot be exported to ONNX", "choose a base of another architecture, e.g. BERT")
    return program.model_proto


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, warnings and log lines to ourselves."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _replace(partial: Path, folder: Path) -> None:
    """Put a finished folder in the place of an older one."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(partial, folder)
    shutil.rmtree(old, ignore_errors=True)
