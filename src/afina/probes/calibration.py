"""Whether the model's confidence can be believed, how it would be better, and which texts a human should see.

    calibration error (ece), Brier score and log loss, as served and at the temperature that fits dev best
    reliability    share that is right among texts of about the same confidence; on a line with slope 1 it is calibrated
    send to a human   for each promise (90%, 95% and 99% right) the confidence from which texts are answered, chosen on
                   dev so that it holds with 95% certainty (`afina/calibrating.py`); what share of the test texts then
                   goes to a human, and how often the rest is right

For several labels a text the scores are of each label's probability; a text is right where all its labels are, and
its confidence is the product of the probabilities of what was said of each label.

Nothing is chosen and judged on the same rows: where dev holds too few that are not in test, half of the test rows
choose and all is judged on the other half. With few rows the calibration error is too high, even of a perfect model:
what chance alone gives stands beside it.

Unit: share, 1 - calibration error, more is better. Cost: answers to dev, 2,000 rows at most.

What it does not do: change the served model; calibrate each class; promise anything for texts of another kind.
Source: Guo et al. 2017, arXiv:1706.04599; Angelopoulos et al. 2021, "Learn then Test", arXiv:2110.01052.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, BeforeValidator, Field

from afina import answering, calibrating, metrics
from afina.records import Dimension, Example, Measure, Row, Score, Subject, Task

MOST = 2000  # rows of dev that are asked
ENOUGH = 50  # rows to choose on
SHOWN = 5  # wrong answers
WORDS = {"ece": "calibration error", "brier": "Brier score", "log_loss": "log loss"}
UNITS = {"ece": "share", "brier": "score", "log_loss": "nats"}
SKIPPED = "calibration is of the probabilities of whole texts, and this model answers {}"
Promise = Annotated[float, Field(ge=0.5, lt=1)]
Promises = Annotated[
    tuple[Promise, ...],  # also as 0.9 and 0.9,0.95, as they are written in a command
    BeforeValidator(lambda given: str(given).split(",") if isinstance(given, float | str) else given),
]


class Config(BaseModel, frozen=True, extra="forbid"):
    """What is promised."""

    promises: Promises = Field(
        default=(0.9, 0.95, 0.99), description="shares of right answers that thresholds are sought for"
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows with their answers."""

    p: np.ndarray  # (n, labels)
    truth: np.ndarray  # (n, labels), 0 and 1; no 1 for a class that the model does not know
    sure: np.ndarray  # (n,)
    right: np.ndarray  # (n,)
    places: np.ndarray  # (n,) in the rows

    def of(self, places: np.ndarray) -> "_Part":
        return _Part(self.p[places], self.truth[places], self.sure[places], self.right[places], self.places[places])


def measure(subject: Subject, config: Config) -> Dimension:
    """Calibration as served and tempered, reliability, and thresholds."""
    task, softmax = subject.task, subject.task.activation == "softmax"
    if task.activation not in ("softmax", "sigmoid") or task.per == "word":
        given = "word by word" if task.per == "word" else "numbers"
        return Dimension("calibration", skipped=SKIPPED.format(given))
    chosen, judged, how = _choosing(subject, _part(subject.rows, subject.answers, task))
    found = calibrating.scores(judged.p, judged.truth, softmax, subject.seed)
    lucky = calibrating.chance(judged.p, softmax, subject.seed)
    measures = [_scored(score, "as served", len(judged.p)) for score in found]
    measures.append(
        _scored(lucky, "by chance alone", len(judged.p), "of a perfectly calibrated model, on as many rows")
    )
    notes = [how]
    if chosen is not None:
        tempered = _tempered(chosen, judged, softmax, subject.seed)
        notes.insert(0, f"the model is {tempered[0].remark}: {_ends(tempered[0])} is the temperature that fits best")
        measures += tempered
        measures += _thresholds(chosen, judged, config, notes)
    measures += _reliability(judged, softmax)
    ece = found[0]
    score = Score("calibration", 1 - ece.value, 1 - ece.high, 1 - ece.low)
    examples = _wrong(subject, judged)
    return Dimension("calibration", score, measures=tuple(measures), examples=examples, notes=tuple(notes))


def _part(rows: Sequence[Row], answers: np.ndarray, task: Task) -> _Part:
    p = answering.checked(answers, [row.input for row in rows], task).clip(0, 1)
    truth = np.array([[label in row.names for label in task.labels] for row in rows], dtype=np.float64)
    if task.activation == "softmax":
        sure, came = calibrating.cells(p, truth, softmax=True)
        return _Part(p, truth, sure[:, 0], came[:, 0] > 0, np.arange(len(rows)))
    said = answering.given(p, task)
    return _Part(p, truth, np.where(said, p, 1 - p).prod(1), (said == truth).all(1), np.arange(len(rows)))


