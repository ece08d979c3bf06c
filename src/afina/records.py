"""Every record that travels between stages, in the order of the pipeline.

All are frozen and survive a JSON round trip (`to_json`, `from_json`). Units stand behind the field.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter

Text = str | tuple[str, str]  # one text, or a pair
Predict = Callable[[Sequence[Text]], np.ndarray]  # texts -> answers, (n, labels), or n of (words, labels); see `Task`
Embed = Callable[[Sequence[str]], np.ndarray]  # texts -> vectors, (n, hidden)
Reweighed = Callable[[np.ndarray], np.ndarray]  # how often each row counts, (resamples, n) -> a score of each resample
Head = tuple[np.ndarray, np.ndarray]  # weights (labels, hidden) and biases (labels,) of a linear layer
Value = str | int | float | bool | tuple[float, ...] | None

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
    metric: float | None = None  # the task's main score on the hold-out set that decides
    rate: float | None = None  # learning rate of the body
    seconds_left: float | None = None
    decides: str = "dev"  # that hold-out set's name


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
    origin: str = ""  # '' where a file held it; else what made it, and where that stands which it was made from

    @property
    def input(self) -> Text:
        """What a model is given."""
        return self.text if self.pair is None else (self.text, self.pair)

    @property
    def texts(self) -> tuple[str, ...]:
        """Its one text, or both of a pair."""
        return (self.text,) if self.pair is None else (self.text, self.pair)

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
class OldTask:
    """Rows with labels or scores of their own, which are watched while another task is trained."""

    kind: str  # a name on the shelf of objectives
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Checked, repaired and split rows."""

    name: str
    columns: Columns
    labels: tuple[str, ...]  # sorted; an index into it is a class
    train: tuple[Row, ...]
    dev: tuple[Row, ...]  # () where there were too few rows to keep any back
    test: tuple[Row, ...]
    split: str  # how the splits were made, one sentence
    findings: tuple[Finding, ...]
    sources: tuple[Source, ...]
    holdouts: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)  # watched while training, beside dev
    kind: str = "classify"  # of the task: a name on the shelf of objectives
    cleaners: tuple[str, ...] | None = None  # that were asked for, beside those that always run; None is all
    old_tasks: Mapping[str, OldTask] = field(default_factory=dict)  # watched while training too, by heads of their own

    @property
    def choosing(self) -> tuple[Row, ...]:
        """The rows that choices are made on: dev, or train where there were too few rows to keep any back."""
        return self.dev or self.train


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a model, and what makes answers of its logits: all that `Predict` needs beside the weights."""

    kind: str = "classify"  # a name on the shelf of objectives
    labels: tuple[str, ...] = ()  # of the logits, in their order
    activation: str = "softmax"  # what makes answers of logits: softmax, sigmoid or none
    thresholds: tuple[float, ...] = ()  # multilabel: the probability from which each label is given; chosen on dev
    per: str = "text"  # what an answer is of: text, or each word of it
    long_texts: str = "cut"  # what is read of a text longer than the model: its beginning, or window: all of it


# ---------------------------------------------------------------- profile


@dataclass(frozen=True, slots=True)
class Sample:
    """What the distances look at: a corpus, or general language. Made by the profile stage, never stored."""

    words: tuple[Mapping[str, int], ...]  # lower-case words and their counts: of each text, or of each known part
    pieces: Mapping[str, int]  # tokens that each of these words breaks into
    vectors: np.ndarray  # (texts, hidden): the base's mean vector of each text, cut to a common length
    nats: np.ndarray | None = None  # (some texts, 2), as `Nats`, cut alike; None where the base has no masked head


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
class Term:
    """A word or phrase of the domain."""

    term: str  # lower case, words parted by single spaces
    kind: str  # word or phrase
    count: int  # occurrences
    documents: int  # texts that it occurs in
    score: float  # ln of its odds by those in general language, nats; 0 where it is known from a glossary alone
    source: str  # mined or glossary
    tokens: int = 0  # that the base's tokenizer breaks it into; 0 where that was not asked


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
    terms: tuple[
        Term, ...
    ] = ()  # of the domain, the highest scores first, and the user's glossary's that the texts have
    lengths: Mapping[int, int] = field(default_factory=dict)  # tokens of a text -> rows of train that have as many
    split: float = 0.0  # share of running words that the base breaks, 0 to 1

    def longer(self, tokens: int) -> float:
        """Share of the training rows that have more tokens."""
        return sum(rows for length, rows in self.lengths.items() if length > tokens) / max(self.rows, 1)


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
    pooling: str  # mean, siamese for pairs read apart, cls, or token for each word
    value: float  # of the score that the objective probes with, cross-validated
    low: float  # 95% interval
    high: float
    curve: tuple[tuple[int, float], ...] = ()  # rows, or words, and the score with so many; of the best reading
    gain: "Score | None" = None  # of its last point over the one before
    wrong: "Score | None" = (
        None  # share of labels that look wrong by this reading; of the last layer's mean, for classes
    )
    evidence: float | None = None  # LogME, nats a row and target


@dataclass(frozen=True, slots=True)
class Facts:
    """What a technique needs to know to judge itself."""

    rows: int
    classes: int
    rows_per_class: float  # lower median: of two classes the rarer one's
    tokens: float  # tokens a text, mean
    layers: int
    hidden: int
    parameters: int
    body_parameters: int
    seconds_per_row: float  # one forward pass of one text, measured
    probe: float  # score of the best frozen layer, 0 to 1
    majority: float  # the same score where no text is looked at
    kind: str = "classify"  # of the task
    sentences: bool = False  # the base is a sentence model, whose vectors of texts were made to be compared
    added: int = 0  # rows of rare classes that training sees once more
    smallest: int = 0  # rows of the rarest class
    shared: bool = False  # the base's layers share their weights, or cannot be told apart: none can be frozen alone
    groups: int = 0  # sets of weights that the layers share; 0 where each layer has its own
    vocabulary: int = 0  # rows of the base's table of words
    masked: bool = False  # the base brings a head for masked words

    @property
    def own_layers(self) -> int:
        """Layers with weights of their own."""
        return self.groups or self.layers

    @property
    def seen(self) -> int:
        """Rows that training sees in an epoch."""
        return self.rows + self.added


@dataclass(frozen=True, slots=True)
class Verdict:
    """A technique's own judgement of itself for given facts."""

    trainable: int  # parameters, head included
    memory: int  # bytes at the peak of training, without the activations' constant
    seconds_per_row: float  # one row, one epoch
    fits: bool
    why: str  # one sentence with its source
    positions: int = 0  # tokens that it takes from the longest text that the base can read


