"""A finished model in all its dimensions: what each probe on the shelf finds, one after another."""

import time
from collections.abc import Sequence
from dataclasses import replace

from afina import keys, shelf
from afina.config import ProbeOptions
from afina.records import Dimension, Event, Probes, Subject, Tell, silent


def probe(subject: Subject, options: ProbeOptions, tell: Tell = silent) -> Probes:
    """Ask every probe, or those that the options name; in the order of the shelf."""
    found = []
    for name in chosen(options):
        began = time.monotonic()
        given = {own: getattr(options, key) for key, own in keys.of(name, "probes").items()}
        config = keys.config(name, {own: value for own, value in given.items() if value is not None}, "probes")
        dimension: Dimension = shelf.load("probes", name).measure(subject, config)
        found.append(replace(dimension, seconds=round(time.monotonic() - began, 2)))
        tell(Event("probe", f"{name}: {dimension.skipped or 'measured'}"))
    return Probes(len(subject.rows), subject.variant, tuple(found))


def chosen(options: ProbeOptions) -> Sequence[str]:
    """The probes that are asked for: all where none is named."""
    return shelf.names("probes") if options.probes is None else options.probes
