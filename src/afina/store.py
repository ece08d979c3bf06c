"""A run folder: every file whole or not at all, hashed, resumed, and written by one process at a time."""

import errno
import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from afina.errors import AfinaError, ConfigError, MachineError, RecordError
from afina.records import from_json

T = TypeVar("T")
RECORDS = "records"
LOCK = ".lock"
SEAL = "manifest.json"
ASIDE = ".aside"  # ending of what is written beside its place before it is renamed; see `sweep`


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A stage's record and how it came about."""

    record: T
    seconds: float  # that making it took, now or then
    made: bool  # now; else it was read from disk
    digest: str  # of the inputs that made it


def keep(folder: Path, name: str, kind: type[T], inputs: object, make: Callable[[], T]) -> Kept[T]:
    """The record `name` of a run: read if these same inputs made it, else made by `make()` and written.

    A damaged record is made again.
    """
    path = folder / RECORDS / f"{name}.json"
    digest = fingerprint(inputs)
    if path.is_file():
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            if stored["inputs"] == digest:
                return Kept(from_json(kind, json.dumps(stored["record"])), stored["seconds"], False, digest)
        except (ValueError, KeyError, TypeError, ValidationError):
            pass  # cut short by a crash, or of another version
    began = time.monotonic()
    record = make()
    seconds = round(time.monotonic() - began, 2)
    content = {"inputs": digest, "seconds": seconds, "record": TypeAdapter(kind).dump_python(record, mode="json")}
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1))
    return Kept(record, seconds, True, digest)


def read_record(folder: Path, name: str, kind: type[T]) -> T:
    """The record `name` of a finished stage. Raises RecordError where it is missing or damaged."""
    path = folder / RECORDS / f"{name}.json"
    if not folder.is_dir():
        raise RecordError(f"there is no run folder {folder}", "give the folder that 'afina run' named at its end")
    if not path.is_file():
        found = f"{folder} holds no finished run: there is no record of the stage {name!r}"
        raise RecordError(found, "give the folder of a finished run, or run the command that made this one again")
    try:
        return from_json(kind, json.dumps(json.loads(path.read_text(encoding="utf-8"))["record"]))
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path} is damaged: {error}", "delete it and run again: the stage is made anew") from error


def forget(folder: Path, name: str, made: Sequence[str]) -> None:
    """Delete the record `name` of a stage that is no longer asked for, and the folders that it made."""
    (folder / RECORDS / f"{name}.json").unlink(missing_ok=True)
    for one in made:
        shutil.rmtree(folder / one, ignore_errors=True)


def fingerprint(value: object) -> str:
    """sha256 of any mixture of records, models, paths and plain values."""
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _plain(value: object) -> Any:
    return TypeAdapter(Any).dump_python(value, mode="json")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises MachineError where the disk is full or read-only."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=ASIDE)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
            _sync(path.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


@contextmanager
def whole_folder(path: Path, sealed: bool = False) -> Iterator[Path]:
    """A temporary folder that takes the place of `path` when the block ends well, and vanishes when it does not.

    Everything in it is synced before it is renamed, so that a power cut cannot leave the name without the content.
    With `sealed` it also gets its manifest.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=ASIDE))
        try:
            yield temporary
            temporary.chmod(0o755)
            if sealed:
                seal(temporary)
            for entry in temporary.rglob("*"):
                if entry.is_dir() or not sealed:
                    _sync(entry)
            _sync(temporary)
            old = temporary.with_suffix(f".old{ASIDE}")
            if path.exists():
                os.replace(path, old)
            os.replace(temporary, path)
            _sync(path.parent)
            shutil.rmtree(old, ignore_errors=True)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def sweep(folder: Path) -> None:
    """Delete what a killed process left half-written. Only the owner of the folder may do so; see `lock`."""
    for path in [*folder.rglob(f".*{ASIDE}"), *folder.glob(".tmp??????")]:  # the latter are safetensors' own
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into an error that says what to do."""
    full = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the quota is used up",
        errno.EFBIG: "the file is too large",
    }
    try:
        yield
    except AfinaError:
        raise
    except Exception as error:
        number = _refusal(error)
        if number in full:
            raise MachineError(f"cannot write {path}: {full[number]}", _free_space(path)) from error
        if number in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise MachineError(
                f"cannot write {path}: {os.strerror(number)}", "choose another folder with --out"
            ) from error
        raise