@dataclass(frozen=True, slots=True)
class Nature:
    """What is true of a technique whatever its options; its contract tests go by this."""

    starts_at_base: bool  # right after `apply` the model answers as it did before
    merges: bool  # `merge` gives a model of the original parameters alone; else what was added stays in it
    small: bool  # what it trains is a small file of its own, which others can put on the same base
    refits_head: bool = False  # once the body is trained, the head is fitted anew on it
    own_loss: bool = False  # it trains by a loss of its own, which no other can take the place of
    new_rows: bool = False  # it trains the rows of tokens that were added to the base, and no other of the embeddings


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a small folder of trained parameters says of itself."""

    technique: str
    options: Mapping[str, Value]  # of the technique's Config
    base: str  # sha256 of the weights of the base that it belongs to
    pooling: str  # mean, siamese or cls
    labels: tuple[str, ...]  # in class order
    max_tokens: int  # of a text, as trained
    problem: str | None = "single_label_classification"  # the head's, as Hugging Face names it; None by word
    long_texts: str = "cut"  # or window, as in `Task`


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the plan."""

    name: str
    value: Value
    why: str
    evidence: Mapping[str, Value] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)  # alternative -> why not
    source: str = ""  # what it rests on: a measurement of this run, one of the project, or a paper


@dataclass(frozen=True, slots=True)
class Settings:
    """What the plan decided, typed; names as in the run file."""

    technique: str
    pooling: str  # mean, siamese for pairs read apart, cls, or token for each word
    options: Mapping[str, Value]  # of the technique's own Config
    learning_rate: float  # peak, of the body
    head_learning_rate: float
    num_train_epochs: float
    per_device_train_batch_size: int
    max_seq_length: int  # tokens
    warmup_steps: int
    weight_decay: float
    precision: str  # fp32 or bf16
    attention: str  # sdpa (fused) or eager (plain)
    dropout: bool  # the base's own, while training
    rates: str = "flat"  # a name on that shelf, as the next two; options that a policy does not have are None
    lr_scheduler_type: str = "linear"
    staging: str = "none"
    discriminative_rates: tuple[float, ...] | None = None  # peaks, from the bottom
    layerwise_decay: float | None = None
    lora_plus_ratio: float | None = None
    num_cycles: int | None = None
    cycle_low: float | None = None  # share of the peak
    cycle_remains: float | None = None  # share of the height
    staging_by: str | None = None  # epoch, share, loss or gradient_norm
    staging_layers: int | None = None
    staging_share: float | None = None  # of the run
    staging_window: int | None = None  # steps
    staging_patience: int | None = None  # windows
    staging_threshold: float | None = None  # share of the best
    eval_steps: int = 0  # optimizer steps between two looks at the hold-out sets; 0 is an epoch
    early_stopping_patience: int = 0  # looks without a gain on dev after which training stops; 0 is never
    retention: str = "none"  # or a name on the shelf of retentions
    retention_weight: float = 0.0
    retention_temperature: float = 2.0  # retention kl
    general_file: str = "en"  # one text a line; en or es are the sentences that ship
    class_weights: str | None = None  # none, balanced or effective; None where the kind of task has no such option
    loss: str | None = None  # cross_entropy or focal; None as above
    focal_gamma: float | None = None  # loss focal
    long_texts: str | None = None  # cut or window; None where rows are pairs, or words, which have windows of their own
    new_tokens: int = 0  # at most, of words of the domain that the base's tokenizer breaks
    special_tokens: str = "none"  # marks of the texts that become tokens, parted by commas
    adapt_file: str = "none"  # unlabelled texts that the base is adapted to first: a file, a folder, or train
    adapt_steps: int | None = None  # at most; None where it is adapted to nothing, as the next
    adapt_technique: str | None = None  # a name on the shelf of techniques: what of the base is trained then
    adapt_learning_rate: float | None = None  # peak
    adapt_masking: str | None = None  # uniform, or terms: these are masked more often
    adapt_term_rate: float | None = None  # share of the terms that is masked; None where masking is uniform
    adapt_other_rate: float | None = None  # share of the other words, or of all where masking is uniform
    frequency_file: str | None = None  # counts of general words that terms are told from; none: those that ship
    balancing: str = "none"  # or a name on the shelf of balancers
    balancing_share: float | None = None  # of the largest class's rows, which each class gets; None where none is asked
    glossary_file: str | None = None  # terms beside those that are mined; none, or None where none are sought
    augmentation: str = "none"  # or a name on the shelf of augmenters; the next are None where it is none
    augment_share: float | None = None  # synthetic rows by rows of the files, at most, in every class
    augment_model: str | None = None  # a hub id or a folder, or the endpoint's name for it; base is the base itself
    augment_endpoint: str | None = None  # address of an OpenAI-compatible endpoint; none: the model is read here
    augment_requests: int | None = None  # sent to the endpoint, at most
    augment_tokens: int | None = None  # that the endpoint reads and writes, at most
    augment_protected: str | None = None  # words and phrases that are left as they are, with commas between


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a technique is expected to gain and to cost, before any is trained."""

    technique: str
    gain: (
        "Score | None"  # over a head on the frozen base, points of macro F1, 95% for one more set; None of under three
    )
    ahead: "Score | None"  # the same over the planned technique; None for that one too
    sets: int  # that the gain is of
    costs: Mapping[str, float]  # as the plan's estimates


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, and why."""

    base: Base
    settings: Settings
    choices: tuple[Choice, ...]  # one for each setting, with its reason
    estimates: Mapping[str, float]  # trainable (parameters), memory, disk, size (bytes), seconds, latency (seconds)
    layers: tuple[LayerScore, ...]
    facts: Facts
    notes: tuple[str, ...] = ()  # what the measurements say beside the choices
    forecasts: tuple[Forecast, ...] = ()  # of techniques that were measured on such tasks, the best first


