"""What becomes of the answers when texts are written in another way and mean the same.

    typing         typo (neighbouring letters swapped), keyboard (the key beside), ocr (a misread scan): 1, 2, 4 letters
    style          upper, lower, drop_accents, punctuation, spaces, contract (is not, isn't)
    length         append (a thank you; three polite sentences), shorten (the last 25% or 50% of the words left out)
    words          code_switch (25%, 50%, 100% of the common words in Spanish or English), and where there is a glossary
                   to_long and to_short: abbreviations written out and abbreviated, jargon in plain words and back
    paraphrase     with `robustness_paraphrases`: what the user's file says that a text is in other words (`textgroups`)

    drop           main score on the texts that a change could change, before - after, in points. Of classes the
                   interval is that of paired shares (Bonett & Price 2012), of other kinds the bootstrap's
    answers_kept   mean over texts, and over the changes that fit each, of whether the answer stays the same; a change
                   of several strengths counts once, with their mean. Interval: bootstrap over texts, all their changes
                   together
    slices         kinds of texts with more wrong answers than others, as they are; see `afina.slices`

The score counts answers that stay and not accuracy kept: it needs no truth, errors repaired by luck do not hide others,
and no few texts decide it. A model that always says the same keeps all of them: read it beside the accuracy. `shorten`
may cut what the answer stands on and is no part of the score. Texts that a change leaves as they are count nowhere. A
text with several paraphrases counts once, with their mean; its drop is that of the first ones, the second ones, ...
together, by the number of texts, and so is the interval, which is then no narrower than if they were all alike.
Changes come in the order of how surely they cost; with some 20 intervals, one may miss by chance.

Unit: points for drops, shares for the score and the slices. Cost: some 20 answers for each of `rows` texts.
What it does not do: write paraphrases, or look at whether they mean the same; negation, which changes the meaning;
search for the worst noise, as an attack does; short forms that are words as well ("it", "us") are taken for the words'
sake too.
Source: Ribeiro et al. 2020, arXiv:2005.04118 (invariance); Belinkov & Bisk 2018, arXiv:1711.02173.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from afina import answering, lexicons, metrics, rewording, slices, textgroups
from afina.records import Dimension, Example, Measure, Row, Score, Subject, Text

NAME = "robustness"
ALONG = {  # what the strength of a change counts
    **dict.fromkeys(("typo", "keyboard", "ocr"), "letters"), "append": "words added",
    **dict.fromkeys(("shorten", "code_switch"), "share of the words"),
}  # fmt: skip
OUTSIDE = frozenset({"shorten"})  # not in the score
SHOWN = 2  # examples of each change
GLOSSARIES = "Abbreviations and jargon are measured with robustness_glossary=FILE, a CSV of long and short forms."


class Config(BaseModel, frozen=True, extra="forbid"):
    """How many texts, and the user's own words."""

    rows: int = Field(default=200, ge=1, description="texts that are changed, at most")
    glossary: str | None = Field(default=None, description="CSV of long and short forms, or plain words and jargon")
    paraphrases: str | None = Field(default=None, description="test texts in other words, a list a line: YAML or JSONL")


def files(config: Config) -> tuple[Path, ...]:
    """The glossary and the paraphrases, where they are named."""
    return tuple(file for file in map(_named, (config.glossary, config.paraphrases)) if file is not None)


def _named(file: str | None) -> Path | None:
    return None if file is None else Path(expanduser(file))


