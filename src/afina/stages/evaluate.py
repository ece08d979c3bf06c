"""Scores of a predict function on rows it has not seen, beside what it must beat."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from afina import shelf
from afina.errors import DataError, RecordError
from afina.records import Evaluation, Predict, Row, Task

TOLERANCE = 1e-3  # how far the probabilities of a row may be from 1 in sum
VALID: dict[str, Callable[[np.ndarray], bool]] = {  # by the activation, for finite values
    "softmax": lambda values: bool(values.min() >= 0 and np.abs(values.sum(axis=-1) - 1).max() <= TOLERANCE),
    "sigmoid": lambda values: bool(values.min() >= 0 and values.max() <= 1),
    "none": lambda values: True,
}
MEANING = {"softmax": "probabilities", "sigmoid": "probabilities", "none": "numbers"}


def evaluate(
    predict: Predict,
    rows: Sequence[Row],
    task: Task,
    split: str,
    baselines: Mapping[str, tuple[Task, np.ndarray]],
    seed: int,
) -> Evaluation:
    """Score a predict function. It may be a torch model, an ONNX session, an HTTP client or a lambda.

    task       what `predict` answers; a row with a label that is not among the task's counts as an error
    baselines  name -> its task and its answers: scored on the same rows with the same resamples
    Raises DataError where there are no rows, RecordError where the answers are none to this task.
    """
    if not rows:
        raise DataError(f"there are no rows in {split}", "name a file with labelled rows")
    objective = shelf.load("objectives", task.kind)
    answers = _checked(predict([row.input for row in rows]), rows, task, "the model")
    compared = {
        name: objective.scores(rows, _checked(values, rows, own, name), own, seed)
        for name, (own, values) in baselines.items()
    }
    details = objective.details(rows, answers, task)
    return Evaluation(
        rows=len(rows),
        split=split,
        scores=objective.scores(rows, answers, task, seed),
        classes=details.classes,
        confusion=details.confusion,
        reliability=details.reliability,
        baselines=compared,
        mistakes=details.mistakes,
    )


def _checked(values: np.ndarray, rows: Sequence[Row], task: Task, name: str) -> np.ndarray:
    if values.shape != (len(rows), len(task.labels)):
        raise RecordError(
            f"{name} answers with {values.shape}, not ({len(rows)}, {len(task.labels)})",
            "use the model made from these labels",
        )
    if not (np.isfinite(values).all() and VALID[task.activation](values)):
        raise RecordError(
            f"the answers of {name} are no {MEANING[task.activation]}", "train again with a lower learning_rate"
        )
    return values
