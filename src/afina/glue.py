"""What a frozen body knows of general language: a linear head on its vectors for each task of GLUE.

Vectors are brought to unit length; those u and v of a pair are read as |u - v| and u * v. Each fifth of the rows is
answered by a ridge head that was fitted to the other four, with the penalty of seven that errs least on these, each row
left out. Fifths have the same classes or scores: a head's mean would else lie away from the rows it was not fitted to,
and a body that knows nothing of a task would be worse than chance at it.

    accuracy    for most     Matthews   for cola, cut at the share of acceptable rows     Spearman    for stsb_en

A folder holds one folder a task, as train.csv and dev.csv (either is enough), with the columns text or text_a and
text_b, and label or score. Rows are drawn once, with seed 0, so that every model meets the same.

Source: Wang et al. 2018, arXiv:1804.07461 (GLUE); Conneau & Kiela 2018, arXiv:1803.05449 (features of pairs); Hastie,
Tibshirani & Friedman 2009, "The Elements of Statistical Learning", 7.10 (ridge, each row left out).
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from afina import probing
from afina.errors import ConfigError, DataError
from afina.textfile import read_text

NAMES = ("cola", "sst2", "mrpc", "stsb_en", "rte", "wnli", "qnli", "qqp", "mnli")
SCORED, UNEVEN = "stsb_en", "cola"
HUB = "nyu-mll/glue"
ON_HUB = {
    "cola": ("sentence",), "sst2": ("sentence",), "mrpc": ("sentence1", "sentence2"),
    "stsb_en": ("sentence1", "sentence2"), "rte": ("sentence1", "sentence2"), "wnli": ("sentence1", "sentence2"),
    "qnli": ("question", "sentence"), "qqp": ("question1", "question2"), "mnli": ("premise", "hypothesis"),
}  # columns of the texts  # fmt: skip
ROWS = 400  # of a task
FOLDS = 5  # each answered by a head fitted to the others
FEWEST = 30
FORM = "give a folder with cola/train.csv and the like: columns text, or text_a and text_b, and label, or score"


@dataclass(frozen=True, slots=True)
class Known:
    """Rows of one task."""

    name: str
    first: tuple[str, ...]
    second: tuple[str, ...]  # () where a row is one text
    truth: np.ndarray  # (n,): classes, or scores

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them."""
        return self.first + self.second


def read(folder: Path, rows: int = ROWS) -> list[Known]:
    """The tasks that a folder has. Raises ConfigError where it has none, DataError where a file is not as above."""
    found = [_of_rows(name, _rows(folder / name), rows) for name in NAMES if (folder / name).is_dir()]
    if not found:
        raise ConfigError(f"{str(folder)!r} has none of the folders {', '.join(NAMES)}", FORM)
    return found


def files(folder: Path) -> tuple[Path, ...]:
    """The tables in a folder that `read` would read, and no others that stand beside them."""
    return tuple(file for name in NAMES for file in _tables(folder / name))


def from_hub(rows: int = ROWS) -> list[Known]:
    """All tasks, from the hub. Raises ConfigError where the package `datasets` is not there, or the hub is not."""
    try:
        import datasets
    except ImportError:
        fix = f"pip install datasets, or {FORM}"
        raise ConfigError(
            "reading GLUE from the hub needs the package 'datasets', which is not installed", fix
        ) from None
    found = []
    for name, columns in ON_HUB.items():
        try:
            table: Any = datasets.load_dataset(HUB, "stsb" if name == SCORED else name, split="train")
        except Exception as error:  # the library's own, those of the hub and of the network have no common base
            said = f"{name} cannot be read from {HUB}: {type(error).__name__}"
            raise ConfigError(said, f"look at the connection, or {FORM}") from error
        drawn = table.select(np.random.default_rng(0).permutation(len(table))[:rows])
        names = ("text",) if len(columns) == 1 else ("text_a", "text_b")
        given = "score" if name == SCORED else "label"
        read_ = [{**{new: row[old] for new, old in zip(names, columns, strict=True)}, given: str(row["label"])}
                 for row in drawn]  # fmt: skip
        found.append(_of_rows(name, read_, rows))
    return found


def vectors(known: Sequence[Known], read_texts: Callable[[Sequence[str]], np.ndarray]) -> dict[str, np.ndarray]:
    """The unit vector of each different text, as `read_texts` gives them, (n, hidden)."""
    texts = sorted({text for one in known for text in one.texts})
    found = read_texts(texts)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return dict(zip(texts, found / np.maximum(lengths, 1e-12), strict=True))


