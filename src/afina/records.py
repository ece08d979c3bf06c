"""Every record that travels between stages, in the order of the pipeline.

All are frozen and survive a JSON round trip (`to_json`, `from_json`). Units stand behind the field.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter

Text = str | tuple[str, str]  # one text, or a pair
Predict = Callable[[Sequence[Text]], np.ndarray]  # texts -> answers, (n, labels), or n of (words, labels); see `Task`
Embed = Callable[[Sequence[str]], np.ndarray]  # texts -> vectors, (n, hidden)
Value = str | int | float | bool | None

T = TypeVar("T")


def to_json(record: Any) -> str:
    """A record as indented JSON."""
    return TypeAdapter(type(record)).dump_json(record, indent=1).decode()


def from_json(kind: type[T], text: str | bytes) -> T:
    """The record of type `kind` that `to_json` wrote. Raises pydantic.ValidationError where it is another."""
    return TypeAdapter(kind).validate_json(text)


# ---------------------------------------------------------------- what a long stage says while it works


@dataclass(frozen=True, slots=True)
class Event:
    """One line of progress."""

    stage: str
    text: str
    step: int | None = None
    steps: int | None = None  # steps in all
    loss: float | None = None  # nats
    metric: float | None = None  # the task's main score on dev
    rate: float | None = None  # learning rate of the body
    seconds_left: float | None = None


Tell = Callable[[Event], None]


def silent(event: Event) -> None:
    """A `Tell` that says nothing."""


# ---------------------------------------------------------------- corpus


@dataclass(frozen=True, slots=True)
class Table:
    """A file as it was read: every value a text, with the line that each row began on."""

    file: str  # name without folders
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]  # first line of the row in the file; 1 is the file's first line
    findings: "tuple[Finding, ...]" = ()
    lists: tuple[str, ...] = ()  # columns in which some value is a list or an object, here as JSON text


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found in the data, and what was done about it."""

    check: str  # name of the cleaner or reader
    problem: str
    action: str  # fatal, removed, repaired or kept
    fix: str
    count: int  # rows concerned
    where: tuple[str, ...] = ()  # the first few, as file:line, with a remark where it helps


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a text, and what it is."""

    start: int  # characters before it
    end: int  # characters to its end
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """One text, or pair of texts, and what is known of it: a class, or what the task's kind has in its place."""

    text: str
    label: str  # its class; '' where it has none, or where the kind is another
    where: str  # file:line
    pair: str | None = None  # the second text of a pair
    value: float | None = None  # regress
    labels: tuple[str, ...] | None = None  # multilabel: sorted; () where none holds
    spans: tuple[Span, ...] | None = None  # tag: in the order of the text; () where there are none

    @property
    def input(self) -> Text:
        """What a model is given."""
        return self.text if self.pair is None else (self.text, self.pair)

    @property
    def target(self) -> Hashable:
        """What is known of it, whatever the kind; '' where nothing is."""
        return next((one for one in (self.value, self.labels, self.spans) if one is not None), self.label)

    @property
    def names(self) -> tuple[str, ...]:
        """The classes or labels that it is an example of, each once."""
        if self.spans:
            return tuple(sorted({span.label for span in self.spans}))
        return self.labels or ((self.label,) if self.label else ())


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what, and how that was decided."""

    text: str
    label: str
    pair: str | None = None  # second text of a pair task
    why: str = ""
    separator: str | None = None  # between the labels in a cell, where these are no lists


@dataclass(frozen=True, slots=True)
class Source:
    """A file that rows came from."""

    file: str  # name without folders
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """Checked, repaired and split rows."""

    name: str
    columns: Columns
    labels: tuple[str, ...]  # sorted; an index into it is a class
    train: tuple[Row, ...]
    dev: tuple[Row, ...]
    test: tuple[Row, ...]
    split: str  # how the splits were made, one sentence
    findings: tuple[Finding, ...]
    sources: tuple[Source, ...]
    kind: str = "classify"  # of the task: a name on the shelf of objectives


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a model, and what makes answers of its logits: all that `Predict` needs beside the weights."""

    kind: str = "classify"  # a name on the shelf of objectives
    labels: tuple[str, ...] = ()  # of the logits, in their order
    activation: str = "softmax"  # what makes answers of logits: softmax, sigmoid or none
    per: str = "text"  # what an answer is of: text, or each word of it
    thresholds: tuple[float, ...] = ()  # multilabel: the probability from which each label is given; chosen on dev


# ---------------------------------------------------------------- profile


@dataclass(frozen=True, slots=True)
class Sample:
    """What the distances look at: a corpus, or general language. Made by the profile stage, never stored."""

    words: tuple[Mapping[str, int], ...]  # lower-case words and their counts: of each text, or of each known part
    pieces: Mapping[str, int]  # tokens that each of these words breaks into
    vectors: np.ndarray  # (texts, hidden): the base's mean vector of each text, cut to a common length


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the corpus is from the reference, by one measure."""

    measure: str
    value: float
    low: float  # 95% bootstrap interval
    high: float
    zero: float  # the same measure between two halves of the reference
    unit: str
    rows: int  # texts of the corpus that were measured
    means: str  # one sentence: what this number says, and what it confounds


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts and distances of a corpus."""

    rows: int  # in train
    classes: int
    smallest: int  # rows of the rarest class in train
    largest: int
    language: str  # en, es or "?", by function words
    words: tuple[float, float, float]  # a text's words: median, 95th percentile, most
    tokens: tuple[float, float, float]  # a text's tokens, both texts of a pair and the special ones included
    fertility: float  # tokens a word
    unknown: float  # share of unknown tokens, 0 to 1
    class_rows: Mapping[str, int]
    reference: str
    distances: tuple[Distance, ...]
    notes: tuple[str, ...] = ()  # why a measure is missing, and the like


