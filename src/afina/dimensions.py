"""What the probes found, for a reader: one line a dimension, one picture of all, and each with its own figures."""

import math
from collections.abc import Sequence

from afina import figures, panels, wording
from afina.figures import Bar, Line
from afina.panels import Lane, Panel
from afina.records import Compared, Comparison, Dimension, Measure, Probes, Score

SHARE, SERVED = "share", "compress"  # a unit, and where the score of the served file stands
SAID = ("points", "nats", "ratio")  # units that no number of the figure shows
COUNTED = {  # what a number counts, for a reader who does not know its name; by score
    "size": "of the file", "calibration": "honest confidence", "consistent_answers": "answers that agree",
    "usd_per_1000": "for 1,000 answers", "texts_per_second": "texts a second", "answers_kept": "answers that stay",
    "similarity_to_base": "like the base", "glue_change": "points of GLUE",
}  # fmt: skip
BETTER_IN = {"forgetting": "keeping what the base knew"}  # where the name of a probe is that of a fault
MOST = 14  # bars of one figure


def lines(probes: Probes) -> list[tuple[str, str, str]]:
    """Name, number with its doubt, and what there is to say, of each dimension."""
    return [(one.probe, said(one), one.skipped or (one.notes[0] if one.notes else "")) for one in probes.dimensions]


def said(one: Dimension) -> str:
    """The number that stands for a dimension, with its interval and its unit."""
    if one.score is None:
        return "not measured"
    return f"{wording.word(one.score.name)} {_with_ends(one.score, one.unit)}"


def overview(beside: Comparison) -> str:
    """Every dimension on a scale of its own from 0: this model, the champion and the base, as far as each is known."""
    base = "before tuning" if any(one.base for one in beside.dimensions) else ""
    names = ["this model", f"champion: {beside.runs[1]}" if len(beside.runs) > 1 else "", base]
    items = []
    for one in beside.dimensions:
        known = {**dict(enumerate(one.scores)), len(names) - 1: one.base}
        lanes = tuple(_lane(place, score, one.unit) for place, score in known.items() if score is not None)
        items.append(
            Panel(wording.sentence(title(one)), (about(one), sign(one)), lanes, 1.0 if one.unit == SHARE else None)
        )
    says = "Bars from 0 with 95% intervals, each dimension on its own scale."
    return panels.panels("The model in its dimensions", says, names, items)


def _lane(place: int, score: Score, unit: str) -> Lane:
    return Lane(place, score.value, score.low, score.high, bounded(score, unit))


def bounded(score: Score, unit: str) -> str:
    """A number with its interval, where it has one, and its unit: '0.800 [0.700, 0.900]'."""
    if score.low == score.high or not (math.isfinite(score.low) and math.isfinite(score.high)):
        return wording.measured(score.value, unit)
    return _with_ends(score, unit)


def _with_ends(score: Score, unit: str) -> str:
    ends = (score.value, score.low, score.high)
    value, low, high = (wording.measured(end, unit).removesuffix(f" {unit}") for end in ends)
    return f"{value} [{low}, {high}]"


def title(one: Compared) -> str:
    """A dimension's name: that of its probe, or of the score itself."""
    return wording.word(one.name.removeprefix("served_") if one.probe == SERVED else one.probe)


def about(one: Compared) -> str:
    """What is counted in it."""
    return "on labelled rows" if one.probe == SERVED else COUNTED.get(one.name, wording.word(one.name))


def sign(one: Compared) -> str:
    """How to read it."""
    return f"{'more' if one.more_is_better else 'less'} is better"


def table(beside: Comparison) -> list[tuple[str, str, list[str], str]]:
    """Each dimension's name, what it counts, a number for each run and the base, and who is ahead."""
    found = []
    for one in beside.dimensions:
        cells = ["–" if score is None else bounded(score, one.unit) for score in (*one.scores, one.base)]
        found.append((title(one), f"{about(one)}; {sign(one)}", cells, ahead(one)))
    return found