def check(config: Config) -> None:
    """Raise ConfigError or DataError where the glossary or the paraphrases cannot be read."""
    if (glossary := _named(config.glossary)) is not None:
        lexicons.read(glossary)
    if (paraphrases := _named(config.paraphrases)) is not None:
        textgroups.read(paraphrases)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What it did to the answers."""

    step: rewording.Step
    places: np.ndarray  # of the rows that it changed, in their order; of a row as often as it did
    texts: Sequence[Text]
    after: np.ndarray
    same: np.ndarray
    measure: Measure


def measure(subject: Subject, config: Config) -> Dimension:
    """How far answers hold when texts are written in another way, and where the model is worse than elsewhere."""
    if not subject.perturbations and config.paraphrases is None:
        return Dimension(NAME, skipped="no changes of texts are at hand: give the subject the shelf of perturbations")
    answering.checked(subject.answers, [row.input for row in subject.rows], subject.task)
    glossary, paraphrases = map(_named, (config.glossary, config.paraphrases))
    others, said = rewording.paraphrases(subject, paraphrases)
    drawn = np.random.default_rng(subject.seed).permutation(len(subject.rows)).tolist()
    drawn.sort(key=lambda place: subject.rows[place].input not in others)  # what somebody wrote is not left out
    places = np.sort(drawn[: config.rows])
    rows, before = [subject.rows[place] for place in places], subject.answers[places]
    steps = list(rewording.steps(subject, rows, glossary, others))
    outcomes = _ordered(_outcomes(subject, rows, before, steps))
    counted = [one for one in outcomes if one.step.name not in OUTSIDE]
    if not counted:
        return Dimension(NAME, skipped="no change that keeps the meaning fits these texts: give texts with words")
    right = answering.right(subject.rows, subject.answers, subject.task)
    found, worst = ([], slices.NONE) if right is None else slices.measures(subject.rows, ~right)
    tried = {step.name for step in steps} | (rewording.GLOSSARY if glossary else set())
    idle = sorted(tried - {one.step.name for one in outcomes})
    return Dimension(
        NAME,
        _score(counted, len(rows), subject.seed),
        measures=(*(one.measure for one in outcomes), *found),
        examples=tuple(_examples(subject, rows, before, outcomes)),
        notes=(_costliest(counted), *_about(subject, config, idle), said, worst),
    )


# ---------------------------------------------------------------- what it does to answers


def _outcomes(
    subject: Subject, rows: Sequence[Row], before: np.ndarray, steps: Sequence[rewording.Step]
) -> list[_Outcome]:
    """Every step that changes a text, its texts answered; equal texts are asked once."""
    changed = [rewording.changed(subject, rows, step) for step in steps]
    asked = {text: place for place, text in enumerate(dict.fromkeys(text for one in changed for _, text in one))}
    said = answering.ask(subject.predict, list(asked), subject.task)
    found = []
    for step, one in zip(steps, changed, strict=True):
        if not one:
            continue
        places, texts = np.array([place for place, _ in one]), [text for _, text in one]
        after = said[[asked[text] for text in texts]]
        same = answering.same(before[places], after, subject.task, answering.scale(subject.rows, subject.task))
        value, low, high = _drop(subject, rows, before, places, after)
        count = len(set(places.tolist()))
        remark = f"{count:,} of {len(rows):,} texts changed, {same.mean():.1%} of their answers stay"
        along = ALONG.get(step.name, "")
        number = Measure(step.name, value, low, high, "points", count, "drop", step.strength, remark, along)
        found.append(_Outcome(step, places, texts, after, same, number))
    return found


def _drop(
    subject: Subject, rows: Sequence[Row], before: np.ndarray, places: np.ndarray, after: np.ndarray
) -> tuple[float, float, float]:
    """Points of the main score lost and their interval: the mean over the first texts of each row, the second ones, ...

    By how many rows have one. The interval is the mean too: the spread of a mean is never larger than the mean spread.
    """
    turn = np.arange(len(places)) - np.searchsorted(places, places)
    parts = [np.flatnonzero(turn == one) for one in range(int(turn.max()) + 1)]
    drops = []
    for one in parts:
        own = [rows[place] for place in places[one]]
        found = subject.compare(own, before[places[one]], after[one])
        drops.append(metrics.lost(found, subject.task.kind, len(own)))
    value, low, high = np.average(drops, axis=0, weights=[len(one) for one in parts]).tolist()
    return value, low, high


def _ordered(outcomes: Sequence[_Outcome]) -> list[_Outcome]:
    """By how surely a change costs at its worst strength, then by strength; last what is not in the score."""
    surest: dict[str, float] = {}
    for one in outcomes:
        surest[one.step.name] = max(one.measure.low, surest.get(one.step.name, -np.inf))

    def place(one: _Outcome) -> tuple[bool, float, str, float]:
        return one.step.name in OUTSIDE, -surest[one.step.name], one.step.name, one.step.strength or 0

    return sorted(outcomes, key=place)


# ---------------------------------------------------------------- what is said of it


def _score(outcomes: Sequence[_Outcome], rows: int, seed: int) -> Score:
    """Share of the answers that stay, over texts and changes."""
    by_name: dict[str, np.ndarray] = {}
    for one in outcomes:
        table = by_name.setdefault(one.step.name, np.zeros((2, rows)))
        for line, counted in zip(table, (one.same, None), strict=True):  # answers that stay, and all
            line += np.bincount(one.places, counted, rows)
    kept = sum(stays / np.maximum(times, 1) for stays, times in by_name.values())
    fits = sum((times > 0).astype(float) for _, times in by_name.values())
    touched = np.flatnonzero(fits)
    kept, fits = np.asarray(kept)[touched], np.asarray(fits)[touched]

    def of(weights: np.ndarray) -> np.ndarray:
        return ((weights @ kept) / (weights @ fits))[:, None]

    return metrics.doubted(metrics.bootstrap(("answers_kept",), of, len(touched), seed), len(touched))[0]


def _examples(
    subject: Subject, rows: Sequence[Row], before: np.ndarray, outcomes: Sequence[_Outcome]
) -> Iterator[Example]:
    """Texts whose right answer a change broke, at the lowest strength that did; of numbers, those that moved."""
    task, shown = subject.task, set()
    for one in outcomes:
        own = [rows[place] for place in one.places]
        was = answering.right(own, before[one.places], task)
        broken = ~one.same if was is None else was & ~one.same
        if one.step.name in shown or not broken.any():
            continue
        shown.add(one.step.name)
        for place in np.flatnonzero(broken)[:SHOWN]:
            row = own[place]
            both = before[one.places[place]], one.after[place]
            said = " became ".join(answering.say(row, answer, task) for answer in both)
            truth = row.value if was is None else answering.named(answering.truth(row, task))
            yield Example(one.step.name, row.where, (row.input, one.texts[place]), f"{said}; true: {truth}")


def _costliest(outcomes: Sequence[_Outcome]) -> str:
    """The change that costs most surely, where one does."""
    worst = max((one.measure for one in outcomes), key=lambda one: one.low)
    said = f"{worst.value:.1f} points ({worst.low:.1f} to {worst.high:.1f})"
    name = worst.name if worst.strength is None else f"{worst.name} ({worst.along}: {worst.strength:g})"
    if worst.low > 0:
        return f"{name} costs most: {said} on the {worst.rows:,} texts that it changes."
    return f"No change costs more than its doubt: the surest is {name}, {said}."


def _about(subject: Subject, config: Config, idle: Sequence[str]) -> Iterator[str]:
    """What was not measured, and why."""
    if idle:
        yield f"Nothing to change in these texts for {', '.join(idle)}."
    if subject.language not in rewording.POLITE:
        yield "Nothing was appended, for the texts are in no language whose polite sentences stand here (en, es)."
    if config.glossary is None:
        yield GLOSSARIES
