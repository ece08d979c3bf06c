"""A text longer than the model reads: read in windows, each as a text of its own, and answered once.

    windows    of max_tokens tokens, each beginning and ending with the special ones; two neighbours share a quarter
               (`words.overlap`), the last one holds what is left
    answer     for each class or label the largest logit of its n windows, max_i z_i: one window that says it is enough;
               for numbers their mean, 1/n sum_i z_i, as for vectors that a head is fitted to
    training   one window of each text a pass, the next one in the next pass: a text counts once and costs no more
               than a text that is cut

A row of token ids holds its first window as a row of a short text does, and the others, in order, under `MORE`; who
reads the row without them reads the text cut. Cost of an answer: n passes. Of windows half as long there are twice as
many and each has a quarter of the attention, so that a short max_tokens may be the cheaper way to read a long text.
What it does not do: pairs of texts, and seeing in one window what stands in another.
Source: Devlin et al. 2019, arXiv:1810.04805, and their run_squad (windows that overlap); Pappagari et al. 2019,
arXiv:1910.10781, 3 (segments with the label of their text).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

CUT, WINDOW = "cut", "window"  # what is read of a long text: its first window, or all of them
MORE = "more"

Row = dict[str, Any]
Parts = Iterable[tuple[Any, np.ndarray]]  # places of windows and their values, (windows, ...), each window once
Together = Callable[[Parts, np.ndarray], np.ndarray]  # these, and the place of the row of each window -> (rows, ...)


def of(row: Row) -> list[Row]:
    """Every window of a row as a row of its own, with what stands beside the tokens."""
    first = cut(row)
    return [first, *({**first, **window} for window in row.get(MORE, ()))]


def cut(row: Mapping[str, Any]) -> Row:
    """The row of the first window alone."""
    return {key: value for key, value in row.items() if key != MORE}


def shown(row: Row, place: int, epoch: int) -> Row:
    """The window of the row at `place` that training sees in a pass: a function of these alone, all in turn."""
    read = of(row)
    return read[(place + epoch) % len(read)]


def apart(rows: Sequence[Row]) -> tuple[list[Row], np.ndarray]:
    """The windows of all rows, one after another, and for each the place of its row."""
    read = [of(row) for row in rows]
    return [window for windows in read for window in windows], owners([len(windows) for windows in read])


def owners(counts: Sequence[int]) -> np.ndarray:
    """The place of the row of each window, for rows of so many windows.

    >>> owners([1, 3, 1]).tolist()
    [0, 1, 1, 1, 2]
    """
    return np.repeat(np.arange(len(counts)), counts)


def all_of(values: np.ndarray) -> Parts:
    """Values that are there at once, (windows, ...)."""
    return [(np.arange(len(values)), values)]


def pooling(activation: str) -> Together:
    """What makes the logits of texts of those of their windows: `largest`, or for numbers, which have none, `mean`."""
    return mean if activation == "none" else largest


def mean(parts: Parts, owner: np.ndarray) -> np.ndarray:
    """Mean over the windows of each row, in whatever order they come: (rows, ...) float32."""
    counts, total = np.bincount(owner), _gathered(parts, owner, np.add, 0.0)
    return total / counts.reshape(-1, *[1] * (total.ndim - 1)).astype(np.float32)


def largest(parts: Parts, owner: np.ndarray) -> np.ndarray:
    """Largest of the windows of each row, each number by itself: (rows, ...) float32."""
    return _gathered(parts, owner, np.maximum, -np.inf)


def _gathered(parts: Parts, owner: np.ndarray, joined: np.ufunc, start: float) -> np.ndarray:
    total: np.ndarray | None = None
    for places, values in parts:
        if total is None:
            total = np.full((owner[-1] + 1, *values.shape[1:]), start, np.float32)
        joined.at(total, owner[places], values)
    return np.empty((0,), np.float32) if total is None else total
