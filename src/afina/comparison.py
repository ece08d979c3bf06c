"""Several finished runs side by side, a dimension a row: task, robustness, forgetting, size, latency, cost.

Which of them is called better, and where none is: see `aligning`.

What it does not do by itself: a paired test. Two runs on the same rows may differ surely though their intervals
overlap; that needs their answers, which `champion` asks for.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from afina import aligning, figures, finished, report, store, wording
from afina.errors import ConfigError
from afina.figures import Bar
from afina.records import Compared, Comparison, Finished, Score


def compare(folders: Sequence[Path]) -> Comparison:
    """Read and align the runs. Raises ConfigError for fewer than two, RecordError for one that is not finished."""
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < 2 or len(set(places)) < len(places):
        counted = "one run alone is named" if len(set(places)) < 2 else "a run is named twice"
        raise ConfigError(counted, "name two or more, each once: afina compare RUN RUN")
    return beside([finished.of_run(folder) for folder in folders])


def beside(runs: Sequence[Finished], gain: Score | None = None) -> Comparison:
    """The runs aligned, with what must be known to read them; `gain` as in `aligning`."""
    named = aligning.names([run.folder.resolve() for run in runs])
    return Comparison(named, aligning.aligned(runs, gain), _notes(named[0], runs, gain))


def cells(one: Compared) -> list[str]:
    """A line of the table: what it is, then each run; the best with a star."""
    marks = [" *" if place == one.best else "" for place in range(len(one.scores))]
    sign = "more is better" if one.more_is_better else "less is better"
    said = [f"{_said(score, one.unit)}{mark}" for score, mark in zip(one.scores, marks, strict=True)]
    return [_title(one), one.probe, sign, *said]


def page(record: Comparison) -> str:
    """The comparison as a page of its own: no script, nothing fetched."""
    drawn = [(_title(one), one, _figure(record.runs, one)) for one in record.dimensions]
    rows = [cells(one) for one in record.dimensions]
    template = report.environment().get_template("compare.html")
    return template.render(runs=record.runs, notes=record.notes, drawn=drawn, rows=rows)


def twin(record: Comparison) -> dict[str, Any]:
    """What `compare --json` prints: by dimension and run; null is what nobody measured."""
    told: dict[str, Any] = {"runs": list(record.runs), "notes": list(record.notes), "dimensions": []}
    for one in record.dimensions:
        scores = {run: _plain(score) for run, score in zip(record.runs, one.scores, strict=True)}
        best = None if one.best is None else record.runs[one.best]
        about = {"name": one.name, "probe": one.probe, "unit": one.unit, "more_is_better": one.more_is_better}
        told["dimensions"].append({**about, "scores": scores, "best": best})
    return told


def write(record: Comparison, file: Path) -> None:
    """Write the page. Raises ConfigError where `file` is a folder, MachineError where the disk is full or read-only."""
    if file.is_dir():
        raise ConfigError(f"{file} is a folder", f"name a file in it: {file / 'compare.html'}")
    store.write_text(file, page(record))


def _title(one: Compared) -> str:
    served = one.name.startswith("served_")
    return wording.sentence(f"{'served ' if served else ''}{wording.word(one.name.removeprefix('served_'))}")


def _notes(name: str, runs: Sequence[Finished], gain: Score | None) -> tuple[str, ...]:
    notes = []
    if len({run.scored for run in runs}) > 1:
        notes.append("The scores are of different rows, so that no run is called better by them.")
    probes = {one.probe for run in runs for one in run.dimensions}
    if any(probe in aligning.CLOCKED for probe in probes):
        said = "Times, and costs that follow from them, were taken when each run was made"
        notes.append(
            f"{said}; those of another or a busier machine do not compare, and no run is called better by them."
        )
    asked = {(one.probe, one.asked) for run in runs for one in run.dimensions if one.probe not in aligning.CLOCKED}
    if others := sorted({probe for probe in probes if sum(name == probe for name, _ in asked) > 1}):
        notes.append(f"Asked with other options or files in each run, and not judged: {', '.join(others)}.")
    notes.append("A star marks the run whose 95% interval lies beyond those of all others.")
    if gain is not None:
        served = "In the served score it marks the run that is surely better on the same rows, compared one by one"
        notes.append(f"{served}: {name} has {wording.points(gain)} there.")
    return tuple(notes)


def _said(score: Score | None, unit: str) -> str:
    """'0.938 (0.929 to 0.946)', or the number alone where it has no interval or is exact."""
    if score is None:
        return "–"
    number = wording.measured(score.value, unit)
    if not math.isfinite(score.high - score.low) or score.low == score.high:
        return number
    return f"{number} ({wording.measured(score.low, unit)} to {wording.measured(score.high, unit)})"


def _figure(runs: Sequence[str], one: Compared) -> Markup:
    known = [(place, run, score) for place, (run, score) in enumerate(zip(runs, one.scores, strict=True)) if score]
    items = [
        Bar(run, score.value, _said(score, one.unit), score.low, score.high, "a" if place == one.best else "b")
        for place, run, score in known
    ]
    svg = figures.ranges(_title(one), "Dots with 95% intervals.", items)
    return Markup(svg)  # noqa: S704  (figures escapes what it is given)


def _plain(score: Score | None) -> dict[str, float | None] | None:
    if score is None:
        return None
    known = {"value": score.value, "low": score.low, "high": score.high}
    return {name: value if math.isfinite(value) else None for name, value in known.items()}
