"""The small folder of what a technique trained: put on the same base again, it gives the same answers.

    adapter.json          the record `Adapter`: technique and options, sha256 of the base, labels
    head.safetensors      what stands outside the body: the classifier
    adapter_config.json, adapter_model.safetensors    of the body, in PEFT's layout, where the technique is PEFT's
    body.safetensors      of the body, by the parameters' names, where it is not; absent where the body was not trained

No pickle, and no path of this machine. PEFT itself would forget heads that it does not know.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from afina import shelf
from afina.errors import RecordError
from afina.records import Adapter, from_json, to_json

CARD, HEAD, BODY = "adapter.json", "head.safetensors", "body.safetensors"
PEFT_CARD, PEFT_BODY = "adapter_config.json", "adapter_model.safetensors"


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
    technique = shelf.load("techniques", made.technique)
    technique.apply(model, technique.Config(**made.options))
    prefix = f"{model.base_model_prefix}."
    stored = _tensors(folder / HEAD)
    open_now = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if is_peft(model):
        _fill_peft(model.base_model, folder)
        open_now = {name: p for name, p in open_now.items() if not name.startswith(prefix)}
    elif (folder / BODY).is_file():
        stored |= {f"{prefix}{name}": value for name, value in _tensors(folder / BODY).items()}
    _same({name: p.shape for name, p in open_now.items()}, stored, folder)
    model.load_state_dict(stored, strict=False)
    return model


def is_peft(model: Any) -> bool:
    """Whether the body is wrapped by PEFT."""
    return hasattr(model.base_model, "peft_config")


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise RecordError(f"{path} cannot be read: {error}", "train again") from error


def save_peft(body: Any, folder: Path, name: str = "default") -> None:
    """Write one of PEFT's adapters in its own layout: into `folder`, or below it under another name than default."""
    body.save_pretrained(folder, selected_adapters=[name], save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's template; the run has its own card
    path = (folder if name == "default" else folder / name) / PEFT_CARD
    settings = {**json.loads(path.read_text(encoding="utf-8")), "base_model_name_or_path": None}
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _fill_peft(body: Any, folder: Path) -> None:
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    stored = _tensors(folder / PEFT_BODY)
    _same({name: value.shape for name, value in get_peft_model_state_dict(body).items()}, stored, folder)
    set_peft_model_state_dict(body, stored)


def _same(expected: Mapping[str, torch.Size], stored: Mapping[str, Tensor], folder: Path) -> None:
    """Raise RecordError where stored tensors have not the names and sizes that the model has."""
    sizes = {name: value.shape for name, value in stored.items()}
    if expected != sizes:
        odd = sorted(name for name in expected.keys() | sizes.keys() if expected.get(name) != sizes.get(name))
        raise RecordError(f"{folder} does not fit this model: {odd[0]}", "use the base that it was trained on")
