"""Checkpoints of an unfinished training: sealed by a manifest, used only if they are whole."""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from afina import store


class Seal(TrainerCallback):
    """Seals each checkpoint with a manifest, and drops the pickled arguments that Trainer leaves in it."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The newest checkpoint is whole now."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (folder / "training_args.bin").unlink(missing_ok=True)
        store.seal(folder)
