"""Looks at hold-out sets while a model is trained: their scores with intervals, and what Trainer's log says of them.

An interval is that of 200 bootstrap resamples of the rows looked at (Efron 1979): it speaks of these rows, not of
another training run, and sees no doubt where every row got the same answer.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from afina import windows
from afina.records import Look, Point

History = Sequence[dict[str, Any]]
RESAMPLES = 200
RATE = "rate/"  # begins the name of each group's rate in Trainer's log


def looked(
    seen: Any, owner: np.ndarray, together: windows.Together, score: Callable[[np.ndarray, np.ndarray], float]
) -> dict[str, float]:
    """`scored` of rows that were read in windows: `predictions` and `label_ids` of each, and the place of its row."""
    logits = together(windows.all_of(seen.predictions), owner)
    return scored(logits, seen.label_ids[np.unique(owner, return_index=True)[1]], score)


def scored(
    logits: np.ndarray, labels: np.ndarray, score: Callable[[np.ndarray, np.ndarray], float]
) -> dict[str, float]:
    """The score of all rows, the 95% interval, and how many rows there were. The same rows give the same interval."""
    rng, rows = np.random.default_rng(0), len(labels)
    drawn = [score(logits[picked], labels[picked]) for picked in rng.integers(rows, size=(RESAMPLES, rows))]
    low, high = np.nanpercentile(drawn, [2.5, 97.5]) if np.isfinite(drawn).any() else (math.nan, math.nan)
    return {"score": score(logits, labels), "low": float(low), "high": float(high), "rows": rows}


def looks(history: History, metrics: Mapping[str, str]) -> tuple[Look, ...]:
    """Every look at these sets, each with the name of its score, by step and in the order of the names."""
    found = []
    for entry in history:
        for name, metric in metrics.items():
            if f"eval_{name}_score" in entry:
                score, low, high, rows = (entry[f"eval_{name}_{key}"] for key in ("score", "low", "high", "rows"))
                loss = entry.get(f"eval_{name}_loss")
                found.append(Look(name, entry["step"], metric, score, low, high, loss, int(rows)))
    return tuple(found)


def curve(history: History, dev: Sequence[Look]) -> tuple[Point, ...]:
    """Points by step; a look at dev is joined to the training loss last logged before it."""
    logged = {entry["step"]: entry for entry in history if "loss" in entry}
    looked = {look.step: look for look in dev}
    last: dict[str, Any] = {"loss": math.nan}
    points = []
    for step in sorted(logged.keys() | looked.keys()):
        last = logged.get(step, last)
        if not math.isnan(last["loss"]):
            loss, score = (looked[step].loss, looked[step].score) if step in looked else (None, None)
            rates = {name.removeprefix(RATE): rate for name, rate in last.items() if name.startswith(RATE)}
            points.append(Point(step, last["loss"], rates, loss, score, last.get("penalty")))
    return tuple(points)


def places(where: Sequence[str]) -> str:
    """Places by file, each file named once: 'notes.csv:3, 9; more.csv:2'."""
    files: dict[str, list[str]] = {}
    for place in where:
        file, _, line = place.rpartition(":")
        files.setdefault(file, []).append(line)
    return "; ".join(f"{file}:{', '.join(lines)}" for file, lines in files.items())
