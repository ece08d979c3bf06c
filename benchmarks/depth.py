"""What training more of the body gains, set by set: the head alone, the upper third, the upper two thirds, all layers.

    python benchmarks/depth.py                      every set, seed 0; a few minutes each
    python benchmarks/depth.py trec --seeds 3       one set, three draws
    python benchmarks/depth.py --arms frozen full   nothing between, in half the time
    python benchmarks/depth.py --table              the table of what is stored

At most 600 rows of train and of test. An arm says what is trained; rate, passes and all else are the plan's for that. A
seed decides rows, order and dropout, the same for every arm. Test rows choose nothing. What is stored is not measured
again. Data: the folder named by AFINA_DATA. Results: benchmarks/results/depth.json, by set: the mean main score of each
arm, and every seed's under `each`.
"""

import argparse
import dataclasses
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import arms
from keeping import keep

from afina import bases, config, shelf, tasks
from afina.records import Corpus, silent
from afina.stages import plan, profile

RESULTS = Path(__file__).parent / "results" / "depth.json"
SETS = (
    "banking77", "nlupp_banking", "clinc150", "atis", "trec", "sst2", "chemprot", "acl_arc", "scicite", "unfair_tos",
    "financial_phrasebank", "bc5cdr", "ncbi_disease", "wnut17", "btc", "fb_es", "reception",
)  # fmt: skip
ROWS = 600
ARMS = ("frozen", "two_thirds", "third", "full")


def depths(layers: int) -> dict[str, dict[str, Any]]:
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
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name in [] if asked.table else asked.sets or SETS:
        for seed in range(asked.seeds):
            one_set(name, seed, asked.arms, results)
    table(results)


def one_set(name: str, seed: int, wanted: Sequence[str], results: dict[str, Any]) -> None:
    """Those of the arms of one set and seed that are not stored yet."""
    base = bases.open_base("bundled")
    chosen = depths(base.record.layers)
    each = results.get(name, {}).get("each", {})
    missing = [arm for arm in wanted if str(seed) not in each.get(arm, {})]
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
    whole = arms.read(name, seed)
    return dataclasses.replace(
        whole, train=arms.drawn(whole.train, ROWS, seed), test=arms.drawn(whole.test, ROWS, seed)
    )


def measure(rows: Corpus, measured: Any, base: bases.Opened, arm: dict[str, Any], seed: int) -> float:
    """Plan and train one arm; the main score on test."""
    made = plan.plan(rows, measured, base, config.build({**arm, **arms.STEADY}).train, silent, 0)
    metric = shelf.load(tasks.OBJECTIVES, rows.kind).METRIC
    _, scores = arms.scored(rows, made, base, seed)
    return round(next(score.value for score in scores if score.name == metric), 4)


def table(results: dict[str, Any]) -> None:
    """Markdown: the arms of each set, and what all layers gain over none."""
    print(f"\n| set | metric | seeds | {' | '.join(ARMS)} | gain of full |\n|{'---|' * (len(ARMS) + 4)}")
    for name, one in results.items():
        if name == "machine":
            continue
        cells = " | ".join(f"{one[arm]:.3f}" if arm in one else "" for arm in ARMS)
        gain = f"{one['full'] - one['frozen']:+.3f}" if {"full", "frozen"} <= one.keys() else ""
        seeds = max(len(values) for values in one["each"].values())
        print(f"| {name} | {one['metric']} | {seeds} | {cells} | {gain} |")


if __name__ == "__main__":
    main()
