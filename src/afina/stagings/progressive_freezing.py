"""Progressive freezing: all layers first, then one fewer at each stage, the embeddings first; the top layer stays.

    edges = 0, 1, ..., n        a stage trains every depth from its edge up: 0 embeddings, 1 to n layers, head

Lower layers settle first; once frozen they are never back-propagated again, so each stage is faster than the one
before. A depth that stays keeps its memory in the optimizer.
Cost: none; by share=0.8, of six layers' backward passes about 40% are saved, a quarter of the run's time (arithmetic).
What it does not do: anneal a layer's rate to 0 before it is frozen, as FreezeOut does; store what frozen layers answer.
Source: Brock et al. 2017, "FreezeOut", arXiv:1706.04983, section 2 (by a schedule); Liu et al. 2021, "AutoFreeze",
arXiv:2102.01386 (by the gradient, while fine-tuning BERT).

Alone, with a plain Trainer:

    staged = staging.Staged(progressive_freezing.edges, progressive_freezing.Config(by="share", share=0.8))
    Trainer(model=model, args=args, train_dataset=rows, callbacks=[staged]).train()
"""

from afina import triggers


class Config(triggers.Trigger, frozen=True):
    """What ends a stage; by default an epoch."""


def edges(layers: int, config: Config) -> tuple[int, ...]:
    """The lowest trained depth of each stage, of a body with so many layers."""
    return (0, *range(min(config.layers, layers), layers, config.layers), layers)
