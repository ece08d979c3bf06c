"""Scores of a predict function on rows it has not seen, beside what it must beat."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from afina import shelf, words
from afina.errors import DataError, RecordError
from afina.records import Evaluation, Predict, Row, Task

TOLERANCE = 1e-3  # how far the probabilities of a row may be from 1 in sum
VALID: dict[str, Callable[[np.ndarray], bool]] = {  # by the activation, for finite values
    "softmax": lambda values: bool((values >= 0).all() and (np.abs(values.sum(axis=-1) - 1) <= TOLERANCE).all()),
    "sigmoid": lambda values: bool((values >= 0).all() and (values <= 1).all()),
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
    """The answers, where each is of a form that the task has."""
    width, found = len(task.labels), [answer.shape for answer in values]
    expected: list[tuple[int, ...]] = [(width,)] * len(rows)
    if task.per == "word":
        expected = [(len(words.words(row.text)), width) for row in rows]
    if found != expected:
        wrong = next((pair for pair in zip(found, expected, strict=False) if pair[0] != pair[1]), None)
        said = f"with {len(found)} answers to {len(rows)} rows" if wrong is None else f"{wrong[0]}, not {wrong[1]}"
        raise RecordError(f"{name} answers {said}", "use the model made from these labels")
    numbers = words.flat(values)
    if not (np.isfinite(numbers).all() and VALID[task.activation](numbers)):
        raise RecordError(
            f"the answers of {name} are no {MEANING[task.activation]}", "train again with a lower learning_rate"
        )
    return values
