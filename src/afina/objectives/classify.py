"""One class for each text or pair of texts.

    p = softmax(logits)      loss = mean of -ln p_true, nats      answer: the most probable class, a tie to the first

The main score is the accuracy; `metrics` says what stands beside it. A class that training never saw is -1 in the
truth: each of its rows counts as an error. The frozen layers are probed by a logistic regression, which the head starts
from too. Baselines: always the commonest class, and a linear model of words.

What it does not do: several labels a text (multilabel), classes with an order or a distance (regress).
Source: Bridle 1990, "Probabilistic Interpretation of Feedforward Classification Network Outputs" (softmax).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from afina import baselines, cells, losses, metrics, probing
from afina.errors import DataError
from afina.records import Change, Corpus, Details, Embed, Head, Predict, Reweighed, Row, Score, Task, Text

ACTIVATION = "softmax"
PER = "text"  # what an answer is of
POOLINGS = ("mean", "cls")  # what a head may read
PROBLEM = "single_label_classification"  # as Hugging Face names it
METRIC = "accuracy"  # name of the main score
PROBED = "accuracy"  # what `probe` gives
PIPELINE = "text-classification"  # the hub's name for what such a model does
LISTS = False  # whether a cell holds a list
TUNES = False  # whether anything but the weights is chosen on dev
REVIEWED = True  # whether labels that look wrong are listed
COLUMNS = ()  # usual names of its column that come before the others where the task is named
COUNTED = "class"  # what `counts` counts
SURE = "confidence"  # what the number beside a mistake is
LOSS_UNIT = "nats"
USE = "print([labels[i] for i in logits.argmax(axis=1).tolist()])"  # from logits (n, labels) to answers
ADDED = ("predicted", "probability")  # columns that `say` fills
ENDING = ".csv"  # of the file that answers are written to
START = 3.0  # strength of the head that training starts from, the best of 1, 3, 10 and 100 (LOG.md)
FOLDS, STRENGTH = 5, 100.0  # of the probe (LOG.md, Probing the layers)
KEPT = 1000  # mistakes in the details
Config = losses.Config


# ---------------------------------------------------------------- rows


def claims(values: Sequence[str], lists: bool) -> bool:
    """Whether a column of cells looks like this kind: one value a cell, and no score."""
    return not lists and not cells.is_score(values)


def read(row: Row, cell: str) -> Row:
    """The row with what its cell says."""
    return replace(row, label=cell)


def outputs(train: Sequence[Row], file: str) -> tuple[str, ...]:
    """The classes, sorted; whole numbers by their size. Raises DataError where they are one, or nearly one a row."""
    labels = cells.in_order(row.label for row in train)
    if len(labels) == 1:
        raise DataError(f"{file} has one class only, {labels[0]!r}", "give rows of at least two classes")
    if len(labels) > max(2, len(train) / 2):
        raise DataError(
            f"{file} has {len(labels):,} different labels in {len(train):,} rows, mostly one row each",
            "name the column of classes: label_column=..., or merge classes",
        )
    return labels


def strata(rows: Sequence[Row]) -> list[str]:
    """What a cut into splits keeps the shares of: the class of each row."""
    return [row.label for row in rows]


def counts(rows: Sequence[Row], labels: Sequence[str]) -> dict[str, int]:
    """Rows of each class."""
    found = Counter(row.label for row in rows)
    return {label: found[label] for label in labels}


def truth(rows: Sequence[Row], labels: Sequence[str]) -> np.ndarray:
    """Places of the rows' classes in `labels`, (n,); -1 for a class that is not there."""
    place = {label: index for index, label in enumerate(labels)}
    return np.array([place.get(row.label, -1) for row in rows], dtype=np.int64)


def units(train: Sequence[Row]) -> tuple[float, float]:
    """What training takes off the targets and divides them by: classes have no scale."""
    del train
    return 0.0, 1.0


# ---------------------------------------------------------------- training


def targets(rows: Sequence[Row], labels: Sequence[str]) -> np.ndarray:
    """What the loss compares with: as `truth`."""
    return truth(rows, labels)


def blind(train: Sequence[Row]) -> float:
    """The accuracy of always saying the commonest class."""
    return max(Counter(row.label for row in train).values()) / len(train)


def probe(features: np.ndarray, wanted: np.ndarray, classes: int) -> tuple[float, float, float]:
    """Cross-validated accuracy of a logistic head on features (n, d), with its 95% interval."""
    right = _right(features, wanted, classes)
    return float(right.mean()), *metrics.wilson(int(right.sum()), len(wanted))


def probed(features: np.ndarray, wanted: np.ndarray, classes: int) -> Reweighed:
    """The same accuracy of any resample of the rows: (resamples,) for weights (resamples, n)."""
    right = _right(features, wanted, classes)
    return lambda weights: weights @ right / weights.sum(1)


