"""Linear heads on the vectors of a frozen body that never saw the row they answer, in closed form.

Vectors are brought to unit length; those u and v of a pair are read as |u - v| and u * v. Each fifth of the rows is
answered by a ridge head that was fitted to the other four, with the penalty of seven that errs least on these, each row
left out. Fifths have the same classes or scores: a head's mean would else lie away from the rows it was not fitted to,
and a body that knows nothing of a task would be worse than chance at it.

    classes    accuracy
    uneven     two classes, Matthews, cut at the share of the second one
    scores     Spearman

Cost: an eigendecomposition of (n, n) for each fifth, beside the vectors.
What it does not do: choose among heads, or say how good a model could become that is tuned on these rows.
Source: Conneau & Kiela 2018, arXiv:1803.05449 (features of pairs); Alain & Bengio 2016, arXiv:1610.01644 (linear heads
as probes); Hastie, Tibshirani & Friedman 2009, "The Elements of Statistical Learning", 7.10 (ridge, each row left out).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from afina import probing

CLASSES, UNEVEN, SCORES = "classes", "uneven", "scores"
FOLDS = 5  # each answered by a head fitted to the others
FEWEST = 30  # rows of a task


@dataclass(frozen=True, slots=True)
class Known:
    """Rows of one task."""

    name: str
    first: tuple[str, ...]
    second: tuple[str, ...]  # () where a row is one text
    truth: np.ndarray  # (n,): classes, or scores
    kind: str = CLASSES

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them."""
        return self.first + self.second


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
    wanted = known.truth[:, None] if known.kind == SCORES else np.eye(int(known.truth.max()) + 1)[known.truth]
    fold, said = _folds(known.truth), np.zeros(wanted.shape)
    for held in range(FOLDS):
        out = fold == held
        said[out] = ridge(x[~out], wanted[~out], x[out])
    return decided(known.kind, said, known.truth.mean())


def decided(kind: str, said: np.ndarray, mean: float) -> np.ndarray:
    """Classes, or scores, (n,), from what a head says of them (n, k); `mean` is that of the truth it was fitted to."""
    if kind == SCORES:
        return said[:, 0]
    if kind == UNEVEN:  # a cut at the middle hardly finds any but the commoner class
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
    if known.kind == SCORES:
        truth = _ranks(known.truth, weights)
        return np.stack([_correlation(_ranks(one, weights), truth, weights) for one in said], axis=1)
    if known.kind == UNEVEN:
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