# ---------------------------------------------------------------- prepare


@dataclass(frozen=True, slots=True)
class Fertility:
    """How texts break into tokens with two tokenizers: running words, signs left out, as a profile counts them."""

    words: int
    before: float  # tokens a word
    after: float
    tokens: tuple[int, int]  # of the running texts, before and after, signs and all

    @property
    def saved(self) -> float:
        """Share of the tokens a word that are no longer needed."""
        return 1 - self.after / self.before


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """New tokens for a tokenizer, and what they were chosen by."""

    family: str  # the module on the shelf of vocabularies
    tokens: tuple[str, ...]  # as the tokenizer writes them, in the order of their new ids
    terms: int  # of them, the first ones, come from the glossary
    held: tuple[int, int]  # tokens of held-out words, without and with as many, learned from the other words


@dataclass(frozen=True, slots=True)
class Prepared:
    """The base with a domain's words as tokens, on disk, and what that saves."""

    folder: str  # inside the run folder; '' where no token was worth its row and the base stays as it was
    tokens: tuple[str, ...]  # as the tokenizer writes them, those first that save most
    texts: int  # that they were learned from
    fertility: Fertility  # of the rows that choices are made on
    initializer: str  # a name on that shelf
    marks: tuple[str, ...] = ()  # special tokens
    given: int = 0  # of the tokens, those that a glossary asked for
    findings: tuple[Finding, ...] = ()  # about the glossary and the texts
    seconds: float = 0.0
    general: Fertility | None = None  # of the general sentences that ship, in the language of the texts or English


