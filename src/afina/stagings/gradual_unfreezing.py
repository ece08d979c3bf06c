"""Gradual unfreezing: the top layer first, then one more below it at each stage, the embeddings last.

    edges = n, n - 1, ..., 1, 0        a stage trains every depth from its edge up: 0 embeddings, 1 to n layers, head

The lower layers hold the most general language; they are not moved before the layers above have settled. A depth that
is opened brings no memory of the optimizer's along, one that was open keeps it.
Cost: none; the first stages are even faster, as nothing is back-propagated below the edge.
What it does not do: train what the technique has frozen. By loss or gradient_norm it may never reach the bottom.
Source: Howard & Ruder 2018, "Universal Language Model Fine-tuning", arXiv:1801.06146, section 3.3 (a layer an epoch).

Alone, with a plain Trainer:

    staged = staging.Staged(gradual_unfreezing.edges, gradual_unfreezing.Config(by="share", share=0.5))
    Trainer(model=model, args=args, train_dataset=rows, callbacks=[staged]).train()
"""

from afina import triggers


class Config(triggers.Trigger, frozen=True):
    """What ends a stage; by default an epoch, as in the paper."""


def edges(layers: int, config: Config) -> tuple[int, ...]:
    """The lowest trained depth of each stage, of a body with so many layers."""
    return (*range(max(layers - config.layers + 1, 1), 0, -config.layers), 0)
