"""A number for each text or pair of texts.

    answer = w . v + b        loss = mean of ((answer - y) / s)^2, with s the standard deviation of y in train

Training sees numbers with mean 0 and deviation 1 (`units`); the head is scaled back when it is done, so that a saved
model answers in the numbers of the file. The main score is Pearson's correlation with the truth; Spearman's, the root
of the mean squared error and the mean absolute error, both in the numbers of the file, stand beside it. Answers that
are all the same have a correlation of 0. The frozen layers are probed, and the head starts, by ridge regression.
Baselines: always the mean; for texts ridge regression on TF-IDF; for pairs the cosine of their TF-IDF vectors, and that
of the untuned base's mean vectors, each on the line that fits train best.

What it does not do: several numbers a text, an order without distances, a decimal comma.
Source: Galton 1886, Pearson 1895 (correlation); Spearman 1904; as used for STS-B, Cer et al. 2017, arXiv:1708.00055.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import BaseModel

from afina import baselines, cells, metrics, probing
from afina.errors import DataError
from afina.records import Change, Corpus, Details, Embed, Head, Predict, Reweighed, Row, Score, Task, Text

ACTIVATION = "none"
PER = "text"  # what an answer is of
POOLINGS = ("mean", "cls")  # what a head may read
PROBLEM = "regression"  # as Hugging Face names it
METRIC = "pearson"  # name of the main score
PROBED = "Pearson"  # what `probe` gives
PIPELINE = "text-classification"  # the hub's name for what such a model does
LISTS = False  # whether a cell holds a list
TUNES = False  # whether anything but the weights is chosen on dev
REVIEWED = False  # whether labels that look wrong are listed
COLUMNS = ("score", "value", "similarity", "rating", "stars")  # usual names of its column
USE = "print(logits[:, 0].tolist())"  # from logits (n, labels) to answers
COUNTED = "range of values"  # what `counts` counts
SURE = "off by"  # what the number beside a mistake is
LOSS_UNIT = "squared standard deviations of the values in train"
ADDED = ("predicted",)  # columns that `say` fills
ENDING = ".csv"  # of the file that answers are written to
KEPT = 1000  # mistakes in the details
BINS = 10  # ranges that values are counted in
STRATA = 5
NEAR = 0.1  # standard deviations within which two answers are the same
NAMES = ("pearson", "spearman", "rmse", "mae")


class Config(BaseModel, frozen=True, extra="forbid"):
    """The loss of this kind has no options."""


# ---------------------------------------------------------------- rows


def claims(values: Sequence[str], lists: bool) -> bool:
    """Whether a column of cells looks like this kind: numbers, more than 20 different fractions among them."""
    return not lists and cells.is_score(values)


def read(row: Row, cell: str) -> Row:
    """The row with what its cell says. Raises ValueError where that is no number."""
    if cells.missing(cell):
        return row
    value = cells.number(cell)
    if value is None:
        raise ValueError(f"{cell.strip()[:40]!r} is no number")
    return replace(row, value=value)


def outputs(train: Sequence[Row], file: str) -> tuple[str, ...]:
    """The one output. Raises DataError where every value is the same."""
    if len({row.value for row in train}) < 2:
        raise DataError(f"every score in {file} is {train[0].value:g}", "give rows with different scores")
    return ("value",)


def strata(rows: Sequence[Row]) -> list[str]:
    """What a cut into splits keeps the shares of: the fifth of the values that each row is in."""
    ranks = _places(_values(rows))
    return [str(fifth) for fifth in (ranks * STRATA // max(len(rows), 1)).tolist()]


def counts(rows: Sequence[Row], labels: Sequence[str]) -> dict[str, int]:
    """Rows in each of ten equal ranges of values."""
    del labels
    found, edges = np.histogram(_values(rows), BINS)
    ranges = pairwise(edges.tolist())
    return {f"{low:.3g} to {high:.3g}": n for (low, high), n in zip(ranges, found.tolist(), strict=True)}


def units(train: Sequence[Row]) -> tuple[float, float]:
    """Mean and standard deviation of the values: what training takes off and divides by."""
    values = _values(train)
    return float(values.mean()), float(values.std())


# ---------------------------------------------------------------- training


def targets(rows: Sequence[Row], labels: Sequence[str]) -> np.ndarray:
    """What the loss compares with, (n,): the values."""
    del labels
    return _values(rows).astype(np.float32)


def blind(train: Sequence[Row]) -> float:
    """The correlation of a constant."""
    del train
    return 0.0


def probe(features: np.ndarray, wanted: np.ndarray, classes: int) -> tuple[float, float, float]:
    """Leave-one-out correlation of ridge regression on features (n, d), with its 95% interval by Fisher's z."""
    value = float(probed(features, wanted, classes)(np.ones((1, len(wanted))))[0])
    spread = metrics.NORMAL / math.sqrt(max(len(wanted) - 3, 1))
    middle = math.atanh(min(value, 1 - 1e-9))
    return value, math.tanh(middle - spread), math.tanh(middle + spread)