# ---------------------------------------------------------------- augment


@dataclass(frozen=True, slots=True)
class Question:
    """What a language model is asked for. Made by an augmenter, never stored."""

    text: str  # for a chat its message; for a model that goes on with texts, their beginning; else the text to fill in
    rules: str = ""  # for a chat
    sample: int = 0  # the same question may be asked several times
    blanks: tuple[tuple[int, int], ...] = ()  # characters of the text in whose place other words are wanted
    barred: frozenset[str] = frozenset()  # words in lower case that may not be put there


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    text: str
    fault: str = ""  # why there is none


Ask = Callable[[Sequence[Question]], Sequence[Answer]]  # an answer each, in their order; fewer where a cap is reached


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may join the training rows, before it is checked."""

    row: Row
    sources: tuple[int, ...]  # places of the rows that it was made from
    fault: str = ""  # why it cannot be used, where that is known already


@dataclass(frozen=True, slots=True)
class Augmented:
    """Rows that a model wrote, those that passed every check, and whether they help."""

    augmenter: str  # a name on that shelf
    asked: int  # rows asked for: those kept and those rejected
    rejected: Mapping[str, int]  # by reason, in the order of the checks
    rows: tuple[Row, ...]  # kept, with their origin
    window: tuple[float, float]  # cosine with the nearest source that was asked for, least and most
    probe: float  # share of the training rows that the probe of labels has right, each without itself
    judged: str  # rows that the next three are of: dev, or train, each without itself, where there is no dev
    without: "Score"  # main score of a linear head on the frozen base, trained on the rows of the files
    beside: "Score"  # the same with the kept rows beside them
    gain: "Score"  # the second less the first
    used: bool  # the kept rows are trained on: there are some, and nothing was lost
    requests: int = 0  # to an endpoint, as the next two
    tokens: int = 0  # read and written; where it did not say so, the most that it can have been
    cached: int = 0  # answers that were paid for before
    stopped: str = ""  # why fewer rows were asked for than wanted
    seconds: float = 0.0


# ---------------------------------------------------------------- balance


@dataclass(frozen=True, slots=True)
class Balanced:
    """Rows of rare classes that training sees once more."""

    method: str  # a name on the shelf of balancers
    before: Mapping[str, int]  # rows of each class in train
    after: Mapping[str, int]
    clusters: Mapping[str, int]  # groups that a class's rows fell into, of those that rows are added to
    added: tuple[int, ...]  # places in train, repeats allowed
    seconds: float = 0.0


# ---------------------------------------------------------------- adapt


@dataclass(frozen=True, slots=True)
class Adapted:
    """The base after it read unlabelled texts of the domain, on disk, and what that gained."""

    folder: str  # inside the run folder
    source: str  # as the plan names it
    windows: int  # stretches of the texts that were trained on
    held_out: int  # texts that were not
    steps: int
    best_step: int  # 0 where nothing was gained and the base stayed as it was
    before: "Score"  # perplexity of masked tokens of held-out texts; a new head is fitted by then
    after: "Score"  # the same, of the same masks
    gain: "Score"  # nats a masked token
    curve: "tuple[Point, ...]"
    looks: "tuple[Look, ...]"
    stopped: str = ""  # why it ended before its last step
    texts: int = 0  # after cleaning
    new_head: bool = False  # the base had none for masked words: one was fitted, with the body frozen
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    terms: int = 0  # of the domain, that were masked more often than other words; 0 where none were
    technique: str = "full"  # what of the base was trained; what it added is merged
    trainable: int = 0  # numbers that were trained, those of the head for masked words among them


# ---------------------------------------------------------------- train


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the learning curve."""

    step: int
    loss: float  # nats, mean since the last point; with the penalty of a retention
    rates: Mapping[str, float]  # learning rate of each parameter group in this step; 0 while it is frozen
    dev_loss: float | None = None
    dev_accuracy: float | None = None  # the task's main score, which is the accuracy for classes
    penalty: float | None = None  # the retention's part of the loss


