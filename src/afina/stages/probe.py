"""A finished model in all its dimensions: what each probe on the shelf finds, one after another, and a suite."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from afina import checklist, keys, shelf, store, suites
from afina.config import ProbeOptions
from afina.records import Dimension, Event, Probes, Subject, Tell, silent


def probe(subject: Subject, options: ProbeOptions, tell: Tell = silent) -> Probes:
    """Ask every probe, or those that the options name; in the order of the shelf. Then put the suite, if one is named.

    Raises ConfigError where suite and model do not go together; its gates decide nothing here.
    """
    found = []
    for name, module, config in _asked(options):
        began = time.monotonic()
        dimension: Dimension = module.measure(subject, config)
        asked = store.fingerprint((config, _hashes(_named(module, config)), subject.seed, len(subject.rows)))
        found.append(replace(dimension, seconds=round(time.monotonic() - began, 2), asked=asked))
        tell(Event("probe", f"{name}: {dimension.skipped or 'measured'}"))
    if options.suite:
        rows = [row.input for row in subject.rows]
        made = checklist.check(suites.read(options.suite), subject.predict, subject.task, _mapping(options), rows)
        found.append(replace(checklist.dimension(made), asked=made.sha256))
        tell(Event("probe", f"checklist {made.suite}: measured"))
    return Probes(len(subject.rows), subject.variant, tuple(found))


def chosen(options: ProbeOptions) -> Sequence[str]:
    """The probes that are asked for: all where none is named."""
    return shelf.names("probes") if options.probes is None else options.probes


def check(options: ProbeOptions) -> None:
    """Read every file that an option names, before hours are spent. Raises ConfigError or DataError."""
    for _, module, config in _asked(options):
        if hasattr(module, "check"):
            module.check(config)
    if options.suite:
        suites.read(options.suite)
        _mapping(options)


def files(options: ProbeOptions) -> dict[str, str]:
    """sha256 of every file that an option names: what is in it decides the answers, not its name."""
    named = [path for _, module, config in _asked(options) for path in _named(module, config)]
    named += [Path(one) for one in (options.suite, options.suite_labels) if one]
    return _hashes(named)


def _asked(options: ProbeOptions) -> Iterator[tuple[str, Any, Any]]:
    """Each probe that is asked for, with its own Config."""
    for name in chosen(options):
        given = {own: getattr(options, key) for key, own in keys.of(name, "probes").items()}
        config = keys.config(name, {own: value for own, value in given.items() if value is not None}, "probes")
        yield name, shelf.load("probes", name), config


def _named(module: Any, config: Any) -> Sequence[Path]:
    return module.files(config) if hasattr(module, "files") else ()


def _hashes(paths: Sequence[Path]) -> dict[str, str]:
    return {str(path): store.sha256(path) for path in paths if path.is_file()}


def _mapping(options: ProbeOptions) -> checklist.Stands:
    return suites.mapping(Path(options.suite_labels)) if options.suite_labels else {}
