"""A straight line up while warming up, and half a cosine wave down to 0 at the end of the run.

    step / warmup                                                 while step < warmup
    (1 + cos(pi * (step - warmup) / (steps - warmup))) / 2        after it

`step` counts the updates already made. Against the line it stays near the peak longer and near 0 longer.
What it does not do: restart; see the cyclic schedules for that.
Source: Loshchilov & Hutter 2017, "SGDR", arXiv:1608.03983, equation 5, without restarts.

Alone, with a plain optimizer:

    share = lambda step: cosine.factor(step, steps, warmup_steps, cosine.Config())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
"""

import math

from pydantic import BaseModel


class Config(BaseModel, frozen=True, extra="forbid"):
    """Half a wave has no options."""


def factor(step: int, steps: int, warmup_steps: int, config: Config) -> float:
    """Share of the peak rate, 0 to 1, after `step` of `steps` updates."""
    del config
    if step < warmup_steps:
        return step / warmup_steps
    way = (step - warmup_steps) / max(1, steps - warmup_steps)
    return (1 + math.cos(math.pi * min(way, 1.0))) / 2
