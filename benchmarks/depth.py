"""What training more of the body gains, set by set: the head alone, the upper third, the upper two thirds, all layers.

    python benchmarks/depth.py                      every set, seed 0; a few minutes each
    python benchmarks/depth.py trec --seeds 3       one set, three draws
    python benchmarks/depth.py --table              the table of what is stored

At most 600 rows of train and of test. An arm says what is trained; rate, passes and all else are the plan's for that. A
seed decides rows, order and dropout, the same for every arm. Test rows choose nothing. What is stored is not measured
again. Data: the folder named by AFINA_DATA. Results: benchmarks/results/depth.json, by set: the mean main score of each
arm, and every seed's under `each`.
"""

import argparse
import dataclasses
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from keeping import keep

from afina import bases, config, heads, samples, shelf, tasks, timing
from afina.predictors import torch as predictor
from afina.records import Corpus, silent
from afina.stages import corpus, plan, profile, train

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results" / "depth.json"
RECEPTION = samples.REFERENCE.parent / "reception"
SETS: dict[str, tuple[str, ...]] = {  # train and test; the test of one file is cut from it
    "banking77": ("train.csv", "test.csv"),
    "nlupp_banking": ("banking.jsonl",),
    "clinc150": ("train.csv", "test.csv"),
    "atis": ("train.jsonl", "test.jsonl"),
    "trec": ("train.csv", "test.csv"),
    "sst2": ("train.csv", "test.csv"),
    "chemprot": ("train.csv", "test.csv"),
    "acl_arc": ("train.csv", "test.csv"),
    "scicite": ("train.csv", "test.csv"),
    "unfair_tos": ("train.jsonl.gz", "test.jsonl"),
    "financial_phrasebank": ("train.csv", "test.csv"),
    "bc5cdr": ("train.conll", "test.conll"),
    "ncbi_disease": ("train.conll", "test.conll"),
    "wnut17": ("train.conll", "test.conll"),
    "btc": ("section_h.conll",),
    "fb_es": ("train.jsonl", "dev.jsonl"),
    "reception": (str(RECEPTION / "train.csv"), str(RECEPTION / "test.csv")),
}
ROWS = 600


def arms(layers: int) -> dict[str, dict[str, Any]]:
    """What each arm trains, of a body with so many layers."""
    return {
        "frozen": {"technique": "head_only"},
        "two_thirds": {"technique": "freeze", "freeze_layers": round(2 * layers / 3)},
        "third": {"technique": "freeze", "freeze_layers": round(layers / 3)},
        "full": {"technique": "full"},
    }


def main() -> None:
    """Measure what is missing, keep every figure, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name in [] if asked.table else asked.sets or SETS:
        for seed in range(asked.seeds):
            one_set(name, seed, results)
    table(results)


def one_set(name: str, seed: int, results: dict[str, Any]) -> None:
    """The arms of one set and seed that are not stored yet."""
    base = bases.open_base("bundled")
    chosen = arms(base.record.layers)
    each = results.get(name, {}).get("each", {})
    missing = [arm for arm in chosen if str(seed) not in each.get(arm, {})]
    if not missing:
        return
    rows = drawn(name, seed)
    measured = profile.measure(rows, config.ProfileOptions(), base, 0)
    for arm in missing:
        score = measure(rows, measured, base, chosen[arm], seed)
        stored = results.setdefault(name, {"each": {}, "metric": shelf.load(tasks.OBJECTIVES, rows.kind).METRIC})
        stored["each"].setdefault(arm, {})[str(seed)] = score
        stored[arm] = round(statistics.fmean(stored["each"][arm].values()), 4)
        keep(RESULTS, results)
        print(name, "| seed", seed, "|", arm, "|", score, flush=True)


def drawn(name: str, seed: int) -> Corpus:
    """The set with so many rows of train and of test at most, drawn at random."""
    files = [str(DATA / name / file) for file in SETS[name]]  # a whole path stays as it is
    options = config.CorpusOptions(train_file=files[0], test_file=files[1] if len(files) > 1 else None)
    whole = corpus.read(options, seed)
    fewer = (
        tuple(rows[place] for place in sorted(np.random.default_rng(seed).permutation(len(rows))[:ROWS]))
        for rows in (whole.train, whole.test)
    )
    return dataclasses.replace(whole, **dict(zip(("train", "test"), fewer, strict=True)))


def measure(rows: Corpus, measured: Any, base: bases.Opened, arm: dict[str, Any], seed: int) -> float:
    """Plan and train one arm; the main score on test."""
    usual = {"precision": "bf16" if timing.has_bf16() else "fp32", "attention": "eager"}  # not by a timing
    options = config.build({**arm, **usual}).train
    made = plan.plan(rows, measured, base, options, silent, 0)
    objective = shelf.load(tasks.OBJECTIVES, rows.kind)
    with tempfile.TemporaryDirectory() as folder:
        trained = train.train(rows, made, base, Path(folder), silent, seed)
        model = heads.load(Path(folder) / trained.folder)
    answers = predictor.wrap(model, base.tokenizer, made.settings.max_seq_length, task=trained.task)
    scores = objective.scores(rows.test, answers([row.input for row in rows.test]), trained.task, seed)
    return round(next(score.value for score in scores if score.name == objective.METRIC), 4)


def table(results: dict[str, Any]) -> None:
    """Markdown: the arms of each set, and what all layers gain over none."""
    names = ("frozen", "two_thirds", "third", "full")
    print(f"\n| set | metric | seeds | {' | '.join(names)} | gain of full |\n|{'---|' * (len(names) + 4)}")
    for name, one in results.items():
        if name == "machine":
            continue
        cells = " | ".join(f"{one[arm]:.3f}" if arm in one else "" for arm in names)
        gain = f"{one['full'] - one['frozen']:+.3f}" if {"full", "frozen"} <= one.keys() else ""
        seeds = max(len(values) for values in one["each"].values())
        print(f"| {name} | {one['metric']} | {seeds} | {cells} | {gain} |")


if __name__ == "__main__":
    main()
