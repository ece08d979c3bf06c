"""Send a finished run to trackers: what cannot be reached is a sentence, never the end of a run."""

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afina import finished, shelf
from afina.errors import MachineError, MissingExtra
from afina.records import Finished


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it with one tracker."""

    tracker: str
    done: bool
    said: str  # where it can be seen, or why it cannot


def check(names: Sequence[str]) -> None:
    """Raise ConfigError for a name that is none of a tracker, MissingExtra where its package is not installed."""
    for name in names:
        for module in shelf.load("trackers", name).NEEDS:
            if importlib.util.find_spec(module) is None:
                raise MissingExtra(module.replace("_", "-"), name)


def send(folder: Path, names: Sequence[str]) -> list[Sent]:
    """Send a run to each of these trackers. Raises RecordError where the run is not finished, and nothing else."""
    run, sent = finished.of_run(folder), []
    for name in names:
        try:
            sent.append(Sent(name, True, shelf.load("trackers", name).send(run)))
        except Exception as error:  # of the vendor's: whatever a network, a server or a disk may say
            sent.append(Sent(name, False, _why(error)))
    return sent


def told(run: Finished) -> dict[str, Any]:
    """What trackers are sent, for who wants to see it first; files by their length."""
    files = {name: len(text) for name, text in run.files.items()}
    known = {name: getattr(run, name) for name in ("id", "name", "data", "scored")}
    parts = {name: dict(getattr(run, name)) for name in ("params", "metrics", "curves", "seconds", "hashes")}
    return {**known, **parts, "files": files}


def gate(sent: Sequence[Sent]) -> None:
    """Raise MachineError where one did not take the run."""
    failed = [one.tracker for one in sent if not one.done]
    if failed:
        fix = "see what it said, and send the run again; it is whole and stays as it is"
        raise MachineError(f"not sent to {', '.join(failed)}", fix)


def _why(error: Exception) -> str:
    """One line of an error, without the password that an address may hold."""
    said = next(iter(str(error).strip().splitlines()), "")
    said = re.sub(r"//[^/@\s]+@", "//...@", said)
    return f"not sent: {type(error).__name__}{': ' if said else ''}{said[:300]}"
