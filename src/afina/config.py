"""The run file: small frozen models, one a stage. Unknown keys are errors with "did you mean".

Every key may be given in its section (`train: {learning_rate: 1e-4}`), dotted (`train.learning_rate=1e-4`),
or alone (`learning_rate=1e-4`, `lr=1e-4`): key names are unique over all sections. Hugging Face's names are
the canonical ones; common aliases are accepted and the canonical name is stored.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, create_model, field_validator

from afina import keys, shelf, yamlfile
from afina.errors import ConfigError
from afina.limits import Limits, Race


class Section(BaseModel):
    """Base of all sections: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CorpusOptions(Section):
    """Where the rows come from and how they are split."""

    train_file: str = Field(default="", description="labelled rows: CSV, TSV, JSONL, Parquet or CoNLL, also gzipped")
    dev_file: str | None = Field(default=None, description="rows for choices; cut from train where absent")
    test_file: str | None = Field(default=None, description="rows for the final scores; cut from train where absent")
    holdouts: dict[str, str] = Field(
        default={}, description="more files with the labels of train to watch while training, by name: {hard: hard.csv}"
    )
    old_tasks: dict[str, str] = Field(
        default={}, description="files with labels of their own to watch for forgetting, by name: {old: old.csv}"
    )
    text_column: str | None = Field(default=None, description="detected where absent")
    pair_column: str | None = Field(default=None, description="the second text of a pair task")
    label_column: str | None = Field(default=None, description="detected where absent")
    label_separator: str | None = Field(default=None, description="what parts several labels in one cell, e.g. ';'")
    task: str | None = Field(default=None, description="a name on the shelf of objectives; detected where absent")
    dev_share: float | None = Field(
        default=None, gt=0, lt=0.5, description="share of train cut for dev; absent: a tenth, where that is 50 rows"
    )
    test_share: float = Field(default=0.2, gt=0, lt=0.5, description="share of the file cut for test")
    cleaners: tuple[str, ...] | None = Field(
        default=None,
        description="names on that shelf, or none; all where absent. characters, empty, rare and spans always run",
    )

    @field_validator("cleaners", mode="before")
    @classmethod
    def _of_the_shelf(cls, value: Any) -> Any:
        return keys.names(value, "cleaners")


class ModelOptions(Section):
    """The pretrained base."""

    model_name_or_path: str = Field(default="bundled", description="a hub id, a folder, or 'bundled'")


class ProfileOptions(Section):
    """How the corpus is measured."""

    reference: str | None = Field(default=None, description="text file of general language, one text a line")
    sample: int = Field(default=600, ge=30, description="texts measured for distances")


Rate = Annotated[float, Field(gt=0, lt=1)]
POLICIES = {
    "rates": "rates",
    "lr_scheduler_type": "schedules",
    "staging": "stagings",
    "retention": "retentions",
    "balancing": "balancers",
}  # key -> shelf
SHELVES = {**POLICIES, "augmentation": "augmenters", "technique": "techniques", "adapt_technique": "techniques"}
MAY_BE_NONE = ("staging", "retention", "balancing", "augmentation")


