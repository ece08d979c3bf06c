"""A race of techniques on parts of the training rows, before one is planned: where the user gives it time (race_limit).

The pick of the plan's rules and up to three others learn from a quarter of the rows, the better half of them from half,
the best one, if it is not the pick, from all; each is judged by the same rows, which none of them learns from. The pick
stays in the race to its end, for the others are held against it, and loses its place only to one that is surely
better: the paired 95% interval of the gain lies above 0. A quarter of the rows decides nothing, for what is best
changes with their number. Few rows are raced on several cuts instead, whose answers are judged together.

A trial trains as the plan would with so many rows, the dev split in its usual part. It begins only where its expected
time is left, so that the race is over its limit by what one trial takes longer than expected, at most.

What it does not do: compare anything but techniques; what stands before training (new tokens, written or repeated rows,
adapting). The best of three is judged on the rows that it was found by, so that among equal ones 3 to 7% of the races
change the pick (simulated, LOG.md), which costs nothing but the reason that is told.
Source: Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
arXiv:1502.07943 (halving.py).
"""

import functools
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from afina import (
    adapting,
    choosing,
    costing,
    halving,
    heads,
    metrics,
    rounds,
    scarcity,
    shelf,
    sources,
    store,
    tasks,
    wording,
    words,
)
from afina.bases import Opened
from afina.config import TrainOptions
from afina.errors import AfinaError, ConfigError, DataError, Interrupted
from afina.halving import Trial
from afina.keeper import Keeper
from afina.limits import Limits
from afina.predictors import torch as predictor
from afina.records import Choice, Corpus, Event, Plan, Profile, Row, Score, Settings, Task, Trained, Value
from afina.stages import plan as stage
from afina.stages import train

MOST = 4  # techniques
DECIDES = 0.5  # part from which a round may change the plan


@dataclass(frozen=True, slots=True)
class _Ground:
    """All that a trial needs beside its technique and its round."""

    corpus: Corpus
    seen: stage.Seen
    options: TrainOptions
    keep: Keeper
    seed: int
    rounds: tuple[rounds.Round, ...]
    several: bool
    field: Mapping[str, Plan]  # each candidate as planned for all rows, the pick first

    @property
    def objective(self) -> Any:
        return shelf.load(tasks.OBJECTIVES, self.corpus.kind)


def plan(corpus: Corpus, profile: Profile, opened: Opened, options: TrainOptions, keep: Keeper, seed: int) -> Plan:
    """The plan, its technique raced where there is time for it. Raises ConfigError for options that cannot be."""
    limit = options.race_limit
    seen = stage.look(corpus, profile, opened, options, keep.tell, seed)
    made = stage.settle(seen, options)
    if limit is None:
        return made
    if options.technique:
        return _noted(made, "no race: the technique is set by the user", keep)
    began = time.monotonic()
    try:
        parts, several = rounds.of(corpus, seed)
    except DataError as error:
        return _noted(made, f"no race: {error.found}", keep)
    field = _field(seen, options, made)
    if len(field) < 2:
        return _noted(made, "no race: no other technique suits the rows and keeps within the limits", keep)
    ground = _Ground(corpus, seen, options, keep, seed, parts, several, field)

    def left() -> float:
        return float(limit) - (time.monotonic() - began)

    @functools.cache
    def expects(name: str, number: int) -> float:
        return _settings(ground, name, number)[1]

    def tries(name: str, number: int) -> Trial:
        return _trial(ground, name, number)

    done = halving.halve(list(field), len(parts), several, left, expects, tries)
    return _decided(ground, made, done, limit - left())


def _noted(made: Plan, note: str, keep: Keeper) -> Plan:
    keep.tell(Event("race", note))
    return replace(made, notes=(*made.notes, note))


def _technique(made: Plan) -> Choice:
    return next(one for one in made.choices if one.name == "technique")


def _field(seen: stage.Seen, options: TrainOptions, made: Plan) -> dict[str, Plan]:
    """The pick, and what may take its place, each with its plan for all rows."""
    own = _technique(made)
    field = {str(own.value): made}
    for name in choosing.rivals(own, seen.facts, options.model_dump(exclude_none=True)):
        if name not in field and len(field) < MOST:
            try:
                field[name] = stage.settle(seen, options, replace(own, value=name))
            except ConfigError:
                continue  # it breaks a limit, or cannot have what the user set
    return field


def _settings(ground: _Ground, name: str, number: int) -> tuple[Settings, float]:
    """What the plan sets for the rows of that round, and the seconds that are expected of it.

    Passes that were given up for a limit are given up here too.
    """
    made, rows, seen = ground.field[name], ground.rounds[number].train, ground.seen
    counts = list(ground.objective.counts(rows, ground.corpus.labels).values())
    facts = replace(seen.facts, rows=len(rows), rows_per_class=float(scarcity.lower_median(counts)), added=0)
    facts = replace(facts, smallest=min(counts, default=0))
    free: dict[str, Any] = dict.fromkeys(Limits.model_fields)
    options = ground.options.model_copy(update=free)
    if made.settings.num_train_epochs < stage.within(seen, options, _technique(made))[1].num_train_epochs:
        options = options.model_copy(update={"num_train_epochs": made.settings.num_train_epochs})
    settings = stage.within(replace(seen, facts=facts), options, _technique(made))[1]
    settings = replace(settings, adapt_file=adapting.NONE)
    seconds = costing.estimates(facts, settings, seen.speed)["seconds"]
    return settings, seconds + len(ground.rounds[number].judged) * facts.seconds_per_row


