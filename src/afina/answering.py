"""What must be true of a model's answers before a number is made of them."""

import numpy as np

from afina import words
from afina.errors import RecordError
from afina.records import Task

AGAIN = "look at the model that was asked: its file, or the server that answers for it"
OFF = 0.01  # that the probabilities of a text may be away from 1 in sum


def checked(answers: np.ndarray, texts: int, task: Task) -> np.ndarray:
    """The same answers. Raises RecordError where they are not one line a text, or no numbers."""
    if len(answers) != texts:
        raise RecordError(f"the model gave {len(answers)} answers to {texts} texts", AGAIN)
    lines = words.flat(answers)
    if len(lines) and (lines.ndim != 2 or lines.shape[1] != len(task.labels)):
        got = " by ".join(map(str, lines.shape))
        raise RecordError(
            f"the model's answers are {got} numbers, not one for each of {len(task.labels)} labels", AGAIN
        )
    if not np.isfinite(lines.astype(np.float64)).all():
        raise RecordError("some answers of the model are no numbers", AGAIN)
    return answers


def probabilities(answers: np.ndarray, texts: int, task: Task) -> np.ndarray:
    """Checked answers (texts, labels) in fp64 that are probabilities; RecordError where they are none."""
    p = checked(answers, texts, task).astype(np.float64)
    if (p < -1e-6).any() or (p > 1 + 1e-6).any():
        raise RecordError("some answers of the model are no probabilities: below 0 or above 1", AGAIN)
    if task.activation == "softmax" and (np.abs(p.sum(1) - 1) > OFF).any():
        raise RecordError("the probabilities of some texts do not add up to 1", AGAIN)
    return p.clip(0, 1)
