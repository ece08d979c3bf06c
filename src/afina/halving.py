"""Successive halving, and who is held against the pick at its end: no model, no rows, no clock of its own.

    round 1   all candidates; after each round the better half goes on, and the pick always does
    the end   the pick leads alone, the rounds are over, or the time is; of cuts, which are small, all are raced by two

Source: Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
arXiv:1502.07943.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from afina import wording
from afina.records import Score


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate in one round."""

    name: str
    round: int
    rows: int = 0  # it learned from
    seconds: float = 0.0  # it took
    score: Score | None = None  # the main one, on the rows kept out; None where there is none
    why: str = ""  # there is none
    answers: Any = None  # on the rows kept out


def halve(
    names: Sequence[str],
    rounds: int,
    several: bool,
    left: Callable[[], float],
    expects: Callable[[str, int], float],
    tries: Callable[[str, int], Trial],
) -> list[Trial]:
    """Every trial of the race, in order; `names` begins with the pick, which is held against all others.

    several    whether rounds are cuts of the same size, which count together, and not larger and larger parts
    left       seconds of the limit that are left
    expects    seconds of a trial by the cost model; what trials took so far corrects it
    """
    done: list[Trial] = []
    field = list(names)
    for number in range(rounds):
        seconds = {name: _corrected(name, number, done, expects) for name in field}
        if seconds[field[0]] + min(seconds[name] for name in field[1:]) > left():
            break  # the pick alone, or another without it, would say nothing
        for name in field:
            wanted, rest = _corrected(name, number, done, expects), left()
            if wanted > rest:
                why = f"no time: {wording.amount('seconds', wanted)} expected, {wording.amount('seconds', rest)} left"
                done.append(Trial(name, number, why=why))
            else:
                done.append(tries(name, number))
        field = _survivors(field, done, number, several)
        if len(field) < 2:
            break
    return done


def _corrected(name: str, number: int, done: Sequence[Trial], expects: Callable[[str, int], float]) -> float:
    """Expected seconds, by how far the cost model was off with this candidate, or else with all of them."""
    known = [one for one in done if one.score]
    own = [one for one in known if one.name == name] or known
    modelled = sum(expects(one.name, one.round) for one in own)
    return expects(name, number) * (sum(one.seconds for one in own) / modelled if modelled else 1.0)


def _survivors(field: Sequence[str], done: Sequence[Trial], number: int, several: bool) -> list[str]:
    """The better half, and the pick, which takes the place of the last of them; none where the pick failed.

    The pick ends the race where it leads alone in a larger part; cuts are small and need each other: two go on.
    """
    pick, *_ = field
    alive = [one.name for one in done if one.round == number and one.score]
    if pick not in alive:
        return []
    ranked = sorted(alive, key=lambda name: -_standing(done, name, [number], several))  # a tie goes to the plan's order
    half = ranked[: max(2 if several else 1, math.ceil(len(field) / 2))]
    if pick not in half:
        half = half[: max(1, len(half) - 1)]
    return [pick, *(name for name in half if name != pick)]


def _standing(done: Sequence[Trial], name: str, rounds: Sequence[int], several: bool) -> float:
    """The score in the last of the rounds, or the mean over all up to it where they are cuts."""
    last = max(rounds)
    counted = [one.score.value for one in done if one.name == name and one.score and (several or one.round == last)]
    return statistics.fmean(counted)


def duel(done: Sequence[Trial], pick: str, several: bool) -> tuple[str, list[int]] | None:
    """Who is held against the pick at the end, and the rounds that count for it: those that both have scores in.

    It is the best of those that came as far as anyone did; of larger and larger parts only the last one counts.
    """
    scored: dict[str, list[int]] = defaultdict(list)
    for one in done:
        if one.score:
            scored[one.name].append(one.round)
    own = scored.pop(pick, [])
    both = {name: [one for one in rounds if one in own] for name, rounds in scored.items()}
    both = {name: rounds if several else rounds[-1:] for name, rounds in both.items() if rounds}
    if not both:
        return None
    best = max(both, key=lambda name: (max(both[name]), _standing(done, name, both[name], several)))
    return best, both[best]
