"""Checkpoints of an unfinished training, from which it goes on as if it had never stopped.

    checkpoint-N/   model.safetensors, best.safetensors (where the best look was an earlier one), optimizer, scheduler,
                    random states, trainer_state.json (log, and the state of every callback that has one), manifest.json

Each is written to a folder aside, synced, sealed by its manifest of sha256 and sizes, and renamed: under its name it is
whole. The newest two stay, an older one is deleted only once two newer ones stand, and each holds all that is needed:
any one may be lost. What does not match its manifest is set aside with the reason, and the one before it is used.

What it does not do: protect from someone who can write into the folder, manifest included; see decisions/002.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from afina import store
from afina.errors import MachineError

WEIGHTS, BEST = "model.safetensors", "best.safetensors"
_NAME = re.compile(r"checkpoint-\d+")


@contextmanager
def written(folder: Path, step: int) -> Iterator[Path]:
    """A folder aside that becomes checkpoint-`step` when the block ends well; it and the newest of the others stay."""
    path = folder / f"checkpoint-{step}"
    with store.whole_folder(path, sealed=True) as aside:
        yield aside
    others = [other for other in _all(folder) if other != path]
    for old in others[1:]:
        shutil.rmtree(old, ignore_errors=True)


def own(folder: Path, made_by: object, say: Callable[[str], None]) -> Path:
    """Where in `folder` the checkpoints of just this training are; those of another plan or other rows are deleted."""
    path = folder / store.fingerprint(made_by)[:16]
    others = [other for other in folder.glob("*") if other != path]
    if others:
        say("the plan or the rows changed since the last stop: training begins anew")
    for other in others:
        shutil.rmtree(other, ignore_errors=True)
    return path


def newest(folder: Path, say: Callable[[str], None]) -> Path | None:
    """The newest checkpoint that is whole; damaged ones are set aside with the reason, half-written ones deleted."""
    store.sweep(folder)
    for path in _all(folder):
        reason = store.damage(path)
        if reason is None:
            say(f"going on from step {_step(path)}")
            return path
        say(f"{path.name} is not used: {reason}")
        aside = folder / "damaged" / path.name
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(exist_ok=True)
        path.rename(aside)
    return None


def best_weights(folder: Path) -> Path:
    """The file with the best weights so far. Raises MachineError where it is gone, or altered since it was written."""
    path = next(iter(_all(folder)), folder)
    reason = store.damage(path) if path != folder else "no checkpoint is left"
    if reason is not None:
        raise MachineError(f"{path} was damaged while training: {reason}", "run again: it goes on from the one before")
    return path / BEST if (path / BEST).is_file() else path / WEIGHTS


def _all(folder: Path) -> list[Path]:
    """Every checkpoint, whole or not, the newest first."""
    found = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
    return sorted(found, key=_step, reverse=True)


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])
