"""Records -> report.html, README.md (model card) and report.json: formats, never a number of its own.

All three say the same and hold no text of the user's rows: labels, places (file:line) and counts only. The page is
one file without scripts or anything fetched. Labels and file names are taken for hostile: they are escaped in HTML,
in Markdown and in YAML, and letters that turn the direction of writing are made visible.
"""

import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from afina import advice, dataview, dimensions, figures, loading, shelf, store, wording
from afina.figures import Bar, Line, Mark
from afina.grouping import HEAD
from afina.records import LayerScore, Point, Score, Trained, to_json
from afina.story import Story as Story
from afina.story import Twin, twin
from afina.svg import clean

PAGE, CARD, TWIN = "report.html", "README.md", "report.json"
SHOWN = 20  # mistakes, and labels that look wrong, on the page; more of them are in the twin
HEAT = 30  # classes up to which the confusion matrix is drawn
CONFUSIONS = 15  # listed where it is not
BUNDLED = "sentence-transformers/all-MiniLM-L6-v2"  # the hub's name of the base 'bundled'
LIBRARIES = {  # by layout; else its own name
    "sentence-transformers-siamese": "sentence-transformers", "sequence-classification": "transformers",
    "token-classification": "transformers", "adapter-on-base": "afina",
}  # fmt: skip
METRICS = {  # names on the hub
    "macro_f1": "f1", "micro_f1": "f1", "brier": "brier_score", "pearson": "pearsonr", "spearman": "spearmanr",
}  # fmt: skip


def write(folder: Path, story: Story) -> None:
    """Write the page, the model card and the JSON twin into the run's folder."""
    told = twin(story)
    objective, labels = shelf.load("objectives", told.data.kind), told.data.labels
    context = {
        **{name: getattr(told, name) for name in Twin.__slots__},
        "verdict": verdict(told),
        "figures": _figures(told),
        "classes": sorted(told.evaluation.classes, key=lambda one: (one.rows == 0, one.f1)),
        "confusions": _confusions(told),
        "mistakes": sorted(told.evaluation.mistakes, key=lambda one: -one[3])[:SHOWN],
        "standing": dimensions.table(told.beside) if told.beside else [],
        "ahead": dimensions.verdict(told.beside) if told.beside else "",
        "left_out": dimensions.left_out(told.beside) if told.beside else "",
        "dimension_figures": _dimensions(told),
        "foreseen": advice.foreseen(told.plan),
        "forecasts": (advice.FORECAST, advice.forecasts(told.plan)),
        "done": dataview.done(told.data.findings),
        "length_caption": dataview.length_caption(told.profile, told.plan, told.trained),
        "suspects": told.trained.suspects[:SHOWN],
        "described": objective.describe(labels, "pairs of texts" if told.data.columns.pair else "texts"),
        "size": objective.size(labels),
        "limits": objective.limits(labels),
        "probed": objective.PROBED,
        "counted": objective.COUNTED,
        "sure": objective.SURE,
        "loss_unit": objective.LOSS_UNIT,
        "choosing": "dev" if told.data.rows["dev"] else "the training rows",
        "probe": max(told.plan.layers, key=lambda one: one.value, default=None),
        "evident": max((o for o in told.plan.layers if o.evidence is not None), key=_evidence, default=None),
        "main": _main(told.evaluation.scores),
        "rival": _rival(told),
        "run": shlex.quote(clean(folder.resolve().name)),
        "loading": loading.code(
            told.trained.layout,
            clean(told.trained.folder),
            told.data.columns.pair is not None,
            objective.USE.format(thresholds=[round(one, 4) for one in told.trained.task.thresholds]),
        ),
        "front_matter": Markup(_front_matter(told)),  # noqa: S704  (YAML, written by its own library)
    }
    jinja = environment()
    store.write_text(folder / TWIN, to_json(told) + "\n")
    store.write_text(folder / CARD, jinja.get_template("card.md").render(context))
    store.write_text(folder / PAGE, jinja.get_template(PAGE).render(context))


def verdict(told: Twin) -> str:
    """The whole run in one or two sentences."""
    result, small = told.evaluation, told.compressed
    held_out = f"{result.rows:,} unseen test rows" if result.split == "test" else f"{result.rows:,} {result.split} rows"
    size = shelf.load("objectives", told.data.kind).size(told.data.labels)
    parts = [f"{told.data.name}: {size}, {told.data.rows['train']:,} training rows."]
    main, rival = _main(result.scores), _rival(told)
    if main is not None:
        parts.append(f"{wording.sentence(wording.word(main.name))} {wording.interval(main)} on {held_out};")
    if main is not None and rival is not None:
        reaches = "reaches" if main.value > rival[1].value else "does as well or better:"
        parts.append(f"the best baseline, {wording.word(rival[0])}, {reaches} {wording.number(rival[1].value)};")
    change = f"{'gains' if small.drop_points < 0 else 'loses'} {abs(small.drop_points):.1f} points"
    if small.ratio > 1.05:
        parts.append(f"the {wording.word(small.rung)} model is {small.ratio:.2f}x smaller and {change}.")
    else:
        parts.append("no smaller model kept its answers, so the full-size one is taken.")
    return " ".join(parts)


