"""The small folder of what a technique trained: put on the same base again, it gives the same answers.

    adapter.json          the record `Adapter`: technique and options, sha256 of the base, labels
    head.safetensors      what stands outside the body: the classifier
    adapter_config.json, adapter_model.safetensors    of the body, in PEFT's layout, where the technique is PEFT's
    body.safetensors      of the body, by the parameters' names, where it is not; absent where the body was not trained

No pickle, and no path of this machine. PEFT itself would forget heads that it does not know. Rows of new tokens that
`round_rows` rounded are stored in fp16, all else in fp32: what is read is what was written, bit for bit.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from afina import grouping, shelf
from afina.errors import ConfigError, RecordError
from afina.records import Adapter, from_json, to_json

CARD, HEAD, BODY = "adapter.json", "head.safetensors", "body.safetensors"
PEFT_CARD, PEFT_BODY = "adapter_config.json", "adapter_model.safetensors"


@torch.no_grad()
def round_rows(model: Any) -> None:
    """Round the trained rows of new tokens to fp16, in place: to be judged and merged as they are stored.

    They are most of an adapter, and half as large then. fp16 keeps 11 bits of a number up to 65504; vectors of tokens
    are around 1, and have no use for bf16's range, which leaves 8.
    """
    for name, value in model.named_parameters():
        if grouping.PEFT_ROWS in name and value.half().isfinite().all():
            value.copy_(value.half())


@contextmanager
def rows_in_head(model: Any) -> Iterator[None]:
    """While this lasts, a head that reads the vocabulary by the table of tokens knows PEFT's rows as they are trained.

    PEFT puts them on the table alone: until they are merged such a head would read what stood there before.
    """
    head, rows = model.get_output_embeddings(), getattr(model.get_input_embeddings(), "token_adapter", None)
    if rows is None or head.weight is not rows.base_layer.weight:
        yield
        return
    (places,) = rows.token_indices.values()

    def read(layer: Any, inputs: tuple[Tensor], logits: Tensor) -> Tensor:
        (table,), index = rows.trainable_tokens_delta.values(), torch.tensor(places, device=logits.device)
        own = torch.nn.functional.linear(inputs[0], table, None if layer.bias is None else layer.bias[index])
        return logits.index_copy(-1, index, own)

    hook = head.register_forward_hook(read)
    try:
        yield
    finally:
        hook.remove()


def save(model: Any, made: Adapter, folder: Path) -> None:
    """Write what was trained, before it is merged, into a folder that exists."""
    prefix = f"{model.base_model_prefix}."
    trained = {name: p.detach().contiguous() for name, p in model.named_parameters() if p.requires_grad}
    body = {name.removeprefix(prefix): value for name, value in trained.items() if name.startswith(prefix)}
    save_file({name: value for name, value in trained.items() if not name.startswith(prefix)}, folder / HEAD)
    if is_peft(model):
        save_peft(model.base_model, folder)
    elif body:
        save_file(body, folder / BODY)
    (folder / CARD).write_text(to_json(made) + "\n", encoding="utf-8")


def read(folder: Path) -> Adapter:
    """What a folder says of itself. Raises RecordError where it holds no adapter of ours."""
    try:
        return from_json(Adapter, (folder / CARD).read_bytes())
    except FileNotFoundError:
        raise RecordError(
            f"{folder} holds no adapter: there is no {CARD}", "name the adapter folder of a run"
        ) from None
    except (OSError, ValidationError) as error:
        raise RecordError(f"{folder / CARD} cannot be read: {error}", "train again") from error


def put(model: Any, folder: Path) -> Any:
    """Apply the technique to an untouched model of as many classes and fill in what was trained; returns the model.

    Raises RecordError where the folder is damaged or was made for another architecture.
    """
    made = read(folder)
    try:
        technique = shelf.load("techniques", made.technique)
        config = technique.Config(**made.options)
    except (ConfigError, ValidationError) as error:
        raise RecordError(f"{folder / CARD} cannot be used: {error}", "train again with this version") from error
    technique.apply(model, config)
    prefix = f"{model.base_model_prefix}."
    stored = tensors(folder / HEAD)
    open_now = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if is_peft(model):
        _fill_peft(model.base_model, folder)
        open_now = {name: p for name, p in open_now.items() if not name.startswith(prefix)}
    elif (folder / BODY).is_file():
        stored |= {f"{prefix}{name}": value for name, value in tensors(folder / BODY).items()}
    _same({name: p.shape for name, p in open_now.items()}, stored, folder)
    model.load_state_dict(stored, strict=False)
    return model


def is_peft(model: Any) -> bool:
    """Whether the body is wrapped by PEFT."""
    return hasattr(model.base_model, "peft_config")


def tensors(path: Path) -> dict[str, Tensor]:
    """A file of tensors by their names. Raises RecordError where it is missing or damaged."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise RecordError(f"{path} cannot be read: {error}", "train again") from error


def save_peft(body: Any, folder: Path, name: str = "default") -> None:
    """Write one of PEFT's adapters in its own layout: into `folder`, or below it under another name than default."""
    body.save_pretrained(folder, selected_adapters=[name], save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's template; the run has its own card
    own = folder if name == "default" else folder / name
    settings = {**json.loads((own / PEFT_CARD).read_text(encoding="utf-8")), "base_model_name_or_path": None}
    (own / PEFT_CARD).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    stored = tensors(own / PEFT_BODY)
    halved = {name: value.half() for name, value in stored.items() if grouping.PEFT_ROWS in name}
    exact = {name: value for name, value in halved.items() if torch.equal(value.to(stored[name].dtype), stored[name])}
    if exact:
        save_file({**stored, **exact}, own / PEFT_BODY, metadata={"format": "pt"})


def _fill_peft(body: Any, folder: Path) -> None:
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    stored = tensors(folder / PEFT_BODY)
    _same({name: value.shape for name, value in get_peft_model_state_dict(body).items()}, stored, folder)
    set_peft_model_state_dict(body, stored)


def _same(expected: Mapping[str, torch.Size], stored: Mapping[str, Tensor], folder: Path) -> None:
    """Raise RecordError where stored tensors have not the names and sizes that the model has."""
    sizes = {name: value.shape for name, value in stored.items()}
    if expected != sizes:
        odd = sorted(name for name in expected.keys() | sizes.keys() if expected.get(name) != sizes.get(name))
        raise RecordError(f"{folder} does not fit this model: {odd[0]}", "use the base that it was trained on")
