"""Each technique as planned, on one task of each kind: score, share trained, seconds, peak memory.

    python benchmarks/techniques.py                                     every set and technique, 3 seeds
    python benchmarks/techniques.py trec --only lora --options lora_r=4 learning_rate=1e-3
                                                                        an arm for each, to be compared on dev
    python benchmarks/techniques.py --table                             the tables of what is stored

Every arm is a process of its own: the plan with this technique, and its training, from the prepared base where an arm
has new_tokens. Several options of one arm are parted by commas. A seed decides the rows that are
taken (at most --rows of train, 1,000 of test), their order and dropout, the same for every technique. What is stored is
not measured again. Data: the folder named by AFINA_DATA. Results: benchmarks/results/techniques.json.
"""

import argparse
import dataclasses
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from keeping import keep, spread

RESULTS = Path(__file__).parent / "results" / "techniques.json"
SETS = ("banking77", "chemprot", "unfair_tos", "ncbi_disease")
TECHNIQUES = ("full", "freeze", "head_only", "lora", "adapter", "bitfit", "prompt")
ROWS, TEST = 3000, 1000
PLANNED = "planned"


def main() -> None:
    """Measure what is missing, keep every figure, print the tables."""
    asked = _arguments()
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for seed in [] if asked.table else asked.seeds:
        for name in asked.sets or SETS:
            for technique in asked.only:
                for options in asked.options:
                    key = f"{name}/{asked.rows}/{technique}/{options}/{seed}"
                    if key not in results:
                        results[key] = _apart(key)
                        print(key, results[key], flush=True)
                        keep(RESULTS, results)
    table(results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--only", nargs="+", default=TECHNIQUES, choices=TECHNIQUES)
    parser.add_argument("--options", nargs="+", default=[PLANNED], help="key=value,... of the run file, an arm each")
    parser.add_argument("--rows", type=int, default=ROWS, help="training rows at most")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--table", action="store_true")
    return parser.parse_args()


def _apart(key: str) -> dict[str, Any]:
    """One arm in a process of its own, whose peak memory is therefore its own."""
    done = subprocess.run([sys.executable, __file__, "--arm", key], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def arm(key: str) -> dict[str, Any]:
    """Plan and train; the main score on dev and on test, what was trained of the body, seconds, memory."""
    import arms

    from afina import bases, config, shelf, tasks
    from afina.records import silent
    from afina.stages import plan, prepare, profile

    name, most, technique, given, number = key.split("/")
    seed, whole = int(number), arms.read(name)
    chosen = {"train": arms.drawn(whole.train, int(most), seed), "test": arms.drawn(whole.test, TEST, seed)}
    rows, base = dataclasses.replace(whole, **chosen), bases.open_base("bundled")
    options = config.build({"technique": technique, **arms.STEADY}, [] if given == PLANNED else given.split(",")).train
    made = plan.plan(rows, profile.measure(rows, config.ProfileOptions(), base, 0), base, options, silent, 0)
    objective = shelf.load(tasks.OBJECTIVES, rows.kind)
    with tempfile.TemporaryDirectory() as folder:
        if made.settings.new_tokens:
            prepared = prepare.prepare(rows, made, base, Path(folder), silent)
            base = bases.open_base(str(Path(folder) / prepared.folder))
        trained, scores = arms.scored(rows, made, base, seed)
    width = made.facts.hidden + 1
    return {
        "metric": objective.METRIC,
        "dev": round(next(score.value for score in trained.dev if score.name == objective.METRIC), 4),
        "test": {score.name: round(score.value, 4) for score in scores},
        "rate": made.settings.learning_rate,
        "passes": made.settings.num_train_epochs,
        "body_share": (trained.trainable - len(rows.labels) * width) / made.facts.parameters,
        "best_step": trained.best_step,
        "seconds": trained.seconds,
        "expected": {name: round(made.estimates[name], 1) for name in ("seconds", "memory")},
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def table(results: dict[str, Any]) -> None:
    """Markdown: means and standard deviations over seeds, and the share of full fine-tuning's score, seed by seed."""
    tried: dict[tuple[str, ...], dict[str, dict[str, Any]]] = defaultdict(dict)
    for key, found in results.items():
        if key != "machine":
            *what, seed = key.split("/")
            tried[tuple(what)][seed] = found
    columns = (
        "set",
        "rows",
        "technique",
        "options",
        "rate",
        "seeds",
        "metric",
        "dev",
        "test",
        "of full",
        "body trained",
        "s",
        "MB",
    )
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for (name, most, technique, options), seeds in tried.items():
        full = tried.get((name, most, "full", PLANNED), {})
        ones = list(seeds.values())
        metric = ones[0]["metric"]
        shares = [seeds[n]["test"][metric] / full[n]["test"][metric] for n in seeds if n in full]
        cells = (
            name, most, technique, options, f"{ones[0]['rate']:g}", len(ones), metric,
            spread([one["dev"] for one in ones]), spread([one["test"][metric] for one in ones]),
            f"{statistics.fmean(shares):.1%}" if shares else "", f"{ones[0]['body_share']:.2%}",
            f"{statistics.median(one['seconds'] for one in ones):.0f}", max(one["peak_mb"] for one in ones),
        )  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--arm"]:
        print(json.dumps(arm(sys.argv[2])))
    else:
        main()
