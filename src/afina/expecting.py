"""What a test of a suite expects of a model's answers: said in words, and judged.

An answer is what a model gives a text: for classes the most probable one, for labels all those from their threshold on.
Labels here are the suite's; each stands for one or more of the model's, and its probability is then their sum (at most
1). A changed text is compared with its original.

    non_decreasing  p(changed) >= p(original) - tolerance       increasing  p(changed) > p(original) + tolerance
    non_increasing  p(changed) <= p(original) + tolerance       decreasing  p(changed) < p(original) - tolerance

A case that could not fail (a probability that may not fall and has no more than the tolerance to fall) does not count:
it would only dilute the rate.
Source: Ribeiro et al. 2020, arXiv:2005.04118, section 2.2, and the release of its tests (directions and tolerance).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from afina.records import Expectation

ANSWER = "answer"  # as a label: whatever the original is answered with
DIRECTIONS = ("increasing", "decreasing", "non_increasing", "non_decreasing")
FIRM = 1e-6  # differences of probabilities below this are rounding


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model says to the texts of one case, the original first."""

    probabilities: np.ndarray  # (texts, labels)
    given: np.ndarray  # (texts, labels): whether a label is part of the answer


Columns = Mapping[str, tuple[int, ...]]  # a suite's label -> the model's labels that it stands for


def labels(expect: Expectation) -> tuple[str, ...]:
    """The suite's labels that an expectation names."""
    named = (*expect.label, *expect.not_label, *expect.ignore, expect.probability)
    return tuple(dict.fromkeys(name for name in named if name not in ("", ANSWER)))


def words(expect: Expectation, label: str = "") -> str:
    """An expectation as one reads it; `label` is the case's own."""
    found = []
    if label or expect.label:
        found.append(f"answer {label or ' or '.join(expect.label)}")
    if expect.not_label:
        found.append(f"answer not {' or '.join(expect.not_label)}")
    if expect.same_label:
        found.append("same answer")
    if expect.label_changes:
        found.append("another answer")
    if expect.max_change is not None:
        found.append(f"no probability moves by more than {expect.max_change:g}")
    if expect.min_change is not None:
        found.append(f"some probability moves by {expect.min_change:g} or more")
    if expect.probability:
        found.append(f"probability of {'the first answer' if expect.probability == ANSWER else expect.probability}")
        found[-1] += _bounds(expect)
    return ", ".join(found)


def _bounds(expect: Expectation) -> str:
    said = f" {expect.direction.replace('_', '-')} (tolerance {expect.tolerance:g})" if expect.direction else ""
    said += f" at least {expect.at_least:g}" if expect.at_least is not None else ""
    return said + (f" at most {expect.at_most:g}" if expect.at_most is not None else "")


def judge(expect: Expectation, label: str, answers: Answers, columns: Columns) -> np.ndarray | None:
    """Whether each text after the original, or the only text, is answered as expected; None where that cannot fail."""
    first = Answers(answers.probabilities[:1], answers.given[:1])
    if any(_has(first, columns[name])[0] for name in expect.ignore):
        return None
    alone = len(answers.given) == 1
    judged = answers if alone else Answers(answers.probabilities[1:], answers.given[1:])
    right = np.ones(len(judged.given), bool)
    wanted = (label,) if label else expect.label
    if wanted:
        right &= _any(judged, wanted, columns)
    if expect.not_label:
        right &= ~_any(judged, expect.not_label, columns)
    if not alone:
        right &= _compared(expect, first, judged)
    if expect.probability:
        answered = tuple(np.flatnonzero(first.given[0]).tolist())
        place = answered if expect.probability == ANSWER else columns[expect.probability]
        before, after = _sum(first, place), _sum(judged, place)
        if _cannot_fail(expect, float(before[0])):
            return None
        right &= _within(expect, before, after)
    return right


def _has(answers: Answers, place: tuple[int, ...]) -> np.ndarray:
    return np.asarray(answers.given[:, place].any(1))


def _any(answers: Answers, names: tuple[str, ...], columns: Columns) -> np.ndarray:
    return np.asarray(np.stack([_has(answers, columns[name]) for name in names]).any(0))


def _sum(answers: Answers, place: tuple[int, ...]) -> np.ndarray:
    return np.minimum(answers.probabilities[:, place].sum(1), 1.0)


def _compared(expect: Expectation, first: Answers, judged: Answers) -> np.ndarray:
    """Of each changed text whether it is answered as the original, or otherwise, as wanted."""
    right = np.ones(len(judged.given), bool)
    same = (judged.given == first.given).all(1)
    moved = np.abs(judged.probabilities - first.probabilities).max(1)
    if expect.same_label:
        right &= same
    if expect.label_changes:
        right &= ~same
    if expect.max_change is not None:
        right &= moved <= expect.max_change + FIRM
    if expect.min_change is not None:
        right &= moved >= expect.min_change - FIRM
    return right


_DIRECTED: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "non_decreasing": lambda moved, tolerance: moved >= -tolerance - FIRM,
    "non_increasing": lambda moved, tolerance: moved <= tolerance + FIRM,
    "increasing": lambda moved, tolerance: moved > tolerance + FIRM,
    "decreasing": lambda moved, tolerance: moved < -tolerance - FIRM,
    "": lambda moved, tolerance: np.ones(len(moved), bool),
}


def _cannot_fail(expect: Expectation, before: float) -> bool:
    room = {"non_decreasing": before, "non_increasing": 1 - before}.get(expect.direction, np.inf)
    rest = replace(expect, probability="", direction="", tolerance=0.0, ignore=())
    return bool(room <= expect.tolerance and rest == Expectation())


def _within(expect: Expectation, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    right = _DIRECTED[expect.direction](after - before, expect.tolerance)
    least = -np.inf if expect.at_least is None else expect.at_least
    most = np.inf if expect.at_most is None else expect.at_most
    within: np.ndarray = right & (after >= least - FIRM) & (after <= most + FIRM)
    return within
