"""What happens around a training step: looks and checkpoints are asked for, progress is told, a signal is obeyed."""

import time
from dataclasses import asdict
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from afina import grouping
from afina.interrupts import Stop
from afina.judging import Best, Losses
from afina.records import Event, Tell

SECONDS_BETWEEN_SAVES = 120.0
SECONDS_BETWEEN_EVENTS = 1.0


class Finished(Exception):
    """A run that was resumed has nothing left to do."""


class Watch(TrainerCallback, ExportableState):
    """Asks for a look every `every` steps and at the end, for a checkpoint now and then, and stops for a signal.

    A checkpoint is written after each look that is the best so far, every two minutes, at the end, and before a signal
    is obeyed.
    """

    def __init__(self, tell: Tell, stop: Stop, best: Best, losses: Losses, every: int) -> None:
        self.tell, self.stop, self.best, self.losses, self.every = tell, stop, best, losses, every
        self.told = self.saved = self.began = time.monotonic()
        self.first = 0
        self.loss: float | None = None
        self.score: float | None = None
        self.decides = ""  # the hold-out set that it is of

    def state(self) -> dict[str, Any]:
        """What Trainer stores with a checkpoint."""
        return {"args": {}, "attributes": {"best": asdict(self.best), "losses": asdict(self.losses)}}

    def over(self, state: Any) -> bool:
        """Whether no step follows."""
        return bool(state.global_step >= state.max_steps or self.best.stopped)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Go on from what the checkpoint knew, and start the clocks.

        Raises Finished where the checkpoint was the last step's: Trainer would take one more.
        """
        known = state.stateful_callbacks[type(self).__name__]["attributes"]
        self.best, self.losses = Best(**known["best"]), Losses(**known["losses"])
        if self.over(state):
            raise Finished
        self.began = self.saved = time.monotonic()
        self.first = state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask for what is due. A look comes before the checkpoint of the same step, which therefore knows of it."""
        now, step, last = time.monotonic(), state.global_step, self.over(state)
        if step % self.every == 0 or last:
            control.should_evaluate = True
        if self.stop.number or now - self.saved > SECONDS_BETWEEN_SAVES or last:
            control.should_save = True
        if now - self.told > SECONDS_BETWEEN_EVENTS:
            self.told = now
            self._say(state, grouping.body_rate(grouping.rates(kwargs["optimizer"].param_groups)))

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop where a signal asked for it. Raises Interrupted."""
        self.saved = time.monotonic()
        if self.stop.number:
            raise self.stop.error(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Remember the loss for the next event."""
        self.loss = (logs or {}).get("loss", self.loss)

    def looked(self, state: Any, control: Any, name: str, score: float) -> None:
        """Judge a look by its score on the hold-out set that decides: save the best one, stop for patience."""
        self.decides, self.score = name, score
        if self.best.look(state.global_step, score) or self.best.stopped:
            control.should_save = True
        if self.best.stopped:
            control.should_training_stop = True
        self._say(state, None)

    def _say(self, state: Any, rate: float | None) -> None:
        done = state.global_step - self.first
        left = (time.monotonic() - self.began) / max(done, 1) * (state.max_steps - state.global_step)
        text = f"epoch {state.epoch:.1f} of {state.num_train_epochs:g}"
        steps, score = (state.global_step, state.max_steps), self.score
        self.tell(Event("train", text, *steps, self.loss, score, rate, left, self.decides))