class _Training(Section):
    """Choices that hold for every technique."""

    technique: str | None = Field(default=None, description="a name on the shelf of techniques")
    pooling: Literal["mean", "siamese", "cls", "token"] | None = None
    learning_rate: float | None = Field(default=None, gt=0, lt=1, description="peak rate of the body")
    head_learning_rate: float | None = Field(default=None, gt=0, lt=1)
    num_train_epochs: float | None = Field(default=None, gt=0, le=1000)
    per_device_train_batch_size: int | None = Field(default=None, ge=1)
    max_seq_length: int | None = Field(default=None, ge=8, description="tokens")
    long_texts: Literal["cut", "window"] | None = Field(default=None, description="what is read of longer texts")
    warmup_steps: int | None = Field(default=None, ge=0)
    weight_decay: float | None = Field(default=None, ge=0, lt=1)
    precision: Literal["fp32", "bf16"] | None = None
    attention: Literal["sdpa", "eager"] | None = Field(default=None, description="how it is computed, while training")
    dropout: bool | None = Field(default=None, description="the base's own, while training")
    class_weights: Literal["none", "balanced", "effective"] | None = Field(
        default=None, description="classify and multilabel"
    )
    loss: Literal["cross_entropy", "focal"] | None = Field(default=None, description="classify and multilabel")
    focal_gamma: float | None = Field(default=None, gt=0, le=10, description="loss focal: how little the easy count")
    eval_steps: int | None = Field(default=None, ge=1, description="steps between looks at the hold-out sets")
    early_stopping_patience: int | None = Field(default=None, ge=0, description="looks without a gain; 0 is never")
    rates: str | None = Field(default=None, description="a name on the shelf of rates")
    discriminative_rates: tuple[Rate, ...] | None = Field(default=None, min_length=1, description="from the bottom")
    layerwise_decay: float | None = Field(default=None, gt=0, le=1, description="a layer's rate by that of the next")
    lora_plus_ratio: float | None = Field(default=None, ge=1, description="rate of LoRA's B by that of A; lora_plus")
    lr_scheduler_type: str | None = Field(default=None, description="a name on the shelf of schedules")
    num_cycles: int | None = Field(default=None, ge=1, description="of a cyclic schedule")
    cycle_low: float | None = Field(default=None, ge=0, lt=1, description="lowest rate by the peak")
    cycle_remains: float | None = Field(default=None, gt=0, le=1, description="height left at the end; exp_range")
    staging: str | None = Field(default=None, description="a name on the shelf of stagings, or none")
    staging_by: Literal["epoch", "share", "loss", "gradient_norm"] | None = None
    staging_layers: int | None = Field(default=None, ge=1, description="layers a stage")
    staging_share: float | None = Field(default=None, gt=0, le=1, description="of the run: when the last stage begins")
    staging_window: int | None = Field(default=None, ge=1, description="steps that a monitored number is averaged over")
    staging_patience: int | None = Field(default=None, ge=1, description="windows without improvement")
    staging_threshold: float | None = Field(default=None, ge=0, lt=1, description="share that is an improvement")
    retention: str | None = Field(default=None, description="a name on the shelf of retentions, or none")
    retention_weight: float | None = Field(default=None, gt=0, description="how much the old knowledge counts")
    retention_temperature: float | None = Field(default=None, gt=0, description="retention kl")
    general_file: str | None = Field(default=None, description="general text for retention, one text a line; en, es")
    adapt_file: str | None = Field(default=None, description="texts that the base reads first: file, folder or train")
    adapt_steps: int | None = Field(default=None, ge=1, description="steps at most, on these texts")
    adapt_technique: str | None = Field(default=None, description="what of the base they train: a name on techniques")
    adapt_learning_rate: float | None = Field(default=None, gt=0, lt=1, description="peak rate on these texts")
    new_tokens: int | None = Field(default=None, ge=0, le=50_000, description="words that become tokens, at most")
    balancing: str | None = Field(default=None, description="a name on the shelf of balancers, or none; classify")
    balancing_share: float | None = Field(default=None, gt=0, le=1, description="of the largest class's rows, for each")
    special_tokens: str | None = Field(default=None, description="marks in the texts, one token each: PROTEIN,CODE")
    adapt_masking: Literal["uniform", "terms"] | None = Field(default=None, description="which words are masked more")
    adapt_term_rate: float | None = Field(default=None, gt=0, lt=1, description="share of the terms that is masked")
    adapt_other_rate: float | None = Field(default=None, gt=0, lt=1, description="share of the other words")
    frequency_file: str | None = Field(default=None, description="general words for these terms, CSV: word,count")
    glossary_file: str | None = Field(
        default=None, description="your terms, for the profile, new_tokens and adapt_masking=terms: CSV, or one a line"
    )
    augmentation: str | None = Field(default=None, description="who writes more rows: a name on augmenters, or none")
    augment_share: float | None = Field(default=None, gt=0, le=100, description="new rows for each row; more if rare")
    augment_model: str | None = Field(default=None, description="that writes them: hub id, folder or endpoint's name")
    augment_endpoint: str | None = Field(default=None, description="OpenAI-compatible: http://localhost:8000/v1")
    augment_requests: int | None = Field(default=None, ge=1, description="to the endpoint, at most")
    augment_tokens: int | None = Field(default=None, ge=1, description="read and written there, at most")
    augment_protected: str | None = Field(default=None, description="words to leave alone: 'refund, credit card'")

    @field_validator("special_tokens", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """[PROTEIN, CODE] is a list to YAML."""
        return ",".join(map(str, value)) if isinstance(value, list) else value

    @field_validator(*SHELVES)
    @classmethod
    def _on_its_shelf(cls, name: str | None, info: ValidationInfo) -> str | None:
        """Raises ConfigError, which is shown as it is, with the nearest name."""
        field = str(info.field_name)
        if name is not None and (field, name) not in {(one, "none") for one in MAY_BE_NONE}:
            shelf.check(SHELVES[field], name)
        return name


_TechniqueOptions: Any = create_model("_TechniqueOptions", __base__=Section, **keys.fields())


class TrainOptions(_TechniqueOptions, _Training, Limits, Race):
    """Choices that override the plan. What is absent, the plan decides."""


class CompressOptions(Section):
    """What may be lost for a smaller model."""

    max_drop_points: float = Field(default=0.5, ge=0, description="accuracy on dev, in points")


_ProbeOptions: Any = create_model("_ProbeOptions", __base__=Section, **keys.fields("probes"))


class ProbeOptions(_ProbeOptions):
    """How the finished model is looked at."""

    probes: tuple[str, ...] | None = Field(default=None, description="names on that shelf, or none; all where absent")
    probe_rows: int = Field(default=500, ge=1, description="rows of test that are asked, at most")
    suite: str | None = Field(default=None, description="a behavioural suite to put too: medicine, law, or a file")
    suite_labels: str | None = Field(default=None, description="YAML: SUITE_LABEL: the model's")

    @field_validator("probes", mode="before")
    @classmethod
    def _of_the_shelf(cls, value: Any) -> Any:
        return keys.names(value, "probes")


class Run(Section):
    """A whole run file."""

    seed: int = Field(default=0, ge=0, lt=2**32)  # what NumPy takes
    output_dir: str | None = Field(default=None, description="the run folder; runs/<name of the data> where absent")
    champion: str | None = Field(default=None, description="folder of a finished run to beat: it stands in the report")
    trackers: tuple[str, ...] = Field(default=(), description="who is sent the finished run: names on that shelf")
    corpus: CorpusOptions = CorpusOptions()
    model: ModelOptions = ModelOptions()
    profile: ProfileOptions = ProfileOptions()
    train: TrainOptions = TrainOptions()
    compress: CompressOptions = CompressOptions()
    probe: ProbeOptions = ProbeOptions()

    @field_validator("trackers", mode="before")
    @classmethod
    def _of_the_shelf(cls, value: Any) -> Any:
        return keys.names(value, "trackers")


def read(path: Path, overrides: Iterable[str] = ()) -> Run:
    """The run file at `path` with `key=value` overrides on top. Raises ConfigError, all problems at once."""
    return build(yamlfile.read(path), overrides, path.name)


def build(content: Mapping[str, Any], overrides: Iterable[str] = (), origin: str = "the command line") -> Run:
    """A run from nested or flat keys. Raises ConfigError, with the nearest key for a misspelt one."""
    nested: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping) and key in _sections():
            for name, inner in value.items():
                _put(nested, f"{key}.{name}", inner, origin)
        else:
            _put(nested, str(key), value, origin)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"{override!r} is not an override", f"write key=value, e.g. {key or 'seed'}=1")
        _put(nested, key.strip(), _value(text, override), origin)
    try:
        return Run.model_validate(nested)
    except ValidationError as error:
        raise ConfigError(
            f"{origin} has {error.error_count()} wrong value(s): {keys.problems(error)}", keys.correction(error)
        ) from None


