"""Whether the model's confidence can be believed, how it would be better, and which texts a human should see.

    calibration error (ece), Brier score and log loss, as served and at the temperature that fits dev best
    reliability    share that is right among texts of about the same confidence; on a line with slope 1 it is calibrated
    send to a human   for each promise (90%, 95% and 99% right) the confidence from which texts are answered, chosen on
                   dev so that it holds with 95% certainty (`afina/calibrating.py`); what share of the test texts then
                   goes to a human, and how often the rest is right

For several labels a text the scores are of each label's probability; a text is right where all its labels are, and
its confidence is the product of the probabilities of what was said of each label.

Nothing is chosen and judged on the same rows: where dev holds too few that are not in test, half of the test rows
choose and the other half judge. With few rows the calibration error is too high, even of a perfect model: what chance
alone gives stands beside it.

Unit: share, 1 - calibration error, more is better. Cost: answers to dev, 2,000 rows at most.

What it does not do: change the served model; calibrate each class; promise anything for texts of another kind.
Source: Guo et al. 2017, arXiv:1706.04599; Angelopoulos et al. 2021, "Learn then Test", arXiv:2110.01052.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from afina import answering, calibrating, metrics
from afina.records import Dimension, Example, Measure, Row, Score, Subject, Task

MOST = 2000  # rows of dev that are asked
FEW = 100  # rows of dev, from which on they choose; with fewer, half of the test rows do if they are more
NEEDED = 20  # rows to choose on and to judge on
SHOWN = 5  # wrong answers
WORDS = {"ece": "calibration error", "brier": "Brier score", "log_loss": "log loss"}
UNITS = {"ece": "share", "brier": "score", "log_loss": "nats"}
SKIPPED = "calibration is of probabilities of texts, and this kind of task has none: use a task with classes or labels"
Promise = Annotated[float, Field(ge=0.5, lt=1)]


class Config(BaseModel, frozen=True, extra="forbid"):
    """What is promised."""

    promises: tuple[Promise, ...] = Field(
        default=(0.9, 0.95, 0.99), description="shares of right answers that thresholds are sought for"
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows with their answers."""

    p: np.ndarray  # (n, labels)
    truth: np.ndarray  # (n, labels), 0 and 1; no 1 for a class that the model does not know
    sure: np.ndarray  # (n,)
    right: np.ndarray  # (n,)

    def of(self, places: np.ndarray) -> "_Part":
        return _Part(self.p[places], self.truth[places], self.sure[places], self.right[places])


def measure(subject: Subject, config: Config) -> Dimension:
    """Calibration as served and tempered, reliability, and thresholds."""
    task, softmax = subject.task, subject.task.activation == "softmax"
    if task.activation not in ("softmax", "sigmoid") or task.per == "word":
        return Dimension("calibration", skipped=SKIPPED)
    whole = _part(subject.rows, subject.answers, task)
    found = calibrating.scores(whole.p, whole.truth, softmax, subject.seed)
    lucky = calibrating.chance(whole.p, softmax, subject.seed)
    measures = [_scored(score, "as served", len(whole.p)) for score in found]
    measures.append(_scored(lucky, "by chance alone", len(whole.p), "of a perfectly calibrated model, on as many rows"))
    chosen, judged, how = _choosing(subject, whole)
    notes = [how]
    if min(len(chosen.p), len(judged.p)) < NEEDED or not chosen.truth.any():
        notes.append(
            f"no temperature and no threshold: fewer than {NEEDED} rows to choose them on, or to judge them on"
        )
    else:
        measures += _tempered(chosen, judged, softmax, subject.seed)
        measures += _thresholds(chosen, judged, config, notes)
    measures += _reliability(whole, softmax)
    ece = found[0]
    score = Score("calibration", 1 - ece.value, 1 - ece.high, 1 - ece.low)
    return Dimension(
        "calibration", score, measures=tuple(measures), examples=_wrong(subject, whole), notes=tuple(notes)
    )


