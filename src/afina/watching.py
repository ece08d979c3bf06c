"""What happens around each training step: progress is told, checkpoints are asked for, a signal stops the run."""

import time
from typing import Any

from transformers import TrainerCallback

from afina.interrupts import Stop
from afina.records import Event, Tell

SECONDS_BETWEEN_SAVES = 120.0
SECONDS_BETWEEN_EVENTS = 1.0


class Watch(TrainerCallback):
    """Tells what happens, saves now and then, and stops when a signal asked for it."""

    def __init__(self, tell: Tell, stop: Stop) -> None:
        self.tell, self.stop = tell, stop
        self.told = self.saved = self.began = time.monotonic()
        self.first = 0
        self.dev: float | None = None
        self.loss: float | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clocks."""
        self.began = self.saved = time.monotonic()
        self.first = state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask for a checkpoint where one is due."""
        now = time.monotonic()
        if self.stop.number or now - self.saved > SECONDS_BETWEEN_SAVES:
            control.should_save = True
        if now - self.told > SECONDS_BETWEEN_EVENTS:
            self.told = now
            self._say(state, kwargs["lr_scheduler"].get_last_lr()[0])

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop where a signal asked for it. Raises Interrupted."""
        self.saved = time.monotonic()
        if self.stop.number:  # not by Trainer's own stop, which would look at dev and count a half epoch among the best
            raise self.stop.error(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Remember the loss for the next event."""
        self.loss = (logs or {}).get("loss", self.loss)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **kwargs: Any) -> None:
        """Tell the score on dev."""
        self.dev = metrics.get("eval_accuracy")
        self._say(state, None)

    def _say(self, state: Any, rate: float | None) -> None:
        done = state.global_step - self.first
        left = (time.monotonic() - self.began) / max(done, 1) * (state.max_steps - state.global_step)
        text = f"epoch {state.epoch:.1f} of {state.num_train_epochs:g}"
        self.tell(Event("train", text, state.global_step, state.max_steps, self.loss, self.dev, rate, left))
