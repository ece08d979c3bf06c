"""What a frozen body knows of general language: a linear head on its vectors for each task of GLUE.

What a head says of a row that it never saw is told by `crossfit`.

    accuracy    for most     Matthews   for cola, cut at the share of acceptable rows     Spearman    for stsb_en

A folder holds one folder a task, as train.csv and dev.csv (either is enough), with the columns text or text_a and
text_b, and label or score. Rows are drawn once, with seed 0, so that every model meets the same.

Source: Wang et al. 2018, arXiv:1804.07461 (GLUE).
"""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from afina import crossfit
from afina.crossfit import FEWEST, Known
from afina.errors import ConfigError, DataError
from afina.textfile import read_text

NAMES = ("cola", "sst2", "mrpc", "stsb_en", "rte", "wnli", "qnli", "qqp", "mnli")
SCORED = "stsb_en"
KINDS = {SCORED: crossfit.SCORES, "cola": crossfit.UNEVEN}  # of the others: classes
HUB = "nyu-mll/glue"
ON_HUB = {
    "cola": ("sentence",), "sst2": ("sentence",), "mrpc": ("sentence1", "sentence2"),
    "stsb_en": ("sentence1", "sentence2"), "rte": ("sentence1", "sentence2"), "wnli": ("sentence1", "sentence2"),
    "qnli": ("question", "sentence"), "qqp": ("question1", "question2"), "mnli": ("premise", "hypothesis"),
}  # columns of the texts  # fmt: skip
ROWS = 400  # of a task
FORM = "give a folder with cola/train.csv and the like: columns text, or text_a and text_b, and label, or score"


def read(folder: Path, rows: int = ROWS) -> list[Known]:
    """The tasks that a folder has. Raises ConfigError where it has none, DataError where a file is not as above."""
    found = [_of_rows(name, _rows(folder / name), rows) for name in NAMES if (folder / name).is_dir()]
    if not found:
        raise ConfigError(f"{str(folder)!r} has none of the folders {', '.join(NAMES)}", FORM)
    return found


def files(folder: Path) -> tuple[Path, ...]:
    """The tables in a folder that `read` would read, and no others that stand beside them."""
    return tuple(file for name in NAMES for file in _tables(folder / name))


def from_hub(rows: int = ROWS) -> list[Known]:
    """All tasks, from the hub. Raises ConfigError where the package `datasets` is not there, or the hub is not."""
    try:
        import datasets
    except ImportError:
        fix = f"pip install datasets, or {FORM}"
        raise ConfigError(
            "reading GLUE from the hub needs the package 'datasets', which is not installed", fix
        ) from None
    found = []
    for name, columns in ON_HUB.items():
        try:
            table: Any = datasets.load_dataset(HUB, "stsb" if name == SCORED else name, split="train")
        except Exception as error:  # the library's own, those of the hub and of the network have no common base
            said = f"{name} cannot be read from {HUB}: {type(error).__name__}"
            raise ConfigError(said, f"look at the connection, or {FORM}") from error
        drawn = table.select(np.random.default_rng(0).permutation(len(table))[:rows])
        names = ("text",) if len(columns) == 1 else ("text_a", "text_b")
        given = "score" if name == SCORED else "label"
        read_ = [{**{new: row[old] for new, old in zip(names, columns, strict=True)}, given: str(row["label"])}
                 for row in drawn]  # fmt: skip
        found.append(_of_rows(name, read_, rows))
    return found


def known(name: str, first: tuple[str, ...], second: tuple[str, ...], truth: np.ndarray) -> Known:
    """Rows of the task of that name."""
    return Known(name, first, second, truth, KINDS.get(name, crossfit.CLASSES))


def _rows(folder: Path) -> list[dict[str, str]]:
    return [row for file in _tables(folder) for row in csv.DictReader(StringIO(read_text(file)[0]))]


def _tables(folder: Path) -> list[Path]:
    return [file for file in (folder / "train.csv", folder / "dev.csv") if file.is_file()]


def _of_rows(name: str, rows: Sequence[Mapping[str, str]], most: int) -> Known:
    rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))[:most]]
    if len(rows) < FEWEST:
        raise DataError(f"{name} has {len(rows)} rows, which is too few", f"give {FEWEST} or more; {FORM}")
    texts = ("text",) if "text" in rows[0] else ("text_a", "text_b")
    asked = "score" if name == SCORED else "label"
    if lacking := [column for column in (*texts, asked) if any(row.get(column) is None for row in rows)]:
        raise DataError(f"{name} has rows without {' and '.join(lacking)}", FORM)
    first, *second = (tuple(row[column] for row in rows) for column in texts)
    return known(name, first, second[0] if second else (), _truth(name, [row[asked] for row in rows]))


def _truth(name: str, cells: Sequence[str]) -> np.ndarray:
    if name != SCORED:
        kinds = sorted(set(cells))
        if len(kinds) < 2:
            raise DataError(f"{name} has one label only, {kinds[0]!r}", "give rows of at least two labels")
        return np.array([kinds.index(cell) for cell in cells])
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError as error:
        raise DataError(f"{name} has a score that is no number: {error}", "write scores as 3.5") from None