def _part(rows: Sequence[Row], answers: np.ndarray, task: Task) -> _Part:
    p = answering.probabilities(answers, len(rows), task)
    truth = np.array([[label in row.names for label in task.labels] for row in rows], dtype=np.float64)
    if task.activation == "softmax":
        sure, came = calibrating.cells(p, truth, softmax=True)
        return _Part(p, truth, sure[:, 0], came[:, 0] > 0)
    said = p >= np.array(task.thresholds or [0.5] * len(task.labels))
    return _Part(p, truth, np.where(said, p, 1 - p).prod(1), (said == truth).all(1))


def _choosing(subject: Subject, whole: _Part) -> tuple[_Part, _Part, str]:
    """Rows to choose on, rows to judge on, and how they came about."""
    asked = set(subject.rows)
    rows = [row for row in subject.dev if row not in asked]
    half = len(whole.p) // 2
    order = np.random.default_rng(subject.seed).permutation(max(len(rows), len(whole.p)))
    if len(rows) >= min(FEW, max(half, NEEDED)):
        rows = [rows[place] for place in order[order < len(rows)][:MOST]]
        answers = subject.predict([row.input for row in rows])
        said = f"temperature and thresholds were chosen on {len(rows):,} rows of dev"
        return _part(rows, answers, subject.task), whole, said
    said = f"temperature and thresholds were chosen on {half:,} of the rows and judged on the others: dev has too few"
    order = order[order < len(whole.p)]
    return whole.of(order[:half]), whole.of(order[half:]), said


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


def _thresholds(chosen: _Part, judged: _Part, config: Config, notes: list[str]) -> Iterator[Measure]:
    """For each promise what goes to a human, and how right the rest is."""
    for promise in config.promises:
        cut = calibrating.threshold(chosen.sure, chosen.right, promise)
        if cut is None:
            notes.append(
                f"no threshold promises {100 * promise:g}% right answers with 95% certainty: the surest "
                f"{calibrating.fewest(promise)} of the {len(chosen.p):,} rows would have to be without a mistake"
            )
            continue
        answered = judged.sure >= cut
        count, hits, rows = int(answered.sum()), int(judged.right[answered].sum()), len(judged.p)
        yield _share("sent to a human", rows - count, rows, promise, f"texts with a confidence below {cut:.4g}")
        if count:
            yield _share("right among the rest", hits, count, promise, f"promised: {100 * promise:g}%")


def _share(name: str, hits: int, rows: int, promise: float, remark: str) -> Measure:
    low, high = metrics.wilson(hits, rows)
    return Measure(name, hits / rows, low, high, "share", rows, "send to a human", promise, remark)


def _reliability(whole: _Part, softmax: bool) -> Iterator[Measure]:
    """How often what has about the same probability comes true. Labels of one text count as one for the interval."""
    sure, came = calibrating.cells(whole.p, whole.truth, softmax)
    places = metrics.bins(sure)
    for place, (confidence, share, count) in enumerate(metrics.binned(sure.ravel(), came.ravel() > 0)):
        if count:
            texts = int((places == place).any(1).sum())
            low, high = metrics.wilson(round(share * texts), texts)
            name = "right at a confidence" if softmax else "true at a probability"
            yield Measure(name, share, min(low, share), max(high, share), "share", count, "reliability", confidence)


def _scored(score: Score, how: str, rows: int, remark: str = "") -> Measure:
    unit, name = UNITS[score.name], WORDS[score.name]
    return Measure(f"{name}, {how}", score.value, score.low, score.high, unit, rows, name, None, remark)


def _wrong(subject: Subject, whole: _Part) -> tuple[Example, ...]:
    """The wrong answers that the model was surest of."""
    wrong = np.flatnonzero(~whole.right)
    labels = subject.task.labels
    found = []
    for place in wrong[np.argsort(-whole.sure[wrong], kind="stable")][:SHOWN].tolist():
        row, p = subject.rows[place], whole.p[place]
        if subject.task.activation == "softmax":
            said = labels[int(p.argmax())]
        else:
            least = subject.task.thresholds or [0.5] * len(labels)
            said = ", ".join(label for label, one, cut in zip(labels, p, least, strict=True) if one >= cut) or "(none)"
        known = ", ".join(row.names) or "(none)"
        text = f"{said} with a confidence of {whole.sure[place]:.2f}, not {known}"
        found.append(Example("calibration error, as served", row.where, (row.input,), text))
    return tuple(found)
