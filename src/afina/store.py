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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import psutil
from pydantic import TypeAdapter, ValidationError

from afina.errors import AfinaError, ConfigError, MachineError, RecordError
from afina.records import from_json

T = TypeVar("T")
RECORDS = "records"
LOCK = ".lock"
SEAL = "manifest.json"


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


def fingerprint(value: object) -> str:
    """sha256 of any mixture of records, models, paths and plain values."""
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _plain(value: object) -> Any:
    return TypeAdapter(Any).dump_python(value, mode="json")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises MachineError where the disk is full or read-only."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `path` when the block ends well, and vanishes when it does not."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            yield temporary
            temporary.chmod(0o755)
            for file in temporary.rglob("*"):
                _sync(file)
            old = temporary.with_name(f"{temporary.name}.old")
            if path.exists():
                os.replace(path, old)
            os.replace(temporary, path)
            shutil.rmtree(old, ignore_errors=True)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


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
    return errno.ENOSPC if "PytorchStreamWriter failed" in str(error) else 0  # torch tells no more


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
    except (OSError, ValueError):
        return "it was not finished"
    for name, expected in manifest.items():
        file = folder / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != expected["bytes"] or sha256(file) != expected["sha256"]:
            return f"{name} was altered"
    return None


def newest_whole(folder: Path, say: Callable[[str], None]) -> str | None:
    """The newest `checkpoint-N` of a folder whose manifest holds; damaged ones are set aside with the reason."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for path in found:
        reason = damage(path)
        if reason is None:
            say(f"going on from step {path.name.rpartition('-')[2]}")
            return str(path)
        say(f"{path.name} is not used: {reason}")
        aside = folder / "damaged" / path.name
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(exist_ok=True)
        path.rename(aside)
    return None


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Own a run folder. A living owner is an error; a dead one's lock is taken over."""
    try:
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, FileNotFoundError) as error:
        found = f"{folder} cannot be a run folder: {os.strerror(error.errno or 0)}"
        raise ConfigError(found, "choose another folder with --out") from error
    path = folder / LOCK
    mine = json.dumps({"pid": os.getpid(), "started": psutil.Process().create_time(), "host": socket.gethostname()})
    for _ in range(2):
        try:
            with disk_errors(path), open(path, "x", encoding="utf-8") as file:
                file.write(mine)
            break
        except FileExistsError:
            _take_over(path, folder)
    else:
        raise ConfigError(f"{folder} is being written by another process", "wait for it, or choose another --out")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _take_over(path: Path, folder: Path) -> None:
    """Remove the lock of an owner that is dead; raise where it lives."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        process = psutil.Process(owner["pid"])
        alive = owner["host"] != socket.gethostname() or abs(process.create_time() - owner["started"]) < 1
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        alive = False
    if alive:
        raise ConfigError(
            f"{folder} is being written by process {owner['pid']} on {owner['host']}",
            f"wait for it, or choose another --out; if it is dead, delete {path}",
        )
    path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())
