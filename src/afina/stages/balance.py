"""Balance: rows of rare classes are given to training more than once, so that these are not lost beside the large ones.

Which rows, a module on the shelf of balancers says, by their classes and by the mean vectors of their texts on the
frozen base. Head and body are then trained on train and these rows; dev and test stay as they are, and so does what is
reported of the corpus. Probabilities are no longer calibrated to the shares of the data, as with weights.

What it does not do: write new texts, take rows of large classes away, or find out whether it pays.
Source: the modules on the shelf.
"""

import time
from collections import Counter
from dataclasses import replace

from afina import balancing, layers
from afina.bases import Opened
from afina.records import Balanced, Corpus, Event, Plan, Tell


def balance(corpus: Corpus, plan: Plan, opened: Opened, tell: Tell, seed: int) -> Balanced:
    """Choose the rows to add to the training rows. Cost: what the balancer says, and a forward pass where it looks."""
    began, settings = time.monotonic(), plan.settings
    balancer, config = balancing.module(settings)
    labels = [row.label for row in corpus.train]
    embed = layers.embedder(opened, settings) if balancer.VECTORS else None
    vectors = embed([row.input for row in corpus.train]) if embed else None
    places, clusters = balancer.add(labels, vectors, config, seed)
    before = Counter(labels)
    after = before + Counter(labels[place] for place in places)
    tell(
        Event("balance", f"{settings.balancing}: {len(places):,} rows are added to those of {len(clusters):,} classes")
    )
    return Balanced(
        method=settings.balancing,
        before={label: before[label] for label in corpus.labels},
        after={label: after[label] for label in corpus.labels},
        clusters=clusters,
        added=tuple(places.tolist()),
        seconds=round(time.monotonic() - began, 1),
    )


def enlarged(corpus: Corpus, balanced: Balanced) -> Corpus:
    """The corpus with the added rows at the end of its training rows."""
    return replace(corpus, train=(*corpus.train, *(corpus.train[place] for place in balanced.added)))
