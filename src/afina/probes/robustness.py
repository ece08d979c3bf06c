"""What becomes of the answers when texts are written in another way and mean the same.

    typing         typo (neighbouring letters swapped), keyboard (the key beside), ocr (a misread scan): 1, 2, 4 letters
    style          upper, lower, drop_accents, punctuation, spaces, contract (is not, isn't)
    length         append (a thank you; three polite sentences), shorten (the last 25% or 50% of the words left out)
    words          code_switch (25%, 50%, 100% of the common words in Spanish or English), and where there is a glossary
                   to_long and to_short: abbreviations written out and abbreviated, jargon in plain words and back

    drop           main score on the texts that a change could change, before - after, in points. Of classes the
                   interval is that of paired shares (Bonett & Price 2012), of other kinds the bootstrap's
    answers_kept   mean over texts, and over the changes that fit each, of whether the answer stays the same; a change
                   of several strengths counts once, with their mean. Interval: bootstrap over texts, all their changes
                   together
    slices         kinds of texts with more wrong answers than others, as they are; see `afina.slices`

The score counts answers that stay and not accuracy kept: it needs no truth, errors repaired by luck do not hide others,
and no few texts decide it. A model that always says the same keeps all of them: read it beside the accuracy. `shorten`
may cut what the answer stands on and is no part of the score. Texts that a change leaves as they are count nowhere.
Changes come in the order of how surely they cost; with some 20 intervals, one may miss by chance.

Unit: points for drops, shares for the score and the slices. Cost: some 20 answers for each of `rows` texts.
What it does not do: paraphrases, which need a model that writes them; negation, which changes the meaning; search for
the worst noise, as an attack does; short forms that are words as well ("it", "us") are taken for the words' sake too.
Source: Ribeiro et al. 2020, arXiv:2005.04118 (invariance); Belinkov & Bisk 2018, arXiv:1711.02173.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from afina import answering, lexicons, metrics, slices, words
from afina.records import Dimension, Example, Measure, Row, Score, Subject, Text

NAME = "robustness"
LETTERS, SHARES, CUTS = (1, 2, 4), (0.25, 0.5, 1.0), (0.25, 0.5)
STYLES = ("upper", "lower", "drop_accents", "punctuation", "spaces", "contract")
POLITE = {  # by language
    "en": ("Thank you.", "Thank you for your help. I look forward to your answer. Have a nice day."),
    "es": ("Gracias.", "Gracias por su ayuda. Quedo a la espera de su respuesta. Tengan buen día."),
}
ALONG = {  # what the strength of a change counts
    **dict.fromkeys(("typo", "keyboard", "ocr"), "letters"), "append": "words added",
    **dict.fromkeys(("shorten", "code_switch"), "share of the words"),
}  # fmt: skip
OUTSIDE = frozenset({"shorten"})  # not in the score
GLOSSARY = frozenset({"to_long", "to_short"})
SHOWN = 2  # examples of each change
PARAPHRASE = (
    "Paraphrases are not measured, for nothing here writes them; put pairs of your own into a suite (type INV, cases)."
)


class Config(BaseModel, frozen=True, extra="forbid"):
    """How many texts, and the user's own words."""

    rows: int = Field(default=200, ge=1, description="texts that are changed, at most")
    glossary: str | None = Field(default=None, description="CSV of long and short forms, or plain words and jargon")


def files(config: Config) -> tuple[Path, ...]:
    """The glossary, where one is named."""
    return () if config.glossary is None else (Path(expanduser(config.glossary)),)


def check(config: Config) -> None:
    """Raise DataError where the glossary cannot be read."""
    for file in files(config):
        lexicons.read(file)


