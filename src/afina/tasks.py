"""What is asked of a model that is trained on a corpus."""

from typing import Any

from afina import shelf, windows
from afina.records import Corpus, Settings, Task

OBJECTIVES = "objectives"


def of(corpus: Corpus, long_texts: str | None) -> Task:
    """The task of a corpus, with what its objective makes of logits; `long_texts` as in `Settings`."""
    objective = shelf.load(OBJECTIVES, corpus.kind)
    how = long_texts or windows.CUT
    return Task(corpus.kind, corpus.labels, objective.ACTIVATION, per=objective.PER, long_texts=how)


def config(kind: str, settings: Settings) -> Any:
    """The settings that this kind of task has options for, as its objective's own Config."""
    options = shelf.load(OBJECTIVES, kind).Config
    given = {name: getattr(settings, name) for name in options.model_fields}
    return options(**{name: value for name, value in given.items() if value is not None})
