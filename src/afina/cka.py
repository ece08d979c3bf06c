"""How alike two sets of vectors of the same texts are, whatever way they are turned: linear CKA.

    CKA = HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y))      of the products X X' and Y Y' of the texts' vectors

1 where one set is the other turned and scaled, 0 where they have nothing in common. HSIC is the unbiased one, without
the diagonals: the plain one of 200 texts in 384 directions finds 0.66 between vectors that share nothing. It is a
cosine of centred matrices too, and its interval is that of a correlation: Fisher's z = artanh(CKA) plus and minus 1.96
times its jackknife error, each text left out in turn by arithmetic. A bootstrap would draw texts twice, and a text is
all too like itself. Cost: n^2 * hidden, for n texts.

Source: Kornblith et al. 2019, arXiv:1905.00414 (linear CKA); Song et al. 2012, JMLR 13 (unbiased HSIC); Nguyen et al.
2021, arXiv:2010.15327 (CKA with it); Efron & Stein 1981 (jackknife).
"""

import numpy as np

from afina.metrics import NORMAL

FEWEST = 5  # texts: leaving one out leaves what HSIC divides by
EDGE = 1 - 1e-12  # where Fisher's z has no value any more


def linear(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """CKA of vectors (n, d) and (n, k) of the same texts, with its 95% interval; 0 where either is the same for all.

    >>> grid = np.array([[0.0, 0], [1, 0], [2, 0], [0, 3], [5, 1], [2, 2]])
    >>> [round(end, 6) for end in linear(grid, 7 - 2 * grid[:, ::-1])]  # turned, scaled and moved
    [1.0, 1.0, 1.0]
    """
    first, second = _products(one), _products(other)
    both, own, others = _hsic(first, second), _hsic(first, first), _hsic(second, second)
    norms = np.sqrt(np.maximum(own * others, 0.0))
    values = np.divide(both, norms, out=np.zeros_like(both), where=norms > 0).clip(-1, 1)
    z = np.arctanh(values.clip(-EDGE, EDGE))
    n = len(one)
    error = np.sqrt((n - 1) / n * np.square(z[1:] - z[1:].mean()).sum())
    value, low, high = float(values[0]), np.tanh(z[0] - NORMAL * error), np.tanh(z[0] + NORMAL * error)
    return value, min(float(low), value), max(float(high), value)


def _products(vectors: np.ndarray) -> np.ndarray:
    """Inner products of the vectors from their middle, (n, n), with 0 on the diagonal."""
    centred = (vectors - vectors.mean(0)).astype(np.float64)
    scale = np.sqrt(np.square(centred).sum(1).mean()) or 1.0
    products = (centred / scale) @ (centred / scale).T
    np.fill_diagonal(products, 0.0)
    return np.asarray(products)


def _hsic(k: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Unbiased HSIC of all texts, then of all but each in turn, (1 + n,); a sum without a text is a difference."""
    n = len(k)
    rows_k, rows_m, rows = k.sum(1), m.sum(1), (k * m).sum(1)
    through = m @ rows_k + k @ rows_m
    trace = np.append(rows.sum(), rows.sum() - 2 * rows)
    sums = np.append(rows_k.sum(), rows_k.sum() - 2 * rows_k) * np.append(rows_m.sum(), rows_m.sum() - 2 * rows_m)
    crossed = np.append(rows_k @ rows_m, rows_k @ rows_m - through + rows - rows_k * rows_m)
    count = np.append(n, np.full(n, n - 1))
    return (trace + sums / ((count - 1) * (count - 2)) - 2 * crossed / (count - 2)) / (count * (count - 3))
