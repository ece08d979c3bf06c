"""The records of one run: made once, read again where nothing that they depend on has changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from afina import store
from afina.records import Event, Tell

T = TypeVar("T")


@dataclass(slots=True)
class Keeper:
    """Keeps records of one run, counts their seconds and says which were on disk."""

    folder: Path
    tell: Tell
    seconds: dict[str, float] = field(default_factory=dict)
    digests: list[str] = field(default_factory=list)

    def __call__(self, name: str, kind: type[T], inputs: object, make: Callable[[], T], on: int | None = None) -> T:
        """A record that depends on its inputs and on the stages before it, or on the first `on` of these."""
        self.tell(Event(name, "begins"))
        kept = store.keep(self.folder, name, kind, (inputs, self.digests[:on]), make)
        self.seconds[name] = kept.seconds
        self.digests.append(kept.digest)
        self.tell(Event(name, f"done in {kept.seconds:.1f} s" if kept.made else "is done already"))
        return kept.record
