"""Whether answers agree with each other, whatever is right: what must be the same is, what must differ does.

    serving     a text alone, in a batch, beside a long text, before export: the same numbers (`serving`)
    files       fp32 and the smaller file: share of the same answers, no verdict
    meaning     texts that mean the same, from `consistency_groups`, and edits that keep the meaning (a double space,
                the final mark, contractions): share of groups with one answer, and of pairs in them
    pairs       f(a, b) = f(b, a), where at least 10 pairs of train stand there both ways and all with one label each,
                or `consistency_symmetric` says so
    negation    share of answers that change where the text is negated (perturbation `negate`): no verdict, for a
                negated request is often of the same class. `consistency_negated` names labels that must be given up
    hierarchy   p(parent) >= p(child), within 0.000001, wherever the child is given; `consistency_hierarchy`
    coherence   with `consistency_nli`, another model that says what follows from what: share of one answer among texts
                that mean the same by its word (`entailing`). No verdict, for it errs too
    data        texts of train and dev with one label, where case and spaces do not count: the data's fault, no verdict

consistent_answers = checks that must agree and do / checks that must agree, a group or a text being one. Intervals are
Wilson's; those of pairs and of the whole resample groups and texts, whose checks fail together.
Unit: shares, 0 to 1. Cost: some 1,500 answers, the opening of each file of the model, and what `entailing` says.

What it does not do: look at answers by word but in serving. A group can be answered with one voice and wrongly. Edits
that the tokenizer undoes count as agreement.
Source: Elazar et al. 2021, arXiv:2102.01017 (consistency of paraphrases); Ribeiro et al. 2020, arXiv:2005.04118
(negation); Wilson 1927.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import combinations
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, Field

from afina import agreeing, answering, entailing, serving, textgroups
from afina.agreeing import Checks
from afina.errors import ConfigError
from afina.records import Dimension, Example, Measure, Row, Subject, Text

NAME = "consistency"
ROWS = 200  # texts that are edited and negated
EDITS = ("spaces", "punctuation", "contract")  # perturbations that keep the meaning
SHOWN = 3  # examples of each
Found = tuple[list[Checks], list[Measure]]  # and measures that are no share of checks
Group = tuple[str, tuple[Text, ...]]  # where the first stands, and texts that mean the same
Named = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda given: [one.strip() for one in given.split(",")] if isinstance(given, str) else given),
]


class Config(BaseModel, frozen=True, extra="forbid"):
    """What the user knows of the task."""

    groups: str | None = Field(default=None, description="texts that mean the same, a list a line: YAML or JSONL")
    symmetric: bool | None = Field(default=None, description="pairs mean the same both ways; by train where absent")
    nli: str | None = Field(
        default=None, description="folder of a model of entailment: a run on pairs, or Hugging Face"
    )
    negated: Named = Field(default=(), description="labels that a negated text must lose: emergency,refund")
    hierarchy: dict[str, str] = Field(default={}, description="multilabel: {label: the parent that it implies}")


def files(config: Config) -> tuple[Path, ...]:
    """The groups of texts and the model of entailment, where they are given."""
    return (*_groups(config), *(file for folder in _nli(config) for file in entailing.files(folder)))


def check(config: Config) -> None:
    """Raise ConfigError or DataError where the groups of texts cannot be read, or that model is none of entailment."""
    for file in _groups(config):
        textgroups.read(file)
    for folder in _nli(config):
        entailing.label(folder)


def _groups(config: Config) -> tuple[Path, ...]:
    return () if config.groups is None else (Path(expanduser(config.groups)),)


def _nli(config: Config) -> tuple[Path, ...]:
    return () if config.nli is None else (Path(expanduser(config.nli)),)


def measure(subject: Subject, config: Config) -> Dimension:
    """Every check that this task and its data allow."""
    _known(subject, [*config.negated, *config.hierarchy, *config.hierarchy.values()])
    rows = _drawn(subject.rows, subject.seed)
    edits = _edits(subject, rows)
    found: Found = (serving.checks(subject, rows), [])
    for checks, measures in (
        _one_voice(subject, "edits that keep the meaning", edits),
        _grouped(subject, config),
        (_exchanged(subject, rows, config.symmetric), []),
        (_negated(subject, rows), []),
        (_given_up(subject, config.negated), []),
        (_implied(subject, config.hierarchy), []),
        (agreeing.contradictions([*subject.train, *subject.dev]), []),
    ):
        found[0].extend(checks)
        found[1].extend(measures)
    must = [one for one in found[0] if one.must]
    judged = [entailing.coherence(subject, folder, [group for _, group in edits]) for folder in _nli(config)]
    return Dimension(
        probe=NAME,
        score=agreeing.share("consistent_answers", must, subject.seed),
        measures=(*(one.measure for one in found[0]), *found[1], *(m for one in judged for m in one.measures)),
        examples=(*(e for one in found[0] for e in one.examples), *(e for one in judged for e in one.examples)),
        notes=(*_notes(must, subject, config), *(one.note for one in judged)),
    )


def _edits(subject: Subject, rows: Sequence[Row]) -> list[Group]:
    """Each text and what small edits make of it, where they make something."""
    edits = [subject.perturbations[name] for name in EDITS if name in subject.perturbations]
    rng = np.random.default_rng(subject.seed)
    groups = []
    for row in rows:
        changed = [_changed(row, edit, rng) for edit in edits]
        groups.append((row.where, (row.input, *(one for one in changed if one is not None))))
    return [group for group in groups if len(group[1]) > 1]


def _grouped(subject: Subject, config: Config) -> Found:
    pairs = bool(subject.rows) and subject.rows[0].pair is not None
    groups = [group for file in _groups(config) for group in textgroups.read(file, pairs)]
    return _one_voice(subject, "texts that mean the same", [("", group) for group in groups])


def _one_voice(subject: Subject, name: str, groups: Sequence[Group]) -> Found:
    """Share of groups that are answered as one, and of pairs in them; not for answers by word, whose words differ."""
    if not groups or subject.task.per == "word":
        return [], []
    answers = _asked(subject, [text for _, group in groups for text in group])
    owner, first, second = zip(
        *((place, *pair) for place, (_, group) in enumerate(groups) for pair in combinations(group, 2)), strict=True
    )
    same = _same(subject, [answers[text] for text in first], [answers[text] for text in second])
    hits, pairs = np.bincount(owner, same), np.bincount(owner)
    examples = []
    for place in np.flatnonzero(hits < pairs)[:SHOWN]:
        wrong = next(n for n in range(len(owner)) if owner[n] == place and not same[n])
        both = first[wrong], second[wrong]
        said = serving.arrow(subject, answers[both[0]], answers[both[1]])
        examples.append(Example(name, groups[place][0], both, f"{said}; should be the same"))
    about = tuple(group[0] for _, group in groups)
    whole = agreeing.ratio("", hits, pairs, subject.seed)
    each = Measure(f"{name}, by pairs", whole.value, whole.low, whole.high, "share", len(same), "meaning")
    return [Checks(name, "meaning", about, hits == pairs, examples=tuple(examples))], [each]


def _exchanged(subject: Subject, rows: Sequence[Row], symmetric: bool | None) -> list[Checks]:
    """Pairs with their texts the other way round."""
    paired = [(row, (row.pair, row.text)) for row in rows if row.pair is not None]
    if symmetric and not paired:
        raise ConfigError("consistency_symmetric is for pairs of texts, and these rows have one text", "leave it out")
    if not paired or not (agreeing.symmetric(subject.train) if symmetric is None else symmetric):
        return []
    changes = _changes(subject, paired)
    right = _same(subject, [one.before for one in changes], [one.after for one in changes])
    return [_checks(subject, ("texts of a pair exchanged", "pairs", "should be the same"), changes, right)]


def _negated(subject: Subject, rows: Sequence[Row]) -> list[Checks]:
    """How many answers change, which says nothing of whether they should."""
    changes = _changes(subject, _opposites(subject, rows))
    if not changes:
        return []
    changed = ~_same(subject, [one.before for one in changes], [one.after for one in changes])
    named = ("answer changes when negated", "negation", "no verdict")
    shown = _examples(subject, named, [one for one, own in zip(changes, changed, strict=True) if own])
    return [replace(_checks(subject, named, changes, changed), must=False, remark="no verdict", examples=shown)]


def _given_up(subject: Subject, labels: Sequence[str]) -> list[Checks]:
    """Whether a text that is answered with one of these labels loses it when it is negated."""
    if not labels:
        return []
    places = [subject.task.labels.index(label) for label in labels]
    given = answering.given(_own(subject), subject.task)[:, places]
    rows = [subject.rows[place] for place in np.flatnonzero(given.any(1))]
    changes = _changes(subject, _opposites(subject, _drawn(rows, subject.seed)))
    if not changes:
        return []
    before, after = (
        answering.given(np.stack(answers), subject.task)[:, places]
        for answers in ([one.before for one in changes], [one.after for one in changes])
    )
    named = ("label is given up when negated", "negation", f"should lose {' and '.join(labels)}")
    return [_checks(subject, named, changes, ~(before & after).any(1))]


def _opposites(subject: Subject, rows: Sequence[Row]) -> list[tuple[Row, Text]]:
    negate = subject.perturbations.get("negate")
    if negate is None or subject.task.per == "word":
        return []
    rng = np.random.default_rng(subject.seed)
    pairs = ((row, _changed(row, negate, rng)) for row in rows)
    return [(row, changed) for row, changed in pairs if changed is not None]


def _implied(subject: Subject, hierarchy: Mapping[str, str]) -> list[Checks]:
    """Parents are as probable as their children, where a child is given; elsewhere they can hardly be less so."""
    if not hierarchy:
        return []
    if subject.task.activation != "sigmoid":
        said = f"consistency_hierarchy is for multilabel, and this model's task is {subject.task.kind}"
        raise ConfigError(said, "leave it out: with one class a text, a child's probability is no part of its parent's")
    return agreeing.implied(subject.rows, _own(subject), subject.task, hierarchy)


# ---------------------------------------------------------------- what all of them need


@dataclass(frozen=True, slots=True)
class _Change:
    row: Row
    text: Text  # what was made of it
    before: np.ndarray  # answer to the row
    after: np.ndarray


def _changes(subject: Subject, pairs: Sequence[tuple[Row, Text]]) -> list[_Change]:
    answers = _asked(subject, [text for row, changed in pairs for text in (row.input, changed)])
    return [_Change(row, changed, answers[row.input], answers[changed]) for row, changed in pairs]


def _asked(subject: Subject, texts: Sequence[Text]) -> dict[Text, np.ndarray]:
    """Each different text and its answer."""
    different = list(dict.fromkeys(texts))
    return dict(zip(different, serving.ask(subject, different), strict=True)) if different else {}


def _own(subject: Subject) -> np.ndarray:
    return answering.checked(subject.answers, [row.input for row in subject.rows], subject.task)


def _same(subject: Subject, one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> np.ndarray:
    return answering.same(np.stack(one), np.stack(other), subject.task, serving.scale(subject))


def _checks(subject: Subject, named: tuple[str, str, str], changes: Sequence[_Change], right: np.ndarray) -> Checks:
    wrong = _examples(subject, named, [one for one, fine in zip(changes, right, strict=True) if not fine])
    return Checks(named[0], named[1], tuple(one.row.input for one in changes), right, examples=wrong)


def _examples(subject: Subject, named: tuple[str, str, str], changes: Sequence[_Change]) -> tuple[Example, ...]:
    name, _, wanted = named
    said = [f"{serving.arrow(subject, one.before, one.after)}; {wanted}" for one in changes[:SHOWN]]
    rows = [(one.row.where, (one.row.input, one.text)) for one in changes[:SHOWN]]
    return tuple(Example(name, *row, text) for row, text in zip(rows, said, strict=True))


def _changed(row: Row, edit: Any, rng: np.random.Generator) -> Text | None:
    """The row's input with its text, or the second text of a pair, changed."""
    changed = edit.change(row.texts[-1], edit.Config(), rng)
    return changed if changed is None or row.pair is None else (row.text, changed)


