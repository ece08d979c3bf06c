"""A model in a process of its own: how long it takes to be there, and the memory it needs.

    python -m afina.alone <exported folder> <file>      a file of the ONNX Runtime: no torch is loaded
    python -m afina.alone <run folder>                  the model in PyTorch

reads texts from its standard input, as JSON, answers them all at once and writes one line of JSON.

    before     bytes of the process before anything of the model or its runtime is loaded: Python and this package
    peak       most bytes of the process that were in memory at one time, up to the last answer
    seconds    from there until the model can be asked: libraries, file, first use

Peaks are those of this process alone (VmHWM): what `getrusage` calls ru_maxrss begins at the size of the process that
started it. Where the system has no /proc, that is all there is, and the number is an upper bound.

What it does not do: the accelerator's memory; pages of the file that the system keeps in memory beside the process.
Source: proc(5), status; getrusage(2), which keeps ru_maxrss over execve.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from afina.errors import MachineError
from afina.records import Text, Use, from_json, to_json

LONGEST = 300  # seconds
KIND = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Interrupt))\b", re.MULTILINE)  # how a traceback ends


def measure(places: Sequence[str | Path], texts: Sequence[Text]) -> Use:
    """What the model at these places, as at the head of this file, takes for these texts. Raises MachineError."""
    command = [sys.executable, "-P", "-m", "afina.alone", *map(str, places)]
    try:
        done = subprocess.run(  # noqa: S603  our own module
            command, input=json.dumps(texts), capture_output=True, text=True, encoding="utf-8", timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        raise MachineError(f"a process of its own took over {LONGEST} s for the model", "leave it out") from None
    if done.returncode:
        kind = (KIND.findall(done.stderr) or ["no reason was given"])[-1]  # never its text, which may be the user's
        why = f"signal {-done.returncode}, as for too little memory" if done.returncode < 0 else kind
        raise MachineError(f"the model did not answer in a process of its own: {why}", "look at the model's file")
    return from_json(Use, done.stdout.strip().rpartition("\n")[2])


def peak() -> int:
    """Most bytes of this process that were in memory at one time."""
    path = Path("/proc/self/status")
    if path.is_file():
        line = next(line for line in path.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource  # not there on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(places: Sequence[str]) -> None:
    """Answer the texts of standard input with the model at these places, and say what that took."""
    texts: list[Text] = [one if isinstance(one, str) else tuple(one) for one in json.load(sys.stdin)]
    before, began = peak(), time.perf_counter()
    if len(places) == 2:
        from afina.predictors import onnx

        predict = onnx.load(Path(places[0]), places[1])
    else:
        from afina import opening

        predict = opening.torch(Path(places[0]))
    predict(texts[:1])
    seconds = time.perf_counter() - began
    predict(texts)
    sys.stdout.write("\n" + to_json(Use(round(seconds, 3), before, peak())).replace("\n", " ") + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
