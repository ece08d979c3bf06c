"""Scores of a predict function on rows it has not seen, beside what it must beat."""

from collections.abc import Mapping, Sequence

import numpy as np

from afina import metrics
from afina.errors import DataError, RecordError
from afina.records import Evaluation, Predict, Row

KEPT = 1000  # mistakes in the record
TOLERANCE = 1e-3  # how far the probabilities of a row may be from 1 in sum


def evaluate(
    predict: Predict,
    rows: Sequence[Row],
    labels: Sequence[str],
    split: str,
    baselines: Mapping[str, np.ndarray],
    seed: int,
) -> Evaluation:
    """Score a predict function. It may be a torch model, an ONNX session, an HTTP client or a lambda.

    labels     in the order of the columns of `predict`; a row with another label counts as an error
    baselines  name -> probabilities, (rows, labels): scored on the same rows with the same resamples
    Raises DataError where there are no rows, RecordError where the answers are no probabilities of these labels.
    """
    if not rows:
        raise DataError(f"there are no rows in {split}", "name a file with labelled rows")
    place = {label: index for index, label in enumerate(labels)}
    truth = np.array([place.get(row.label, -1) for row in rows])
    probabilities = _checked(predict([row.input for row in rows]), len(rows), len(labels), "the model")
    predicted = probabilities.argmax(1)
    compared = {
        name: metrics.scores(truth, _checked(values, len(rows), len(labels), name), seed)
        for name, values in baselines.items()
    }
    return Evaluation(
        rows=len(rows),
        split=split,
        scores=metrics.scores(truth, probabilities, seed),
        classes=metrics.per_class(truth, predicted, labels),
        confusion=tuple(tuple(line) for line in metrics.confusion(truth, predicted, len(labels)).tolist()),
        reliability=metrics.reliability(truth, probabilities),
        baselines=compared,
        mistakes=_mistakes(rows, labels, probabilities, truth),
    )


def _checked(values: np.ndarray, rows: int, classes: int, name: str) -> np.ndarray:
    if values.shape != (rows, classes):
        raise RecordError(
            f"{name} answers with {values.shape}, not ({rows}, {classes})", "use the model made from these labels"
        )
    if not np.isfinite(values).all() or values.min() < 0 or np.abs(values.sum(axis=1) - 1).max() > TOLERANCE:
        raise RecordError(f"the answers of {name} are no probabilities", "train again with a lower learning_rate")
    return values


def _mistakes(
    rows: Sequence[Row], labels: Sequence[str], probabilities: np.ndarray, truth: np.ndarray
) -> tuple[tuple[str, str, str, float], ...]:
    """The most confident errors: where, true label, predicted label, confidence. Texts stay in their files."""
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(predicted != truth)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:KEPT]
    return tuple((rows[i].where, rows[i].label, labels[predicted[i]], float(confidence[i])) for i in order)
