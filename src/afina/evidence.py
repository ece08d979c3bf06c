"""LogME: how probable targets are under a Bayesian linear model of frozen features, in closed form.

    ln p(y | F) of y = F w + noise, w ~ N(0, 1/a), noise ~ N(0, 1/b), at the a and b that make it largest;
    divided by the rows and averaged over the targets: nats a row and target, the higher the better

The fixed point starts at the best a / b of a grid: from any other it may end where the features say nothing, as with
vectors that have much in common and vary little.

Nothing is held out and no head is kept: it asks how well the features fit the labels less what that fit costs. Compare
it between layers or bases on the same rows only; a value alone says nothing. Cost: n d^2 + d^3, and some 30 d for each
target.
What it does not do: say what a trained head will score, or see what training the body would change.
Source: You et al. 2021, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning", arXiv:2102.11005,
section 4; the evidence framework, MacKay 1992.
"""

import numpy as np

STARTS = 20  # values of a / b, from far below the smallest squared singular value to far above the largest
STEPS = 50  # of the fixed point, which mostly needs ten
CLOSE = 1e-4  # relative change of a / b that ends it
FAR = 100.0  # times
LEAST = 1e-12


def table(targets: np.ndarray, classes: int) -> np.ndarray:
    """Targets as columns of numbers, (n, k): a column a class where they are class indices (n,), else as they are."""
    if np.issubdtype(targets.dtype, np.integer) and targets.ndim == 1:
        return np.eye(classes)[targets]
    return targets.reshape(len(targets), -1).astype(np.float64)


def logme(features: np.ndarray, targets: np.ndarray) -> float:
    """Mean log evidence a row and target, nats. features (n, d), targets (n, k); columns that never vary are left out.

    0 where no column varies or all features are 0.
    """
    varied = targets[:, targets.std(0) > 0].astype(np.float64)
    x = features.astype(np.float64)
    if varied.shape[1] == 0 or not x.any():
        return 0.0
    squares, vectors = np.linalg.eigh(x.T @ x)
    kept = squares > squares.max(initial=0.0) * 1e-12
    squares, vectors = squares[kept], vectors[:, kept]
    projected = (vectors.T @ (x.T @ varied)) ** 2 / squares[:, None]  # of each target on each direction, squared
    outside = np.maximum(np.square(varied).sum(0) - projected.sum(0), 0.0)  # what no direction reaches, of each target
    return float(_largest(squares[:, None], projected, outside, x.shape).mean()) / len(x)


def _largest(squares: np.ndarray, projected: np.ndarray, outside: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The largest log evidence of each of k targets, from their squared projections (r, k) on r directions (r, 1)."""
    rows, width = shape

    def parts(ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """|w|^2 and the squared misfit."""
        weights = (squares * projected / (squares + ratio) ** 2).sum(0)
        return weights, (projected * (ratio / (squares + ratio)) ** 2).sum(0) + outside

    def evidence(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        weights, misfit = parts(a / b)
        volume = np.log(a + b * squares).sum(0) + (width - len(squares)) * np.log(a)  # ln |a I + b F'F|
        fit = b * misfit + a * weights
        return np.asarray(0.5 * (width * np.log(a) + rows * np.log(b) - rows * np.log(2 * np.pi) - fit - volume))

    def noise(ratio: float) -> np.ndarray:
        """The best b at this a / b."""
        weights, misfit = parts(np.full(len(outside), ratio))
        return np.asarray(rows / np.maximum(misfit + ratio * weights, LEAST))

    grid = np.geomspace(squares.min() / FAR, squares.max() * FAR, STARTS)
    noises = [noise(ratio) for ratio in grid]
    best = np.argmax([evidence(ratio * b, b) for ratio, b in zip(grid, noises, strict=True)], axis=0)
    b = np.choose(best, noises)  # precision of the noise
    a = grid[best] * b  # and of the weights
    for _ in range(STEPS):
        ratio = a / b
        used = (squares / (squares + ratio)).sum(0)  # directions that the data decide
        weights, misfit = parts(ratio)
        a, b = used / np.maximum(weights, LEAST), np.maximum(rows - used, LEAST) / np.maximum(misfit, LEAST)
        if (np.abs(a / b - ratio) <= CLOSE * ratio).all():
            break
    return evidence(a, b)
