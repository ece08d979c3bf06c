"""Rows as what training sees: token ids with their target, one a text, or one a token where a task is by word."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from afina import features, shelf, windows
from afina.records import Corpus, Row

Encoded = list[dict[str, Any]]  # token ids, "labels", and "where" as file:line
NO_LABEL = -100  # what losses pass over, by the library's convention


def encode(
    tokenizer: Any,
    rows: Sequence[Row],
    corpus: Corpus,
    max_tokens: int,
    siamese: bool = False,
    long_texts: str | None = None,
) -> Encoded:
    """Token ids with the target of each row, in the units that training sees; by word, windows with one a token.

    siamese       the texts of a pair apart (`features.encode`)
    long_texts    window: with all windows of a text that is longer; else it is cut
    """
    objective, texts = shelf.load("objectives", corpus.kind), [row.input for row in rows]
    targets, (offset, scale) = objective.targets(rows, corpus.labels), objective.units(corpus.train)
    if objective.PER == "word":
        read = features.encode_words(tokenizer, [str(text) for text in texts], max_tokens)
        labels = (_by_token(window, targets[window.row]) for window in read)
        where = (rows[window.row].where for window in read)
        ids = (window.ids for window in read)
        return [{**i, "labels": one, "where": at} for i, one, at in zip(ids, labels, where, strict=True)]
    if (offset, scale) != (0.0, 1.0):
        targets = (targets - offset) / scale
    if long_texts == windows.WINDOW:
        encoded = features.encode_long(tokenizer, [str(text) for text in texts], max_tokens)
    else:
        encoded = features.encode(tokenizer, texts, max_tokens, siamese)
    where = (row.where for row in rows)
    return [{**i, "labels": one, "where": at} for i, one, at in zip(encoded, targets.tolist(), where, strict=True)]


def bare(encoded: Encoded) -> list[dict[str, list[int]]]:
    """The same without targets and places."""
    return [{key: value for key, value in row.items() if key not in ("labels", "where")} for row in encoded]


def labelled(encoded: Encoded) -> list[list[int]]:
    """The tokens of each window that have a target."""
    return [[at for at, label in enumerate(row["labels"]) if label != NO_LABEL] for row in encoded]


def drawn(encoded: Encoded, most: int, seed: int = 0) -> Encoded:
    """Windows drawn at random until they hold `most` targets, in their order."""
    sizes = np.array([len(tokens) for tokens in labelled(encoded)])
    order = np.random.default_rng(seed).permutation(len(encoded))
    enough = int(np.searchsorted(sizes[order].cumsum(), most)) + 1
    return [encoded[place] for place in sorted(order[:enough])]


def padded(values: np.ndarray, encoded: Encoded) -> tuple[np.ndarray, np.ndarray]:
    """Values of all targets, (targets, width), as (windows, most in one, width), and the targets in such a table."""
    tokens = labelled(encoded)
    shape = (len(encoded), max(map(len, tokens), default=0))
    table, wanted = np.zeros((*shape, values.shape[-1]), np.float32), np.full(shape, NO_LABEL)
    start = 0
    for place, (row, own) in enumerate(zip(encoded, tokens, strict=True)):
        table[place, : len(own)] = values[start : start + len(own)]
        wanted[place, : len(own)] = [row["labels"][at] for at in own]
        start += len(own)
    return table, wanted


def _by_token(window: features.Window, tags: np.ndarray) -> list[int]:
    labels = [NO_LABEL] * len(window.ids["input_ids"])
    for word, token in zip(window.words, window.tokens, strict=True):
        labels[token] = int(tags[word])
    return labels
