"""A rate that rises and falls in straight lines, half as high in every further cycle.

    low + (1 - low) * height / 2 ** number        height: 0 at both ends of a cycle, 1 in its middle; number: 0, 1, ...

The run is cut into `cycles` equal cycles and ends with a whole one, at its lowest rate. A cycle's own rise is a
warm-up; where steps of warm-up are asked for besides, they lead from 0 to `low`, and the cycles fill what is left.
What it does not do: end at 0. Nobody has shown that cycles help Transformers: measure.
Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186, section 3.

Alone, with a plain optimizer:

    share = lambda step: triangular2.factor(step, steps, 0, triangular2.Config(cycles=3))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
"""

from pydantic import BaseModel, Field

from afina import waves


class Config(BaseModel, frozen=True, extra="forbid"):
    """How many cycles, and how low they fall."""

    cycles: int = Field(default=3, ge=1, description="cycles in the run; Smith asks for three or more")
    low: float = Field(
        default=0.25, ge=0, lt=1, description="lowest rate by the peak; Smith takes a third or a quarter"
    )


def factor(step: int, steps: int, warmup_steps: int, config: Config) -> float:
    """Share of the peak rate, 0 to 1, after `step` of `steps` updates."""
    if step < warmup_steps:
        return config.low * step / warmup_steps
    number, height = waves.cycle(step, steps, warmup_steps, config.cycles)
    return config.low + (1 - config.low) * height / 2**number
