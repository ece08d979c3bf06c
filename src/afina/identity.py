"""Which run a folder holds: the sha256 of its data and the name of its base, so that no other is written over it."""

from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path
from typing import Any

import yaml

from afina import config, store
from afina.config import Run
from afina.errors import ConfigError

RUN_FILE, FILE = "run.yaml", ".identity"
WATCHED = "holdouts."  # begins the key of a hold-out set or an old task among the sources


def _files(options: config.CorpusOptions) -> dict[str, Path]:
    files = {key: getattr(options, key) for key in ("train_file", "dev_file", "test_file")}
    return {key: Path(file) for key, file in files.items() if file}


def sources(options: Run) -> dict[str, str]:
    """sha256 of each data file. A missing one is left for the reader, who says it better."""
    watched = options.corpus.holdouts | options.corpus.old_tasks
    files = _files(options.corpus) | {WATCHED + name: Path(file) for name, file in watched.items()}
    return {key: store.sha256(file) for key, file in files.items() if file.is_file()}


def without_folders(options: config.CorpusOptions) -> config.CorpusOptions:
    """The same files from another folder are the same corpus."""
    sets = {"holdouts": options.holdouts, "old_tasks": options.old_tasks}
    watched = {key: {name: Path(file).name for name, file in files.items()} for key, files in sets.items()}
    return options.model_copy(update={key: file.name for key, file in _files(options).items()} | watched)


def same_run(folder: Path, options: Run, sources: dict[str, str]) -> None:
    """Refuse a folder that holds something else, or a run of other data or another base.

    A folder in which nothing was kept yet is nobody's run.
    """
    path = folder / FILE
    if path.is_file():
        known, own = yaml.safe_load(path.read_text(encoding="utf-8")), of(options, sources)
        if known["data"] != own["data"] or _place(known["model"]) != _place(own["model"]):
            found = f"{folder} holds a run of other data or another base"
            raise ConfigError(found, "choose another folder with --out, or delete this one")
    elif {entry.name for entry in folder.iterdir()} - {store.LOCK, RUN_FILE}:
        raise ConfigError(f"{folder} is not empty and holds no run of afina", "choose another folder with --out")


def of(options: Run, sources: dict[str, str]) -> dict[str, Any]:
    """What makes a run this one and no other."""
    data = sorted(digest for key, digest in sources.items() if not key.startswith(WATCHED))  # which changes nothing
    return {"data": data, "model": options.model.model_name_or_path}


def _place(name: str) -> str:
    """One name for a folder, however it is written: 'x', './x' and its full path. Other names stay as they are."""
    path = Path(expanduser(name))
    return str(path.resolve()) if path.is_dir() else name
