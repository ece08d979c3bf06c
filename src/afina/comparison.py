"""Several finished runs side by side, a dimension a row: task, robustness, forgetting, size, latency, cost.

A run is best in a dimension where its 95% interval lies beyond those of all others; numbers without an interval, as a
time that was measured once, name no best. Runs are judged only where their scores are of the same rows.

What it does not do: a paired test. Two runs on the same rows may differ surely though their intervals overlap; that
needs their answers.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from afina import figures, finished, report, store, wording
from afina.errors import ConfigError
from afina.figures import Bar
from afina.records import Compared, Comparison, Dimension, Finished, Score

OF_THE_FILE = ("size",)  # dimensions that are the same whatever rows the scores are of
CLOCKED = ("latency", "train", "efficiency", "cost")


def compare(folders: Sequence[Path]) -> Comparison:
    """Read and align the runs. Raises ConfigError for fewer than two, RecordError for one that is not finished."""
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < 2 or len(set(places)) < len(places):
        counted = "one run alone is named" if len(set(places)) < 2 else "a run is named twice"
        raise ConfigError(counted, "name two or more, each once: afina compare RUN RUN")
    runs = [finished.of_run(folder) for folder in folders]
    same = len({run.scored for run in runs}) == 1
    lines = dict.fromkeys((one.probe, _name(one)) for run in runs for one in run.dimensions)
    found = tuple(_compared(runs, probe, name, same) for probe, name in sorted(lines, key=_place))
    return Comparison(_names(places), found, _notes(runs, same))


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


def best(scores: Sequence[Score | None], more_is_better: bool) -> int | None:
    """Place of the score whose interval lies beyond all others; None where there is none.

    >>> a, b, c = Score("x", 0.9, 0.88, 0.92), Score("x", 0.8, 0.78, 0.82), Score("x", 0.85, 0.81, 0.89)
    >>> best((a, b), True), best((a, b), False), best((a, b, c), True), best((a, None), True)
    (0, 1, None, None)
    """
    sign = 1.0 if more_is_better else -1.0
    known = [(place, sorted((sign * one.low, sign * one.high))) for place, one in enumerate(scores) if one is not None]
    if len(known) < 2 or not all(math.isfinite(end) for _, ends in known for end in ends):
        return None
    leader, (low, _) = max(known, key=lambda one: one[1][0])
    return leader if all(low > ends[1] for place, ends in known if place != leader) else None


def _place(line: tuple[str, str]) -> int:
    """Scores of the task first, then what probes found, then what the model takes."""
    return {"task": 0, "compress": 1, "size": 3, "latency": 4, "train": 5}.get(line[0], 2)


def _title(one: Compared) -> str:
    served = one.name.startswith("served_")
    return wording.sentence(f"{'served ' if served else ''}{wording.word(one.name.removeprefix('served_'))}")


def _name(one: Dimension) -> str:
    return one.score.name if one.score else ""


def _compared(runs: Sequence[Finished], probe: str, name: str, same: bool) -> Compared:
    known = [next((one for one in run.dimensions if (one.probe, _name(one)) == (probe, name)), None) for run in runs]
    first = next(one for one in known if one is not None)
    scores = tuple(one.score if one is not None and one.unit == first.unit else None for one in known)
    alike = len({one.asked for one in known if one is not None}) == 1 and probe not in CLOCKED
    judged = best(scores, first.more_is_better) if (same or probe in OF_THE_FILE) and alike else None
    read = [wording.measured(one.value, first.unit) if one else "" for one in scores]
    if judged is not None and read.count(read[judged]) > 1:
        judged = None  # it would be called better than one that reads the same
    return Compared(probe, name, first.unit, first.more_is_better, scores, judged)


def _names(places: Sequence[Path]) -> tuple[str, ...]:
    """The shortest ends of the paths that are different."""
    for parts in range(1, max(len(place.parts) for place in places) + 1):
        names = tuple("/".join(place.parts[-parts:]) for place in places)
        if len(set(names)) == len(names):
            return names
    return tuple(map(str, places))


def _notes(runs: Sequence[Finished], same: bool) -> tuple[str, ...]:
    notes = []
    if not same:
        notes.append("The scores are of different rows, so that no run is called better by them.")
    probes = {one.probe for run in runs for one in run.dimensions}
    if any(probe in CLOCKED for probe in probes):
        said = "Times, and costs that follow from them, were taken when each run was made"
        notes.append(
            f"{said}; those of another or a busier machine do not compare, and no run is called better by them."
        )
    asked = {(one.probe, one.asked) for run in runs for one in run.dimensions if one.probe not in CLOCKED}
    if others := sorted({probe for probe in probes if sum(name == probe for name, _ in asked) > 1}):
        notes.append(f"Asked with other options or files in each run, and not judged: {', '.join(others)}.")
    notes.append("A star marks the run whose 95% interval lies beyond those of all others.")
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
