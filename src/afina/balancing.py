"""Balancing from the plan to the rows: the plan's lines, and how many rows it adds."""

from typing import Any

from afina import keys, measured, oversampling, shelf
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.records import Choice, Corpus, Settings, Value

NONE, SHELF = "none", "balancers"
KIND = "classify"  # the only one whose rows have a class each


def choices(options: TrainOptions, corpus: Corpus) -> list[Choice]:
    """The plan's lines on balancing. Raises ConfigError where an option would do nothing, or rows have no one class."""
    if options.balancing in (None, NONE):
        keys.meaningless(options, ("balancing_share",), "balancing")
        return [_off(options, corpus)]
    if corpus.kind != KIND:
        instead = "set class_weights=balanced in its place" if corpus.kind == "multilabel" else "leave balancing out"
        raise ConfigError(f"balancing has no meaning for {corpus.kind}: its rows have no one class each", instead)
    field = shelf.load(SHELF, options.balancing).Config.model_fields["share"]
    return [_off(options, corpus), Choice("balancing_share", field.default, str(field.description))]


def _off(options: TrainOptions, corpus: Corpus) -> Choice:
    why = "not asked for, and not clearly better on the two sets measured; the frozen base alone was looked at"
    counts = shelf.load("objectives", corpus.kind).counts(corpus.train, corpus.labels) if corpus.kind == KIND else {}
    evidence: dict[str, Value] = {}
    if counts:
        evidence = {"rows of the rarest class": min(counts.values()), "of the commonest": max(counts.values())}
    refused = measured.against("balancing", shelf.names(SHELF)) if corpus.kind == KIND else {}
    return Choice("balancing", NONE, why, evidence, refused)


def adds(options: TrainOptions, corpus: Corpus) -> int:
    """Rows that balancing adds to the training rows, known before it draws any."""
    if options.balancing in (None, NONE):
        return 0
    share = options.balancing_share or shelf.load(SHELF, str(options.balancing)).Config().share
    return sum(oversampling.short([row.label for row in corpus.train], share).values())


def module(settings: Settings) -> tuple[Any, Any]:
    """The planned balancer and its Config."""
    found = shelf.load(SHELF, settings.balancing)
    return found, found.Config(share=settings.balancing_share)
