"""Is the plan's pick a good one? Every technique is trained on many small tasks, and the pick is held against the best.

    python benchmarks/regret.py                       the whole grid; what is stored is not trained again
    python benchmarks/regret.py trec --sizes 8 --seeds 0
    python benchmarks/regret.py --table               the tables of what is stored

A combination is a set and a size: 8 or 64 rows a class (of a task with several labels or spans a row, rows are taken
while they show one that is still short of it), 1,000 rows, or all. A seed draws the rows, at most 1,000 of test, and
gives the order and dropout. Each technique is trained as the plan sets it where it is asked for; the pick is what the
plan takes where nothing is asked. Scores are macro F1 on test, which chooses nothing.

The best of several techniques on the same test rows is better than it really is, so that regret is an upper bound.
Data: the folder named by AFINA_DATA. Results: benchmarks/results/regret.json.
"""

import argparse
import dataclasses
import json
import statistics
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import arms
import numpy as np
from keeping import keep, spread

from afina import bases, shelf, splits
from afina.config import ProfileOptions, TrainOptions
from afina.errors import AfinaError, Interrupted
from afina.records import Corpus, Row, silent
from afina.stages import corpus, plan, profile

RESULTS = Path(__file__).parent / "results" / "regret.json"
SIZES = {
    "trec": ("8", "64", "all"),
    "financial_phrasebank": ("8", "64", "all"),
    "sst2": ("8", "64"),
    "scicite": ("8", "64"),
    "chemprot": ("8", "64"),
    "fb_es": ("8", "64"),
    "unfair_tos": ("8", "1000"),
    "ncbi_disease": ("8", "1000"),
    "banking77": ("8", "1000"),
    "clinc150": ("8", "1000"),
}
TECHNIQUES = ("head_only", "contrastive", "full", "freeze", "lora", "adapter", "bitfit")
FIXED = ("full", "lora", "head_only")  # what others do whatever the task
TEST = 1000
PICK = "pick"