def _right(features: np.ndarray, wanted: np.ndarray, classes: int) -> np.ndarray:
    """Which rows, (n,), a logistic head that was fitted to the other fifths has right.

    Features are scaled by one number, to a mean squared length of 1, so that a strength means the same for all layers;
    their lengths differ still, which tell pairs of texts apart. Cost: a third of a second a layer for 800 rows of six
    classes, two seconds for 1,500 of 150.
    """
    scaled = features / max(float(np.sqrt(np.square(features).sum(1).mean())), 1e-12)
    return np.asarray(probing.crossed(scaled, wanted, classes, STRENGTH, FOLDS).argmax(1) == wanted)


def fit_head(train: probing.Part, dev: probing.Part | None, classes: int, config: Config) -> Any:
    """Weights (classes, d) and biases (classes,) of a logistic head on frozen features, its strength chosen on dev."""
    strength = probing.choose_strength(train, dev, classes, weighing=config.class_weights)
    return probing.logistic(*train, classes, strength, config.class_weights)


def start(head: Head, train: tuple[np.ndarray, np.ndarray], classes: int, config: Config) -> Head:
    """The head that training starts from: softer than the fitted one, which leaves the body little to learn."""
    del head
    return probing.logistic(*train, classes, START, config.class_weights)


def loss(config: Config, wanted: np.ndarray, classes: int) -> Any:
    """The loss of logits and classes, with weights from those of train; None where it is the model's own."""
    return None if config.plain else losses.of_classes(config, wanted, classes)


def dev_score(logits: np.ndarray, wanted: np.ndarray, labels: Sequence[str]) -> float:
    """The main score of logits (n, classes), without its interval."""
    del labels
    return float(np.mean(logits.argmax(-1) == wanted))


# ---------------------------------------------------------------- answers


def tune(dev: Sequence[Row], predict: Predict, task: Task) -> Task:
    """The same task: nothing is chosen after training."""
    del dev, predict
    return task


def scores(rows: Sequence[Row], answers: np.ndarray, task: Task, seed: int) -> tuple[Score, ...]:
    """Every score of probabilities (n, classes) with its interval, the accuracy first."""
    return metrics.scores(truth(rows, task.labels), answers, seed)


def details(rows: Sequence[Row], answers: np.ndarray, task: Task) -> Details:
    """Scores by class, confusions, calibration, and the most confident mistakes."""
    wanted, said = truth(rows, task.labels), answers.argmax(1)
    return Details(
        classes=metrics.per_class(wanted, said, task.labels),
        confusion=tuple(tuple(line) for line in metrics.confusion(wanted, said, len(task.labels)).tolist()),
        reliability=metrics.reliability(wanted, answers),
        mistakes=_mistakes(rows, answers, wanted, task.labels),
    )


def _mistakes(
    rows: Sequence[Row], answers: np.ndarray, wanted: np.ndarray, labels: Sequence[str]
) -> tuple[tuple[str, str, str, float], ...]:
    said, confidence = answers.argmax(1), answers.max(1)
    wrong = np.flatnonzero(said != wanted)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:KEPT]
    return tuple((rows[i].where, rows[i].label, labels[said[i]], float(confidence[i])) for i in order)


def compare(rows: Sequence[Row], before: np.ndarray, after: np.ndarray, task: Task, seed: int = 0) -> Change:
    """What became of the answers: rows broken and fixed, and the share with the same class."""
    wanted, was, now = truth(rows, task.labels), before.argmax(1), after.argmax(1)
    broken, fixed = (was == wanted) & (now != wanted), (was != wanted) & (now == wanted)
    each = np.stack([100.0 * (broken.astype(int) - fixed), was == now], axis=1)  # what a row adds to both numbers
    counts = {"broken": int(broken.sum()), "fixed": int(fixed.sum()), "count": len(rows), "unit": "rows"}
    return metrics.change(lambda weights: weights @ each / len(rows), len(rows), seed, **counts)


def rivals(corpus: Corpus, rows: Sequence[Row], task: Task, embed: Embed) -> dict[str, tuple[Task, np.ndarray]]:
    """What the baselines answer on `rows`."""
    del embed
    return {
        "majority": (task, baselines.majority(corpus.train, corpus.labels, rows)),
        "tfidf": (task, baselines.tfidf(corpus.train, corpus.labels, rows)),
    }


def say(texts: Sequence[Text], answers: np.ndarray, task: Task) -> tuple[list[dict[str, Any]], Mapping[str, int]]:
    """For each text the columns that are written beside it, and how often each class was the answer."""
    del texts
    best = answers.argmax(1) if len(answers) else np.zeros(0, int)
    said = [
        {"predicted": task.labels[place], "probability": float(chances[place])}
        for place, chances in zip(best, answers, strict=True)
    ]
    return said, Counter(task.labels[place] for place in best)


# ---------------------------------------------------------------- words


def size(labels: Sequence[str]) -> str:
    """How many classes there are."""
    return f"{len(labels):,} {'class' if len(labels) == 1 else 'classes'}"


def describe(labels: Sequence[str], inputs: str) -> str:
    """What such a model is, of `inputs` that are texts or pairs of texts."""
    return f"classifier of {inputs} into {size(labels)}"


def limits(labels: Sequence[str]) -> str:
    """What its user should know of it."""
    return f"It knows these {size(labels)} only, and answers with one of them whatever it is given."
