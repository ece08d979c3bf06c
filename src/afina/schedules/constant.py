"""A straight line up while warming up, and the peak rate from then on.

    step / warmup        while step < warmup
    1                    after it

`step` counts the updates already made. With a warm-up it is what Hugging Face calls constant_with_warmup.
What it does not do: settle; the last steps are as large as the first ones.
Source: Goyal et al. 2017, "Accurate, Large Minibatch SGD", arXiv:1706.02677, section 2.2, on the warm-up.

Alone, with a plain optimizer:

    share = lambda step: constant.factor(step, steps, warmup_steps, constant.Config())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
"""

from pydantic import BaseModel


class Config(BaseModel, frozen=True, extra="forbid"):
    """A constant has no options."""


def factor(step: int, steps: int, warmup_steps: int, config: Config) -> float:
    """Share of the peak rate, 0 to 1, after `step` of `steps` updates."""
    del steps, config
    return step / warmup_steps if step < warmup_steps else 1.0
