"""When a staged training goes on to its next stage: at an epoch, at a share of the run, or at a plateau.

A plateau is that of the training loss, or of the gradient's norm at the lowest trained depth. The number is averaged
over windows of steps; a stage ends after `patience` windows, none of which was lower by the share `threshold` than the
stage's best one before.
Source: the plateau is that of torch's ReduceLROnPlateau, on averages, since a single batch's loss is noise; a settled
gradient as the sign of a settled layer: Liu et al. 2021, "AutoFreeze", arXiv:2102.01386, section 3 (their rule compares
layers with each other, this one a depth with its own past).
"""

from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, Field

from afina.records import Seen, Stage, StageChange


class Trigger(BaseModel, frozen=True, extra="forbid"):
    """What ends a stage, and how much changes then."""

    by: Literal["epoch", "share", "loss", "gradient_norm"] = Field(default="epoch", description="what ends a stage")
    layers: int = Field(default=1, ge=1, description="layers that each stage adds or takes")
    share: float = Field(default=0.5, gt=0, le=1, description="share of the run at which the last stage begins")
    window: int = Field(default=20, ge=1, description="steps that a monitored number is averaged over")
    patience: int = Field(default=2, ge=1, description="windows without improvement that end a stage")
    threshold: float = Field(default=0.01, ge=0, lt=1, description="share by which an improvement must be lower")


def advance(stage: Stage, seen: Seen, last: int, trigger: Trigger) -> Stage:
    """Where the training stands after one more step; `last` is the number of the last stage, from 0.

    The same numbers seen in the same order give the same stages, so a run resumed with its stored stage goes on as if
    it had never stopped.
    """
    if stage.number >= last:
        return stage
    if trigger.by == "epoch":
        reached = int(seen.epochs + 1e-6)
        return _at(stage, min(reached, last), seen.step, f"{reached} passes are done")
    if trigger.by == "share":
        share = seen.step / seen.steps
        reached = int(share / trigger.share * last + 1e-6)
        return _at(stage, min(reached, last), seen.step, f"{share:.0%} of the run is done")
    return _watched(stage, seen, trigger)


def _at(stage: Stage, number: int, step: int, why: str) -> Stage:
    """The stage of that number, or the same one; what was monitored begins anew."""
    if number <= stage.number:
        return stage
    return Stage(number, changes=(*stage.changes, StageChange(step, number, why)))


def _watched(stage: Stage, seen: Seen, trigger: Trigger) -> Stage:
    total, steps = stage.total + seen.value, stage.steps + 1
    if steps < trigger.window:
        return replace(stage, total=total, steps=steps)
    mean = total / steps
    if stage.best is None or mean < stage.best * (1 - trigger.threshold):
        return replace(stage, best=mean, waited=0, total=0.0, steps=0)
    if stage.waited + 1 < trigger.patience:
        return replace(stage, waited=stage.waited + 1, total=0.0, steps=0)
    what = "loss" if trigger.by == "loss" else "gradient's norm"
    why = f"the {what} was {stage.best:.3g} and did not fall in {trigger.patience * trigger.window} steps"
    return _at(stage, stage.number + 1, seen.step, why)
