"""Trainer's log as the points of a learning curve."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from afina.records import Point


def curve(history: Sequence[dict[str, Any]]) -> tuple[Point, ...]:
    """Points by step; a look at dev is joined to the training loss last logged before it."""
    points: dict[int, dict[str, float]] = {}
    for entry in history:
        point = points.setdefault(entry["step"], {})
        names: dict[str, Callable[[float], float]] = {
            "loss": float,
            "learning_rate": float,
            "eval_loss": float,
            "eval_accuracy": float,
        }
        point.update({name: make(entry[name]) for name, make in names.items() if name in entry})
    last = {"loss": math.nan, "learning_rate": math.nan}
    found = []
    for step, point in sorted(points.items()):
        last.update({name: point[name] for name in last if name in point})
        if not math.isnan(last["loss"]):
            dev_loss, dev_accuracy = point.get("eval_loss"), point.get("eval_accuracy")
            found.append(Point(step, last["loss"], last["learning_rate"], dev_loss, dev_accuracy))
    return tuple(found)
