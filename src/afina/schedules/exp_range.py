"""A rate that rises and falls in straight lines, under a ceiling that shrinks a little with every step.

    low + (1 - low) * height * gamma ** (step - warmup)        gamma = remains ** (1 / (steps - warmup))

height is 0 at both ends of a cycle and 1 in its middle. Smith sets gamma itself, which means another thing for each
length of run; here the share of the height that is left at the end is set. The run is cut into `cycles` equal cycles
and ends with a whole one, at its lowest rate. A cycle's own rise is a warm-up; where steps of warm-up are asked for
besides, they lead from 0 to `low`, and the cycles fill what is left.
What it does not do: reach the peak (the ceiling falls from the first step; by default the first crest is 0.76), end at
0. Nobody has shown that cycles help Transformers: measure.
Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186, section 3.

Alone, with a plain optimizer:

    share = lambda step: exp_range.factor(step, steps, 0, exp_range.Config(cycles=3))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
"""

from pydantic import BaseModel, Field

from afina import waves


class Config(BaseModel, frozen=True, extra="forbid"):
    """How many cycles, how low they fall, and how much of their height is left at the end."""

    cycles: int = Field(default=3, ge=1, description="cycles in the run; Smith asks for three or more")
    low: float = Field(
        default=0.25, ge=0, lt=1, description="lowest rate by the peak; Smith takes a third or a quarter"
    )
    remains: float = Field(default=0.1, gt=0, le=1, description="share of the cycles' height left at the end")


def factor(step: int, steps: int, warmup_steps: int, config: Config) -> float:
    """Share of the peak rate, 0 to 1, after `step` of `steps` updates."""
    if step < warmup_steps:
        return config.low * step / warmup_steps
    _, height = waves.cycle(step, steps, warmup_steps, config.cycles)
    left = config.remains ** ((step - warmup_steps) / max(1, steps - warmup_steps))
    return config.low + (1 - config.low) * height * left
