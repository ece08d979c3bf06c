"""Judgements of a training, from numbers alone: which look is the best, when to stop, what diverged, what was in vain.

Best      the look with the highest score on the first hold-out set, of equal ones the earliest; or the last look, where
          that set is the training rows.
Stop      after `patience` looks in a row that were not the best; 0 is never.
Diverged  the median of the last 40 losses is above max(2 * start, chance), or above 5 * start where chance is unknown;
          or the median of the last ten is above three times that.
          start   the larger of the first two losses: what the model began with
          chance  the loss of the best constant answer, from the labels alone
          A training that stays worse than no model at all will not end well. Its start alone is no measure: a head
          that fits the training rows begins near 0, and any step then is a rise. Nor are ten losses above chance:
          at ten times the usual rate a training gets there in its warm-up, and comes back.
Broken    a loss that is no number, at once.

In vain   the look that is kept is below the linear head on the frozen body, by more than a standard error of the score
          on dev; by more than two of the difference on the training rows, which a good training need not fit

What it does not do: see a run that learns nothing without getting worse while it runs; that is what the curve says.
Source: the median as a robust location, Huber 1981, "Robust Statistics", section 1. The factors were set on
trainings of the bundled base at rates from 1e-4 to 1e3 (LOG.md).
"""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

WINDOWS = ((10, 3.0), (40, 1.0))  # losses whose median is judged, and how many times the limit it may be
WORSE, MUCH_WORSE = 2.0, 5.0  # times the start: the limit where chance is known and where it is not
FAR = 10  # times the plan's own rate
IGNORED = -100  # a label that counts for nothing


@dataclass(slots=True)
class Best:
    """Which look is the best so far, and how many there were since."""

    patience: int = 0  # looks; 0 is without end
    last: bool = False  # whether the last look counts as the best: its rows cannot choose
    step: int = 0
    score: float = -math.inf
    since: int = 0  # looks after it

    def look(self, step: int, score: float) -> bool:
        """Whether this look is the best so far. A score that is no number never is, but for the first."""
        if self.last or self.step == 0 or score > self.score:
            self.step, self.score, self.since = step, -math.inf if math.isnan(score) else score, 0
            return True
        self.since += 1
        return False

    @property
    def stopped(self) -> bool:
        """Whether patience is at its end."""
        return 0 < self.patience <= self.since


@dataclass(slots=True)
class Losses:
    """The losses of a training: its first two, and the last forty."""

    chance: float | None = None  # nats, or squared units of the labels
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)

    def add(self, loss: float) -> str | None:
        """What is wrong with the training after this step's loss, or None."""
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if len(self.first) < 2:
            self.first.append(loss)
        self.last = [*self.last[1 - WINDOWS[-1][0] :], loss]
        start = max(self.first)
        limit = MUCH_WORSE * start if self.chance is None else max(WORSE * start, self.chance)
        for count, times in WINDOWS:
            middle = statistics.median(self.last[-count:])
            if len(self.last) >= count and middle > times * limit:
                known = "" if self.chance is None else f", chance is {self.chance:.3g}"
                said = f"the median of the last {count} losses is {middle:.3g}, it began with {start:.3g}"
                return f"training diverged: {said}{known}"
        return None


def untuned(reached: float, probe: float, rows: int, name: str, rates: tuple[float, float]) -> str:
    """Why the frozen body with its linear head is kept; nothing where what was trained is not clearly worse.

    reached, probe  the main score of the look that is kept, and of the linear head, on `rows` rows of `name`
    rates           that of the body, and what the plan itself takes for the technique
    """
    kept = "the frozen body with that head is kept"
    if name != "train":
        in_vain = reached < probe - standard_error(probe, rows)
        return f"no look beat the linear head on {name} ({reached:.3f} against {probe:.3f}): {kept}" if in_vain else ""
    if probe - reached <= 2 * math.hypot(standard_error(probe, rows), standard_error(reached, rows)):
        return ""
    return (
        f"training diverged, its end is below the linear head on train ({reached:.3f} against {probe:.3f}): {kept}; "
        f"{_lower(*rates)}"
    )


def _lower(rate: float, usual: float) -> str:
    """A tenth may be too high still: where it is, the plan's own rate is better advice."""
    if rate <= FAR * usual * (1 + 1e-9):
        return f"lower the rates, e.g. learning_rate={rate / 10:g}"
    return f"leave learning_rate out: {rate:g} is {rate / usual:,.0f} times what the plan takes itself, {usual:g}"


def standard_error(score: float, rows: int) -> float:
    """Of a share of `rows`; 0 for a score that is no share."""
    return math.sqrt(score * (1 - score) / rows) if 0 < score < 1 else 0.0


def chance(labels: Sequence[Any]) -> float | None:
    """The loss of the best constant answer to these labels; None where there are none.

        whole numbers, also in lists (one a token)   entropy of their shares, in nats
        numbers                                      their variance
        lists of numbers (0 or 1 for each class)     mean over classes of the entropy of a yes, in nats

    >>> [round(chance(some), 3) for some in ([0, 1, 0, 1], [[2, -100], [2, 3]], [1.0, 3.0], [[1.0, 0.0], [0.0, 0.0]])]
    [0.693, 0.637, 1.0, 0.347]
    """
    if not labels or labels[0] is None:
        return None
    if isinstance(labels[0], float):
        return statistics.pvariance(labels)
    if isinstance(labels[0], list) and isinstance(next(iter(labels[0]), None), float):
        columns = [sum(column) / len(labels) for column in zip(*labels, strict=True)]
        return statistics.fmean(_entropy((share, 1 - share)) for share in columns)
    flat = [one for label in labels for one in (label if isinstance(label, list) else [label]) if one != IGNORED]
    counts = Counter(flat)
    return _entropy([count / len(flat) for count in counts.values()])


def _entropy(shares: Sequence[float]) -> float:
    return -sum(share * math.log(share) for share in shares if share > 0)