def dump(run: Run) -> str:
    """The whole run as YAML, no default hidden."""
    return yaml.safe_dump(run.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def template() -> str:
    """A run file with every key, its default and what it means, all commented out but the data file."""
    lines = ["# A run file for afina: uncomment what you want to decide yourself; the plan decides the rest.", ""]
    for name, field in Run.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            lines.append(f"{name}:" if name == "corpus" else f"# {name}:")
            for key, option in inner.model_fields.items():
                mark = "  " if key == "train_file" else "#   "
                value = "data.csv" if key == "train_file" else _shown(option.default)
                lines.append(f"{mark}{key}: {value}" + (f"  # {option.description}" if option.description else ""))
        else:
            lines.append(f"# {name}: {_shown(field.default)}")
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    return str(yaml.safe_dump(value)).partition("\n")[0] if value is not None else "null"


def _sections() -> dict[str, type[Section]]:
    fields = Run.model_fields.items()
    return {n: f.annotation for n, f in fields if isinstance(f.annotation, type) and issubclass(f.annotation, Section)}


def _keys() -> dict[str, str]:
    """Every key by its short and its dotted name, aliases too -> its dotted name."""
    known = {name: name for name in Run.model_fields if name not in _sections()}
    for section, model in _sections().items():
        for name in model.model_fields:
            known[name] = known[f"{section}.{name}"] = f"{section}.{name}"
    for alias, name in keys.ALIASES.items():
        dotted = known[name]
        known[alias] = known[f"{dotted.rpartition('.')[0]}.{alias}".lstrip(".")] = dotted
    return known


def _put(nested: dict[str, Any], key: str, value: Any, origin: str) -> None:
    known, last = _keys(), key.rpartition(".")[2]
    if key not in known:
        inside = [name for name in known if name.startswith(f"{key}.")]  # of a section that was given one value
        near = inside or get_close_matches(key, [*known, *_sections()], n=1) or get_close_matches(last, known, n=1)
        fix = f"did you mean {near[0]!r}?" if near else "'afina init' writes a file with every key"
        raise ConfigError(f"{origin}: there is no key {key!r}", keys.ELSEWHERE.get(last, fix))
    section, _, name = known[key].rpartition(".")
    target = nested.setdefault(section, {}) if section else nested
    target[name] = value


def _value(text: str, override: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"the value of {override!r} cannot be read", "put quotes around it") from None
