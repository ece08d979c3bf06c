"""Retention from the plan to the loss: which one, how hard, and on which general text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from afina import features, general, measured, samples, shelf, store
from afina.bases import Opened
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.records import Choice, Facts, Settings
from afina.sampling import General

NONE = "none"
ONLY_THEN = ("retention_weight", "retention_temperature", "general_file")  # keys that need a retention
GENERAL_ROWS = 16  # general texts a step
ROWS, STEP = 32, 3  # of the task's, in a usual step; and forward passes that one takes
FEWEST = 30  # general texts in all, of a file of the user's


def choices(options: TrainOptions, technique: str, language: str, facts: Facts) -> tuple[Choice, ...]:
    """The plan's lines on retention. Raises ConfigError where the body does not move, so that nothing can be lost."""
    name = options.retention or NONE
    if name != NONE and technique == "head_only":
        raise ConfigError(
            f"retention={name} has nothing to do: head_only never moves the body, which so forgets nothing",
            "leave retention out, or choose another technique",
        )
    config = None if name == NONE else shelf.load("retentions", name).Config()
    written = general.nearest(language)
    return (
        _none(technique, facts),
        Choice(
            "retention_weight",
            config.weight if config else 0.0,
            "the retention's own default, not tuned; used by retentions only",
        ),
        Choice("retention_temperature", 2.0, "used by the retention kl only (Li & Hoiem 2016)"),
        Choice("general_file", written, "the general sentences that ship in this language; used by retentions only"),
    )


def _none(technique: str, facts: Facts) -> Choice:
    """No retention, with how little was forgotten without one and what each would cost."""
    why = "only the task is asked for: little was lost without one, and what one kept of it was within its noise"
    if technique == "head_only":
        return Choice("retention", NONE, "head_only never moves the body, which so forgets nothing")
    refused = {}
    for name in shelf.names("retentions"):
        seconds, _ = shelf.load("retentions", name).adds(facts, facts.parameters, GENERAL_ROWS / ROWS, 0)
        share = seconds / (STEP * facts.seconds_per_row)
        known = measured.RETAINED.get(name, measured.UNKNOWN)
        refused[name] = f"a step of {ROWS} rows takes {share:.0%} more time by arithmetic; {known}"
    return Choice("retention", NONE, why, measured.FORGOTTEN, refused)


def penalty(settings: Settings, opened: Opened, seed: int) -> Callable[[Any], Any] | None:
    """What `fitting.fit` adds to the loss, once it has a model before its first step; None for no retention.

    Raises ConfigError and DataError for a general file that is not there or cannot be used.
    """
    if settings.retention == NONE:
        return None
    module = shelf.load("retentions", settings.retention)
    given = {"weight": settings.retention_weight, "temperature": settings.retention_temperature}
    config = module.Config(**{key: value for key, value in given.items() if key in module.Config.model_fields})
    texts = _general(settings, opened, seed)

    def begin(model: Any) -> Callable[[Any, Any, Any, int], Tensor]:
        state = module.begin(model, config, texts, opened.folder)
        return lambda model, batch, answer, step: module.penalty(model, batch, answer, state, step)

    return begin


def text_sha256(settings: Settings) -> str | None:
    """Of the user's general file; None where the shipped sentences are used, or nothing is retained."""
    path = Path(settings.general_file)
    return store.sha256(path) if settings.retention != NONE and path.is_file() else None


def adds(settings: Settings, facts: Facts, trainable: int) -> tuple[float, int]:
    """What the retention adds to a training run: seconds a row and bytes."""
    if settings.retention == NONE:
        return 0.0, 0
    share = GENERAL_ROWS / settings.per_device_train_batch_size
    has_head = facts.masked or settings.adapt_file != NONE  # adapting gives the base one
    tokens = settings.per_device_train_batch_size * settings.max_seq_length
    logits = tokens * facts.vocabulary if has_head else 0
    added: tuple[float, int] = shelf.load("retentions", settings.retention).adds(facts, trainable, share, logits)
    return added


def _general(settings: Settings, opened: Opened, seed: int) -> General:
    name = settings.general_file
    texts = general.sentences(name) if name in samples.MARKS else samples.read(Path(name), "general", FEWEST)
    encoded = features.encode(opened.tokenizer, texts, settings.max_seq_length)
    return General(opened.tokenizer, encoded, GENERAL_ROWS, seed)
