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
    encoding,
    policies,
    preparing,
    retaining,
    shelf,
    sources,
    timing,
    windows,
)
from afina.bases import Opened, is_sentence_model
from afina.config import TrainOptions
from afina.layers import ask, ask_apart
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
NEAR = 0.05  # squared MMD; Wikipedia and C4 are 0.01 to 0.03 from the reference, the domains measured 0.06 to 0.37
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
    before_training = [
        *preparing.choices(options, opened),
        *augmenting.choices(options, corpus),
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
    facts = replace(_facts(corpus, profile, opened, layers, speed), added=balancing.adds(options, corpus))
    before_training.append(adapting.weighed(profile, facts, NEAR))
    beside = (*read, *(_overridden(choice, given) for choice in before_training))
    return Seen(facts, profile, layers, speed, max_tokens, beside, opened, corpus.labels)


def settle(seen: Seen, options: TrainOptions, technique: Choice | None = None) -> Plan:
    """The plan that follows; `technique` is one to take whatever the rules say. Raises ConfigError as `within`."""
    choices, settings, expected = within(seen, options, technique)
    choosing.try_on(settings, seen.facts, seen.opened, seen.labels)
    own = within(seen, TrainOptions(), technique)[2]
    notes = (*advice.notes(seen.facts, seen.layers), *advice.overridden(choices, options, own, expected))
    sourced = tuple(replace(one, source=one.source or sources.of(one, settings.technique)) for one in choices)
    return Plan(seen.opened.record, settings, sourced, expected, seen.layers, seen.facts, notes)


def within(
    seen: Seen, options: TrainOptions, only: Choice | None = None
) -> tuple[tuple[Choice, ...], Settings, dict[str, float]]:
    """Choices, settings and what they cost: the plan's own, or the best that is expected to keep within the limits.

    A run that is too long loses passes before it loses its technique, and never loses the `only` one that may be.
    Raises ConfigError where nothing fits.
    """
    depth = _freeze_layers(seen.facts, seen.profile, seen.layers)
    given = {"freeze_layers": depth.value, **options.model_dump(exclude={"weight_decay"}, exclude_none=True)}
    own = only or choosing.technique(seen.facts, given)
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
        rows_per_class=float(np.median(list(counts.values()))),
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
    )


