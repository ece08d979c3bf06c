"""The model of a finished run in PyTorch, as it was before its export."""

from pathlib import Path
from typing import Any

from afina import store
from afina.records import Plan, Predict, Trained


def torch(folder: Path) -> Predict:
    """Its predict function. Raises RecordError where the run is not finished."""
    from afina import heads
    from afina.predictors import torch as predictor

    trained = store.read_record(folder, "train", Trained)
    longest = store.read_record(folder, "plan", Plan).settings.max_seq_length
    model = heads.load(folder / trained.folder)
    return predictor.wrap(model, tokenizer(folder / trained.folder), longest, task=trained.task)


def tokenizer(folder: Path) -> Any:
    """The tuned model's own, which may know new tokens."""
    from afina import bases

    return bases.open_tokenizer(folder / "base" if (folder / "base").is_dir() else folder, folder.name)
