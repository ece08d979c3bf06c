"""A finished model in all its dimensions: what each probe on the shelf finds, one after another, and a suite."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from afina import checklist, keys, shelf, suites
from afina.config import ProbeOptions
from afina.records import Dimension, Event, Probes, Subject, Tell, silent


def probe(subject: Subject, options: ProbeOptions, tell: Tell = silent) -> Probes:
    """Ask every probe, or those that the options name; in the order of the shelf. Then put the suite, if one is named.

    Raises ConfigError where suite and model do not go together; its gates decide nothing here.
    """
    found = []
    for name in chosen(options):
        began = time.monotonic()
        given = {own: getattr(options, key) for key, own in keys.of(name, "probes").items()}
        config = keys.config(name, {own: value for own, value in given.items() if value is not None}, "probes")
        dimension: Dimension = shelf.load("probes", name).measure(subject, config)
        found.append(replace(dimension, seconds=round(time.monotonic() - began, 2)))
        tell(Event("probe", f"{name}: {dimension.skipped or 'measured'}"))
    if options.suite:
        mapping = suites.mapping(Path(options.suite_labels)) if options.suite_labels else {}
        rows = [row.input for row in subject.rows]
        made = checklist.check(suites.read(options.suite), subject.predict, subject.task, mapping, rows)
        found.append(checklist.dimension(made))
        tell(Event("probe", f"checklist {made.suite}: measured"))
    return Probes(len(subject.rows), subject.variant, tuple(found))


def chosen(options: ProbeOptions) -> Sequence[str]:
    """The probes that are asked for: all where none is named."""
    return shelf.names("probes") if options.probes is None else options.probes
