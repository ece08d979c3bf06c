"""What each layer of a frozen base already knows of a task: closed-form heads on its vectors."""

from typing import Any

import numpy as np

from afina import encoding, features, shelf
from afina.encoding import Encoded
from afina.records import Corpus, LayerScore

WORDS_A_ROW = 3  # that the layers are asked about, where a task is by word


def ask(encoder: Any, tokenizer: Any, encoded: Encoded, sample: Corpus, bf16: bool) -> tuple[LayerScore, ...]:
    """The objective's probe of every layer, for each pooling that it may read; by word on a few words of each row.

    encoded  the training rows of `sample` with their targets; one forward pass over them serves all layers
    """
    objective, bare = shelf.load("objectives", sample.kind), encoding.bare(encoded)
    if objective.PER == "word":
        rng = np.random.default_rng(0)
        tokens = [sorted(rng.permutation(own)[:WORDS_A_ROW].tolist()) for own in encoding.labelled(encoded)]
        read = lambda batch: features.token_layers(encoder, batch)  # noqa: E731
        states = features.collect_words(encoder, tokenizer, bare, tokens, read, bf16)[:, :, None]
        targets = np.array([row["labels"][at] for row, own in zip(encoded, tokens, strict=True) for at in own])
    else:
        states = features.collect(encoder, tokenizer, bare, lambda batch: features.all_layers(encoder, batch), bf16)
        targets = objective.targets(sample.train, sample.labels)
    return tuple(  # states: (n, layers + 1, poolings, hidden)
        LayerScore(layer, pooling, *objective.probe(states[:, layer, place], targets, len(sample.labels)))
        for layer in range(states.shape[1])
        for place, pooling in enumerate(objective.POOLINGS)
    )
