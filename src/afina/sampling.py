"""The order in which rows are seen: batches of like length, the same for the same seed and epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from afina import windows

MEGABATCH = 50  # batches among which rows are sorted by length


class LengthBuckets(torch.utils.data.Sampler):
    """Rows of like length in one batch, batches in random order, the short batch last.

    The order depends on seed and `epoch` alone, so that a run resumed in the middle of an epoch sees the same rows.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self.lengths, self.batch, self.seed, self.epoch = np.array(lengths), batch, seed, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        order, batch = rng.permutation(len(self.lengths)), self.batch
        ragged, full = order[: len(order) % batch], order[len(order) % batch :]
        pool = MEGABATCH * batch
        parts = (full[start : start + pool] for start in range(0, len(full), pool))
        by_length = np.concatenate([part[np.argsort(self.lengths[part], kind="stable")] for part in parts] or [full])
        yield from rng.permutation(by_length.reshape(-1, batch)).ravel().tolist()
        yield from ragged.tolist()


class Rows(torch.utils.data.Dataset):
    """Rows as training sees them in a pass, the window whose turn it is of long ones; `numbered` with their places."""

    epoch = 0

    def __init__(self, rows: Sequence[dict[str, Any]], numbered: bool = False, seen: Any = None) -> None:
        self.rows, self.numbered, self.seen = rows, numbered, seen

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> dict[str, Any]:
        shown = windows.shown(self.rows[row], row, self.epoch)
        shown = shown if self.seen is None else self.seen(shown, row, self.epoch)
        encoded = {key: value for key, value in shown.items() if key != "where"}
        return {**encoded, "row": row} if self.numbered else encoded


@dataclass(frozen=True, slots=True)
class General:
    """General text to be seen beside a task's, and in which order."""

    tokenizer: Any
    rows: Sequence[dict[str, list[int]]]  # token ids of each text
    batch: int
    seed: int


def general_batch(general: General, step: int) -> dict[str, torch.Tensor]:
    """The padded batch of one step: a function of seed and step alone, every text once before any comes again."""
    places = np.arange(step * general.batch, (step + 1) * general.batch)
    rounds, offsets = np.divmod(places, len(general.rows))
    orders = {n: np.random.default_rng((general.seed, n)).permutation(len(general.rows)) for n in set(rounds.tolist())}
    rows = [general.rows[orders[n][offset]] for n, offset in zip(rounds.tolist(), offsets.tolist(), strict=True)]
    return dict(general.tokenizer.pad(rows, return_tensors="pt"))