def _main(scores: Sequence[Score]) -> Score | None:
    """The score that the page is about: the first."""
    return scores[0] if scores else None


def _rival(told: Twin) -> tuple[str, Score] | None:
    """The best baseline by the main score."""
    main = _main(told.evaluation.scores)
    known = [
        (name, s) for name, scores in told.evaluation.baselines.items() for s in scores if main and s.name == main.name
    ]
    return max(known, key=lambda pair: pair[1].value, default=None)


def _confusions(told: Twin) -> list[tuple[str, str, int]]:
    """Most frequent first: true label, predicted label, rows."""
    labels = told.data.labels
    rows = enumerate(told.evaluation.confusion)
    found = [(labels[i], labels[j], n) for i, row in rows for j, n in enumerate(row) if i != j and n]
    return sorted(found, key=lambda one: -one[2])[:CONFUSIONS]


def _figures(told: Twin) -> dict[str, Markup]:
    """The page's figures by name; '' where there is nothing to draw."""
    plan, result, small = told.plan, told.evaluation, told.compressed
    objective = shelf.load("objectives", told.data.kind)
    taken = {v.rung: "a" if v.rung == small.rung else "c" for v in small.variants}
    sizes = [Bar(wording.word(v.rung), v.bytes, wording.size(v.bytes), style=taken[v.rung]) for v in small.variants]
    latencies = [
        Bar(wording.word(v.rung), v.latency_ms, wording.milliseconds(v.latency_ms), style=taken[v.rung])
        for v in small.variants
    ]
    times = [Bar(stage, seconds, wording.time(seconds)) for stage, seconds in told.seconds.items()]
    drawn = {
        "classes": dataview.classes(told.profile, told.data.class_rows, objective.COUNTED),
        "lengths": dataview.lengths(told.profile, plan),
        "distances": figures.dots(
            "Distance from the reference", "Dots with 95% intervals.", dataview.dots(told.profile)
        ),
        "layers": figures.lines(
            f"{wording.sentence(objective.PROBED)} of a linear head on each frozen layer",
            "Lines with 95% bands.",
            _probed(plan.layers),
            "layer",
        ),
        "forecasts": dataview.forecasts(plan),
        **_curves(told.trained),
        "dimensions": dimensions.overview(told.beside) if told.beside else "",
        "scores": figures.bars("Score beside the baselines", "Bars with 95% intervals.", _scores(told)),
        "heat": _heat(told) if len(told.data.labels) <= HEAT else "",
        "reliability": figures.reliability("Reliability diagram", "Accuracy by confidence.", result.reliability),
        "sizes": figures.bars("Size of each model file", "Bars.", sizes),
        "latencies": figures.bars("Latency of one text", "Bars.", latencies),
        "seconds": figures.bars("Time of each stage", "Bars.", times),
    }
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704  (figures escapes what it is given)


def _evidence(one: LayerScore) -> float:
    return one.evidence or 0.0


def _dimensions(told: Twin) -> dict[str, list[tuple[str, Markup]]]:
    """Each dimension's figures with their captions."""
    probes = told.probes.dimensions if told.probes else ()
    return {
        one.probe: [(caption, Markup(svg)) for caption, svg in dimensions.drawn(one)]  # noqa: S704  (escaped there)
        for one in probes
    }


def _probed(layers: Sequence[LayerScore]) -> list[Line]:
    kinds = sorted({one.pooling for one in layers}, reverse=True)  # mean before cls
    chosen = {kind: [one for one in layers if one.pooling == kind] for kind in kinds}
    return [
        Line(
            wording.word(kind),
            tuple((o.layer, o.value) for o in ones),
            tuple((o.layer, o.low, o.high) for o in ones),
        )
        for kind, ones in chosen.items()
    ]


