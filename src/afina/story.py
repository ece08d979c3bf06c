"""What a finished run has to say, with the rows (`Story`) and without them (`Twin`)."""

import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata

from afina import __version__
from afina.records import (
    Adapted,
    Augmented,
    Balanced,
    Columns,
    Comparison,
    Compressed,
    Corpus,
    Evaluation,
    Finding,
    Plan,
    Prepared,
    Probes,
    Profile,
    Source,
    Trained,
)
from afina.wording import portable

LIBRARIES = ("numpy", "onnxruntime", "tokenizers", "torch", "transformers", "peft", "scikit-learn")


def versions() -> dict[str, str]:
    """Of this package, Python and the libraries that are installed."""
    found = {"afina": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True, slots=True)
class Story:
    """Everything a finished run has to say."""

    corpus: Corpus
    profile: Profile
    plan: Plan
    trained: Trained
    evaluation: Evaluation
    compressed: Compressed
    seconds: Mapping[str, float]  # by stage
    versions: Mapping[str, str] = field(default_factory=versions)
    date: str = ""  # as it shall stand on the page
    prepared: Prepared | None = None  # where it was asked for, as the next three
    augmented: Augmented | None = None
    balanced: Balanced | None = None
    adapted: Adapted | None = None
    probes: Probes | None = None  # where any was asked
    beside: Comparison | None = None  # the run beside its champion and its base


@dataclass(frozen=True, slots=True)
class Data:
    """A corpus without its rows."""

    name: str
    columns: Columns
    labels: tuple[str, ...]
    rows: Mapping[str, int]  # by split
    split: str
    findings: tuple[Finding, ...]
    sources: tuple[Source, ...]
    kind: str = "classify"  # of the task
    class_rows: Mapping[str, Mapping[str, int]] = field(
        default_factory=dict
    )  # split -> class or label -> rows; no scores


@dataclass(frozen=True, slots=True)
class Twin:
    """What report.json holds: the records themselves, but for the rows."""

    data: Data
    profile: Profile
    plan: Plan
    trained: Trained
    evaluation: Evaluation
    compressed: Compressed
    seconds: Mapping[str, float]  # by stage
    versions: Mapping[str, str]
    date: str
    prepared: Prepared | None = None
    augmented: Augmented | None = None  # without its rows
    balanced: Balanced | None = None  # without the places of rows
    adapted: Adapted | None = None
    probes: Probes | None = None  # without the texts of examples
    beside: Comparison | None = None  # the run beside its champion and its base


FILES = ("general_file", "adapt_file", "frequency_file", "glossary_file", "augment_model")  # settings that may name one


def without_places(plan: Plan) -> Plan:
    """The plan without places on this machine."""
    named = {key: getattr(plan.settings, key) for key in FILES}
    files = {key: portable(name) for key, name in named.items() if name is not None}
    if plan.settings.augment_endpoint is not None:
        files["augment_endpoint"] = "an endpoint"  # where it stands concerns nobody else
    settings = replace(plan.settings, **files)  # type: ignore[arg-type]
    choices = (replace(c, value=files.get(c.name, c.value)) for c in plan.choices)
    base = replace(plan.base, name=portable(plan.base.name))
    return replace(plan, base=base, settings=settings, choices=tuple(choices))


def twin(story: Story) -> Twin:
    """The story without rows and without places on this machine."""
    corpus, plan = story.corpus, story.plan
    splits = {"train": corpus.train, "dev": corpus.dev, "test": corpus.test}
    counts = {name: len(rows) for name, rows in splits.items()}
    sources = tuple(replace(source, file=portable(source.file)) for source in corpus.sources)
    labels, kind = corpus.labels, corpus.kind
    by_class = {split: dict(Counter(name for row in rows for name in row.names)) for split, rows in splits.items()}
    data = Data(corpus.name, corpus.columns, labels, counts, corpus.split, corpus.findings, sources, kind, by_class)
    return Twin(
        data,
        replace(story.profile, reference=portable(story.profile.reference)),
        without_places(plan),
        story.trained,
        story.evaluation,
        story.compressed,
        dict(story.seconds),
        dict(story.versions),
        story.date,
        story.prepared,
        story.augmented and replace(story.augmented, rows=()),
        story.balanced and replace(story.balanced, added=()),
        story.adapted and replace(story.adapted, source=portable(story.adapted.source)),
        story.probes and _without_texts(story.probes),
        story.beside,
    )


def _without_texts(probes: Probes) -> Probes:
    """Examples with their place and answer alone: texts may be the user's, also those that a suite was given."""
    told = []
    for one in probes.dimensions:
        examples = (replace(example, texts=()) for example in one.examples)
        told.append(replace(one, examples=tuple(examples)))
    return replace(probes, dimensions=tuple(told))
