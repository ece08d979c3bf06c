"""Runs aligned dimension by dimension, and which of them may be called better.

A run is best in a dimension where its 95% interval lies beyond those of all others; numbers without an interval, as a
time that was measured once, name no best. Runs are judged only where their scores are of the same rows, and where they
were asked alike. Where two runs answered the same rows, what counts for the score is who had which row right.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from afina import wording
from afina.records import Compared, Dimension, Finished, Score

OF_THE_FILE = ("size",)  # dimensions that are the same whatever rows the scores are of
CLOCKED = ("latency", "train", "efficiency", "cost")
SERVED = "compress"  # whose answers a paired gain is of


def aligned(runs: Sequence[Finished], gain: Score | None = None) -> tuple[Compared, ...]:
    """A line a dimension that any of the runs has. `gain` is that of the first of two over the second, in points."""
    same = len({run.scored for run in runs}) == 1
    lines = dict.fromkeys((one.probe, _name(one)) for run in runs for one in run.dimensions)
    return tuple(_compared(runs, line, same, gain) for line in sorted(lines, key=_place))


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


def names(places: Sequence[Path]) -> tuple[str, ...]:
    """The shortest ends of the paths that are different."""
    for parts in range(1, max(len(place.parts) for place in places) + 1):
        found = tuple("/".join(place.parts[-parts:]) for place in places)
        if len(set(found)) == len(found):
            return found
    return tuple(map(str, places))


def _place(line: tuple[str, str]) -> int:
    """Scores of the task first, then what probes found, then what the model takes."""
    return {"task": 0, SERVED: 1, "size": 3, "latency": 4, "train": 5}.get(line[0], 2)


def _name(one: Dimension) -> str:
    return one.score.name if one.score else ""


def _compared(runs: Sequence[Finished], line: tuple[str, str], same: bool, gain: Score | None) -> Compared:
    known = [next((one for one in run.dimensions if (one.probe, _name(one)) == line), None) for run in runs]
    first = next(one for one in known if one is not None)
    scores = tuple(one.score if one is not None and one.unit == first.unit else None for one in known)
    alike = len({one.asked for one in known if one is not None}) == 1
    unjudged = _unjudged(line[0], scores, same, alike)
    gain = gain if line[0] == SERVED and not unjudged else None
    if unjudged:
        judged = None
    elif gain is not None:
        judged = 0 if gain.low > 0 else 1 if gain.high < 0 else None
    else:
        judged = best(scores, first.more_is_better)
    read = [wording.measured(one.value, first.unit) if one else "" for one in scores]
    if judged is not None and read.count(read[judged]) > 1:
        judged = None  # it would be called better than one that reads the same
    return Compared(*line, first.unit, first.more_is_better, scores, judged, unjudged, gain)


def _unjudged(probe: str, scores: Sequence[Score | None], same: bool, alike: bool) -> str:
    """Why none of them may be called better; '' where one may."""
    known = [one for one in scores if one is not None]
    if len(known) < 2:
        return "measured in one alone"
    if probe in CLOCKED:
        return "times of different days do not compare"
    if not (same or probe in OF_THE_FILE):
        return "asked about other rows"
    if not alike:
        return "asked with other options or files"
    return "" if all(math.isfinite(end) for one in known for end in (one.low, one.high)) else "without an interval"