def _curves(trained: Trained) -> dict[str, str]:
    curve, best = trained.curve, trained.best_step
    first = trained.looks[0].name if trained.looks else "dev"  # the set that is looked at first
    loss = Line("train loss", tuple((p.step, p.loss) for p in curve))
    held = Line("of it, retention", tuple((p.step, p.penalty) for p in curve if p.penalty is not None))
    dev_loss = Line(
        "loss on all rows" if first == "train" else f"{first} loss",
        tuple((p.step, p.dev_loss) for p in curve if p.dev_loss is not None),
    )
    body, head = _rates(curve)
    marks = [Mark(best, "the model that was kept")]
    marks += [Mark(change.step, f"stage {change.number + 1}, {change.why}", "turn") for change in trained.stages]
    says, looks = "A line a group of parameters.", "A line a set, 95% bands."
    unit = f"In {shelf.load('objectives', trained.task.kind).LOSS_UNIT}."
    return {
        "loss": figures.lines("Loss while training", unit, [loss, dev_loss, held], "step", True, marks),
        "accuracy": figures.lines("Score while training", looks, _looks(trained), "step", marks=marks),
        "rate": figures.lines("Learning rates of the body while training", says, body, "step", True, marks),
        "head_rate": figures.lines("Learning rate of the head while training", says, head, "step", True, marks),
    }


def _rates(curve: Sequence[Point]) -> tuple[list[Line], list[Line]]:
    """A line a group, the body's and the head's, which differ by too much for one axis."""
    names = dict.fromkeys(name for point in curve for name in point.rates)
    drawn = {n: Line(n, tuple((p.step, p.rates[n]) for p in curve if n in p.rates)) for n in names}
    return [one for name, one in drawn.items() if name != HEAD], [drawn[HEAD]] if HEAD in drawn else []


def _looks(trained: Trained) -> list[Line]:
    """A line a hold-out set."""
    names = dict.fromkeys(look.name for look in trained.looks)
    sets = {name: [look for look in trained.looks if look.name == name] for name in names}
    return [
        Line(
            f"{wording.word(seen[0].metric)}, {'old task ' if seen[0].loss is None else ''}{name}",
            tuple((look.step, look.score) for look in seen),
            tuple((look.step, look.low, look.high) for look in seen),
        )
        for name, seen in sets.items()
    ]


def _scores(told: Twin) -> list[Bar]:
    main = _main(told.evaluation.scores)
    own = [
        ("this model", told.evaluation.scores, "a"),
        (wording.word(told.compressed.rung), told.compressed.scores, "b"),
    ]
    others = [(wording.word(name), scores, "c") for name, scores in told.evaluation.baselines.items()]
    return [
        Bar(name, score.value, wording.interval(score), score.low, score.high, style)
        for name, scores, style in own + others
        for score in scores
        if main and score.name == main.name
    ]


def _heat(told: Twin) -> str:
    says = "Rows: true classes. Columns: predicted classes. The shade is the share of the row."
    return figures.heat("Confusion matrix", says, told.data.labels, told.evaluation.confusion)


def _front_matter(told: Twin) -> str:
    """The card's metadata as the hub reads it."""
    result, base = told.evaluation, told.plan.base.name
    name = clean(told.data.name)
    metrics = [
        {
            "type": METRICS.get(score.name, score.name),
            "value": score.value,
            "name": f"{wording.word(score.name)} {wording.interval(score)}",
        }
        for score in result.scores
        if math.isfinite(score.value)
    ]
    dataset = {"name": name, "type": re.sub(r"[^\w.-]+", "-", name) or "data", "split": result.split}
    pipeline = shelf.load("objectives", told.data.kind).PIPELINE
    task = {"type": pipeline, "name": pipeline.replace("-", " ").title()}
    known = {
        "language": [told.profile.language] if told.profile.language != "?" else None,
        "library_name": LIBRARIES.get(told.trained.layout, told.trained.layout),
        "pipeline_tag": pipeline,
        "base_model": BUNDLED if base == "bundled" else base if "/" in base else None,
        "tags": ["afina"],
        "metrics": list(dict.fromkeys(str(metric["type"]) for metric in metrics)),
        "model-index": [{"name": name, "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}],
    }
    return yaml.safe_dump({key: one for key, one in known.items() if one}, sort_keys=False, allow_unicode=True)


def environment() -> Environment:
    """The templates, with the filters that they use."""
    jinja = Environment(
        loader=PackageLoader("afina"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda one: clean(one) if type(one) is str else one,
    )
    filters: dict[str, Any] = {"md": lambda text: wording.markdown(clean(str(text))), "as_label": dimensions.label}
    numbers = "recalled number interval count share size time value milliseconds change odds estimate measured"
    for name in ("word", "sentence", "saved", "balanced", "augmented", *numbers.split()):
        filters[f"as_{name}"] = getattr(wording, name)
    jinja.filters.update(filters)
    return jinja