def probed(features: np.ndarray, wanted: np.ndarray, classes: int) -> Reweighed:
    """The same correlation of any resample of the rows: (resamples,) for weights (resamples, n)."""
    del classes
    none = np.zeros(len(wanted))  # a mean needs no features
    said = [none, *(answer[:, 0] for answer in probing.held_out(features, wanted[:, None]))]
    best = max(said, key=lambda answer: correlation(answer, wanted))
    return lambda weights: _pearson(weights, best[None].astype(np.float64), wanted[None].astype(np.float64))


def fit_head(train: probing.Part, dev: probing.Part | None, classes: int, config: Config) -> Any:
    """Weights (1, d) and a bias (1,) of ridge regression on frozen features, its penalty chosen on dev."""
    del classes, config
    return probing.ridge((train[0], train[1][:, None]), dev and (dev[0], dev[1][:, None]))


def start(head: Head, train: tuple[np.ndarray, np.ndarray], classes: int, config: Config) -> Head:
    """The head that training starts from: the fitted one."""
    del train, classes, config
    return head


def loss(config: Config, wanted: np.ndarray, classes: int) -> None:
    """The model's own."""
    del config, wanted, classes


def dev_score(logits: np.ndarray, wanted: np.ndarray, labels: Sequence[str]) -> float:
    """The main score of answers (n, 1), without its interval."""
    del labels
    return correlation(logits[:, 0], wanted)


# ---------------------------------------------------------------- answers


def tune(dev: Sequence[Row], predict: Predict, task: Task) -> Task:
    """The same task: nothing is chosen after training."""
    del dev, predict
    return task


def scores(rows: Sequence[Row], answers: np.ndarray, task: Task, seed: int) -> tuple[Score, ...]:
    """Every score of answers (n, 1) with its interval, Pearson's correlation first."""
    del task
    said, wanted = answers[:, 0].astype(np.float64), _values(rows)
    return metrics.bootstrap(NAMES, lambda weights: _scores(weights, said, wanted), len(rows), seed)


def details(rows: Sequence[Row], answers: np.ndarray, task: Task) -> Details:
    """The answers that are farthest off."""
    del task
    said, wanted = answers[:, 0].astype(np.float64), _values(rows)
    off = np.abs(said - wanted)
    order = [place for place in np.argsort(-off, kind="stable")[:KEPT] if off[place] > 0]
    return Details(
        mistakes=tuple((rows[i].where, f"{wanted[i]:g}", f"{said[i]:.3g}", float(off[i])) for i in order),
    )


def compare(rows: Sequence[Row], before: np.ndarray, after: np.ndarray, task: Task, seed: int = 0) -> Change:
    """What became of the answers: rows that moved from the truth or to it by over a tenth of a standard deviation."""
    del task
    wanted, was, now = _values(rows), before[:, 0].astype(np.float64), after[:, 0].astype(np.float64)
    near = NEAR * (wanted.std() or 1.0)
    moved = np.abs(now - wanted) - np.abs(was - wanted)
    same = np.abs(now - was) <= near

    def of(weights: np.ndarray) -> np.ndarray:
        lost = _pearson(weights, was[None], wanted[None]) - _pearson(weights, now[None], wanted[None])
        return np.stack([100 * lost, weights @ same / len(rows)], axis=1)

    return metrics.change(
        of,
        len(rows),
        seed,
        broken=int((moved > near).sum()),
        fixed=int((moved < -near).sum()),
        count=len(rows),
        unit="rows",
    )


