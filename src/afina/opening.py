"""Models of a folder: a finished run's in PyTorch, as it was before its export, and one that judges entailment."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from afina import entailing, store, wording
from afina.errors import MissingExtra
from afina.predictors import onnx
from afina.records import Compressed, Evaluation, Judge, Plan, Predict, Task, Text, Trained

LONGEST = 256  # tokens of a pair that a judge reads


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


def judge(folder: Path) -> Judge:
    """The model of entailment in a folder: a finished run on pairs, or a plain folder of Hugging Face's.

    No code of the folder is run and no pickle opened. Raises ConfigError where it is no such model, RecordError where
    a run is not finished or altered.
    """
    place = entailing.label(folder)
    predict, said = _of_run(folder) if (folder / entailing.ONNX).is_file() else _of_plain(folder)

    def entails(pairs: Sequence[Text]) -> np.ndarray:
        return predict(pairs)[:, place]

    return Judge(folder.resolve().name, said, entails)


def _of_run(folder: Path) -> tuple[Predict, str]:
    """Its served file, and the score that its own records tell."""
    path = folder / store.read_record(folder, "compress", Compressed).file
    known = store.read_record(folder, "evaluate", Evaluation)
    score, guessed = known.scores[0], known.baselines.get("majority", ())
    said = f"{score.name} {wording.interval(score)} on {known.rows:,} rows of {known.split}"
    same = [f", the commonest label {one.value:.2f}" for one in guessed if one.name == score.name]
    return onnx.load(path.parent, path.name), said + "".join(same)


def _of_plain(folder: Path) -> tuple[Predict, str]:
    if find_spec("torch") is None:
        raise MissingExtra("torch", "train")
    from afina import bases, heads
    from afina.predictors import torch as predictor

    opened = bases.open_base(str(folder))  # refuses a pickle
    most = min(opened.record.max_tokens, LONGEST)
    task = Task(labels=tuple(str(name) for name in opened.config.id2label.values()))
    return predictor.wrap(heads.load(folder), opened.tokenizer, most, task=task), "its folder tells no score"
