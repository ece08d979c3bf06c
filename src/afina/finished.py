"""A finished run from its records on disk: what trackers are sent, and what runs are compared by.

Nothing of it is computed here: numbers are those of the records. Texts of rows and places on this machine stay out.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import asdict, replace
from pathlib import Path

import yaml

from afina import __version__, planfile, store
from afina.errors import RecordError
from afina.records import (
    Adapted,
    Compressed,
    Corpus,
    Dimension,
    Evaluation,
    Finished,
    Look,
    Measure,
    Plan,
    Point,
    Probes,
    Score,
    Trained,
    Variant,
)
from afina.story import without_places
from afina.wording import portable

STAGES = "corpus profile plan prepare augment balance adapt train evaluate compress probe".split()
SHOWN = ("report.html", "report.json", "README.md")
UNKNOWN = math.nan  # end of an interval that nobody measured
Curves = dict[str, tuple[tuple[int, float], ...]]


def of_run(folder: Path) -> Finished:
    """What a run came to. Raises RecordError where there is none, or it is not finished."""
    run = of_records(folder)
    return replace(run, files=_files(folder) | dict(run.files))


def of_records(folder: Path) -> Finished:
    """The same of a run that has its model and not yet its report."""
    corpus = store.read_record(folder, "corpus", Corpus)
    plan = without_places(store.read_record(folder, "plan", Plan))
    trained = store.read_record(folder, "train", Trained)
    evaluation = store.read_record(folder, "evaluate", Evaluation)
    compressed = store.read_record(folder, "compress", Compressed)
    probes = store.read_record(folder, "probe", Probes) if _there(folder, "probe") else None
    adapted = store.read_record(folder, "adapt", Adapted) if _there(folder, "adapt") else None
    dimensions = _dimensions(trained, evaluation, compressed, probes)
    rows = corpus.test if evaluation.split == "test" else corpus.choosing
    curves = _curves("train", trained.curve, trained.looks)
    curves |= _curves("adapt", adapted.curve, adapted.looks) if adapted else {}
    numbers = _metrics(trained, evaluation, compressed, probes, adapted)
    return Finished(
        id=hashlib.sha256(b"".join(_record(folder, name) for name in ("train", "evaluate", "compress"))).hexdigest(),
        name=folder.resolve().name,
        folder=folder,
        data=corpus.name,
        params=_params(folder, corpus, plan, evaluation),
        metrics=_finite(numbers, dimensions, curves),
        curves=curves,
        seconds={name: json.loads(_record(folder, name))["seconds"] for name in STAGES if _there(folder, name)},
        hashes={portable(one.file): one.sha256 for one in corpus.sources} | {"base": plan.base.sha256},
        files={planfile.NAME: planfile.text(plan)},
        scored=store.fingerprint(sorted(repr((row.texts, row.target)) for row in rows)),
        dimensions=dimensions,
        labels=corpus.labels,
    )


def key(*parts: str) -> str:
    """A metric's name that trackers take: parts with '/' between, signs that they refuse as '_'.

    >>> key("evaluate", "tfidf", "macro_f1"), key("probe", "a/b", "50% of {x}"), key("x", "..")
    ('evaluate/tfidf/macro_f1', 'probe/a_b/50_ of _x_', 'x/_')
    """
    return "/".join(re.sub(r"[^\w .:-]", "_", part).strip(" .")[:60] or "_" for part in parts)


def _there(folder: Path, name: str) -> bool:
    return (folder / store.RECORDS / f"{name}.json").is_file()


def _record(folder: Path, name: str) -> bytes:
    return (folder / store.RECORDS / f"{name}.json").read_bytes()


def _files(folder: Path) -> dict[str, str]:
    """What the report stage wrote last. Raises RecordError where it did not come so far."""
    missing = [name for name in SHOWN if not (folder / name).is_file()]
    if missing:
        fix = "give the folder of a finished run, or run the command that made this one again"
        raise RecordError(f"{folder} holds no finished run: {missing[0]} is missing", fix)
    return {name: (folder / name).read_text(encoding="utf-8") for name in SHOWN}


def _params(folder: Path, corpus: Corpus, plan: Plan, evaluation: Evaluation) -> dict[str, str]:
    """Settings of the plan under the run file's keys, and what they were applied to."""
    settings = {name: value for name, value in asdict(plan.settings).items() if name != "options"}
    own = {f"{plan.settings.technique}_{name}": value for name, value in plan.settings.options.items()}
    counts = {f"{split}_rows": len(getattr(corpus, split)) for split in ("train", "dev", "test")}
    about = {"data": corpus.name, "task": corpus.kind, "labels": len(corpus.labels), "split": evaluation.split}
    base = {"model_name_or_path": plan.base.name, "seed": _seed(folder), "afina": __version__}
    known = {**about, **counts, **base, **settings, **own}
    return {name: str(value) for name, value in known.items() if value is not None}


