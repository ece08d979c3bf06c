"""kill -9 at any moment: the same command again ends with the same bytes."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_cli import messages, write
from trainings import KINDS

from afina import store


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["moments", "points"])
def test_a_training_that_is_killed_thirty_times_ends_bit_for_bit_as_one_that_was_not(tmp_path, tiny_bert, kind, how):
    """Weights, curve and looks; one thread. A checkpoint is written after every step."""
    program = Path(__file__).parent / "crash_machine.py"
    command = [sys.executable, str(program), str(tiny_bert), str(tmp_path), kind, how]
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["same"] == result["trainings"] == 10
    assert result["kills"] >= 25  # a few come after the end


TIMES = {"seconds", "seconds_per_row", "latency", "latency_ms", "rows_per_second", "usd_per_1000"}
TIMINGS = {
    *TIMES,
    "why",
    "evidence",
    "refused",
    "source",
    "notes",
}  # of a choice: the plan's own or the user's, as timed


def untimed(value):
    """A record without what a clock said, such as the reasons of a choice."""
    if isinstance(value, dict):
        return {key: untimed(one) for key, one in value.items() if key not in TIMINGS}
    return [untimed(one) for one in value] if isinstance(value, list) else value


def results(folder):
    """Every record, and the hash of every file of the models."""
    records = {path.name: untimed(json.loads(path.read_text())) for path in (folder / "records").iterdir()}
    files = [path for part in ("model", "onnx") for path in sorted((folder / part).rglob("*")) if path.is_file()]
    return records, {str(path.relative_to(folder)): store.sha256(path) for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_whole_run_that_is_killed_six_times_ends_with_the_same_records_and_files(tmp_path, tiny_bert, seed):
    """Wherever the kills fall: reading, measuring, planning, training, evaluating, compressing, reporting."""
    write(tmp_path / "notes.csv", messages(150))
    write(tmp_path / "old.csv", messages(40, seed=7))
    write(tmp_path / "before.csv", [(text, text.split()[-1] < "no") for text, _ in messages(60, seed=8)])
    options = ["epochs=3", "lr=1e-3", "technique=full", "eval_steps=2", "holdouts={old: old.csv}"]
    options += ["old_tasks={before: before.csv}"]
    options += ["precision=fp32", "attention=sdpa"]  # else the plan takes what it measures to be faster
    command = [
        sys.executable,
        "-m",
        "afina.cli",
        "run",
        "notes.csv",
        "--model",
        str(tiny_bert),
        *options,
        "probes=none",
        "--out",
    ]
    began, rng = time.monotonic(), random.Random(seed)
    subprocess.run([*command, "straight"], cwd=tmp_path, capture_output=True, check=True)
    seconds = time.monotonic() - began
    for _ in range(6):
        child = subprocess.Popen([*command, "killed"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(seconds * rng.uniform(0.1, 0.9))
        child.kill()
        assert b"Traceback" not in child.communicate()[1]
    done = subprocess.run([*command, "killed"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert results(tmp_path / "killed") == results(tmp_path / "straight")
    assert store.damage(tmp_path / "killed") is None
    names = {path.name for path in (tmp_path / "killed").iterdir()}
    assert names == {path.name for path in (tmp_path / "straight").iterdir()}
    assert not [path for path in (tmp_path / "killed").rglob("*") if ".aside" in path.name or ".partial" in path.name]
