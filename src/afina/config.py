"""The run file: small frozen models, one a stage. Unknown keys are errors with "did you mean".

Every key may be given in its section (`train: {learning_rate: 1e-4}`), dotted (`train.learning_rate=1e-4`),
or alone (`learning_rate=1e-4`, `lr=1e-4`): key names are unique over all sections. Hugging Face's names are
the canonical ones; common aliases are accepted and the canonical name is stored.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError

from afina.errors import ConfigError


class Section(BaseModel, frozen=True, extra="forbid"):
    """Base of all sections: frozen, and unknown keys are errors."""


class CorpusOptions(Section):
    """Where the rows come from and how they are split."""

    train_file: str = Field(default="", description="labelled rows: CSV, TSV, JSONL or Parquet, also gzipped")
    dev_file: str | None = Field(default=None, description="rows for choices; cut from train where absent")
    test_file: str | None = Field(default=None, description="rows for the final scores; cut from train where absent")
    text_column: str | None = Field(default=None, description="detected where absent")
    pair_column: str | None = Field(default=None, description="the second text of a pair task")
    label_column: str | None = Field(default=None, description="detected where absent")
    dev_share: float = Field(default=0.1, gt=0, lt=0.5, description="share of train cut for dev, at most 1,000 rows")
    test_share: float = Field(default=0.2, gt=0, lt=0.5, description="share of the file cut for test")


class ModelOptions(Section):
    """The pretrained base."""

    model_name_or_path: str = Field(default="bundled", description="a hub id, a folder, or 'bundled'")


class ProfileOptions(Section):
    """How the corpus is measured."""

    reference: str | None = Field(default=None, description="text file of general language, one text a line")
    sample: int = Field(default=600, ge=30, description="texts measured for distances")


class TrainOptions(Section):
    """Choices that override the plan. What is absent, the plan decides."""

    technique: str | None = Field(default=None, description="a name on the shelf of techniques")
    pooling: Literal["mean", "cls"] | None = None
    freeze_layers: int | None = Field(default=None, ge=0, description="layers kept from the bottom; technique freeze")
    learning_rate: float | None = Field(default=None, gt=0, lt=1, description="peak rate of the body")
    head_learning_rate: float | None = Field(default=None, gt=0, lt=1)
    num_train_epochs: float | None = Field(default=None, gt=0, le=1000)
    per_device_train_batch_size: int | None = Field(default=None, ge=1)
    max_seq_length: int | None = Field(default=None, ge=8, description="tokens")
    warmup_steps: int | None = Field(default=None, ge=0)
    weight_decay: float = Field(default=0.01, ge=0, lt=1)
    precision: Literal["fp32", "bf16"] | None = None
    lora_r: int | None = Field(default=None, ge=1)
    lora_alpha: float | None = Field(default=None, gt=0)
    save_steps: int = Field(default=100, ge=1, description="steps between checkpoints")


class CompressOptions(Section):
    """What may be lost for a smaller model."""

    max_drop_points: float = Field(default=0.5, ge=0, description="accuracy on dev, in points")


class Run(Section):
    """A whole run file."""

    seed: int = 0
    output_dir: str | None = Field(default=None, description="the run folder; runs/<name of the data> where absent")
    corpus: CorpusOptions = CorpusOptions()
    model: ModelOptions = ModelOptions()
    profile: ProfileOptions = ProfileOptions()
    train: TrainOptions = TrainOptions()
    compress: CompressOptions = CompressOptions()


ALIASES = {
    "base_model": "model_name_or_path",
    "validation_file": "dev_file",
    "lr": "learning_rate",
    "epochs": "num_train_epochs",
    "num_epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "micro_batch_size": "per_device_train_batch_size",
    "cutoff_len": "max_seq_length",
    "sequence_len": "max_seq_length",
    "max_length": "max_seq_length",
    "lora_rank": "lora_r",
    "freeze_trainable_layers": "freeze_layers",
    "out": "output_dir",
    "project_name": "output_dir",
}