# ---------------------------------------------------------------- plan


@dataclass(frozen=True, slots=True)
class Base:
    """A pretrained model, opened and counted."""

    name: str  # what the user wrote
    architecture: str  # config.model_type
    sha256: str  # of the weights
    layers: int
    hidden: int
    parameters: int
    body_parameters: int  # without embeddings and pooler
    max_tokens: int


@dataclass(frozen=True, slots=True)
class LayerScore:
    """How well a linear head does on one frozen layer."""

    layer: int  # 0 is the embedding layer
    pooling: str  # mean, cls, or token for each word
    value: float  # of the score that the objective probes with, cross-validated
    low: float  # 95% interval
    high: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What a technique needs to know to judge itself."""

    rows: int
    classes: int
    rows_per_class: float  # median
    tokens: float  # tokens a text, mean
    layers: int
    hidden: int
    parameters: int
    body_parameters: int
    seconds_per_row: float  # one forward pass of one text, measured
    probe: float  # score of the best frozen layer, 0 to 1
    majority: float  # the same score where no text is looked at
    kind: str = "classify"  # of the task


@dataclass(frozen=True, slots=True)
class Verdict:
    """A technique's own judgement of itself for given facts."""

    trainable: int  # parameters, head included
    memory: int  # bytes at the peak of training, without the activations' constant
    seconds_per_row: float  # one row, one epoch
    fits: bool
    why: str  # one sentence with its source


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the plan."""

    name: str
    value: Value
    why: str
    evidence: Mapping[str, Value] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)  # alternative -> why not


@dataclass(frozen=True, slots=True)
class Settings:
    """What the plan decided, typed; names as in the run file."""

    technique: str
    pooling: str  # mean, cls, or token for each word
    freeze_layers: int  # from the bottom, above the embeddings; technique freeze
    lora_r: int
    lora_alpha: float
    learning_rate: float  # peak, of the body
    head_learning_rate: float
    num_train_epochs: float
    per_device_train_batch_size: int
    max_seq_length: int  # tokens
    warmup_steps: int
    weight_decay: float
    precision: str  # fp32 or bf16


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, and why."""

    base: Base
    settings: Settings
    choices: tuple[Choice, ...]  # one for each setting, with its reason
    estimates: Mapping[str, float]  # trainable (parameters), memory, disk (bytes), seconds
    layers: tuple[LayerScore, ...]
    facts: Facts


# ---------------------------------------------------------------- train


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the learning curve."""

    step: int
    loss: float  # nats, mean since the last point
    rate: float  # learning rate of the body
    dev_loss: float | None = None
    dev_accuracy: float | None = None  # the task's main score, which is the accuracy for classes


@dataclass(frozen=True, slots=True)
class Trained:
    """The tuned model on disk."""

    technique: str
    folder: str  # inside the run folder
    layout: str  # sentence-transformers, sequence-classification or token-classification
    trainable: int
    parameters: int
    seconds: float
    curve: tuple[Point, ...]
    best_step: int
    dev: "tuple[Score, ...]"
    reload_error: float  # largest difference of logits, in memory against read back from disk
    task: Task = Task()  # with what was chosen for it on dev


# ---------------------------------------------------------------- evaluate


@dataclass(frozen=True, slots=True)
class Score:
    """A number with its doubt."""

    name: str
    value: float
    low: float  # 95% interval
    high: float


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class of the per-class table."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True, slots=True)
class Details:
    """Where a model is right and where not; empty is what has no meaning for the kind of task."""

    classes: tuple[ClassScore, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()  # rows of a true class by predicted class
    reliability: tuple[tuple[float, float, int], ...] = ()  # mean confidence, accuracy, rows of each bin
    mistakes: tuple[tuple[str, str, str, float], ...] = ()  # where, truth, answer, how sure or how far off


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores on the test split, beside the baselines."""

    rows: int
    split: str  # test, or dev where there is no test split
    scores: tuple[Score, ...]  # the first is the main one
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]  # rows of a true class by predicted class
    reliability: tuple[tuple[float, float, int], ...]  # mean confidence, accuracy, rows of each bin
    baselines: Mapping[str, tuple[Score, ...]]
    mistakes: tuple[tuple[str, str, str, float], ...]  # where, truth, answer, how sure or how far off


# ---------------------------------------------------------------- compress


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a model's answers when its file was made smaller."""

    drop_points: float  # of the main score
    agreement: float  # share of the answers that are the same
    broken: int  # answers that were right and are wrong
    fixed: int  # answers that were wrong and are right
    count: int  # answers in all
    unit: str  # what an answer is: rows, labels, spans


@dataclass(frozen=True, slots=True)
class Variant:
    """One file of the ladder, measured."""

    rung: str  # name of the quantizer
    file: str  # inside the run folder
    bytes: int
    ratio: float  # size of the fp32 model / size of this one
    agreement: float  # share of the answers on dev that are those of fp32
    drop_points: float  # main score lost on dev against fp32, in points
    latency_ms: float  # one text alone, median
    rows_per_second: float  # in batches of 32
    why: str


@dataclass(frozen=True, slots=True)
class Compressed:
    """The exported model and the rung of the ladder that was taken."""

    rung: str
    file: str
    ratio: float
    drop_points: float  # on the test split, fp32 -> chosen rung
    agreement: float  # on the test split
    scores: tuple[Score, ...]  # of the chosen rung on the test split
    parity: float  # largest difference of logits, torch against ONNX fp32 read back from disk
    variants: tuple[Variant, ...]