@dataclass(frozen=True, slots=True)
class Seen:
    """What a staged training knows after a step."""

    step: int  # steps done
    steps: int  # steps in all
    epochs: float  # passes over the rows done
    value: float  # the monitored number in this step: a loss in nats, or a gradient's norm


@dataclass(frozen=True, slots=True)
class StageChange:
    """A staged training went on to its next stage."""

    step: int  # steps that were done before it
    number: int  # of the stage that began; the first one of a run is 0
    why: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a staged training stands: all that a resumed run must know."""

    number: int = 0
    best: float | None = None  # lowest mean of a window in this stage
    waited: int = 0  # windows since
    total: float = 0.0  # sum over the window that is not full yet
    steps: int = 0  # steps in it
    changes: tuple[StageChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What one hold-out set, or an old task, said of the model at one step of its training."""

    name: str  # of the set
    step: int
    metric: str
    score: float  # more is better
    low: float  # 95% interval
    high: float
    loss: float | None  # nats; None of an old task, whose head is fitted anew in closed form
    rows: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A training row whose label looks wrong to a head that was fitted to other rows."""

    where: str  # file:line
    given: str
    likely: str  # the likeliest other class
    probability: float  # of it
    given_probability: float


@dataclass(frozen=True, slots=True)
class Trained:
    """The tuned model on disk."""

    technique: str  # of the model that was kept: head_only where `untuned` says why
    folder: str  # inside the run folder
    layout: (
        str  # sentence-transformers (with -siamese), sequence-classification, token-classification or adapter-on-base
    )
    trainable: int
    parameters: int
    seconds: float
    curve: tuple[Point, ...]
    best_step: int
    dev: "tuple[Score, ...]"
    reload_error: float  # largest difference of logits, in memory against read back from disk
    stages: tuple[StageChange, ...] = ()  # of a staged training, in order
    looks: tuple[Look, ...] = ()  # by step, the hold-out set that decides first; then those at old tasks
    stopped: str = ""  # why training ended before its last step
    task: Task = Task()  # with what was chosen for it on dev
    suspects: tuple[Suspect, ...] = ()  # the worst first
    untuned: str = ""  # why the frozen body with the linear head was kept, and not what was trained

    @property
    def remembered(self) -> dict[str, tuple[Look, Look]]:
        """Each old task before the first step, and with the body that was kept."""
        seen = {(look.name, look.step): look for look in self.looks if look.loss is None}
        first = (look for (_, step), look in seen.items() if step == 0)
        return {look.name: (look, seen[look.name, self.best_step]) for look in first}


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


# ---------------------------------------------------------------- checklist


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the answers to a case of a suite must be; what is empty is not asked for. Labels are the suite's own."""

    label: tuple[str, ...] = ()  # the answer is one of these
    not_label: tuple[str, ...] = ()  # the answer is none of these
    same_label: bool = False  # a changed text is answered as the original is
    label_changes: bool = False  # a changed text is not answered as the original is
    max_change: float | None = None  # of the probability of any label, by a change of the text
    min_change: float | None = None  # of the probability of some label
    probability: str = ""  # the label that the next four are about; 'answer' is what the original is answered with
    direction: str = ""  # increasing, decreasing, non_increasing or non_decreasing, from the original on
    tolerance: float = 0.0  # how far a probability may go the wrong way, or must go the right way
    at_least: float | None = None
    at_most: float | None = None
    ignore: tuple[str, ...] = ()  # cases whose original is answered with one of these do not count


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked in one go: a text, or an original and what was made of it."""

    texts: tuple[Text, ...]  # the original first
    label: str = ""  # of this case alone; '' where the test says what is expected


@dataclass(frozen=True, slots=True)
class SuiteTest:
    """One test of a suite, before its cases are made."""

    name: str
    kind: str  # MFT, one text and its answer; INV, changes that change nothing; DIR, changes with a direction
    capability: str
    expect: Expectation
    about: str = ""
    language: str = ""
    severity: str = "major"  # critical, major or minor
    max_failure_rate: float = 1.0  # above which the gate fails; 1 is no gate
    most: int = 100  # cases
    seed: int = 0
    templates: tuple[str, ...] = ()
    pair: str = ""  # template of the second text of a pair
    changed: tuple[str, ...] = ()  # templates of changed texts, filled as the original is
    texts: tuple[str, ...] = ()  # originals that need no filling
    rows: bool = False  # originals are texts of the user's
    cases: tuple[Case, ...] = ()  # given whole
    perturb: tuple[tuple[str, Mapping[str, Any]], ...] = ()  # names on that shelf and their options; each is a text


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests of what a model does, as its author wrote them."""

    name: str
    version: str
    labels: Mapping[str, str]  # the suite's labels and what they mean
    lexicons: Mapping[str, tuple[tuple[str, ...], ...]]  # entries, each of one or more forms of one thing
    tests: tuple[SuiteTest, ...]
    notes: tuple[str, ...] = ()  # what was left out in reading it


