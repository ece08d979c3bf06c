"""What is asked of a model that is trained on a corpus."""

from afina import shelf
from afina.records import Corpus, Task

OBJECTIVES = "objectives"


def of(corpus: Corpus) -> Task:
    """The task of a corpus, with what its objective makes of logits."""
    objective = shelf.load(OBJECTIVES, corpus.kind)
    return Task(corpus.kind, corpus.labels, objective.ACTIVATION, objective.PER)