def rivals(corpus: Corpus, rows: Sequence[Row], task: Task, embed: Embed) -> dict[str, tuple[Task, np.ndarray]]:
    """What the baselines answer on `rows`; `embed` gives the untuned base's vectors of texts, (n, hidden)."""
    train, values = corpus.train, _values(corpus.train)
    found = {"mean": np.full(len(rows), values.mean())}
    if train[0].pair is None:
        found["tfidf_ridge"] = baselines.ridge(train, values, rows)
    else:
        found["tfidf_cosine"] = baselines.cosine(train, values, rows)
        found["base_cosine"] = baselines.on_a_line(_cosines(train, embed), values, _cosines(rows, embed))
    return {name: (task, answer[:, None]) for name, answer in found.items()}


def say(texts: Sequence[Text], answers: np.ndarray, task: Task) -> tuple[list[dict[str, Any]], Mapping[str, int]]:
    """For each text the column that is written beside it; nothing to count."""
    del texts, task
    return [{"predicted": float(value)} for value in answers[:, 0]], {}


def _cosines(rows: Sequence[Row], embed: Embed) -> np.ndarray:
    first, second = embed([row.text for row in rows]), embed([row.pair or "" for row in rows])
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(1) / np.maximum(lengths, 1e-12)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's, of two vectors; 0 where one of them is constant.

    >>> round(correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])), 6)
    0.5
    """
    weights = np.ones((1, len(first)))
    return float(_pearson(weights, first[None].astype(np.float64), second[None].astype(np.float64))[0])


def _values(rows: Sequence[Row]) -> np.ndarray:
    return np.array([row.value for row in rows], dtype=np.float64)


def _scores(weights: np.ndarray, said: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The scores of NAMES for each resample, (resamples, 4); `weights` says how often a row is in it."""
    rows = weights.shape[1]
    pearson = _pearson(weights, said[None], wanted[None])
    spearman = _pearson(weights, _ranks(weights, said), _ranks(weights, wanted))
    off = said - wanted
    return np.stack([pearson, spearman, np.sqrt(weights @ off**2 / rows), weights @ np.abs(off) / rows], axis=1)


def _pearson(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of each resample; x and y are (resamples, n) or (1, n)."""
    total = weights.sum(1, keepdims=True)
    floors = [1e-24 * (weights * one * one).sum(1) for one in (x, y)]  # what rounding leaves of a constant
    x, y = (one - (weights * one).sum(1, keepdims=True) / total for one in (x, y))
    both, xx, yy = (weights * x * y).sum(1), (weights * x * x).sum(1), (weights * y * y).sum(1)
    varied = (xx > floors[0]) & (yy > floors[1])
    return np.divide(both, np.sqrt(xx * yy), out=np.zeros_like(both), where=varied)


def _ranks(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rank of each row's value in each resample, (resamples, n), the mean rank where values are equal."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(group.max(initial=-1) + 1))
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)  # (resamples, different values)
    return (np.cumsum(sizes, axis=1) - (sizes - 1) / 2)[:, group]


def _places(values: np.ndarray) -> np.ndarray:
    places = np.empty(len(values), dtype=np.int64)
    places[np.argsort(values, kind="stable")] = np.arange(len(values))
    return places


# ---------------------------------------------------------------- words


def size(labels: Sequence[str]) -> str:
    """What is given."""
    del labels
    return "a score"


def describe(labels: Sequence[str], inputs: str) -> str:
    """What such a model is, of `inputs` that are texts or pairs of texts."""
    del labels
    return f"model that gives {inputs} a score"


def limits(labels: Sequence[str]) -> str:
    """What its user should know of it."""
    del labels
    return "It gives a score whatever it is given, also far from the texts and the scores that it learned from."
