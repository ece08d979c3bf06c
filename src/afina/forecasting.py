"""Forecasts: what each technique is expected to gain here and to cost, before any is trained.

    gain     of a technique over a head on the frozen base, points of macro F1 on test: the mean over the sets on which
             both were measured (`measured.FEW` and `MORE`; draws of one set count as one)
    ahead    the same of a technique over the planned one, set by set: what a set has of its own falls out
    95%      mean +- t(n - 1) s sqrt(1 + 1/n): where one more set would lie, were it drawn as these n were; not where
             their mean lies. None from fewer than three sets

These are figures of other data than the user's, no better than that data is like it, and the intervals are wide for
it. They order the techniques where the plan's own costs too much; which is its own, its rules say.
What it does not do: speak of words, of several labels a text, or of values, of which too few sets were measured.
Source of the interval: Hahn & Meeker 1991, "Statistical Intervals", 4.7; how often it held: RESULTS.md, Forecasts.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from afina import measured, scarcity
from afina.records import Facts, Forecast, Score

FEWEST = 3  # sets
HEAD = "head_only"  # what a gain is over
MOST_A_CLASS = 64  # rows, of the draws that `measured.FEW` holds


def of(facts: Facts, planned: str, costs: Mapping[str, Mapping[str, float]]) -> tuple[Forecast, ...]:
    """One of each technique that has costs and was measured, the best first; none for other kinds of task."""
    if facts.kind != "classify":
        return ()
    table = known(facts)
    return tuple(
        Forecast(
            technique=name,
            gain=score("gain", differences(table, name, HEAD)),
            ahead=score("ahead", differences(table, name, planned)) if name != planned else None,
            sets=len(differences(table, name, HEAD)),
            costs=costs[name],
        )
        for name in ranked(table)
        if name in costs
    )


def known(facts: Facts) -> measured.Table:
    """What was measured on tasks of about this size."""
    few = facts.rows <= scarcity.FEW_IN_ALL and scarcity.rows(facts) <= MOST_A_CLASS
    return measured.FEW if few else measured.MORE


def ranked(table: measured.Table) -> list[str]:
    """The techniques that were measured, by their mean gain, the best first."""
    gains = {name: differences(table, name, HEAD) for name in measured.TECHNIQUES}
    return sorted((name for name, found in gains.items() if found), key=lambda name: -float(np.mean(gains[name])))


def differences(table: measured.Table, technique: str, other: str) -> list[float]:
    """How many points a technique is ahead of another, a number a set.

    >>> table = {"a, 8": {"full": 60.0, "lora": 58.0}, "a, 64": {"full": 80.0, "lora": 80.0}, "b, 8": {"full": 70.0}}
    >>> differences(table, "lora", "full")
    [-1.0]
    """
    found = defaultdict(list)
    for draw, scores in table.items():
        if technique in scores and other in scores:
            found[draw.partition(",")[0]].append(scores[technique] - scores[other])
    return [float(np.mean(draws)) for draws in found.values()]


def score(name: str, found: Sequence[float]) -> Score | None:
    """Their mean, and where one more would lie.

    >>> round(score("gain", [1.0, 2.0, 3.0]).high, 2)
    6.97
    """
    if len(found) < FEWEST:
        return None
    from scipy.stats import t

    middle, spread = float(np.mean(found)), float(np.std(found, ddof=1))
    half = float(t.ppf(0.975, len(found) - 1)) * spread * math.sqrt(1 + 1 / len(found))
    return Score(name, middle, middle - half, middle + half)


def tenth(points: float) -> str:
    """Points won or lost, to a tenth.

    >>> tenth(1.24), tenth(-0.31), tenth(0.02)
    ('+1.2', '−0.3', '0.0')
    """
    return "0.0" if abs(points) < 0.05 else f"{points:+.1f}".replace("-", "−")


def tenths(gain: Score) -> str:
    """The same with their doubt.

    >>> from afina.records import Score
    >>> tenths(Score("gain", 1.24, -0.31, 3.0))
    '+1.2 [−0.3, +3.0]'
    """
    return f"{tenth(gain.value)} [{tenth(gain.low)}, {tenth(gain.high)}]"