@dataclass(frozen=True, slots=True)
class Expanded:
    """The cases of one test."""

    test: SuiteTest
    cases: tuple[Case, ...]
    possible: int  # cases that the templates could be filled to, or originals that there are
    note: str = ""  # what there is to say about them


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that a model failed, and the one answer of it that is wrong."""

    texts: tuple[Text, ...]  # the text, or the original and its changed form
    wanted: str
    got: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of one test."""

    name: str
    kind: str
    capability: str
    severity: str
    max_failure_rate: float
    cases: int  # that count
    possible: int
    failed: tuple[int, ...]  # places of the cases that failed
    left_out: tuple[int, ...]  # places of cases that do not count: to be ignored, unable to fail, or of no label here
    rate: float  # failed of those that count
    low: float  # Wilson's 95% interval
    high: float
    passed: bool  # the gate
    failures: tuple[Failure, ...]  # the shortest
    skipped: str = ""  # why it was not asked at all


@dataclass(frozen=True, slots=True)
class Checklist:
    """What came of a suite."""

    suite: str
    version: str
    sha256: str  # of the cases
    tests: tuple[Tally, ...]
    notes: tuple[str, ...] = ()

    @property
    def broken(self) -> tuple[Tally, ...]:
        """The tests whose gate failed."""
        return tuple(test for test in self.tests if not test.passed)


