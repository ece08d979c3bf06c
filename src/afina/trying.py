"""What a plan's settings would refuse, or leave without effect, known before anything is trained."""

from collections.abc import Sequence
from typing import Any

from afina import adapting, choosing, depths, heads, keys, policies, retaining, shelf
from afina.bases import Opened
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.records import Facts, Settings

INSTEAD = ("freeze_top", "freeze_pattern")  # of freeze_layers


def instead(options: TrainOptions) -> str | None:
    """The key that says what is frozen in the place of freeze_layers, which then does nothing; None where none does."""
    return next((name for name in INSTEAD if getattr(options, name) is not None), None)


def unused(options: TrainOptions) -> None:
    """Raise ConfigError for an option that another one given leaves without effect."""
    other = instead(options)
    if options.freeze_layers is not None and other:
        fix = "give one of the two (in plan.yaml: auto)"
        raise ConfigError(f"freeze_layers has no meaning with {other}, which says what is frozen", fix)
    if options.retention in (None, retaining.NONE):
        keys.meaningless(options, retaining.ONLY_THEN, "retention")
        return
    for key, uses in (("retention_temperature", _hot), ("general_file", _reads)):
        if not uses(options.retention):
            having = " or ".join(filter(uses, shelf.names("retentions")))
            keys.meaningless(options, (key,), f"retention={having}")


def _hot(retention: str) -> bool:
    return "temperature" in shelf.load("retentions", retention).Config.model_fields


def _reads(retention: str) -> bool:
    return bool(shelf.load("retentions", retention).READS)


def on(settings: Settings, facts: Facts, opened: Opened, labels: Sequence[str]) -> bool:
    """Apply technique, rates, staging and retention once to the base: what they refuse is known before training.

    Says whether rows of new tokens would be trained, by the technique or while the base is adapted.
    """
    module = shelf.load("techniques", settings.technique)
    config = keys.config(settings.technique, settings.options)
    problem = shelf.load("objectives", facts.kind).PROBLEM
    choosing.room(settings.max_seq_length, opened, module.suits(facts, config).positions)
    model = module.apply(heads.build(opened.folder, settings.pooling, tuple(labels), problem), config)
    _moves(model, settings)
    rates, _, staging = policies.recipe(settings)
    policy, given = rates.open("rates")
    policy.groups(model, given, settings.head_learning_rate, settings.weight_decay)
    if staging is not None:
        _has_stages(model, settings)
    begin = retaining.penalty(settings, opened, 0)
    if begin is not None and settings.adapt_file == adapting.NONE:  # which may give the base the head that it lacks
        begin(model)
    table = model.base_model.get_input_embeddings().weight
    return module.NATURE.new_rows or bool(table.requires_grad) or adapting.trains_rows(settings, opened)


def _moves(model: Any, settings: Settings) -> None:
    """Raise ConfigError where rates are asked for that have no part of the body to hold for."""
    moved = any(p.requires_grad for name, p in model.named_parameters() if not depths.in_head(model, name))
    if settings.rates != "flat" and not moved:
        found = f"rates={settings.rates} has no meaning with technique={settings.technique}: the body stays"
        raise ConfigError(found, "leave rates out, or choose another technique")


def _has_stages(model: Any, settings: Settings) -> None:
    """Raise ConfigError where no layer is trained that a stage could begin or end with."""
    depth, top = depths.of(model), depths.count(model)
    trained = [name for name, p in model.named_parameters() if p.requires_grad and 1 <= depth[name] <= top]
    if all(set(depths.BEHIND) & set(name.split(".")) for name in trained):
        found = f"staging={settings.staging} has no meaning: technique={settings.technique} trains no layer here"
        raise ConfigError(found, "leave staging out, freeze fewer layers, or choose another technique")
