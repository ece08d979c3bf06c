"""What benchmarks share that train one arm after another: public sets, settings no timing decides, a score on test."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from afina import bases, heads, samples, shelf, tasks, timing
from afina.config import CorpusOptions
from afina.predictors import torch as predictor
from afina.records import Corpus, Plan, Score, Trained, silent
from afina.stages import corpus, train

DATA = Path(os.environ.get("AFINA_DATA", "../shared/data"))
RECEPTION = samples.REFERENCE.parent / "reception"
USUAL = ("train.csv", "test.csv")
FILES: dict[
    str, tuple[str, ...]
] = {  # train and test, where they are not as usual; the test of one file is cut from it
    "nlupp_banking": ("banking.jsonl",),
    "atis": ("train.jsonl", "test.jsonl"),
    "unfair_tos": ("train.jsonl.gz", "test.jsonl"),
    "bc5cdr": ("train.conll", "test.conll"),
    "ncbi_disease": ("train.conll", "test.conll"),
    "wnut17": ("train.conll", "test.conll"),
    "btc": ("section_h.conll",),
    "fb_es": ("train.jsonl", "dev.jsonl"),  # it has no labelled test
    "reception": (str(RECEPTION / "train.csv"), str(RECEPTION / "test.csv")),  # a whole path stays as it is
}
STEADY = {"precision": "bf16" if timing.has_bf16() else "fp32", "attention": "eager"}  # else as timed beside other work


def read(name: str, seed: int = 0) -> Corpus:
    """A public set, or the embedded one, as `afina run` reads it."""
    files = [str(DATA / name / file) for file in FILES.get(name, USUAL)]
    return corpus.read(CorpusOptions(train_file=files[0], test_file=files[1] if len(files) > 1 else None), seed)


def drawn(rows: tuple[Any, ...], most: int, seed: int) -> tuple[Any, ...]:
    """So many rows at most, drawn at random."""
    return tuple(rows[place] for place in sorted(np.random.default_rng(seed).permutation(len(rows))[:most]))


def scored(rows: Corpus, made: Plan, base: bases.Opened, seed: int) -> tuple[Trained, tuple[Score, ...]]:
    """Train what was planned; its record and the scores on test."""
    objective = shelf.load(tasks.OBJECTIVES, rows.kind)
    with tempfile.TemporaryDirectory() as folder:
        trained = train.train(rows, made, base, Path(folder), silent, seed)
        model = heads.load(Path(folder) / trained.folder)
    answers = predictor.wrap(model, base.tokenizer, made.settings.max_seq_length, task=trained.task)
    return trained, objective.scores(rows.test, answers([row.input for row in rows.test]), trained.task, seed)