@dataclass(frozen=True, slots=True)
class Flips:
    """Cases of one test that two models differ in."""

    name: str
    cases: int  # that count with both
    broken: tuple[int, ...]  # places of cases that the other model passed and this one fails
    fixed: tuple[int, ...]  # the other way round
    chance: float  # probability that flips are as uneven as these by chance: exact two-sided sign test


# ---------------------------------------------------------------- compress


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a model's answers when its file was made smaller."""

    drop_points: float  # of the main score
    drop_low: float  # 95% interval, as the next two
    drop_high: float
    agreement: float  # share of the answers that are the same
    agreement_low: float
    agreement_high: float
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
    drop_low: float  # 95% interval, as the next two
    drop_high: float
    agreement: float  # on the test split
    agreement_low: float
    agreement_high: float
    scores: tuple[Score, ...]  # of the chosen rung on the test split
    parity: float  # largest difference of logits, torch against ONNX fp32 read back from disk
    variants: tuple[Variant, ...]


# ---------------------------------------------------------------- probe


Layers = Callable[[Sequence[str]], np.ndarray]  # texts -> mean vectors of each layer, (n, layers + 1, hidden)
Nats = Callable[[Sequence[str]], np.ndarray]  # texts -> nats of their hidden tokens, and how many these are, (n, 2)


@dataclass(frozen=True, slots=True)
class Body:
    """An encoder in memory with what reads texts for it: a copy, which may be trained."""

    model: Any  # a torch module: token ids -> .last_hidden_state
    tokenizer: Any
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Use:
    """What a model takes in a process of its own."""

    seconds: float  # until it can be asked
    before: int  # bytes in memory before anything of it is loaded
    peak: int  # most bytes in memory at one time


@dataclass(frozen=True, slots=True)
class Masked:
    """A base's own head for masked words, on its body and on the tuned one. Never stored."""

    whose: str  # the base, or the adapted base
    before: Nats
    after: Nats


@dataclass(frozen=True, slots=True)
class Judge:
    """A model that says whether one text follows from another. Never stored."""

    name: str  # of its folder
    said: str  # how good it is, as far as its folder tells
    entails: Callable[[Sequence[tuple[str, str]]], np.ndarray]  # (a, b) -> chance that b follows from a, (n,)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a probe may look at: a model through its answers, and rows that it has not seen. Never stored.

    All but the first five may be empty: of a model that is only asked over HTTP nothing else is known.
    """

    predict: Predict
    rows: tuple[Row, ...]  # labelled, of test
    answers: np.ndarray  # of `predict` to these rows
    task: Task
    compare: Callable[[Sequence[Row], np.ndarray, np.ndarray], Change]  # rows, answers before and after
    seed: int = 0
    language: str = "?"  # of the texts: en, es or ?
    train: tuple[Row, ...] = ()  # what it learned from
    dev: tuple[Row, ...] = ()  # what choices may be made on
    perturbations: Mapping[str, Any] = field(default_factory=dict)  # that shelf: name -> module
    variant: str = ""  # which of the next two `predict` is
    opened: Mapping[str, Callable[[], Predict]] = field(default_factory=dict)  # torch, none (fp32), int8_...: opens it
    files: Mapping[str, int] = field(default_factory=dict)  # the same names -> bytes on disk
    bodies: Callable[[], tuple[Layers, Layers]] | None = None  # opens the base's body and the tuned one
    masked: Callable[[], Masked | None] | None = None  # the same with a head for masked words, where there is one
    copies: tuple[Callable[[], Body], Callable[[], Body]] | None = None  # the same two: a new copy at each call
    alone: Callable[[str, Sequence[Text]], Use] | None = None  # a name in `opened`, and texts that it answers at once
    judge: Callable[[Path], Judge] | None = None  # opens a folder with a model of entailment


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a probe."""

    name: str  # what was done or looked at
    value: float
    low: float  # 95% interval
    high: float
    unit: str  # points, share, ms, texts/s, bytes, USD, ...
    rows: int  # texts, groups or runs that stand behind it
    group: str = ""  # measures of one group are drawn and read together
    strength: float | None = None  # how much was done, or how long a text is; measures of one name are a line over it
    remark: str = ""
    along: str = "strength"  # what that is: words, layer, ...