def _choosing(subject: Subject, whole: _Part) -> tuple[_Part | None, _Part, str]:
    """Rows to choose on, none where there are too few; rows to judge on; and how they came about."""
    asked, count = set(subject.rows), len(subject.rows)
    rng = np.random.default_rng(subject.seed)
    rows = [row for row in subject.dev if row not in asked]
    if len(rows) >= ENOUGH:
        rows = [rows[place] for place in rng.permutation(len(rows))[:MOST]]
        chosen = _part(rows, subject.predict([row.input for row in rows]), subject.task)
        return chosen, whole, f"temperature and thresholds were chosen on {len(rows):,} rows of dev"
    if count < 2 * ENOUGH:
        said = f"too few rows ({count}) to choose a temperature or thresholds"
        return None, whole, f"{said}: give {2 * ENOUGH} test rows, or a dev file of {ENOUGH}"
    order = rng.permutation(count)
    said = f"temperature and thresholds were chosen on {count // 2:,} of the rows, and all is judged on the others"
    return whole.of(order[: count // 2]), whole.of(np.sort(order[count // 2 :])), f"{said}: dev has too few of its own"


def _tempered(chosen: _Part, judged: _Part, softmax: bool, seed: int) -> list[Measure]:
    """The temperature, and the scores at it."""
    best = calibrating.fit(chosen.p, chosen.truth, softmax, seed)
    sure = (
        "too sure of itself" if best.low > 1 else "not sure enough" if best.high < 1 else "neither too sure nor unsure"
    )
    temperature = Measure("temperature", best.value, best.low, best.high, "ratio", len(chosen.p), remark=sure)
    p = calibrating.tempered(judged.p, best.value, softmax)
    found = calibrating.scores(p, judged.truth, softmax, seed)
    return [temperature, *(_scored(score, "tempered", len(p)) for score in found)]


def _ends(one: Measure) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _thresholds(chosen: _Part, judged: _Part, config: Config, notes: list[str]) -> Iterator[Measure]:
    """For each promise what goes to a human, and how right the rest is."""
    for promise in config.promises:
        cut = calibrating.threshold(chosen.sure, chosen.right, promise)
        if cut is None:
            notes.append(_none(promise, len(chosen.p)))
            continue
        answered = judged.sure >= cut
        count, hits, rows = int(answered.sum()), int(judged.right[answered].sum()), len(judged.p)
        yield _share("sent to a human", rows - count, rows, promise, f"texts with a confidence below {cut:.4g}")
        if count:
            yield _share("right among the rest", hits, count, promise, f"promised: {100 * promise:g}%")


def _none(promise: float, rows: int) -> str:
    """Why there is no threshold."""
    needed = calibrating.fewest(promise)
    why = (
        f"that takes {needed} rows to choose on, and there are {rows}"
        if rows < needed
        else "even the surest err too often for that"
    )
    return f"no threshold promises {100 * promise:g}% right answers with 95% certainty: {why}"


def _share(name: str, hits: int, rows: int, promise: float, remark: str) -> Measure:
    low, high = metrics.wilson(hits, rows)
    return Measure(name, hits / rows, low, high, "share", rows, "send to a human", promise, remark, "promise")


def _reliability(judged: _Part, softmax: bool) -> Iterator[Measure]:
    """How often what has about the same probability comes true. Labels of one text count as one for the interval."""
    sure, came = calibrating.cells(judged.p, judged.truth, softmax)
    places = metrics.bins(sure)
    for place, (confidence, share, count) in enumerate(metrics.binned(sure.ravel(), came.ravel() > 0)):
        if count:
            texts = int((places == place).any(1).sum())
            low, high = metrics.wilson(round(share * texts), texts)
            name = "right at a confidence" if softmax else "true at a probability"
            ends = min(low, share), max(high, share)
            yield Measure(name, share, *ends, "share", count, "reliability", confidence, along="confidence")


def _scored(score: Score, how: str, rows: int, remark: str = "") -> Measure:
    unit, name = UNITS[score.name], WORDS[score.name]
    return Measure(f"{name}, {how}", score.value, score.low, score.high, unit, rows, name, None, remark)


def _wrong(subject: Subject, judged: _Part) -> tuple[Example, ...]:
    """The wrong answers that the model was surest of."""
    wrong, task = np.flatnonzero(~judged.right), subject.task
    found = []
    for place in wrong[np.argsort(-judged.sure[wrong], kind="stable")][:SHOWN].tolist():
        row, answer = subject.rows[judged.places[place]], judged.p[place : place + 1]
        said = answering.named(answering.found((row,), answer, task)[0])
        text = (
            f"{said} with a confidence of {judged.sure[place]:.2f}, not {answering.named(answering.truth(row, task))}"
        )
        found.append(Example("calibration error, as served", row.where, (row.input,), text))
    return tuple(found)