def _seed(folder: Path) -> int | None:
    try:
        known = yaml.safe_load((folder / "run.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return None
    return known.get("seed") if isinstance(known, dict) else None


def _dimensions(
    trained: Trained, evaluation: Evaluation, compressed: Compressed, probes: Probes | None
) -> tuple[Dimension, ...]:
    """The numbers that stand for the run, the task's first. A time without an interval was measured once."""
    taken = next((one for one in compressed.variants if one.rung == compressed.rung), None)
    found = [Dimension("task", one) for one in evaluation.scores[:1]]
    served = [replace(one, name=f"served_{one.name}") for one in compressed.scores[:1]]
    found += [Dimension("compress", one) for one in served]
    asked = [one for one in probes.dimensions if one.score] if probes else []
    found += [Dimension(one.probe, one.score, one.unit, one.more_is_better, asked=one.asked) for one in asked]
    if taken is not None:
        size, latency = float(taken.bytes), taken.latency_ms
        found.append(Dimension("size", Score("size", size, size, size), "bytes", False))
        if "efficiency" not in {one.probe for one in asked}:
            found.append(Dimension("latency", Score("latency", latency, UNKNOWN, UNKNOWN), "ms", False))
    took = Score("training_time", trained.seconds, UNKNOWN, UNKNOWN)
    return (*found, Dimension("train", took, "s", False))


def _metrics(
    trained: Trained, evaluation: Evaluation, compressed: Compressed, probes: Probes | None, adapted: Adapted | None
) -> Iterator[tuple[str, float]]:
    """Every number of the records that is one of a whole run, stage by stage."""
    yield from _scores(trained.dev, "train", "kept")
    yield from {"train/trainable": trained.trainable, "train/parameters": trained.parameters}.items()
    yield "train/best_step", trained.best_step
    if adapted:
        yield from _scores((adapted.before,), "adapt", "before")
        yield from _scores((adapted.after,), "adapt", "after")
    yield from _scores(evaluation.scores, "evaluate")
    for name, scores in evaluation.baselines.items():
        yield from _scores(scores, "evaluate", name)
    yield from _scores(compressed.scores, "compress")
    for name in ("ratio", "drop_points", "drop_low", "drop_high", "agreement", "agreement_low", "agreement_high"):
        yield f"compress/{name}", getattr(compressed, name)
    for variant in compressed.variants:
        yield from _variant(variant)
    for dimension in probes.dimensions if probes else ():
        for measure in dimension.measures:
            yield from _measure(dimension.probe, measure)


def _variant(one: Variant) -> Iterator[tuple[str, float]]:
    for name in ("bytes", "latency_ms", "rows_per_second", "drop_points", "agreement"):
        yield key("compress", one.rung, name), getattr(one, name)


def _measure(probe: str, one: Measure) -> Iterator[tuple[str, float]]:
    """A measure as a score: its strength is a part of its name."""
    name = one.name if one.strength is None else f"{one.name} {one.strength:g}"
    parts = [probe, one.group] if one.group and one.group != one.name else [probe]
    yield from _scores((Score(name, one.value, one.low, one.high),), "probe", *parts)


def _scores(scores: Iterable[Score], *where: str) -> Iterator[tuple[str, float]]:
    for one in scores:
        name = key(*where, one.name)
        yield from {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}.items()


def _finite(
    pairs: Iterable[tuple[str, float]], dimensions: Iterable[Dimension], curves: Iterable[str] = ()
) -> dict[str, float]:
    """All numbers and one for each dimension; what is none is left out, and no name hides another or a curve's."""
    scores = [one.score for one in dimensions if one.score]
    found: dict[str, float] = {}
    taken = set(curves)
    for name, value in (*pairs, *_scores(scores, "dimensions")):
        if math.isfinite(value):
            free = _free(name, taken)
            found[free] = float(value)
            taken.add(free)
    return found


def _free(name: str, taken: Set[str]) -> str:
    """The name, with a number behind it where it is taken: two labels may differ in a sign that trackers refuse."""
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(other for other in numbered if other not in taken)


def _curves(stage: str, points: Iterable[Point], looks: Iterable[Look]) -> Curves:
    """What was seen while a model trained, by step."""
    found: dict[str, dict[int, float]] = {}
    for point in points:
        seen = {"loss": point.loss, **{f"rate_{name}": rate for name, rate in point.rates.items()}}
        for name, value in seen.items():
            found.setdefault(key(stage, name), {})[point.step] = value
        if point.penalty is not None:
            found.setdefault(key(stage, "penalty"), {})[point.step] = point.penalty
    for look in looks:
        said = {look.metric: look.score} | ({} if look.loss is None else {"loss": look.loss})
        for name, value in said.items():
            found.setdefault(key(stage, look.name, name), {})[look.step] = value
    kept = {name: tuple((s, v) for s, v in sorted(line.items()) if math.isfinite(v)) for name, line in found.items()}
    return {name: line for name, line in kept.items() if line}
