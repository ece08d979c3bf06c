"""Mean: a new token's vector is the mean of the vectors of the old pieces that its text breaks into.

    v(new) = 1/k * sum of v(p_i)        p_1 ... p_k: the old tokens of its text

Cost: nothing to speak of. What it does not do: know which piece carries the meaning ("thrombo" in "thrombo ##sis", not
"##s"), or restore the length: a mean of k unlike vectors is shorter than each of them.

Source: Gee et al. 2022, "Fast Vocabulary Transfer for Language Model Compression", EMNLP, arXiv:2402.09977.

Alone:  vectors = mean.start(table, pieces, counts)
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def start(table: Tensor, pieces: Sequence[Sequence[int]], counts: Mapping[int, int]) -> Tensor:
    """Vectors of the new tokens, (new, hidden).

    table    vectors of the old tokens, (old, hidden)
    pieces   old ids of each new token, at least one each
    counts   is not needed
    """
    return torch.stack([table[list(ids)].mean(0) for ids in pieces])
