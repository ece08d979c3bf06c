"""What the probes found, for a reader: one line a dimension, one picture of all, and each with its own figures."""

from collections.abc import Sequence

from afina import figures, wording
from afina.figures import Bar, Line
from afina.records import Dimension, Evaluation, Measure, Probes

SHARE = "share"
SAID = ("points", "nats", "ratio")  # units that no number of the figure shows
MOST = 14  # bars of one figure


def lines(probes: Probes) -> list[tuple[str, str, str]]:
    """Name, number with its doubt, and what there is to say, of each dimension."""
    return [(one.probe, said(one), one.skipped or (one.notes[0] if one.notes else "")) for one in probes.dimensions]


def said(one: Dimension) -> str:
    """The number that stands for a dimension, with its interval and its unit."""
    if one.score is None:
        return "not measured"
    ends = (one.score.value, one.score.low, one.score.high)
    value, low, high = (wording.measured(end, one.unit).removesuffix(f" {one.unit}") for end in ends)
    return f"{wording.word(one.score.name)} {value} [{low}, {high}]"


def overview(probes: Probes, evaluation: Evaluation) -> str:
    """All dimensions that are shares, where 1 is best, beside the score of the task."""
    main = evaluation.scores[0]
    bars = [Bar(wording.word(main.name), main.value, wording.interval(main), main.low, main.high, "a")]
    untuned = [score for score in evaluation.baselines.get("probe", ()) if score.name == main.name]
    bars += [Bar("before tuning", one.value, wording.interval(one), one.low, one.high) for one in untuned]
    for one in probes.dimensions:
        if one.score is not None and one.unit == SHARE and one.more_is_better:
            score = one.score
            bars.append(Bar(one.probe, score.value, wording.interval(score), score.low, score.high, "b"))
    return figures.bars("The model in its dimensions", "Bars with 95% intervals; 1 is best.", bars)


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
