"""Shelves: folders of interchangeable modules. The folder listing is the registry; it is read once a process."""

import importlib
import pkgutil
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType

from afina.errors import ConfigError

ROOT = Path(__file__).parent
STAGES = "stages"


@cache
def shelves() -> tuple[str, ...]:
    """Names of all shelves: the package's folders that hold modules, but for the stages themselves."""
    folders = (path.parent.name for path in ROOT.glob("*/__init__.py"))
    return tuple(sorted(name for name in folders if name != STAGES))


@cache
def names(shelf: str) -> tuple[str, ...]:
    """Names on one shelf, sorted. Raises ConfigError for a shelf that does not exist."""
    if shelf not in shelves():
        raise ConfigError(f"there is no shelf {shelf!r}", _advice(shelf, shelves()))
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(ROOT / shelf)])))


def load(shelf: str, name: str) -> ModuleType:
    """The module `name` of `shelf`. Raises ConfigError, with the nearest name, where there is none."""
    check(shelf, name)
    return importlib.import_module(f"afina.{shelf}.{name}")


def check(shelf: str, name: str) -> None:
    """Raise ConfigError, with the nearest name, where `shelf` has no module `name`. Imports nothing."""
    if name not in names(shelf):
        raise ConfigError(f"there is no {name!r} in {shelf}", _advice(name, names(shelf)))


def summary(shelf: str, name: str) -> str:
    """First line of a module's docstring, read without importing it (a listing needs no torch)."""
    import ast

    tree = ast.parse((ROOT / shelf / f"{name}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def _advice(wrong: str, right: tuple[str, ...]) -> str:
    near = get_close_matches(wrong, right, n=1)
    return f"write {near[0]!r}" if near else f"use one of {', '.join(right)}"