def _refusal(error: Exception) -> int:
    """The operating system's number behind an error; 0 if there is none. Some libraries hide it in their text."""
    if isinstance(error, OSError):
        return error.errno or 0
    hidden = re.search(r"os error (\d+)", str(error))  # safetensors
    if hidden:
        return int(hidden[1])
    torch_says = ("PytorchStreamWriter failed", "inline_container.cc")  # and no more than that
    return errno.ENOSPC if any(words in str(error) for words in torch_says) else 0


def _free_space(path: Path) -> str:
    there = next(parent for parent in path.absolute().parents if parent.exists())
    free = shutil.disk_usage(there).free / 2**20
    return f"free some space ({free:,.0f} MB are left) or choose another disk with --out; run again; nothing is lost"


def seal(folder: Path) -> None:
    """Write a manifest of every file's sha256 and size; a folder without a valid one is not trusted."""
    left_out = {SEAL, LOCK}  # the owner's lock is gone when the owner is
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in left_out)
    for file in files:
        _sync(file)
    content = {str(file.relative_to(folder)): {"sha256": sha256(file), "bytes": file.stat().st_size} for file in files}
    write_text(folder / SEAL, json.dumps(content, indent=1))


def damage(folder: Path) -> str | None:
    """What is wrong with a sealed folder, or None."""
    try:
        manifest = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        expected = {name: (entry["sha256"], entry["bytes"]) for name, entry in manifest.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return "it was not finished"
    there = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file() and path.name != SEAL}
    for name in sorted(expected.keys() | there.keys()):
        if name not in there:
            return f"{name} is missing"
        if name not in expected:
            return f"{name} was added"
        digest, size = expected[name]
        if there[name].stat().st_size != size or sha256(there[name]) != digest:
            return f"{name} was altered"
    return None


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Own a run folder. A living owner is an error; a dead one's lock is free, for the kernel lets go of it.

    The file says who the owner is; what counts is the kernel's lock on it, so that of any number of processes that find
    a dead owner's file at once exactly one gets it. A folder that it made, and in which nothing was written, is taken
    away again. Raises ConfigError where another process has it.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]  # the deepest one first
    path = folder / LOCK
    try:
        handle = _taken(path)
    except (FileExistsError, NotADirectoryError, FileNotFoundError) as error:
        found = f"{folder} cannot be a run folder: {os.strerror(error.errno or 0)}"
        raise ConfigError(found, "choose another folder with --out") from error
    try:
        owner = {"pid": os.getpid(), "host": socket.gethostname()}
        with disk_errors(path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(owner).encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)  # before it is let go: nobody may lock a file that is about to vanish
        os.close(handle)
        _unmake(made)


def _unmake(folders: Sequence[Path]) -> None:
    """Take away the folders in which nothing stands; another's, that came meanwhile, stays with all above it."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _taken(path: Path) -> int:
    """The locked file's handle. A file that its last owner deleted meanwhile is no lock: the next one is tried."""
    import fcntl  # here: only who writes a run needs it

    while True:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:
                continue  # the last owner took the folder away in between
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        except BlockingIOError:
            os.close(handle)
            raise _owned(path) from None
        except FileNotFoundError:
            pass
        os.close(handle)


def _owned(path: Path) -> ConfigError:
    """Who has the lock, as far as the file says."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        who = f"process {owner['pid']} on {owner['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"  # that is just about to write its name, or to leave
    return ConfigError(f"{path.parent} is being written by {who}", "wait for it, or choose another --out")


def _sync(path: Path) -> None:
    """Force a file's content, or a folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
