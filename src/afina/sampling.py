"""The order in which rows are seen: batches of like length, the same for the same seed and epoch."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

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
