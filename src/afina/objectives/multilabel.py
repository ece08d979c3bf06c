"""Any number of labels for each text or pair of texts, none included.

    p = sigmoid(logits)        loss = mean over rows and labels of -(y ln p + (1 - y) ln(1 - p)), nats
    answer: every label whose p reaches its threshold

Thresholds are chosen on dev after training: one for all labels, that with the highest micro F1, and for a label with at
least 10 rows on dev the one with its own highest F1, where that gains over the common one. The main score is micro F1;
`counting` says how rows without labels count. A label that training never saw is missed in each of its rows.
The frozen layers are probed by ridge regression on the 0-1 table of labels, at the best common threshold; the head
starts from one logistic regression a label. Baselines: no label at all, and a linear model of words for each label,
its thresholds chosen on dev in the same way.

What it does not do: dependence between labels, hierarchies, a limit to the number of labels a text.
Source: Yang 2001, "A Study on Thresholding Strategies for Text Categorization", SIGIR (a threshold a label, with the
common one where data are few); Lipton et al. 2014, arXiv:1402.1892 (thresholds that maximise F1).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from afina import baselines, cells, counting, losses, metrics, probing
from afina.counting import Counts
from afina.errors import DataError
from afina.records import Change, Corpus, Details, Embed, Head, Predict, Reweighed, Row, Score, Task, Text

ACTIVATION = "sigmoid"
PER = "text"  # what an answer is of
POOLINGS = ("mean", "cls")  # what a head may read
PROBLEM = "multi_label_classification"  # as Hugging Face names it
METRIC = "micro_f1"  # name of the main score
PROBED = "micro F1"  # what `probe` gives
PIPELINE = "text-classification"  # the hub's name for what such a model does
LISTS = True  # whether a cell holds a list
TUNES = True  # whether anything but the weights is chosen on dev
REVIEWED = False  # whether labels that look wrong are listed
COLUMNS = ("labels", "tags", "categories", "topics", "classes")  # usual names of its column
COUNTED = "label"  # what `counts` counts
SURE = "confidence"  # what the number beside a mistake is
LOSS_UNIT = "nats"
ADDED = ("predicted", "probability")  # columns that `say` fills
ENDING = ".csv"  # of the file that answers are written to
KEPT = 1000  # mistakes in the details
Config = losses.Config
FEWEST = 10  # rows on dev with a label, for a threshold of its own
NONE = "(none)"  # in place of no label
USUAL = 0.5  # the threshold where none was chosen
DRAWS = 200  # bootstrap resamples of a probed layer
NAMES = (*counting.NAMES, "exact_match")
USE = """\
import numpy as np

