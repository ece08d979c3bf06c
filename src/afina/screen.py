"""What a person sees: progress while it works, and tables when it is done."""

import json
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from afina import advice, dimensions, shelf, wording
from afina.records import (
    Checklist,
    Combination,
    Corpus,
    Distance,
    Evaluation,
    Event,
    Finding,
    Flips,
    Plan,
    Probes,
    Profile,
    Tell,
)

if TYPE_CHECKING:
    from afina.pipeline import Outcome

SHOWN, TERMS = 3, 12  # places shown of each finding; terms of the domain


def _console() -> Console:
    width = None if sys.stdout.isatty() else 120
    return Console(width=width, highlight=False, soft_wrap=not sys.stdout.isatty())


def say(text: str) -> None:
    """One line on standard output."""
    sys.stdout.write(f"{text}\n")


def end(following: str, summary: Mapping[str, Any] | None) -> None:
    """The next command; with --json, one JSON document as the very last line."""
    say(f"\nnext: {following}")
    if summary is not None:
        say(json.dumps(summary, ensure_ascii=False))


@contextmanager
def progress() -> Iterator[Tell]:
    """A live table on a terminal, plain lines elsewhere. Other libraries' bars and warnings are switched off."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.filterwarnings("ignore")
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        view = _LiveView()
        with Live(get_renderable=view.table, console=_console(), refresh_per_second=4, transient=False):
            yield view.take
    else:
        yield _PlainView().take


class _LiveView:
    """One row a stage; the row of a stage at work shows its latest step."""

    def __init__(self) -> None:
        self.rows: dict[str, Event] = {}

    def take(self, event: Event) -> None:
        self.rows[event.stage] = event

    def table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for name in ("stage", "", "step", "loss", "score", "rate", "left"):
            table.add_column(name, justify="left" if name in ("stage", "") else "right", no_wrap=name != "")
        for event in self.rows.values():
            table.add_row(*_cells(event))
        return table


class _PlainView:
    """A line an event, for logs: steps at most every ten seconds."""

    def __init__(self) -> None:
        self.last = 0.0

    def take(self, event: Event) -> None:
        now = time.monotonic()
        if event.step is not None and event.step != event.steps and now - self.last < 10:
            return
        self.last = now
        names = ("", "", "step ", "loss ", "", "rate ", "left ")
        say("  ".join(f"{name}{cell}" for name, cell in zip(names, _cells(event), strict=True) if cell))
        sys.stdout.flush()


def _cells(event: Event) -> list[str]:
    return [
        event.stage,
        event.text,
        "" if event.step is None else f"{event.step}/{event.steps}",
        "" if event.loss is None else f"{event.loss:.3f}",
        "" if event.metric is None else f"{event.decides} {event.metric:.3f}",
        "" if event.rate is None else f"{event.rate:.1e}",
        "" if event.seconds_left is None else _duration(event.seconds_left),
    ]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def pairs(entries: Mapping[str, str]) -> None:
    """Names and what they are."""
    width = max(map(len, entries), default=0)
    for name, text in entries.items():
        say(f"{name:<{width}}  {text}")


def corpus(record: Corpus) -> None:
    """Findings first, then what is left."""
    findings(record.findings)
    say(record.columns.why)
    say(record.split)
    counts = {part: len(getattr(record, part)) for part in ("train", "dev", "test")}
    size = shelf.load("objectives", record.kind).size(record.labels)
    say(f"{record.name}: {record.kind}, {size}; " + ", ".join(f"{part} {count:,}" for part, count in counts.items()))


def findings(records: Sequence[Finding]) -> None:
    """A line each: where, what was found, what was done, and what to do."""
    for finding in records:
        more = f" and {finding.count - SHOWN:,} more" if finding.count > SHOWN else ""
        where = "; ".join(finding.where[:SHOWN]) + more + ": " if finding.where else ""
        say(f"{where}{finding.problem} ({finding.count:,} {finding.action}); {finding.fix}")


def outcome(result: "Outcome", stage: str) -> None:
    """Everything that a run, or its first stages, found."""
    corpus(result.corpus)
    if result.profile and stage == "profile":
        _profile(result.profile)
    if result.profile and result.plan and stage != "profile":
        _plan(result.profile, result.plan, stage)
    _before_training(result)
    for line in wording.trained(result.trained) if result.trained else ():
        say(line)
    if result.evaluation:
        evaluation(result.evaluation)
    if result.compressed:
        small = result.compressed
        main = wording.word(result.evaluation.scores[0].name) if result.evaluation else "the score"
        value, low, high = map(wording.change, (small.drop_points, small.drop_high, small.drop_low))
        change = f"{value} ({low} to {high}) points of {main} on test"
        same = f"{small.agreement:.1%} ({small.agreement_low:.1%} to {small.agreement_high:.1%}) of answers the same"
        say(f"{small.rung}: {small.ratio:.2f}x smaller, {change}, {same}")
    if result.probes:
        probes(result.probes)
    if result.compressed:
        say(f"report: {result.folder / 'report.html'}")


def _plan(measured: Profile, made: Plan, stage: str) -> None:
    """The plan as a table, or in sentences."""
    if stage == "explain":
        for paragraph in advice.explain(measured, made):
            say(f"\n{paragraph}")
        return
    for note in (*made.notes, *measured.notes):
        say(note)
    table(("choice", "value", "why"), ((one.name, f"{one.value}", one.why) for one in made.choices))
    say("estimates: " + ", ".join(wording.estimate(*one) for one in made.estimates.items()))
    if made.forecasts:
        say(advice.foreseen(made))
        table(advice.FORECAST, advice.forecasts(made))


def _before_training(result: "Outcome") -> None:
    """What made the base and the rows ready, where that was asked for."""
    if result.prepared:
        gained = result.prepared
        findings(gained.findings)
        beside = f" and {len(gained.marks)} special" if gained.marks else ""
        saved = wording.saved(gained.fertility, gained.general)
        say(f"{len(gained.tokens):,} new tokens{beside} from {gained.texts:,} texts: {saved}")
    if result.augmented:
        say(wording.augmented(result.augmented))
    if result.balanced:
        say(wording.balanced(result.balanced))
    if result.adapted:
        made = result.adapted
        findings(made.findings)
        was, now, gain = (wording.interval(score) for score in (made.before, made.after, made.gain))
        say(f"adapted to {made.texts:,} texts: perplexity {was} before, {now} after; gain {gain} nats a masked token")


def _profile(record: Profile) -> None:
    say(f"language {record.language}; words a text {_three(record.words)}; tokens {_three(record.tokens)}")
    say(f"{record.fertility:.2f} tokens a word; {record.unknown:.2%} unknown")
    table(("distance", "value", "95%", "zero", "unit", "what it means"), map(_distance, record.distances))
    if record.terms:
        say(wording.terms(record.terms, TERMS))
    for note in record.notes:
        say(note)


def _three(values: Sequence[float]) -> str:
    return "median {:g}, 95% up to {:g}, longest {:g}".format(*values)


def _distance(record: Distance) -> list[str]:
    interval = f"{record.low:.3f} to {record.high:.3f}"
    return [record.measure, f"{record.value:.3f}", interval, f"{record.zero:.3f}", record.unit, record.means]


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Lines of texts under their heads."""
    made = Table(*head, box=None, pad_edge=False)
    for line in lines:
        made.add_row(*line)
    _console().print(made)