def answers(known: Known, of_text: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a head that never saw the row says of it, (n,): its class, or its score."""
    x = np.stack([of_text[text] for text in known.first])
    if known.second:
        v = np.stack([of_text[text] for text in known.second])
        x = np.hstack([np.abs(x - v), x * v])
    wanted = known.truth[:, None] if known.name == SCORED else np.eye(int(known.truth.max()) + 1)[known.truth]
    fold, said = _folds(known.truth), np.zeros(wanted.shape)
    for held in range(FOLDS):
        out = fold == held
        said[out] = ridge(x[~out], wanted[~out], x[out])
    return decided(known.name, said, known.truth.mean())


def decided(name: str, said: np.ndarray, mean: float) -> np.ndarray:
    """Classes, or scores, (n,), from what a head says of them (n, k); `mean` is that of the truth it was fitted to."""
    if name == SCORED:
        return said[:, 0]
    if name == UNEVEN:  # a cut at the middle hardly finds any but the commoner class
        return (said[:, 1] > mean).astype(int)
    return said.argmax(1)


def ridge(x: np.ndarray, wanted: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """What ridge regression on standardised features (n, d) says of others (m, d), the penalty as above: (m, k)."""
    middle, spread = x.mean(0), x.std(0) + 1e-6
    known, other = ((part - middle).astype(np.float64) / spread for part in (x, asked))
    mean = wanted.mean(0)
    values, u = np.linalg.eigh(known @ known.T)
    projected, best = u.T @ (wanted - mean), (np.inf, 0.0)
    for penalty in probing.PENALTIES * len(x):
        shrink = values.clip(0) / (values.clip(0) + penalty)
        errors = (wanted - mean - u @ (shrink[:, None] * projected)) / (1 - (u**2) @ shrink - 1 / len(x))[:, None]
        best = min(best, (float(np.square(errors).sum()), penalty))
    return np.asarray(mean + other @ known.T @ u @ (projected / (values.clip(0) + best[1])[:, None]))


def _folds(truth: np.ndarray) -> np.ndarray:
    """The fifth of each row, (n,): rows in the order of their classes or scores are dealt in turn."""
    order = np.random.default_rng(0).permutation(len(truth))
    fold = np.empty(len(truth), int)
    fold[order[np.argsort(truth[order], kind="stable")]] = np.arange(len(truth)) % FOLDS
    return fold


def scores(known: Known, said: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The task's score of each of several answers, (m, answers), where weights (m, n) say how often a row counts."""
    if known.name == SCORED:
        truth = _ranks(known.truth, weights)
        return np.stack([_correlation(_ranks(one, weights), truth, weights) for one in said], axis=1)
    if known.name == UNEVEN:
        truth = np.broadcast_to(known.truth, weights.shape)  # Matthews is the correlation of 0 and 1
        return np.stack([_correlation(np.broadcast_to(one, weights.shape), truth, weights) for one in said], axis=1)
    return np.stack([weights @ (one == known.truth) for one in said], axis=1) / weights.sum(1, keepdims=True)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean rank of each value among the rows of each resample, (m, n)."""
    below = (values[:, None] < values) + 0.5 * (values[:, None] == values)
    return np.asarray(weights @ below)


def _correlation(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation in each resample, (m,); 0 where either does not vary."""
    share = weights / weights.sum(1, keepdims=True)
    x = one - (share * one).sum(1, keepdims=True)
    y = other - (share * other).sum(1, keepdims=True)
    spread = np.sqrt((share * x * x).sum(1) * (share * y * y).sum(1))
    return np.divide((share * x * y).sum(1), spread, out=np.zeros(len(weights)), where=spread > 0)


def _rows(folder: Path) -> list[dict[str, str]]:
    return [row for file in _tables(folder) for row in csv.DictReader(StringIO(read_text(file)[0]))]


def _tables(folder: Path) -> list[Path]:
    return [file for file in (folder / "train.csv", folder / "dev.csv") if file.is_file()]


def _of_rows(name: str, rows: Sequence[Mapping[str, str]], most: int) -> Known:
    rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))[:most]]
    if len(rows) < FEWEST:
        raise DataError(f"{name} has {len(rows)} rows, which is too few", f"give {FEWEST} or more; {FORM}")
    texts = ("text",) if "text" in rows[0] else ("text_a", "text_b")
    asked = "score" if name == SCORED else "label"
    if lacking := [column for column in (*texts, asked) if any(row.get(column) is None for row in rows)]:
        raise DataError(f"{name} has rows without {' and '.join(lacking)}", FORM)
    first, *second = (tuple(row[column] for row in rows) for column in texts)
    return Known(name, first, second[0] if second else (), _truth(name, [row[asked] for row in rows]))


def _truth(name: str, cells: Sequence[str]) -> np.ndarray:
    if name != SCORED:
        kinds = sorted(set(cells))
        if len(kinds) < 2:
            raise DataError(f"{name} has one label only, {kinds[0]!r}", "give rows of at least two labels")
        return np.array([kinds.index(cell) for cell in cells])
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError as error:
        raise DataError(f"{name} has a score that is no number: {error}", "write scores as 3.5") from None