def _choices(seen: Seen, options: TrainOptions, technique: Choice, passes: int | None) -> tuple[Choice, ...]:
    """One choice a setting, the user's own first, and one for each option of the technique.

    passes    as many as the limits leave; None where they leave what is wanted
    """
    facts, profile, speed = seen.facts, seen.profile, seen.speed
    depth = _freeze_layers(facts, profile, seen.layers)
    given = options.model_dump(exclude={"weight_decay"}, exclude_none=True)
    name = options.technique or str(technique.value)
    if name == "freeze" and not depth.value:
        why = "the lower third, since the technique is freeze"
        depth = replace(depth, value=max(1, facts.layers // 3), why=why, refused={"0": depth.why})
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
        _pooling(seen.layers, facts.sentences),
        depth,
        *choosing.own_options(name, given),
        Choice("learning_rate", rate, rate_why),
        Choice("head_learning_rate", 1e-2, "the head starts from the probe's solution and has few numbers to learn"),
        epochs,
        usual,
        _length(profile, seen.max_tokens),
        *policies.choices(facts.seen, steps, peak, options),
        Choice("weight_decay", options.weight_decay, "matrices only; biases and norms are not decayed"),
        choosing.precision(speed),
        choosing.attention(speed),
        Choice("dropout", True, "without it a pass is a quarter faster, and banking77 lost a point (LOG.md)"),
        *choosing.losses(facts, name, given),
        *policies.looks(per_epoch),
        *retaining.choices(options, name, profile.language),
    ]
    return tuple(_overridden(choice, given) for choice in chosen)


def _length(profile: Profile, max_tokens: int) -> Choice:
    evidence = {"tokens, median": profile.tokens[0], "95th percentile": profile.tokens[1], "longest": profile.tokens[2]}
    evidence["share of rows that are longer"] = round(profile.longer(max_tokens), 4)
    return Choice("max_seq_length", max_tokens, "room for 19 of 20 texts and a quarter more", evidence)


def _overridden(choice: Choice, given: Mapping[str, Value]) -> Choice:
    if choice.name not in given or given[choice.name] == choice.value:
        return choice
    refused = {f"{choice.value}": f"the plan's own choice: {choice.why}"}
    return Choice(choice.name, given[choice.name], sources.USERS, choice.evidence, refused)


def _freeze_layers(facts: Facts, profile: Profile, layers: Sequence[LayerScore]) -> Choice:
    """Near general language the lower third serves as it is; far from it, every layer has something to learn."""
    measured = next((d for d in profile.distances if d.measure == "embeddings"), None)
    probed = shelf.load("objectives", facts.kind).PROBED
    evidence: dict[str, Value] = {
        f"layer {score.layer}, frozen {probed}": round(score.value, 4)
        for score in layers
        if score.pooling in ("mean", "token")
    }
    if measured is None:
        return Choice("freeze_layers", 0, "the distance could not be measured: all layers are trained", evidence)
    evidence |= {"distance": round(measured.value, 4), "95% from": round(measured.low, 4), "near below": NEAR}
    third = max(1, facts.layers // 3)
    if measured.high < NEAR:
        why = "as near as general text is to itself: the lower third is kept"
        return Choice("freeze_layers", third, why, evidence, {"0": "the lower layers already speak this language"})
    why = "farther from general language than general texts are from each other: all layers may adapt"
    refused = {str(third): "freezing the lower third saved a quarter of the time and gained no accuracy when measured"}
    return Choice("freeze_layers", 0, why, evidence, refused)


def _epochs(facts: Facts, batch: int, most: int) -> Choice:
    """Enough for STEPS_WANTED optimizer steps of the usual batch, within bounds."""
    few = EPOCHS[0]
    epochs = min(most, max(few, math.ceil(STEPS_WANTED * choosing.BATCH / facts.seen)))
    steps = math.ceil(facts.seen / batch) * epochs
    why = f"{epochs} passes give {steps:,} steps; {few} to {most} passes, for at least {STEPS_WANTED} steps if they can"
    return Choice("num_train_epochs", epochs, why, {"rows": facts.seen})


def _pooling(layers: Sequence[LayerScore], sentences: bool) -> Choice:
    """Mean, unless another reading of the last layer is clearly better: its interval above the mean's value.

    Of pairs, texts that are compared come before the first token, and `sentences`, a base made to compare them, does so
    unless the mean is clearly better: what its body does not say of two texts in one go, training did not teach it on
    the sets measured (LOG.md).
    """
    top = {score.pooling: score for score in layers if score.layer == max(s.layer for s in layers)}
    if "token" in top:
        known: dict[str, Value] = {"last layer": round(top["token"].value, 4)}
        return Choice("pooling", "token", "each word is answered for, at its first token", known)
    names = {"mean": "mean", "cls": "cls", "siamese": "texts apart"}
    evidence: dict[str, Value] = {f"{names[one]}, last layer": round(score.value, 4) for one, score in top.items()}
    mean, cls, apart = top["mean"], top["cls"], top.get("siamese")
    if apart and apart.low > mean.value:
        why = "vectors of the two texts, compared, say more of the answer than both texts read in one go"
        return Choice("pooling", "siamese", why, evidence)
    if apart and sentences and mean.low <= apart.value:
        why = "the base is a sentence model, made to compare texts, and both texts in one go say no more to it"
        return Choice("pooling", "siamese", why, evidence)
    if cls.low > mean.value:
        return Choice("pooling", "cls", "the first token says more of the answer than the mean", evidence)
    return Choice("pooling", "mean", "the mean of the tokens says at least as much as the first one", evidence)
