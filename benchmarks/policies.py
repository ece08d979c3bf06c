"""Rates, schedules, warm-ups and stagings against the plan's own choice: flat, linear, all layers at once.

    python benchmarks/policies.py                            every set and policy, 3 seeds
    python benchmarks/policies.py --seeds 1 --rows 300 trec  less of it
    python benchmarks/policies.py --table                    the table of what is stored

Each set's plan is made once; a policy changes its own settings and nothing else. A seed decides the rows that are
taken, the order they are seen in and dropout, the same for every policy, so that differences are paired by seed. Test
rows choose nothing. What is stored is not measured again. Data: the folder named by AFINA_DATA, ../shared/data where it
is not set. Results: benchmarks/results/policies.json.
"""

import argparse
import dataclasses
import json
import math
import os
import platform
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

from afina import bases, config, heads, metrics, policies, timing
from afina.config import TrainOptions
from afina.predictors import torch as predictor
from afina.records import Corpus, Plan, silent
from afina.stages import corpus, plan, profile, train

DATA = Path(os.environ.get("AFINA_DATA", "../shared/data"))
RESULTS = Path(__file__).parent / "results" / "policies.json"
SETS = ("banking77", "trec", "financial_phrasebank")
FILES = {"fb_es": ("train.jsonl", "dev.jsonl")}  # it has no labelled test; the others are as the next line says
USUAL = ("train.csv", "test.csv")
ROWS = 3000
POLICIES: dict[str, dict] = {
    "flat, linear": {},
    "warm-up a tenth": {},  # of the run, whatever the rows: what the plan did before
    "layerwise 0.95": {"rates": "layerwise"},
    "layerwise 0.8": {"rates": "layerwise", "layerwise_decay": 0.8},
    "discriminative": {"rates": "discriminative"},
    "cosine": {"lr_scheduler_type": "cosine"},
    "triangular": {"lr_scheduler_type": "triangular"},
    "triangular2": {"lr_scheduler_type": "triangular2"},
    "exp_range": {"lr_scheduler_type": "exp_range"},
    "layerwise, triangular2": {"rates": "layerwise", "lr_scheduler_type": "triangular2"},
    "gradual unfreezing": {"staging": "gradual_unfreezing", "staging_by": "share"},
    "progressive freezing": {"staging": "progressive_freezing", "staging_by": "share", "staging_share": 0.8},
}
BASELINE = "flat, linear"
PRECISION = "bf16" if timing.has_bf16() else "fp32"  # not by a timing, which other work on the machine may turn


def main() -> None:
    """Measure what is missing, keep every figure, print the table."""
    asked = argparse.ArgumentParser()
    asked.add_argument("sets", nargs="*", default=SETS)
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--rows", type=int, default=ROWS, help="training rows at most")
    asked.add_argument("--policies", default=";".join(POLICIES), help="names parted by semicolons")
    asked.add_argument("--out", type=Path, default=RESULTS)
    asked.add_argument("--table", action="store_true")
    options = asked.parse_args()
    results = json.loads(options.out.read_text()) if options.out.is_file() else {}
    if not options.table:
        for name in options.sets:
            one_set(name, options, results)
    table(results)


def one_set(name: str, options: argparse.Namespace, results: dict) -> None:
    """Every seed and policy on one set that is not stored yet."""
    base = bases.open_base("bundled")
    train_file, test_file = (str(DATA / name / file) for file in FILES.get(name, USUAL))
    whole = corpus.read(config.build({"train_file": train_file, "test_file": test_file}).corpus, 0)
    made: Plan | None = None
    for seed in range(options.seeds):
        rows = fewer(whole, options.rows, seed)
        if made is None:
            measured = profile.measure(rows, config.ProfileOptions(), base, 0)
            made = plan.plan(rows, measured, base, TrainOptions(precision=PRECISION), silent, 0)
        for policy in options.policies.split(";"):
            key = f"{name}, {len(rows.train):,} rows"
            stored = results.setdefault(key, {}).setdefault(policy, {})
            if str(seed) not in stored:
                stored[str(seed)] = measure(rows, with_policy(made, policy), base, seed)
                print(key, "|", policy, "| seed", seed, "|", stored[str(seed)], flush=True)
                machine = {"date": str(date.today()), "python": platform.python_version(), "cores": os.cpu_count()}
                options.out.parent.mkdir(exist_ok=True)
                options.out.write_text(json.dumps({**results, "machine": machine}, indent=1) + "\n")


def fewer(whole: Corpus, most: int, seed: int) -> Corpus:
    """So many training rows at most, drawn at random."""
    chosen = np.random.default_rng(seed).permutation(len(whole.train))[:most]
    return dataclasses.replace(whole, train=tuple(whole.train[place] for place in sorted(chosen)))


def with_policy(made: Plan, policy: str) -> Plan:
    """The plan with that policy's settings, and the warm-up that goes with them."""
    settings, given = made.settings, POLICIES[policy]
    steps = math.ceil(made.facts.rows / settings.per_device_train_batch_size) * settings.num_train_epochs
    lines = policies.choices(made.facts.rows, steps, settings.learning_rate, TrainOptions(**given))
    changed = {line.name: line.value for line in lines} | given
    if policy == "warm-up a tenth":
        changed["warmup_steps"] = math.ceil(0.1 * steps)
    return dataclasses.replace(made, settings=dataclasses.replace(settings, **changed))


def measure(rows: Corpus, made: Plan, base: bases.Opened, seed: int) -> dict[str, float]:
    """Train once; accuracy on dev, accuracy and macro F1 on test, seconds."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trained = train.train(rows, made, base, Path(folder), silent, seed)
        model = heads.load(Path(folder) / trained.folder)
    seconds = time.monotonic() - began
    predict = predictor.wrap(model, base.tokenizer, made.settings.max_seq_length)
    truth = np.array([rows.labels.index(row.label) for row in rows.test])
    scores = {s.name: s.value for s in metrics.scores(truth, predict([row.input for row in rows.test]), seed)}
    dev = next(score.value for score in trained.dev if score.name == "accuracy")
    found = {"dev": dev, "test": scores["accuracy"], "macro_f1": scores["macro_f1"], "seconds": seconds}
    return {key: round(value, 4) for key, value in found.items()}


def table(results: dict) -> None:
    """Markdown, as it stands in RESULTS.md: means and standard deviations over seeds, differences paired by seed."""
    columns = ("set", "policy", "seeds", "dev", "test", "macro F1", "test, against flat and linear", "s")
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name, by_policy in results.items():
        if name == "machine":
            continue
        base = by_policy.get(BASELINE, {})
        for policy, by_seed in by_policy.items():
            ones = list(by_seed.values())
            both = [by_seed[seed]["test"] - base[seed]["test"] for seed in by_seed if seed in base]
            cells = [spread([one[key] for one in ones]) for key in ("dev", "test", "macro_f1")]
            against = spread(both, "+") if both and policy != BASELINE else ""
            seconds = f"{statistics.mean(one['seconds'] for one in ones):.0f}"
            print(f"| {name} | {policy} | {len(ones)} | {' | '.join(cells)} | {against} | {seconds} |")


def spread(values: list[float], sign: str = "") -> str:
    """Mean and standard deviation."""
    deviation = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):{sign}.4f}{deviation}"


if __name__ == "__main__":
    main()