@dataclass(frozen=True, slots=True)
class Example:
    """A case that shows what a measure means."""

    measure: str  # name of it
    where: str  # file:line of the row, or ''
    texts: tuple[Text, ...]  # the text, or the original and its changed form; never in a report
    said: str  # what the model answered, and what it should have


@dataclass(frozen=True, slots=True)
class Dimension:
    """What one probe found."""

    probe: str  # a name on that shelf
    score: "Score | None" = None  # the number that stands for all; its name says what it is
    unit: str = "share"  # of the score
    more_is_better: bool = True
    measures: tuple[Measure, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()  # what there is to say about them, one sentence each
    skipped: str = ""  # why nothing was measured
    seconds: float = 0.0
    asked: str = ""  # sha256 of the options and files that it was asked with: others are another question


@dataclass(frozen=True, slots=True)
class Probes:
    """A model in all its dimensions."""

    rows: int  # of test that were asked
    variant: str  # of the model: a name on the shelf of quantizers
    dimensions: tuple[Dimension, ...]


# ---------------------------------------------------------------- track, compare


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run as trackers and comparisons take it: names, numbers and hashes, no text of a row, no place."""

    id: str  # the same as long as training, scores and files are: who sends it twice, updates
    name: str  # of the run folder
    folder: Path  # of the run; what a tracker writes on this machine stands beside it
    data: str
    params: Mapping[str, str]  # what it was made with
    metrics: Mapping[str, float]  # stage/name, with its 95% interval as name_low and name_high; all finite
    curves: Mapping[str, tuple[tuple[int, float], ...]]  # stage/name -> step, number
    seconds: Mapping[str, float]  # by stage, in their order
    hashes: Mapping[str, str]  # sha256 of each data file and of the base's weights
    files: Mapping[str, str]  # name -> text: the report, its twin, the card and the plan
    scored: str  # sha256 of the rows that the scores are of
    dimensions: tuple[Dimension, ...]  # one number each: the task's score, sizes, times and what the probes found
    labels: tuple[str, ...] = ()  # what it answers with


@dataclass(frozen=True, slots=True)
class Compared:
    """One dimension of several runs."""

    probe: str  # of the dimension, as the next three
    name: str
    unit: str
    more_is_better: bool
    scores: tuple["Score | None", ...]  # a run each; None where it has none
    best: int | None = None  # place of the run that is surely better than all others
    unjudged: str = ""  # why none may be called better
    gain: "Score | None" = None  # points of the first run over the second, both asked the same rows; 95% interval
    base: "Score | None" = None  # of the pretrained base, where it is known


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs side by side."""

    runs: tuple[str, ...]
    dimensions: tuple[Compared, ...]
    notes: tuple[str, ...] = ()  # what must be known to read it


# ---------------------------------------------------------------- combine


@dataclass(frozen=True, slots=True)
class Merge:
    """One way of making a single adapter of several, measured."""

    method: str
    weights: tuple[float, ...]  # one for each task
    accuracy: tuple[float, ...]  # of each task's own head on its dev rows, 0 to 1
    share: float  # mean over the tasks of this accuracy / the accuracy alone
    why: str = ""  # why it could not be tried; there is no accuracy then, and the share is 0


@dataclass(frozen=True, slots=True)
class Combination:
    """Adapters of several tasks on one base."""

    base: str  # sha256 of its weights
    tasks: tuple[str, ...]
    alone: tuple[Score, ...]  # accuracy of each task with its own adapter on its dev rows
    tried: tuple[Merge, ...]
    chosen: Merge  # the one with the highest share
    notes: tuple[str, ...] = ()  # what to know of the accuracies
    merged: str = ""  # sha256 of the weights of the base with the chosen merge in them
