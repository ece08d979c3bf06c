"""Ridge regression that answers for each vector without the rows that this one may not be judged by.

    answer = z' (A - Xs' Xs)^-1 (X'Y - Xs' Ys)      A = X'X + p n I; Xs, Ys: the rows left out for z

X: standardised features and a 1 for the mean, which has no penalty; Y: targets. One inverse serves all vectors: with
G = A^-1, P = G Xs' and M = I - Xs P the Woodbury identity gives (A - Xs' Xs)^-1 = G + P M^-1 P'. Cost: d^3 once, and
d (d + s k) a vector with s rows left out. Where features are centred and scaled, all rows count.
Source: Hager 1989, "Updating the Inverse of a Matrix", SIAM Review 31; ridge as a classifier, Hastie, Tibshirani &
Friedman 2009, "The Elements of Statistical Learning", 4.2.
"""

from collections.abc import Sequence

import numpy as np

from afina.probing import PENALTIES, held_out


def penalty(features: np.ndarray, labels: np.ndarray, classes: int) -> tuple[float, float]:
    """The penalty p with the best leave-one-out accuracy, and that accuracy. features (n, d), labels (n,)."""
    targets = np.eye(classes)[labels]
    scores = [float((one.argmax(1) == labels).mean()) for one in held_out(features, targets)]
    best = int(np.argmax(scores))
    return float(PENALTIES[best]), scores[best]


def answers(
    train: tuple[np.ndarray, np.ndarray], asked: np.ndarray, without: Sequence[Sequence[int]], penalty: float
) -> np.ndarray:
    """Answers (m, k) for vectors (m, d), each by a fit without the rows at the places `without` gives for it.

    train  features (n, d) and targets (n, k). At least one row must be left.
    """
    features, targets = (part.astype(np.float64) for part in train)
    middle, scale = features.mean(0), features.std(0) + 1e-6
    x, z = (np.insert((part - middle) / scale, 0, 1.0, axis=1) for part in (features, asked))
    shrunk = np.full(x.shape[1], penalty * len(x))
    shrunk[0] = 0  # the mean
    inverse = np.linalg.inv(x.T @ x + np.diag(shrunk))
    product = x.T @ targets  # (d + 1, k)
    found = z @ (inverse @ product)
    for place, left in enumerate(without):
        if len(left):
            own = x[list(left)]  # (s, d + 1)
            rest = product - own.T @ targets[list(left)]
            pulled = inverse @ own.T  # (d + 1, s)
            inner = np.linalg.solve(np.eye(len(left)) - own @ pulled, pulled.T @ rest)
            found[place] = z[place] @ (inverse @ rest + pulled @ inner)
    return found
