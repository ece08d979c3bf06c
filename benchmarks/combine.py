"""LoRA adapters of three tasks on one base: each alone, all merged into one, and a new task on top of the merge.

    python benchmarks/combine.py [WORK]                       the folder that keeps the runs; else a new one
    python benchmarks/combine.py WORK --rows 1000 --seeds 0   less of it

banking77, clinc150 and trec are trained with technique=lora and nothing else said, on at most --rows of their rows, and
combined by `afina combine`, which chooses the merge on dev. Scores: accuracy on 1,000 rows of each test file, drawn
once, with 95% Wilson intervals. The new task is financial_phrasebank with 500 rows, from the bundled base and from the
base with the merge in it, three seeds; the same rows for both.
Data: the folder named by AFINA_DATA. Results: benchmarks/results/combine.json.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from keeping import keep, spread

from afina import bases, combining, metrics, store

DATA = Path(os.environ.get("AFINA_DATA", "../shared/data"))
RESULTS = Path(__file__).parent / "results" / "combine.json"
SETS, NEW = ("banking77", "clinc150", "trec"), "financial_phrasebank"
TEST, FEW = 1000, 500


def main() -> None:
    """Train, combine, score, and print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked = parser.parse_args()
    work = asked.work or Path(tempfile.mkdtemp())
    work.mkdir(exist_ok=True)
    for name in SETS:
        run(
            drawn(work, name, "train", asked.rows, 0), work / name, drawn(work, name, "test", TEST, 0), "technique=lora"
        )
    began = time.monotonic()
    if not (work / "combined").exists():
        combining.combine_runs([work / name for name in SETS], work / "combined", None)
    results: dict[str, Any] = {"rows": asked.rows, "choosing the merge, s": round(time.monotonic() - began, 1)}
    made = combining.read(work / "combined")
    results["merge"] = {"method": made.chosen.method, "weights": made.chosen.weights, "share on dev": made.chosen.share}
    combined = combining.load(work / "combined", bases.open_base("bundled"))
    for name in SETS:
        results[name] = {kind: scored(combined, work, name, kind == "merged") for kind in ("alone", "merged")}
    results[NEW] = {"bundled base": [], "on the combination": []}
    for seed in asked.seeds:
        train, test = drawn(work, NEW, "train", FEW, seed), drawn(work, NEW, "test", TEST, 0)
        for kind, base in (
            ("bundled base", "bundled"),
            ("on the combination", str(work / "combined" / combining.BASE)),
        ):
            folder = work / f"{NEW}-{base == 'bundled'}-{seed}"
            found = run(train, folder, test, "technique=lora", "--model", base, f"seed={seed}")
            results[NEW][kind].append(found["test"]["macro_f1"]["value"])
    keep(RESULTS, results)
    table(results)


def drawn(work: Path, name: str, split: str, most: int, seed: int) -> Path:
    """A CSV file with so many rows at most, drawn at random."""
    with (DATA / name / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file))
    chosen = sorted(np.random.default_rng(seed).permutation(len(rows))[:most])
    path = work / f"{name}-{split}-{seed}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *(rows[place] for place in chosen)])
    return path


def run(train: Path, folder: Path, test: Path, *words: str) -> dict[str, Any]:
    """`afina run`; a run that is finished is not made again. What it prints with --json."""
    command = [
        sys.executable,
        "-m",
        "afina.cli",
        "run",
        str(train),
        "--test",
        str(test),
        "probes=none",
        "--out",
        str(folder),
    ]
    done = subprocess.run([*command, *words, "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(folder.name, found["test"]["accuracy"], found["seconds"], flush=True)
    return found


def scored(combined: combining.Combined, work: Path, name: str, merged: bool) -> list[float]:
    """Accuracy on the test rows through the task's own adapter or the merged one, with its interval."""
    from afina.records import Corpus

    rows, labels = store.read_record(work / name, "corpus", Corpus).test, combined.tasks[name].made.labels
    answers = combining.logits(combined, [row.input for row in rows], [name] * len(rows), merged)
    right = sum(labels[answer.argmax()] == row.label for row, answer in zip(rows, answers, strict=True))
    return [right / len(rows), *metrics.wilson(right, len(rows))]


def table(results: dict[str, Any]) -> None:
    """Markdown, as it stands in RESULTS.md."""
    print("\n| task | its own adapter | merged |\n|---|---|---|")
    for name in SETS:
        cells = [f"{a:.3f} ({low:.3f} to {high:.3f})" for a, low, high in results[name].values()]
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\nmerge: {results['merge']}")
    for kind, values in results[NEW].items():
        print(f"{NEW}, {FEW} rows, {kind}: macro F1 {spread(values)}")


if __name__ == "__main__":
    main()
