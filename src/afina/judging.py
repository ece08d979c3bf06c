"""Judgements of a training while it runs, from numbers alone: which look is the best, when to stop, what diverged.

Best      the look with the highest score on the first hold-out set; of equal ones the earliest.
Stop      after `patience` looks in a row that were not the best; 0 is never.
Diverged  the middle one (median) of the last ten losses is above the limit, 2 * max(start, chance).
          start   the larger of the first two losses: what the model began with
          chance  the loss of always giving the commonest answer, in nats; 0 where the caller does not know it
          A training that is worse than no training at all, and not for one unlucky batch, is not going to end well.
Broken    a loss or a gradient that is no number, at once.

What it does not do: see a run that learns nothing without getting worse; that is what the curve and the score say.
Source: robust location by the median, Huber 1981, "Robust Statistics", section 1.
"""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

RECENT = 10  # losses whose median is judged
WORSE = 2.0  # times the start, or chance


@dataclass(slots=True)
class Best:
    """Which look is the best so far, and how many there were since."""

    patience: int = 0  # looks; 0 is without end
    step: int = 0
    score: float = -math.inf
    since: int = 0  # looks after it

    def look(self, step: int, score: float) -> bool:
        """Whether this look is the best so far. A score that is no number never is, but for the first."""
        if self.step == 0 or score > self.score:
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
    """The losses of a training: its first two, and the last ten."""

    chance: float = 0.0  # nats
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)

    def add(self, loss: float) -> str | None:
        """What is wrong with the training after this step's loss, or None."""
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if len(self.first) < 2:
            self.first.append(loss)
        self.last = [*self.last[1 - RECENT :], loss]
        middle, limit = statistics.median(self.last), WORSE * max(*self.first, self.chance)
        if len(self.last) < RECENT or middle <= limit:
            return None
        began = max(self.first)
        return f"training diverged: the last {RECENT} losses have a median of {middle:.3g}, the first was {began:.3g}"


def chance(labels: Sequence[Any]) -> float:
    """Nats lost by always giving the training rows' own shares of classes: their entropy. 0 for other labels.

    >>> round(chance([0, 1, 0, 1]), 3), chance([0.5, 0.1]), chance([[1, 2], [0]])
    (0.693, 0.0, 0.0)
    """
    if not all(isinstance(label, int) for label in labels):
        return 0.0
    shares = [count / len(labels) for count in Counter(labels).values()]
    return -sum(share * math.log(share) for share in shares)