def _drawn(rows: Sequence[Row], seed: int) -> list[Row]:
    """So many at random: files are often sorted by class."""
    return [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))[:ROWS]]


def _known(subject: Subject, labels: Sequence[str]) -> None:
    """Raises ConfigError for a label that the model lacks."""
    for label in labels:
        if label not in subject.task.labels:
            near = get_close_matches(label, subject.task.labels, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"use some of {', '.join(subject.task.labels[:20])}"
            raise ConfigError(f"{label!r}, named for consistency, is no label of the model", fix)


def _notes(must: Sequence[Checks], subject: Subject, config: Config) -> tuple[str, ...]:
    broken = [one for one in must if not one.right.all()]
    notes = [f"{one.name}: {int((~one.right).sum()):,} of {len(one.right):,} do not agree" for one in broken]
    notes = notes or [f"all {sum(len(one.right) for one in must):,} checks agree"]
    asked = {one.name for one in must}
    if config.negated and "label is given up when negated" not in asked:
        notes.append("no text that is answered with a label of consistency_negated could be negated by the rule")
    if config.hierarchy and "parent as probable as its child" not in asked:
        notes.append("no text is given a child of consistency_hierarchy")
    if subject.task.per == "word":
        notes.append("answers by word are looked at in serving alone: edited texts have other words")
    return tuple(notes)
