"""A straight line up while warming up, and a straight line down to 0 at the end of the run.

    step / warmup                            while step < warmup
    (steps - step) / (steps - warmup)        after it

`step` counts the updates already made, so that the first one of a warm-up has the rate 0.
What it does not do: keep any rate for a run that is made longer afterwards.
Source: Devlin et al. 2019, "BERT", arXiv:1810.04805, appendix A.2.

Alone, with a plain optimizer:

    share = lambda step: linear.factor(step, steps, warmup_steps, linear.Config())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
"""

from pydantic import BaseModel


class Config(BaseModel, frozen=True, extra="forbid"):
    """A line has no options."""


def factor(step: int, steps: int, warmup_steps: int, config: Config) -> float:
    """Share of the peak rate, 0 to 1, after `step` of `steps` updates."""
    del config
    if step < warmup_steps:
        return step / warmup_steps
    return max(0.0, (steps - step) / max(1, steps - warmup_steps))
