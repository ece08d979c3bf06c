"""Of the report's pages on data and plan: rows of each class, lengths, distances, what checks did, what is expected."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from afina import figures, forecasting, wording
from afina.figures import Bar, Dot, Line, Mark
from afina.records import Finding, Plan, Profile, Trained

FEW = 16  # classes up to which each is named in the figure
STEPS = 40  # points of the line of lengths


def classes(profile: Profile, rows: Mapping[str, Mapping[str, int]], counted: str) -> str:
    """Training rows of each class, with those of the other splits in words; many classes are drawn narrow.

    rows  split -> class -> rows
    """
    title, ordered = f"Training rows of each {counted}", sorted(profile.class_rows.items(), key=lambda pair: -pair[1])
    if len(ordered) > FEW:
        return figures.columns(title, "Columns, the commonest class first.", ordered)
    others = [counts for split, counts in rows.items() if split != "train" and counts]

    def said(label: str, count: int) -> str:
        return " + ".join(map(wording.count, (count, *(counts.get(label, 0) for counts in others))))

    return figures.bars(title, "Bars.", [Bar(label, n, said(label, n), style="a") for label, n in ordered])


def lengths(profile: Profile, plan: Plan) -> str:
    """Training rows by tokens, with a mark where they are cut; the few that are far longer are left out."""
    if not profile.lengths:
        return ""
    read = plan.settings.max_seq_length
    most = min(max(profile.lengths), 2 * max(read, math.ceil(profile.tokens[1])))
    step = max(1, math.ceil(most / STEPS))
    bins: Counter[int] = Counter()
    for tokens, rows in profile.lengths.items():
        bins[math.ceil(tokens / step) * step] += rows
    points = tuple((end, bins[end]) for end in range(step, max(most, read) + step, step))
    title = "Training rows by tokens" + (f", in steps of {step}" if step > 1 else "")
    mark = Mark(read, "as much as is read at once")
    return figures.lines(title, "A line.", [Line("rows of train", points)], "tokens", True, [mark])


def length_caption(profile: Profile, plan: Plan, trained: Trained) -> str:
    """What the mark in the figure of lengths means for the rows beyond it."""
    read, longer = plan.settings.max_seq_length, profile.longer(plan.settings.max_seq_length)
    beyond = f"{wording.share(longer)} of the training rows are longer" if longer else "no training row is longer"
    if trained.task.per == "word" or trained.task.long_texts == "window":
        what = " and read in several windows" if longer else ""
    elif plan.settings.pooling == "siamese":
        what = ", both texts counted; each is cut by itself"
    else:
        what = " and cut there" if longer else ""
    return f"The dashed upright marks the {wording.count(read)} tokens that are read at once: {beyond}{what}."


def dots(profile: Profile) -> list[Dot]:
    """The distances, to be drawn."""
    return [
        Dot(wording.word(d.measure), f"{wording.interval(d)} {d.unit}", d.value, d.low, d.high, d.zero)
        for d in profile.distances
    ]


def forecasts(plan: Plan) -> str:
    """What each technique is expected to gain, the planned one marked; '' where none is known with an interval."""
    items = [
        Bar(
            wording.word(one.technique),
            one.gain.value,
            forecasting.tenths(one.gain),
            one.gain.low,
            one.gain.high,
            style,
        )
        for one in plan.forecasts
        for style in ("a" if one.technique == plan.settings.technique else "c",)
        if one.gain and one.technique != forecasting.HEAD
    ]
    return figures.ranges("Expected gain over a head on the frozen base", "Dots with 95% intervals.", items)


def done(findings: Sequence[Finding]) -> str:
    """How many rows all checks removed, repaired and named, in one sentence; a row that two checks name counts twice.

    >>> done([Finding("a", "", "removed", "", 2), Finding("b", "", "kept", "", 1500), Finding("c", "", "kept", "", 1)])
    'Rows removed: 2; repaired: 0; named and kept as they are: 1,501.'
    """
    counts: Counter[str] = Counter()
    for one in findings:
        counts[one.action] += one.count
    removed, repaired, kept = (wording.count(counts[action]) for action in ("removed", "repaired", "kept"))
    return f"Rows removed: {removed}; repaired: {repaired}; named and kept as they are: {kept}."