probabilities = 1 / (1 + np.exp(-np.array(logits)))
thresholds = np.array({thresholds})
print([[labels[i] for i in np.flatnonzero(row >= thresholds)] for row in probabilities])"""  # from logits to answers


# ---------------------------------------------------------------- rows


def claims(values: Sequence[str], lists: bool) -> bool:
    """Whether a column of cells looks like this kind: lists, and nothing in them but texts and numbers."""
    return lists and all(map(_plain, (one for value in values for one in cells.items(value) or ())))


def read(row: Row, cell: str) -> Row:
    """The row with what its cell, a JSON list, says. Raises ValueError where it is no list of labels."""
    if cells.missing(cell):
        return row
    found = cells.items(cell)
    if found is None or not all(map(_plain, found)):
        raise ValueError(f"{cell.strip()[:40]!r} is no list of labels")
    labels = {(one if isinstance(one, str) else json.dumps(one)).strip() for one in found}
    return replace(row, labels=tuple(sorted(labels - {""})))


def _plain(one: object) -> bool:
    return isinstance(one, str | int | float)


def outputs(train: Sequence[Row], file: str) -> tuple[str, ...]:
    """The labels, sorted. Raises DataError where there are none, or nearly one a row, or all rows have the same."""
    labels = cells.in_order(name for row in train for name in row.names)
    if not labels:
        raise DataError(f"no row of {file} has any label: every list is empty", "give rows with labels")
    if len({row.labels for row in train}) == 1:
        raise DataError(f"every row of {file} has the same labels: {', '.join(labels)}", "give rows with other labels")
    if len(labels) > max(2, len(train) / 2):
        raise DataError(
            f"{file} has {len(labels):,} different labels in {len(train):,} rows, mostly one row each",
            "name the column of labels: label_column=..., or merge labels",
        )
    return labels


def strata(rows: Sequence[Row]) -> list[str]:
    """What a cut into splits keeps the shares of: the rarest label of each row, '' for none."""
    found = Counter(name for row in rows for name in row.names)
    return [min(row.names, key=lambda name: (found[name], name), default="") for row in rows]


def counts(rows: Sequence[Row], labels: Sequence[str]) -> dict[str, int]:
    """Rows with each label."""
    found = Counter(name for row in rows for name in row.names)
    return {label: found[label] for label in labels}


def units(train: Sequence[Row]) -> tuple[float, float]:
    """What training takes off the targets and divides them by: labels have no scale."""
    del train
    return 0.0, 1.0


# ---------------------------------------------------------------- training


def targets(rows: Sequence[Row], labels: Sequence[str]) -> np.ndarray:
    """What the loss compares with, (n, labels): 1 for each label of a row, else 0."""
    return np.array([[label in row.names for label in labels] for row in rows], dtype=np.float32)


def blind(train: Sequence[Row]) -> float:
    """The best micro F1 of giving every row the same labels: the commonest ones."""
    often = np.array(sorted(Counter(name for row in train for name in row.names).values(), reverse=True))
    given = len(train) * np.arange(1, len(often) + 1)
    return float((2 * often.cumsum() / (given + often.sum())).max(initial=0.0))


def probe(features: np.ndarray, wanted: np.ndarray, classes: int) -> tuple[float, float, float]:
    """Leave-one-out micro F1 of ridge regression on features (n, d), at its best threshold, with its 95% interval."""
    judge = probed(features, wanted, classes)
    score = metrics.bootstrap(NAMES[:1], lambda weights: judge(weights)[:, None], len(wanted), 0, DRAWS)[0]
    return score.value, min(score.low, score.value), max(score.high, score.value)


def probed(features: np.ndarray, wanted: np.ndarray, classes: int) -> Reweighed:
    """The same F1 of any resample of the rows: (resamples,) for weights (resamples, n)."""
    del classes
    answers = list(probing.held_out(features, wanted))
    cuts = [counting.best_cut(answer.ravel(), wanted.ravel()) for answer in answers]
    best = max(range(len(cuts)), key=lambda place: cuts[place][1])
    found = _counts(answers[best] >= cuts[best][0], wanted)
    return lambda weights: counting.scores(weights, found)[:, 0]


def fit_head(train: probing.Part, dev: probing.Part | None, classes: int, config: Config) -> Any:
    """Weights (labels, d) and biases (labels,) of logistic heads on frozen features, their strength chosen on dev."""
    del classes
    strength = probing.choose_strength_labels(train, dev or train, weighing=config.class_weights)  # TUNES: there is one
    return probing.logistic_labels(*train, strength, config.class_weights)


def start(head: Head, train: tuple[np.ndarray, np.ndarray], classes: int, config: Config) -> Head:
    """The head that training starts from: the fitted one."""
    del train, classes, config
    return head


def loss(config: Config, wanted: np.ndarray, classes: int) -> Any:
    """The loss of logits and a 0-1 table, with weights from that of train; None where it is the model's own."""
    del classes
    return None if config.plain else losses.of_labels(config, wanted)


def dev_score(logits: np.ndarray, wanted: np.ndarray, labels: Sequence[str]) -> float:
    """Micro F1 of logits (n, labels) at their best common threshold."""
    del labels
    return counting.best_cut(logits.ravel(), wanted.ravel())[1]


# ---------------------------------------------------------------- answers


def tune(dev: Sequence[Row], predict: Predict, task: Task) -> Task:
    """The task with the thresholds that are best on dev."""
    probabilities, wanted = predict([row.input for row in dev]), targets(dev, task.labels)
    common, _ = counting.best_cut(probabilities.ravel(), wanted.ravel())
    found = []
    for own, true in zip(probabilities.T, wanted.T, strict=True):
        cut, best = counting.best_cut(own, true)
        usual = counting.micro_f1(_counts((own >= common)[:, None], true[:, None]))
        found.append(cut if true.sum() >= FEWEST and best > usual else common)
    return replace(task, thresholds=tuple(found))


def scores(rows: Sequence[Row], answers: np.ndarray, task: Task, seed: int) -> tuple[Score, ...]:
    """Every score of probabilities (n, labels) with its interval, micro F1 first."""
    found = _judged(rows, answers, task)
    exact = ((found.answered == found.wanted).all(1) & (found.hits == found.wanted).all(1)).astype(np.float64)

    def of(weights: np.ndarray) -> np.ndarray:
        return np.column_stack([counting.scores(weights, found), weights @ exact / len(rows)])

    return metrics.doubted(metrics.bootstrap(NAMES, of, len(rows), seed), len(rows))


