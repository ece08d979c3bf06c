"""Plan: what to train and how, each choice with its reason and its evidence.

One pass of the frozen base over a sample gives the features of every layer; closed-form heads on each say what the
base already knows. A few timed steps say what this machine can do. The rules that follow are few, and stand in this
file; the measurements behind them are in benchmarks/RESULTS.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from afina import (
    adapting,
    advice,
    augmenting,
    balancing,
    choosing,
    costing,
    depths,
    encoding,
    forecasting,
    freezing,
    maskedlm,
    measured,
    overriding,
    policies,
    pooling,
    preparing,
    retaining,
    scarcity,
    shelf,
    sources,
    timing,
    trying,
    windows,
)
from afina.bases import Opened, is_sentence_model
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.layers import ask, ask_apart
from afina.limits import Limits
from afina.records import (
    Choice,
    Corpus,
    Event,
    Facts,
    LayerScore,
    Plan,
    Profile,
    Row,
    Settings,
    Tell,
    Value,
)

PROBE_ROWS = 1500
STEPS_WANTED = 700  # optimizer steps; more passes over small sets gained up to 2 points on dev, 1000 steps no more
EPOCHS = (3, 10)  # fewest and most
MOST_PAIRED = 20  # of contrastive tuning, where another pass shows other pairs (LOG.md)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured, and what stands in the plan whatever the technique."""

    facts: Facts
    profile: Profile
    layers: tuple[LayerScore, ...]
    speed: Mapping[str, float]  # seconds a row
    max_tokens: int
    beside: Sequence[Choice]
    opened: Opened
    labels: tuple[str, ...]


def plan(corpus: Corpus, profile: Profile, opened: Opened, options: TrainOptions, tell: Tell, seed: int) -> Plan:
    """Choose every setting that `options` leaves open. Raises ConfigError for options that cannot be."""
    return settle(look(corpus, profile, opened, options, tell, seed), options)


def look(corpus: Corpus, profile: Profile, opened: Opened, options: TrainOptions, tell: Tell, seed: int) -> Seen:
    """Ask the frozen base and time a few steps. Raises ConfigError for options that cannot be."""
    from afina import heads

    max_tokens = options.max_seq_length or _max_tokens(profile, opened)
    choosing.room(max_tokens, opened, 0)
    choosing.reads(corpus, options.pooling)
    choosing.stops(corpus, options.early_stopping_patience)
    trying.unused(options)
    before_training = [
        *preparing.choices(options, opened, profile),
        *augmenting.choices(options, corpus, opened),
        *balancing.choices(options, corpus),
        *adapting.choices(options, opened),
    ]
    given = options.model_dump(exclude_none=True)
    encoder = heads.build(opened.folder, "mean", corpus.labels).base_model
    sample = replace(corpus, train=tuple(_sample(corpus.train, seed)))
    how = windows.WINDOW if choosing.in_windows(corpus) else None
    encoded = encoding.encode(opened.tokenizer, sample.train, sample, max_tokens, long_texts=how)
    read = [_overridden(one, given) for one in choosing.long_texts(encoded, corpus, opened.record.max_tokens, options)]
    if [one.value for one in read] == [windows.CUT]:
        encoded = [windows.cut(row) for row in encoded]
    tell(Event("plan", "timing a few steps on this machine"))
    speed = _speed(encoder, opened.tokenizer, encoding.bare(encoded), options.dropout is not False)
    tell(Event("plan", f"asking {opened.record.layers + 1} layers of the frozen base about {len(sample.train):,} rows"))
    bf16 = speed.get("bf16", math.inf) < speed["fp32"]
    layers = ask(encoder, opened.tokenizer, encoded, sample, bf16)
    layers += ask_apart(encoder, opened.tokenizer, sample, max_tokens, bf16)
    facts = _facts(corpus, profile, opened, layers, speed)
    facts = replace(facts, added=balancing.adds(options, corpus), shared=depths.shared(encoder))
    before_training.append(adapting.weighed(profile, facts, freezing.NEAR, options, corpus))
    beside = (*read, *(_overridden(choice, given) for choice in before_training))
    return Seen(facts, profile, layers, speed, max_tokens, beside, opened, corpus.labels)


