"""Weighted: the mean of the old pieces' vectors, rare pieces weighing more.

    v(new) = sum of w_i v(p_i) / sum of w_i        w_i = a / (a + share of the domain's old tokens that are p_i)

with a = 0.001. A rare piece ("##rom") says more of a word than one that ends thousands of words ("##s"). Without
counts it is the mean.
Cost: nothing to speak of. What it does not do: restore the length of the vector; look at where a token is used.

Source: the weights are those that Arora, Liang & Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence
Embeddings", ICLR, give the words of a sentence; here they are given to the pieces of a word.

Alone:  vectors = weighted.start(table, pieces, counts)
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

A = 1e-3


def start(table: Tensor, pieces: Sequence[Sequence[int]], counts: Mapping[int, int]) -> Tensor:
    """Vectors of the new tokens, (new, hidden).

    table    vectors of the old tokens, (old, hidden)
    pieces   old ids of each new token, at least one each
    counts   how often the domain has each old id before there are new ones; those it has not count as 0
    """
    total, vectors = max(sum(counts.values()), 1), []
    for ids in pieces:
        weights = table.new_tensor([A / (A + counts.get(one, 0) / total) for one in ids])
        vectors.append(weights @ table[list(ids)] / weights.sum())
    return torch.stack(vectors)
