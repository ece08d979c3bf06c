"""Trainings in child processes that are killed with SIGKILL and begun again until one ends.

    python crash_machine.py BASE FOLDER KIND moments   30 kills at random moments, three to a training
    python crash_machine.py BASE FOLDER KIND points    30 kills at random lines of the code that writes a checkpoint

Every child is forked from this one process, which has the libraries loaded and uses one thread. A checkpoint is written
after every step. The last line of the output is JSON: kills, and how many trainings ended as the undisturbed one did.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import accelerate.utils.memory
import torch
from trainings import KINDS, model_of, recipe, rows_of, weights
from transformers import AutoTokenizer

from afina import checkpoints, fitting, store, watching
from afina.records import silent, to_json

KILLS, LIVES = 30, 3
WRITING = {store.__file__, checkpoints.__file__}


def main(base: Path, folder: Path, kind: str, how: str) -> None:
    torch.set_num_threads(1)
    watching.SECONDS_BETWEEN_SAVES = -1.0
    accelerate.utils.memory.gc = SimpleNamespace(collect=int)  # Trainer's, at every beginning
    began = time.monotonic()
    lines = live(base, folder / "straight", kind, None, 0)
    seconds, rng = time.monotonic() - began, random.Random(kind)
    killed = same = 0
    for number in range(KILLS // LIVES):
        place = folder / str(number)
        for _ in range(LIVES):
            moment, line = (seconds * rng.random() / 2, 0) if how == "moments" else (None, rng.randrange(1, lines // 2))
            killed += live(base, place, kind, moment, line) == 0
        live(base, place, kind, None, 0)
        same += all(
            (place / name).read_bytes() == (folder / "straight" / name).read_bytes()
            for name in ("weights", "fitted.json")
        )
    sys.stdout.write(json.dumps({"kills": killed, "trainings": KILLS // LIVES, "same": same}) + "\n")


def live(base: Path, folder: Path, kind: str, moment: float | None, line: int) -> int:
    """One life of a training, killed after `moment` seconds or at the `line`th line; the lines it ran, 0 if killed."""
    folder.mkdir(parents=True, exist_ok=True)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        counted = trap(line)
        train(base, folder, kind)
        os.write(writer, str(counted["lines"]).encode())
        os._exit(0)
    os.close(writer)
    if moment is not None:
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    ran = int(os.read(reader, 100) or 0)
    os.close(reader)
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("a training failed")
    return ran


def train(base: Path, folder: Path, kind: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows, model = rows_of(tokenizer), model_of(base, kind)
    options = recipe(eval_steps=5, **KINDS[kind][1])
    fitted = fitting.fit(model, tokenizer, (rows, {"dev": rows[::2], "rest": rows}), options, folder / "c", silent)
    (folder / "weights").write_bytes(weights(model).numpy().tobytes())
    (folder / "fitted.json").write_text(to_json(fitted))


def trap(line: int) -> dict[str, int]:
    """Count the lines that the code runs which writes checkpoints; die before the `line`th of them."""
    counted = {"lines": 0}

    def count(frame, event, argument):
        if event == "line":
            counted["lines"] += 1
            if counted["lines"] == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(lambda frame, event, argument: count if frame.f_code.co_filename in WRITING else None)
    return counted


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