def settle(seen: Seen, options: TrainOptions, technique: Choice | None = None) -> Plan:
    """The plan that follows; `technique` is one to take whatever the rules say. Raises ConfigError as `within`."""
    facts, layers = seen.facts, seen.layers
    choices, settings, expected = within(seen, options, technique)
    choices = preparing.told(choices, settings, trying.on(settings, facts, seen.opened, seen.labels))
    _, own, usual = within(seen, TrainOptions(), technique)
    resources = advice.overridden(choices, options, usual, expected)
    notes = (*advice.notes(facts, layers), *resources, *overriding.remarks(choices, own, settings, facts))
    notes = (*notes, *(f"{one.problem}; {one.fix}" for one in preparing.untrained(choices, settings)))
    told = map(measured.refused, choices)
    sourced = tuple(replace(one, source=one.source or sources.of(one, settings.technique)) for one in told)
    forecasts = forecasting.of(facts, settings.technique, _costs(seen, options, settings.technique))
    return Plan(seen.opened.record, settings, sourced, expected, layers, facts, notes, forecasts)


def _costs(seen: Seen, options: TrainOptions, planned: str) -> dict[str, dict[str, float]]:
    """What the plan's own technique and each that may take its place would cost, whatever the limits."""
    free = options.model_copy(update={**dict.fromkeys(Limits.model_fields), "technique": None})
    own, costs = Choice("technique", planned, ""), {}
    for name in choosing.rivals(own, seen.facts, free.model_dump(exclude_none=True)):
        try:
            costs[name] = within(seen, free, replace(own, value=name))[2]
        except ConfigError:
            continue  # it cannot have what the user set
    return costs


def within(
    seen: Seen, options: TrainOptions, only: Choice | None = None
) -> tuple[tuple[Choice, ...], Settings, dict[str, float]]:
    """Choices, settings and what they cost: the plan's own, or the best that is expected to keep within the limits.

    A run that is too long loses passes before it loses its technique, and never loses the `only` one that may be.
    Raises ConfigError where nothing fits.
    """
    depth = freezing.depth(seen.facts, seen.profile, seen.layers)
    users = options.model_dump(exclude_none=True)
    given = {"freeze_layers": depth.value, **users}
    own = only or choosing.technique(seen.facts, given)
    frozen = freezing.asked(choosing.technique(seen.facts, {**users, "freeze_layers": depth.value}), users)
    if frozen and not only:
        own, given = frozen, {**given, "technique": frozen.value}
    tried: dict[str, dict[str, float]] = {}
    for name in [str(only.value)] if only else choosing.candidates(own, seen.facts, given):
        technique = choosing.instead(own, name, {other: costing.said(one, options) for other, one in tried.items()})
        passes = None
        while True:
            choices = (*_choices(seen, options, technique, passes), *seen.beside)
            settings = choosing.settings(choices)
            found = costing.estimates(seen.facts, settings, seen.speed)
            over = costing.over(found, options)
            if over.keys() != {"seconds"} or options.num_train_epochs or settings.num_train_epochs <= 1:
                break
            passes = math.ceil(settings.num_train_epochs) - 1
        if not over:
            return choices, settings, found
        tried[name] = found
    raise costing.nothing(tried, options)


def _sample(rows: Sequence[Row], seed: int) -> list[Row]:
    chosen = np.random.default_rng(seed).permutation(len(rows))[:PROBE_ROWS]
    return [rows[place] for place in sorted(chosen)]


def _max_tokens(profile: Profile, opened: Opened) -> int:
    """Room for nearly every text, in steps of 16, within what the base can read."""
    wanted = 16 * math.ceil(profile.tokens[1] * 1.25 / 16)
    longest = 16 * math.ceil(profile.tokens[2] / 16)
    return int(min(max(32, min(wanted, longest)), opened.record.max_tokens))


def _speed(encoder: Any, tokenizer: Any, encoded: Sequence[dict[str, list[int]]], dropout: bool) -> dict[str, float]:
    """Seconds a row: of a forward pass, and of the fastest training step with each precision and each attention."""
    speed = {name: timing.forward(encoder, tokenizer, encoded, rows) for name, rows in (("forward", 32), ("single", 1))}
    for names, seconds in timing.steps(encoder, tokenizer, encoded, dropout).items():
        speed |= {name: min(seconds, speed.get(name, math.inf)) for name in names}
    return speed