def ahead(one: Compared) -> str:
    """Who is surely better, or why nobody can say; with the points that rows compared one by one gave."""
    if one.unjudged:
        return f"not compared: {one.unjudged}"
    who = "no sure difference" if one.best is None else ("this model", "the champion")[one.best]
    return who + (f": {wording.points(one.gain)}" if one.gain else "")


def verdict(beside: Comparison) -> str:
    """Who is ahead where, in a sentence; '' without a champion."""
    if len(beside.runs) < 2:
        return ""
    judged = [one for one in beside.dimensions if not one.unjudged]
    said = {0: "better than the champion in", 1: "worse than the champion in", None: "no sure difference in"}
    groups = ((words, [one for one in judged if one.best == place]) for place, words in said.items())
    parts = [f"{words} {_listed(own)}" for words, own in groups if own]
    return f"{wording.sentence('; '.join(parts))}." if parts else "Nothing can be said of who is better."


def left_out(beside: Comparison) -> str:
    """What the verdict is silent about, and why; '' where that is nothing."""
    left: dict[str, list[Compared]] = {}
    for one in beside.dimensions:
        if one.unjudged:
            left.setdefault(one.unjudged, []).append(one)
    reasons = "; ".join(f"{_listed(own)} ({why})" for why, own in left.items())
    return f"Not compared: {reasons}." if left else ""


def _listed(ones: Sequence[Compared]) -> str:
    """Dimensions one after another, as what one can be better in."""
    names = [BETTER_IN.get(one.probe, title(one)) for one in ones]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def drawn(one: Dimension) -> list[tuple[str, str]]:
    """A caption and a figure for each group of measures: lines over their strength, or bars."""
    alike: dict[tuple[str, str, bool, str], list[Measure]] = {}
    for measure in one.measures:
        key = measure.group, measure.unit, measure.strength is None, measure.along
        alike.setdefault(key, []).append(measure)
    found = []
    for (group, unit, _, _), own in alike.items():
        caption = wording.sentence(wording.word(group or one.probe)) + (f", {unit}" if unit in SAID else "")
        if drawing := _lines(caption, own):
            found.append((f"{caption}, with 95% intervals.", drawing))
        elif drawing := _bars(caption, own):
            most = f"; the {MOST} largest of {len(own)}" if len(own) > MOST else ""
            found.append((f"{caption}, with 95% intervals{most}.", drawing))
    return found


def _lines(title: str, measures: Sequence[Measure]) -> str:
    """A line a name, where the measures have a strength and some name has several."""
    own: dict[str, list[tuple[float, Measure]]] = {}
    for one in measures:
        if one.strength is not None:
            own.setdefault(one.name, []).append((one.strength, one))
    if max(map(len, own.values()), default=0) < 2:
        return ""
    series = [
        Line(
            wording.word(name),
            tuple((strength, one.value) for strength, one in ones),
            tuple((strength, one.low, one.high) for strength, one in ones),
        )
        for name, ones in ((name, sorted(ones, key=lambda pair: pair[0])) for name, ones in own.items())
    ]
    return figures.lines(title, "Lines with 95% bands.", series, measures[0].along)


def _bars(title: str, measures: Sequence[Measure]) -> str:
    """A bar a measure, of many the largest."""
    largest = sorted(measures, key=lambda one: -one.value)[:MOST] if len(measures) > MOST else measures
    bars = [
        Bar(
            label(one).removeprefix(f"{one.group}, "),
            one.value,
            wording.measured(one.value, one.unit),
            one.low,
            one.high,
            "a",
        )
        for one in largest
    ]
    return figures.bars(title, "Bars with 95% intervals.", bars)


def label(one: Measure) -> str:
    """A measure's name with its strength."""
    return wording.word(one.name) + (f" {one.strength:.3g}" if one.strength is not None else "")
