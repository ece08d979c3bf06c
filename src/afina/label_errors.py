"""Labels that look wrong, by what a model that never saw the row says of it.

    odds = max of p(other class | x) / p(given class | x)      a row is listed from odds of 20, the highest first

Nothing is removed: hard rows and rare meanings look like wrong labels too, so the list is for a person to read. Rows of
classes with fewer than five rows are not judged.

Of labels made wrong at random in three public sets 22 to 96% are listed, and 65 to 95% of the list are such; of labels
moved to the likeliest other class, which is nearer to what people do, 6 to 32%, and 42 to 83% of the list
(benchmarks/label_errors.py). So the list is short and mostly right, and far from complete. The confident joint of the
paper, which asks how sure the model is of each class on average, lists more of the second kind, and where the model is
weak seven times as many rows, most of them labelled right (LOG.md).

Cost: a few passes over the probabilities, (n, classes). Not done: several labels a text, scores, spans.
Source: Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels",
arXiv:1911.00068 (out-of-sample probabilities; ranking by confidence, section 3.2).
"""

from collections.abc import Sequence

import numpy as np

from afina.records import Row, Suspect

STRENGTH = 3.0  # of the heads that labels are judged by; 1 and 10 found as many (benchmarks/label_errors.py)
ODDS = 20.0
FEWEST = 5  # rows of a class
KEPT = 1000  # suspects in a record


def judged(labels: np.ndarray, classes: int) -> np.ndarray:
    """Which rows are judged at all, (n,)."""
    return np.bincount(labels, minlength=classes)[labels] >= FEWEST


def find(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the rows whose label looks wrong, the worst first, and the likeliest other class of each.

    probabilities  (n, classes), each row by a model that was not fitted to it      labels  (n,) class indices
    """
    rows = np.arange(len(labels))
    given = probabilities[rows, labels]
    others = probabilities.copy()
    others[rows, labels] = -1.0
    likely = others.argmax(1)
    odds = others[rows, likely] / np.maximum(given, np.finfo(float).tiny)
    wrong = np.flatnonzero(judged(labels, probabilities.shape[1]) & (odds >= ODDS))
    wrong = wrong[np.argsort(-odds[wrong], kind="stable")]
    return wrong, likely[wrong]


def suspects(rows: Sequence[Row], labels: Sequence[str], probabilities: np.ndarray) -> tuple[Suspect, ...]:
    """The rows whose label looks wrong, by file and line. `probabilities` as in `find`, in the order of `labels`."""
    place = {label: index for index, label in enumerate(labels)}
    given = np.array([place[row.label] for row in rows])
    wrong, likely = find(probabilities, given)
    return tuple(
        Suspect(
            where=rows[row].where,
            given=rows[row].label,
            likely=labels[other],
            probability=float(probabilities[row, other]),
            given_probability=float(probabilities[row, given[row]]),
        )
        for row, other in list(zip(wrong, likely, strict=True))[:KEPT]
    )
