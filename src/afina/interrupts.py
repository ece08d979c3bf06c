"""Ctrl-C and termination, remembered until it is safe to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from afina.errors import Interrupted
from afina.records import Event, Tell


@dataclass(slots=True)
class Stop:
    """Which signal arrived, if any."""

    number: int = 0

    def error(self, step: int) -> Interrupted:
        """What to raise once step `step` is saved; its exit code is the shell's for this signal."""
        found = f"stopped by {signal.Signals(self.number).name} at step {step}, which is saved"
        return Interrupted(found, "the same command goes on from there", 128 + self.number)


@contextmanager
def remembered(stop: Stop, tell: Tell) -> Iterator[None]:
    """The first SIGINT or SIGTERM is noted in `stop`; a second one acts at once, as it would have before.

    Outside the main thread Python hears no signals, and nothing is done.
    """

    def remember(number: int, frame: FrameType | None) -> None:
        stop.number = number
        tell(Event("train", "stopping after this step, then saving"))
        signal.signal(number, before[number])

    try:
        before: dict[int, Any] = {n: signal.signal(n, remember) for n in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: whoever runs this there handles signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
