"""Linear heads on frozen features: ridge regression in closed form, and logistic regression.

Source: leave-one-out residuals of ridge regression, Hastie, Tibshirani & Friedman 2009, "The Elements of
Statistical Learning", 7.10; linear probing before fine-tuning, Kumar et al. 2022, arXiv:2202.10054.
"""

from collections.abc import Iterator

import numpy as np

from afina.losses import class_weights, label_weights

PENALTIES = np.logspace(-3, 3, 7)  # ridge penalty, in units of the features' mean squared length
FOLDS = 5  # that a penalty is chosen by where there is no dev
ALONE = 1.0  # strength where there is no dev to choose by (LOG.md)
Part = tuple[np.ndarray, np.ndarray]  # features (n, d), and targets
STRENGTHS = (3.0, 10.0, 30.0, 100.0)  # inverse penalties C tried for the logistic head


def held_out(features: np.ndarray, targets: np.ndarray) -> Iterator[np.ndarray]:
    """Leave-one-out answers of ridge regression on standardised features, for each of seven penalties.

    features  (n, d)      targets  (n, k)      each answer  (n, k)
    One eigendecomposition serves all penalties and all n held-out rows; cost n * d * min(n, d).
    """
    x = features - features.mean(0)
    x = x / (x.std(0) + 1e-6)
    y = targets - targets.mean(0)
    u, s, _ = np.linalg.svd(x.astype(np.float64), full_matrices=False)
    projected = u.T @ y  # (rank, k)
    for penalty in PENALTIES:
        shrink = s**2 / (s**2 + penalty * len(x))
        fitted = u @ (shrink[:, None] * projected)
        leverage = (u**2) @ shrink + 1 / len(x)  # the mean is fitted too
        yield targets - (y - fitted) / (1 - leverage).clip(1e-6)[:, None]


def ridge(train: Part, dev: Part | None) -> tuple[np.ndarray, np.ndarray]:
    """Weights (k, d) and biases (k,) of ridge regression; of seven penalties the one with the least error on dev.

    train, dev  features (n, d) and targets (n, k). Cost n * d^2; without dev, six times that: each fifth of the rows is
    then answered by the others.
    """
    if dev is not None:
        parts = [(train, dev)]
    else:
        fold = np.random.default_rng(0).permutation(len(train[0])) % min(FOLDS, len(train[0]))
        inside = [fold == held for held in range(fold.max() + 1)]
        parts = [((train[0][~own], train[1][~own]), (train[0][own], train[1][own])) for own in inside]
    errors = np.zeros(len(PENALTIES))
    for known, asked in parts:
        heads = _ridges(known)
        errors += [float(np.square(asked[0] @ weights + bias - asked[1]).sum()) for weights, bias in heads]
    weights, bias = _ridges(train)[int(errors.argmin())]
    return weights.T.astype(np.float32), bias.astype(np.float32)


def _ridges(train: Part) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights (d, k) and biases (k,) for each penalty."""
    middle, mean = train[0].mean(0, dtype=np.float64), train[1].mean(0, dtype=np.float64)
    x, y = train[0] - middle, train[1] - mean
    square, product = x.T @ x, x.T @ y
    scale = np.trace(square) / x.shape[1]  # the features' mean squared length, over all rows
    found = [np.linalg.solve(square + penalty * scale * np.eye(len(square)), product) for penalty in PENALTIES]
    return [(weights, mean - middle @ weights) for weights in found]


def logistic(
    features: np.ndarray, labels: np.ndarray, classes: int, strength: float, weighing: str = "none"
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (classes, d) and biases (classes,) of a multinomial logistic head, penalty 1 / `strength`.

    `weighing` lets rare classes weigh more (see `losses`). A class without rows gets weights of 0 and a bias below all
    others.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    present = np.unique(labels)
    weights = np.zeros((classes, features.shape[1]), np.float32)
    biases = np.full(classes, -10.0, np.float32)
    if len(present) == 1:
        biases[present] = 0
        return weights, biases
    own = class_weights(labels, classes, weighing)
    each = None if weighing == "none" else {one: float(own[one]) for one in present.tolist()}
    solver = LogisticRegression(C=strength, max_iter=300, class_weight=each)
    with threadpool_limits(1):  # two threads took 2.5 times as long: the matrices are small
        fitted = solver.fit(features, labels)
    if len(present) == 2:  # scikit-learn keeps one row of weights for two classes; the softmax needs both
        weights[present] = np.concatenate([-fitted.coef_, fitted.coef_]) / 2
        biases[present] = np.concatenate([-fitted.intercept_, fitted.intercept_]) / 2
    else:
        weights[present], biases[present] = fitted.coef_, fitted.intercept_
    return weights, biases


def crossed(features: np.ndarray, labels: np.ndarray, classes: int, strength: float, folds: int = 3) -> np.ndarray:
    """Probabilities (n, classes) of each row by a logistic head that was fitted to the rows of the other folds.

    The rows of each class are dealt to the folds in turn, in random order (seed 0), so that a class of two rows or more
    is known to every head. Cost: `folds` heads on (1 - 1/folds) of the rows.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), int)
    fold[order] = np.arange(len(labels)) % folds
    probabilities = np.zeros((len(labels), classes))
    for held in range(folds):
        inside = fold == held
        weights, biases = logistic(features[~inside], labels[~inside], classes, strength)
        logits = features[inside] @ weights.T + biases
        chances = np.exp(logits - logits.max(1, keepdims=True))
        probabilities[inside] = chances / chances.sum(1, keepdims=True)
    return probabilities


