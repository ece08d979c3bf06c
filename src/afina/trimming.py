"""Train only those rows of the embedding matrix that can change: the tokens that occur.

A specialist's texts use a tenth of a vocabulary, often less, and no other row ever has a gradient. Yet the optimizer
reads and writes the whole matrix at every step, keeps two moments of it, and every checkpoint holds all three: for the
bundled base half of all parameters, for XLM-R two thirds. Inside the block the model has a matrix of the rows in use.

What differs from training the whole matrix: rows of tokens that do not occur are not decayed; they stay as pretrained.
What it does not do: touch a matrix that is frozen, or shared with an output layer, whose rows all have gradients.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class _InUse(nn.Module):
    """The rows `tokens` of an embedding matrix, read by the ids of the whole one. Raises IndexError for another id."""

    place: Tensor

    def __init__(self, whole: nn.Embedding, tokens: Tensor) -> None:
        super().__init__()
        self.of = (whole, tokens)  # in a tuple: no part of the model
        self.weight = nn.Parameter(whole.weight.detach()[tokens])  # (tokens in use, hidden)
        place = torch.full((whole.num_embeddings,), len(tokens), device=tokens.device)  # past the end
        place[tokens] = torch.arange(len(tokens), device=tokens.device)
        self.register_buffer("place", place, persistent=False)
        self.padding = None if whole.padding_idx is None else int(place[whole.padding_idx])

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors, (..., hidden), of token ids (...)."""
        return nn.functional.embedding(self.place[ids], self.weight, self.padding)


@contextmanager
def trimmed(model: Any, rows: Iterable[Sequence[int]], padding: int) -> Iterator[None]:
    """Inside the block `model` has the embeddings of the token ids in `rows` and of `padding` only; afterwards all.

    The rows in use are then as the block left them. Cost: one copy of them.
    """
    body = model.base_model
    whole = body.get_input_embeddings()
    everywhere = model.named_parameters(remove_duplicate=False)
    shared = sum(parameter is whole.weight for _, parameter in everywhere) > 1
    if shared or type(whole) is not nn.Embedding or not whole.weight.requires_grad:
        yield
        return
    always = {padding, padding if whole.padding_idx is None else whole.padding_idx}
    used = torch.tensor(sorted(always.union(*rows)), device=whole.weight.device)
    body.set_input_embeddings(_InUse(whole, used))
    try:
        yield
    finally:
        body.set_input_embeddings(_filled(body.get_input_embeddings()))


@contextmanager
def untrimmed(model: Any) -> Iterator[None]:
    """Inside a block of `trimmed` the whole matrix again, so that any text can be read; nothing of it is kept.

    Cost: one copy of the rows in use.
    """
    body = model.base_model
    own = body.get_input_embeddings()
    if type(own) is not _InUse:
        yield
        return
    body.set_input_embeddings(_filled(own))
    try:
        yield
    finally:
        body.set_input_embeddings(own)


def _filled(own: _InUse) -> nn.Embedding:
    """The whole matrix with the rows in use as they are now."""
    matrix, used = own.of
    with torch.no_grad():
        matrix.weight[used] = own.weight.to(used.device)
    return matrix