def _facts(
    corpus: Corpus, profile: Profile, opened: Opened, layers: Sequence[LayerScore], speed: Mapping[str, float]
) -> Facts:
    objective = shelf.load("objectives", corpus.kind)
    counts = objective.counts(corpus.train, corpus.labels)
    return Facts(
        rows=len(corpus.train),
        classes=len(corpus.labels),
        rows_per_class=float(scarcity.lower_median(counts.values())),
        tokens=profile.tokens[0],
        layers=opened.record.layers,
        hidden=opened.record.hidden,
        parameters=opened.record.parameters,
        body_parameters=opened.record.body_parameters,
        seconds_per_row=speed["forward"],
        probe=max(score.value for score in layers),
        majority=objective.blind(corpus.train),
        kind=corpus.kind,
        sentences=is_sentence_model(opened),
        smallest=min(counts.values(), default=0),
        groups=getattr(opened.config, "num_hidden_groups", 0),
        vocabulary=opened.config.vocab_size,
        masked=maskedlm.has_head(opened),
    )


def _choices(seen: Seen, options: TrainOptions, technique: Choice, passes: int | None) -> tuple[Choice, ...]:
    """One choice a setting, the user's own first, and one for each option of the technique.

    passes    as many as the limits leave; None where they leave what is wanted
    """
    facts, profile, speed = seen.facts, seen.profile, seen.speed
    given = options.model_dump(exclude_none=True)
    name = options.technique or str(technique.value)
    depth = freezing.beside(name, freezing.depth(facts, profile, seen.layers), facts)
    usual = choosing.batch(name, facts)
    batch = options.per_device_train_batch_size or int(str(usual.value))
    epochs = _epochs(facts, batch, MOST_PAIRED if name == "contrastive" else EPOCHS[1])
    if passes:
        why = f"{passes} are expected to keep within time_limit"
        epochs = replace(epochs, value=passes, why=why, refused={f"{epochs.value}": epochs.why})
    per_epoch = math.ceil(facts.seen / batch)
    steps = per_epoch * (options.num_train_epochs or float(str(epochs.value)))
    rate, rate_why = choosing.rate(name)
    peak = policies.peak(options, rate)
    if options.discriminative_rates:
        rate, rate_why = peak, "the highest of discriminative_rates"
    chosen = [
        technique,
        pooling.with_others(pooling.choose(seen.layers, facts.sentences), seen.layers),
        *(() if trying.instead(options) else (depth,)),
        *choosing.own_options(name, given),
        Choice("learning_rate", rate, rate_why),
        Choice("head_learning_rate", 1e-2, "the head starts from the probe's solution and has few numbers to learn"),
        epochs,
        usual,
        _length(
            profile, max(8, min(seen.max_tokens, seen.opened.record.max_tokens - choosing.taken(name, facts, given)))
        ),
        *policies.choices(facts.seen, steps, peak, options),
        Choice("weight_decay", 0.01, "matrices only; biases and norms are not decayed"),
        choosing.precision(speed),
        choosing.attention(speed),
        Choice("dropout", True, "as in BERT; drawing it is a quarter of a pass's time"),
        *choosing.losses(facts, name, given),
        *policies.looks(per_epoch),
        *retaining.choices(options, name, profile.language, facts),
    ]
    return tuple(_overridden(choice, given) for choice in chosen)


def _length(profile: Profile, max_tokens: int) -> Choice:
    evidence = {"tokens, median": profile.tokens[0], "95th percentile": profile.tokens[1], "longest": profile.tokens[2]}
    evidence["share of rows that are longer"] = round(profile.longer(max_tokens), 4)
    return Choice("max_seq_length", max_tokens, "room for 19 of 20 texts and a quarter more", evidence)


def _overridden(choice: Choice, given: Mapping[str, Value]) -> Choice:
    """What the user gave is the user's, also where the plan would have chosen it."""
    if choice.name not in given:
        return choice
    own = {f"{choice.value}": f"the plan's own choice: {choice.why}"}
    refused = choice.refused if given[choice.name] == choice.value else own
    return Choice(choice.name, given[choice.name], sources.USERS, choice.evidence, refused)


def _epochs(facts: Facts, batch: int, most: int) -> Choice:
    """Enough for STEPS_WANTED optimizer steps of the usual batch, within bounds."""
    few = EPOCHS[0]
    epochs = min(most, max(few, math.ceil(STEPS_WANTED * choosing.BATCH / facts.seen)))
    steps = math.ceil(facts.seen / batch) * epochs
    why = f"{epochs} passes give {steps:,} steps; {few} to {most} passes, for at least {STEPS_WANTED} steps if they can"
    return Choice("num_train_epochs", epochs, why, {"rows": facts.seen})