def choose_strength(train: Part, dev: Part | None, classes: int, rows: int = 3000, weighing: str = "none") -> float:
    """The strength with the lowest loss on dev, from heads on at most `rows` training rows; ALONE without dev.

    Those rows are drawn at random (seed 0): files are often sorted by class.
    """
    if dev is None:
        return ALONE
    drawn = np.random.default_rng(0).permutation(len(train[1]))[:rows]
    features, labels = train[0][drawn], train[1][drawn]
    results = []
    for strength in STRENGTHS:
        weights, biases = logistic(features, labels, classes, strength, weighing)
        logits = dev[0] @ weights.T + biases
        results.append((_loss(logits, dev[1]), strength))
    return min(results)[1]


def logistic_labels(
    features: np.ndarray, targets: np.ndarray, strength: float, weighing: str = "none"
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (k, d) and biases (k,) of k independent logistic regressions, penalty 1 / `strength` on the weights.

    features  (n, d)      targets  (n, k), 0 or 1. All k are fitted at once by L-BFGS; biases are not penalised.
    `weighing` lets the rarer of the rows with a label and those without weigh more (see `losses`).
    """
    from scipy.optimize import minimize

    x = np.concatenate([features, np.ones((len(features), 1))], axis=1).astype(np.float64)
    signs = 2.0 * targets - 1
    shape = (targets.shape[1], x.shape[1])
    yes, no = label_weights(targets, weighing)
    each = strength * np.where(targets > 0, yes, no)  # (n, k)

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = flat.reshape(shape)
        margins = signs * (x @ parameters.T)
        slope = -signs / (1 + np.exp(np.minimum(margins, 500)))
        plain = parameters.copy()
        plain[:, -1] = 0
        loss = (each * np.logaddexp(0, -margins)).sum() + np.square(plain).sum() / 2
        return loss / len(x), ((each * slope).T @ x + plain).ravel() / len(x)

    found = minimize(cost, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    parameters = found.reshape(shape).astype(np.float32)
    return parameters[:, :-1], parameters[:, -1]


def choose_strength_labels(
    train: tuple[np.ndarray, np.ndarray], dev: tuple[np.ndarray, np.ndarray], rows: int = 3000, weighing: str = "none"
) -> float:
    """The strength with the lowest mean loss on dev, from heads on at most `rows` training rows drawn at random."""
    drawn = np.random.default_rng(0).permutation(len(train[1]))[:rows]
    signs = 1 - 2.0 * dev[1]

    def loss(strength: float) -> float:
        weights, biases = logistic_labels(train[0][drawn], train[1][drawn], strength, weighing)
        return float(np.logaddexp(0, signs * (dev[0] @ weights.T + biases)).mean())

    return min(STRENGTHS, key=loss)


def _loss(logits: np.ndarray, labels: np.ndarray) -> float:
    shifted = logits - logits.max(1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]).mean())