def _trial(ground: _Ground, name: str, number: int) -> Trial:
    """Train one candidate on the rows of one round, and judge it."""
    now, began = ground.rounds[number], time.monotonic()
    title = f"{name} on {len(now.train):,} rows"

    def tell(event: Event) -> None:
        if event.step is not None:
            ground.keep.tell(replace(event, stage="race", text=title))

    ground.keep.tell(Event("race", f"{title}: begins"))
    rows = replace(ground.corpus, train=now.train, holdouts={}, old_tasks={})
    planned = replace(ground.field[name], settings=_settings(ground, name, number)[0])
    score, why, answers = None, "", None
    folder = ground.keep.folder
    with store.disk_errors(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".race.", suffix=store.ASIDE) as own:
        try:
            trained = train.train(rows, planned, ground.seen.opened, Path(own), tell, ground.seed)
            score, answers = _judged(ground, trained, Path(own) / trained.folder, planned.settings, now.judged)
            why = "" if score else "its answers are no numbers"
        except Interrupted:
            raise
        except AfinaError as error:
            why = error.found.replace(f"{own}/", "")
    seconds = round(time.monotonic() - began, 1)
    said = wording.interval(score) if score else f"out: {why}"
    ground.keep.tell(Event("race", f"{title}: {said} in {seconds:.0f} s"))
    return Trial(name, number, len(now.train), seconds, score, why, answers)


def _judged(
    ground: _Ground, trained: Trained, folder: Path, settings: Settings, rows: Sequence[Row]
) -> tuple[Score | None, Any]:
    """The main score on the rows kept out, or None where an answer is no number, and the answers as they are compared.

    Labels that have thresholds of their own are decided by them, so that the answers of two trials are alike.
    """
    task, model = trained.task, heads.load(folder)
    predict = predictor.wrap(model, ground.seen.opened.tokenizer, settings.max_seq_length, task=task)
    answers = predict([row.input for row in rows])
    if not np.isfinite(words.flat(answers)).all():
        return None, None
    score = ground.objective.scores(rows, answers, task, ground.seed)[0]
    return score, (answers >= np.array(task.thresholds)).astype(np.float32) if task.thresholds else answers


def gain(rows: Sequence[Row], pick: Any, other: Any, task: Task, seed: int) -> Score:
    """What `other` gains over `pick` on the same rows, in points of the main score, with its paired 95% interval."""
    change = shelf.load(tasks.OBJECTIVES, task.kind).compare(rows, pick, other, task, seed)
    return metrics.gained(change, task.kind, len(rows))


def _decided(ground: _Ground, made: Plan, done: Sequence[Trial], seconds: float) -> Plan:
    """The plan with its technique line as the race left it."""
    own = _technique(made)
    pick, raced = str(own.value), f"raced for {wording.amount('seconds', seconds)}"
    evidence = {**own.evidence, **_told(ground, done)}
    found = halving.duel(done, pick, ground.several)
    if found is None:
        return _noted(_with(made, replace(own, evidence=evidence)), _unraced(ground, done, pick), ground.keep)
    other, counted = found
    judged = [row for number in counted for row in ground.rounds[number].judged]
    answers = [
        np.concatenate([one.answers for one in done if one.name == name and one.round in counted])
        for name in (pick, other)
    ]
    won = gain(judged, answers[0], answers[1], _common(ground), ground.seed)
    metric = wording.word(ground.objective.METRIC)
    said = f"{metric} {wording.points(won)} on {len(judged):,} rows kept out"
    evidence[f"gain of {other} over {pick} in the race"] = said
    source = f"{sources.HERE}, a race; {sources.of(own, pick)}"
    if won.low > 0 and (ground.several or rounds.PARTS[counted[-1]] >= DECIDES):
        left = {name: why for name, why in own.refused.items() if name != other}
        left[pick] = f"the rules take it ({own.why}), and it lost the race"
        why = f"surely better in a race: {said} over {pick}, which the rules take"
        taken = Choice("technique", other, why, evidence, left, source)
        return _noted(
            stage.settle(ground.seen, ground.options, taken), f"{raced}: {other} takes the place of {pick}", ground.keep
        )
    verdict = f"surely better than {other}" if won.high < 0 else f"not told apart from {other}"
    if won.low > 0:
        verdict = f"{other} was better, but on a quarter of the rows only, which decides nothing: give race_limit more"
    kept = replace(own, why=f"{own.why}; raced, {verdict}", evidence=evidence, source=source)
    return _noted(_with(made, kept), f"{raced}: {pick} stays, {verdict}", ground.keep)


def _with(made: Plan, technique: Choice) -> Plan:
    return replace(made, choices=tuple(technique if one.name == "technique" else one for one in made.choices))


def _common(ground: _Ground) -> Task:
    """The task that the answers of all trials are of: decided labels are 0 or 1."""
    task = tasks.of(ground.corpus, None)
    return replace(task, thresholds=(0.5,) * len(task.labels)) if ground.objective.TUNES else task


def _told(ground: _Ground, done: Sequence[Trial]) -> dict[str, Value]:
    """What each candidate did, round by round."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in done:
        rows = f"from {one.rows:,} rows in {one.seconds:.0f} s"
        found[one.name].append(f"{wording.interval(one.score)} {rows}" if one.score else f"out: {one.why}")
    metric = wording.word(ground.objective.METRIC)
    return {f"{metric} of {name} in the race": "; ".join(lines) for name, lines in found.items()}


def _unraced(ground: _Ground, done: Sequence[Trial], pick: str) -> str:
    """Why nothing could be compared."""
    failed = next((one.why for one in done if one.name == pick and not one.score), "")
    if failed:
        return f"no race: {pick} is out, and the others are held against it: {failed}"
    if done:
        return f"no race: only {pick} could be trained"
    first, *others = [_settings(ground, name, 0)[1] for name in ground.field]
    both = wording.amount("seconds", first + min(others))
    return f"no race: two techniques on {len(ground.rounds[0].train):,} rows are expected to take {both}"