@dataclass(frozen=True, slots=True)
class _Step:
    """A change at one strength."""

    name: str
    module: Any  # of the shelf of perturbations
    options: Any  # its Config
    strength: float | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What it did to the answers."""

    step: _Step
    places: np.ndarray  # of the rows that it changed
    texts: Sequence[Text]
    after: np.ndarray
    same: np.ndarray
    measure: Measure


def measure(subject: Subject, config: Config) -> Dimension:
    """How far answers hold when texts are written in another way, and where the model is worse than elsewhere."""
    if not subject.perturbations:
        return Dimension(NAME, skipped="no changes of texts are at hand: give the subject the shelf of perturbations")
    answering.checked(subject.answers, [row.input for row in subject.rows], subject.task)
    places = np.sort(np.random.default_rng(subject.seed).permutation(len(subject.rows))[: config.rows])
    rows, before = [subject.rows[place] for place in places], subject.answers[places]
    steps = list(_steps(subject, config, rows))
    outcomes = _ordered(_outcomes(subject, rows, before, steps))
    counted = [one for one in outcomes if one.step.name not in OUTSIDE]
    if not counted:
        return Dimension(NAME, skipped="no change that keeps the meaning fits these texts: give texts with words")
    found, looked_at = _slices(subject)
    tried = {step.name for step in steps} | (GLOSSARY if config.glossary else set())
    idle = sorted(tried - {one.step.name for one in outcomes})
    return Dimension(
        NAME,
        _score(counted, len(rows), subject.seed),
        measures=(*(one.measure for one in outcomes), *found),
        examples=tuple(_examples(subject, rows, before, outcomes)),
        notes=(_costliest(counted), *_about(subject, config, idle), _worst(found, looked_at)),
    )


# ---------------------------------------------------------------- what is changed


def _steps(subject: Subject, config: Config, rows: Sequence[Row]) -> Iterator[_Step]:
    """Every change with its strengths, of those that the subject has."""
    wanted: list[tuple[str, str, Mapping[str, Any], float | None]] = []
    wanted += [(name, name, {"count": n}, n) for name in ("typo", "keyboard", "ocr") for n in LETTERS]
    wanted += [(name, name, {}, None) for name in STYLES]
    polite = POLITE.get(subject.language, ())
    wanted += [("append", "append", {"texts": (text,)}, len(text.split())) for text in polite]
    wanted += [("shorten", "shorten", {"share": share}, share) for share in CUTS]
    wanted += [("code_switch", "code_switch", {"share": share}, share) for share in SHARES]
    for file in files(config):
        longer, shorter = lexicons.either_way(_used(lexicons.read(file), rows))
        ways = zip(sorted(GLOSSARY), (longer, shorter), ("first", "others"), strict=True)
        wanted += [(name, "swap", {"groups": groups, "to": to}, None) for name, groups, to in ways if groups]
    for name, kind, options, strength in wanted:
        if module := subject.perturbations.get(kind):
            yield _Step(name, module, module.Config(**options), strength)


def _used(groups: Sequence[lexicons.Group], rows: Sequence[Row]) -> tuple[lexicons.Group, ...]:
    """The groups that have a form in some text: looking for thousands of others takes long."""
    texts = "\n".join(text for row in rows for text in row.texts).casefold()
    return tuple(group for group in groups if any(form.casefold() in texts for form in group))


def _changed(subject: Subject, rows: Sequence[Row], step: _Step) -> dict[int, Text]:
    """The rows that the step changes, and their new texts; of a task by word only where there are as many words."""
    found: dict[int, Text] = {}
    for place, row in enumerate(rows):
        rng = np.random.default_rng((subject.seed, place))  # the same for each strength: what is stronger adds to it
        new = [step.module.change(text, step.options, rng) for text in row.texts]
        texts = [old if one is None else one for one, old in zip(new, row.texts, strict=True)]
        alike = subject.task.per != "word" or len(words.words(texts[0])) == len(words.words(row.text))
        if alike and any(one is not None for one in new):
            found[place] = texts[0] if row.pair is None else (texts[0], texts[1])
    return found


def _outcomes(subject: Subject, rows: Sequence[Row], before: np.ndarray, steps: Sequence[_Step]) -> list[_Outcome]:
    """Every step that changes a text, its texts answered; equal texts are asked once."""
    changed = [_changed(subject, rows, step) for step in steps]
    asked = {text: place for place, text in enumerate(dict.fromkeys(text for one in changed for text in one.values()))}
    said = answering.ask(subject.predict, list(asked), subject.task)
    found = []
    for step, one in zip(steps, changed, strict=True):
        if not one:
            continue
        places, texts = np.array(list(one)), list(one.values())
        own, after = [rows[place] for place in places], said[[asked[text] for text in texts]]
        same = answering.same(before[places], after, subject.task, answering.scale(subject.rows, subject.task))
        value, low, high = metrics.lost(subject.compare(own, before[places], after), subject.task.kind, len(own))
        remark = f"{len(own):,} of {len(rows):,} texts changed, {same.mean():.1%} of their answers stay"
        along = ALONG.get(step.name, "")
        number = Measure(step.name, value, low, high, "points", len(own), "drop", step.strength, remark, along)
        found.append(_Outcome(step, places, texts, after, same, number))
    return found


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
        table[:, one.places] += one.same, np.ones(len(one.places))  # strengths at which it stays, and all
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
    if subject.language not in POLITE:
        yield "Nothing was appended, for the texts are in no language whose polite sentences stand here (en, es)."
    if config.glossary is None:
        yield "Abbreviations and jargon are measured with robustness_glossary=FILE, a CSV of long and short forms."
    yield PARAPHRASE


def _slices(subject: Subject) -> tuple[list[Measure], int]:
    """Kinds of texts, unchanged, with more wrong answers than the others; and how many kinds were looked at."""
    right = answering.right(subject.rows, subject.answers, subject.task)
    found, looked_at = slices.worst(subject.rows, ~right) if right is not None else ([], 0)
    measures = []
    for one in found:
        here, there = f"{one.wrong:,} of {one.rows:,}", f"{one.other_wrong:,} of {one.other_rows:,}"
        remark = f"wrong: {here}, elsewhere {there}; p {one.p:.2g} after Holm over {looked_at:,} kinds of texts"
        low, high = metrics.wilson(one.wrong, one.rows)
        measures.append(Measure(one.name, one.wrong / one.rows, low, high, "share", one.rows, "slices", None, remark))
    return measures, looked_at


def _worst(found: Sequence[Measure], looked_at: int) -> str:
    if not looked_at:
        return "No kinds of texts were compared: there are too few rows of each, or answers are numbers."
    names = ", ".join(one.name for one in found)
    said = f"more errors than elsewhere in: {names}" if found else "in none are errors surely more common"
    return f"Of {looked_at:,} kinds of texts (class, length, word), {said}."