def evaluation(record: Evaluation) -> None:
    """A score a line with its interval, beside the baselines'."""
    title = f"{record.split}, {record.rows:,} rows"
    head = ("", "this model (95%)", *record.baselines)
    table = Table(*head, box=None, pad_edge=False, title=title, title_justify="left")
    others = [{score.name: f"{score.value:.3f}" for score in scores} for scores in record.baselines.values()]
    for s in record.scores:
        table.add_row(s.name, f"{s.value:.3f} ({s.low:.3f} to {s.high:.3f})", *(one.get(s.name, "") for one in others))
    _console().print(table)


def combination(record: Combination) -> None:
    """Each task alone beside the best try of each way to merge them."""
    title = "accuracy on the rows that the merge was chosen by"
    table = Table("", *record.tasks, "weights", box=None, pad_edge=False, title=title, title_justify="left")
    table.add_row("its own adapter", *(f"{s.value:.3f} ({s.low:.3f} to {s.high:.3f})" for s in record.alone))
    for method in dict.fromkeys(one.method for one in record.tried):
        tries = [one for one in record.tried if one.method == method]
        best = max(tries, key=lambda one: one.share)
        shown = [f"{a:.3f}" for a in best.accuracy] or [best.why, *[""] * (len(record.tasks) - 1)]
        table.add_row(f"merged, {method}", *shown, " ".join(f"{w:.2g}" for w in best.weights))
    _console().print(table)
    for note in record.notes:
        say(note)
    say(f"chosen: {record.chosen.method} with weights {' '.join(f'{w:.2g}' for w in record.chosen.weights)}")


def checklist(record: Checklist, flips: Sequence[Flips] | None) -> None:
    """A test a line, then the shortest cases that failed, then what changed against another model."""
    title = f"{record.suite} {record.version}, cases {record.sha256[:12]}"
    head = ("test", "type", "capability", "cases", "failed", "rate (95%)", "severity", "at most", "gate")
    table = Table(*head, box=None, pad_edge=False, title=title, title_justify="left")
    for one in record.tests:
        table.add_row(*wording.tested(one))
    _console().print(table)
    for one in record.tests:
        for failure in one.failures:
            texts = " => ".join(json.dumps(text, ensure_ascii=False) for text in failure.texts)
            say(f"{one.name}: {texts}: {failure.got}; wanted: {failure.wanted}")
    for note in record.notes:
        say(note)
    for flip in flips or ():
        if flip.broken or flip.fixed:
            say(
                f"{flip.name}: {len(flip.broken):,} cases broken, {len(flip.fixed):,} fixed of {flip.cases:,} "
                f"(as uneven by chance: {flip.chance:.2g})"
            )
    if flips is not None and not any(flip.broken or flip.fixed for flip in flips):
        say("no case changed between the two runs")


def probes(record: Probes, examples: int = 0) -> None:
    """A dimension a line, with its number and what there is to say; so many examples of each."""
    title = f"dimensions, {record.rows:,} rows asked of {wording.word(record.variant)}"
    table = Table("", "found", "note", box=None, pad_edge=False, title=title, title_justify="left")
    for name, found, note in dimensions.lines(record):
        table.add_row(name, found, note)
    _console().print(table)
    for one in record.dimensions:
        for example in one.examples[:examples]:
            texts = " => ".join(json.dumps(text, ensure_ascii=False) for text in example.texts)
            say(f"{one.probe}, {example.measure}: {texts}: {example.said}")


def machine(facts: Mapping[str, Any]) -> None:
    """The doctor's findings."""
    for name, value in facts.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
        say(f"{name}: {shown or 'none'}")