def details(rows: Sequence[Row], answers: np.ndarray, task: Task) -> Details:
    """Scores by label, calibration over all rows and labels, and the rows with the surest wrong label."""
    wanted = targets(rows, task.labels)
    return Details(
        classes=counting.by_kind(_counts(_given(answers, task), wanted), task.labels),
        reliability=metrics.binned(answers.ravel(), wanted.ravel().astype(bool)),
        mistakes=_mistakes(rows, answers, task),
    )


def _mistakes(rows: Sequence[Row], answers: np.ndarray, task: Task) -> tuple[tuple[str, str, str, float], ...]:
    given, wanted = _given(answers, task), targets(rows, task.labels).astype(bool)
    sure = np.where(given, answers, 1 - answers)
    worst = np.where(given != wanted, sure, 0).max(1)
    unseen = [not set(row.names) <= set(task.labels) for row in rows]
    wrong = np.flatnonzero((given != wanted).any(1) | unseen)
    order = wrong[np.argsort(-worst[wrong], kind="stable")][:KEPT]
    return tuple((rows[i].where, _list(rows[i].names), _list(_named(given[i], task)), float(worst[i])) for i in order)


def compare(rows: Sequence[Row], before: np.ndarray, after: np.ndarray, task: Task, seed: int = 0) -> Change:
    """What became of the answers: labels broken and fixed, and the share of those given that both give (Dice)."""
    wanted, was, now = targets(rows, task.labels).astype(bool), _given(before, task), _given(after, task)
    old, new, both = _judged(rows, before, task), _judged(rows, after, task), (was & now).sum(1)
    return metrics.change(
        lambda weights: counting.became(weights, old, new, both),
        len(rows),
        seed,
        broken=int(((was == wanted) & (now != wanted)).sum()),
        fixed=int(((was != wanted) & (now == wanted)).sum()),
        count=int((was | wanted).sum()),
        unit="labels",
    )


def rivals(corpus: Corpus, rows: Sequence[Row], task: Task, embed: Embed) -> dict[str, tuple[Task, np.ndarray]]:
    """What the baselines answer on `rows`."""
    del embed
    learned = baselines.one_vs_rest(corpus.train, targets(corpus.train, task.labels), [*corpus.choosing, *rows])
    dev, test = learned[: len(corpus.choosing)], learned[len(corpus.choosing) :]
    return {
        "no_label": (task, np.zeros((len(rows), len(task.labels)))),
        "tfidf": (tune(corpus.choosing, lambda _: dev, task), test),
    }


def say(texts: Sequence[Text], answers: np.ndarray, task: Task) -> tuple[list[dict[str, Any]], Mapping[str, int]]:
    """For each text its labels and their probabilities, and how often each label was given."""
    del texts
    said = []
    for row, given in zip(answers, _given(answers, task), strict=True):
        chances = [float(chance) for chance in row[given]]
        said.append({"predicted": list(_named(given, task)), "probability": chances})
    given = _given(answers, task).sum(0).tolist() if len(answers) else [0] * len(task.labels)
    return said, {label: count for label, count in zip(task.labels, given, strict=True) if count}


def _given(answers: np.ndarray, task: Task) -> np.ndarray:
    """Whether each label is given to each row, (n, labels)."""
    given: np.ndarray = answers >= (np.array(task.thresholds) if task.thresholds else USUAL)
    return given


def _named(given: np.ndarray, task: Task) -> tuple[str, ...]:
    return tuple(task.labels[place] for place in np.flatnonzero(given))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or NONE


def _counts(given: np.ndarray, wanted: np.ndarray) -> Counts:
    return Counts(*(table.astype(np.float64) for table in (given & (wanted > 0), given, wanted)))


def _judged(rows: Sequence[Row], answers: np.ndarray, task: Task) -> Counts:
    """As `_counts`, with one more column for the labels that training never saw: wanted, and never answered."""
    found = _counts(_given(answers, task), targets(rows, task.labels))
    unseen = np.array([[len(set(row.names) - set(task.labels))] for row in rows], dtype=np.float64)
    none = np.zeros_like(unseen)
    return Counts(np.hstack([found.hits, none]), np.hstack([found.answered, none]), np.hstack([found.wanted, unseen]))


# ---------------------------------------------------------------- words


def size(labels: Sequence[str]) -> str:
    """How many labels there are."""
    return f"{len(labels):,} {'label' if len(labels) == 1 else 'labels'}"


def describe(labels: Sequence[str], inputs: str) -> str:
    """What such a model is, of `inputs` that are texts or pairs of texts."""
    return f"model that gives {inputs} any of {size(labels)}"


def limits(labels: Sequence[str]) -> str:
    """What its user should know of it."""
    return f"It knows these {size(labels)} only; where none reaches its threshold it gives none."