def main() -> None:
    """Train what is missing, keep every figure, print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--sizes", nargs="+", default=["8", "64", "1000", "all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--only", nargs="+", default=[PICK, *TECHNIQUES])
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    opened = bases.open_base("bundled")
    for seed in [] if asked.table else asked.seeds:
        for size in asked.sizes:
            for name in [one for one in asked.sets or SIZES if size in SIZES[one]]:
                keys = {what: f"{name}/{size}/{what}/{seed}" for what in asked.only}
                missing = {what: key for what, key in keys.items() if key not in results}
                if missing:
                    rows = drawn(name, size, seed)
                for what, key in missing.items():
                    results[key] = picked(rows, opened) if what == PICK else trained(rows, opened, what, seed)
                    print(key, results[key], flush=True)
                    keep(RESULTS, results)
    table(results)


def drawn(name: str, size: str, seed: int) -> Corpus:
    """The corpus with so many rows of train, of which a dev split is cut as `afina run` does, and 1,000 of test."""
    whole = arms.read(name)
    rng, known = np.random.default_rng(seed), (*whole.train, *whole.dev)
    order = [known[place] for place in rng.permutation(len(known))]
    rows = order if size == "all" else order[:1000] if size == "1000" else _each(order, int(size))
    dev: tuple[Row, ...] = ()
    objective = shelf.load("objectives", whole.kind)
    if objective.TUNES or corpus.DEV_SHARE * len(rows) >= splits.UNSURE:
        strata = objective.strata(rows)
        rows, dev = splits.cut(rows, corpus.DEV_SHARE, seed, corpus.MOST_DEV, strata)
    return dataclasses.replace(whole, train=tuple(rows), dev=dev, test=arms.drawn(whole.test, TEST, seed))


def _each(rows: list[Row], size: int) -> list[Row]:
    """Rows, in this order, that show a class that fewer than `size` of those before have shown."""
    seen: Counter[str] = Counter()
    taken = []
    for row in rows:
        names = set(row.names) or {""}
        if any(seen[name] < size for name in names):
            seen.update(names)
            taken.append(row)
    return taken


def picked(rows: Corpus, opened: bases.Opened) -> dict[str, Any]:
    """What the plan takes where nothing is asked, and what finding that costs."""
    began = time.process_time()
    made = plan.plan(rows, profile.measure(rows, ProfileOptions(), opened, 0), opened, usual(), silent, 0)
    probe = {"probe": round(made.facts.probe, 4), "majority": round(made.facts.majority, 4), "rows": made.facts.rows}
    return {"technique": made.settings.technique, **probe, "seconds": round(time.process_time() - began, 1)}


def usual(technique: str | None = None) -> TrainOptions:
    """The technique, and what no timing decides."""
    return TrainOptions(technique=technique, **arms.STEADY)


def trained(rows: Corpus, opened: bases.Opened, technique: str, seed: int) -> dict[str, Any]:
    """Scores on dev, where there is one, and on test of one technique as planned; or why it cannot be used."""
    began, objective = time.process_time(), shelf.load("objectives", rows.kind)
    try:
        measured = profile.measure(rows, ProfileOptions(), opened, 0)
        made = plan.plan(rows, measured, opened, usual(technique), silent, 0)
        done, scores = arms.scored(rows, made, opened, seed)
    except Interrupted:
        raise
    except AfinaError as error:
        return {"refused": error.found}
    return {
        "test": {score.name: round(score.value, 4) for score in scores if score.name.endswith(("f1", "accuracy"))},
        "dev": round(next((score.value for score in done.dev if score.name == objective.METRIC), 0.0), 4),
        "seconds": round(time.process_time() - began, 1),
    }


def score(found: dict[str, Any]) -> float:
    """Macro F1 in points."""
    return 100 * float(found["test"]["macro_f1"])


def table(results: dict[str, Any]) -> None:
    """Markdown: each combination's scores, the regret of the pick and of fixed policies, and what it all cost."""
    cells: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for key, found in results.items():
        if key != "machine":
            name, size, what, seed = key.split("/")
            cells[name, size][what][seed] = found
    print(f"\n| set | rows | {' | '.join(TECHNIQUES)} | pick | regret |\n|{'---|' * (len(TECHNIQUES) + 4)}")
    regrets: dict[str, list[float]] = defaultdict(list)
    own, all_of_them = 0.0, 0.0  # seconds of the plan and its pick, and of every technique
    for (name, size), tried in cells.items():
        seeds = tried[PICK].keys()
        if not seeds or any(tried[what].keys() != seeds for what in TECHNIQUES):
            continue  # not finished
        fit = [what for what in TECHNIQUES if all("test" in tried[what][seed] for seed in seeds)]
        means = {what: statistics.fmean(score(tried[what][seed]) for seed in seeds) for what in fit}
        picks = {seed: tried[PICK][seed]["technique"] for seed in seeds}
        got = statistics.fmean(score(tried[picks[seed]][seed]) for seed in seeds)
        own += sum(tried[PICK][seed]["seconds"] + tried[picks[seed]][seed]["seconds"] for seed in seeds)
        all_of_them += sum(tried[what][seed]["seconds"] for what in fit for seed in seeds)
        best = max(means.values())
        for what in (PICK, *FIXED):
            regrets[what].append(best - (got if what == PICK else means[what]))
        shown = [f"{means[what]:.1f}" if what in means else "" for what in TECHNIQUES]
        print(f"| {name} | {size} | {' | '.join(shown)} | {', '.join(set(picks.values()))} | {best - got:.1f} |")
    for what, lost in regrets.items():
        print(f"\n{what}: regret {spread(lost)} points in {len(lost)} combinations, at most {max(lost):.1f}")
    print(
        f"\nplan and pick took {own / 60:.0f} min of the {all_of_them / 60:.0f} that all took: {own / all_of_them:.1%}"
    )


if __name__ == "__main__":
    main()
