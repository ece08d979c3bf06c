"""Rare classes: nothing, rows repeated, weights; on a frozen base and with the whole training. Macro F1 on test.

    python benchmarks/balancing.py                                         a linear head on the frozen base, 5 seeds
    python benchmarks/balancing.py chemprot --arms random@0.1 random@0.5   other shares, to be compared on dev
    python benchmarks/balancing.py chemprot --body full --rows 1000        the plan's own training, which takes long
    python benchmarks/balancing.py --table                                 the tables of what is stored

    none        rows as they are                          weights     class_weights=balanced
    random      balancing=random                          effective   class_weights=effective
    semantic    balancing=semantic                        name@x      with x as balancing_share

A seed draws four fifths of train (at most --rows), the same for every arm, and what is random in an arm. dev and test
are whole; the strength of a head, and the look of a training, are chosen on dev. Sets: chemprot (13 classes of 4
to 1,642 rows), clinc150's imbalanced split (150 of 25 to 100; dev and test have as many of each). What is stored is not
measured again. Data: the folder named by AFINA_DATA. Results: benchmarks/results/balancing.json.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from keeping import keep, spread

DATA = Path(os.environ.get("AFINA_DATA", "../shared/data"))
RESULTS = Path(__file__).parent / "results" / "balancing.json"
TRAIN = {"chemprot": "train.csv", "clinc150": "imbalanced_train.csv"}
ARMS = ("none", "random", "weights", "effective", "semantic")
WEIGHTS = {"weights": "balanced", "effective": "effective"}
BALANCERS = ("random", "semantic")


def main() -> None:
    """Measure what is missing, keep every figure, print the table."""
    asked = _arguments()
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name in [] if asked.table else asked.sets or TRAIN:
        for seed in asked.seeds:
            for arm in asked.arms:
                key = f"{name}/{asked.body}/{asked.rows or 'all'}/{arm}/{seed}"
                if key not in results:
                    _set(name, asked.body == "frozen")  # which is no arm's time
                    began = time.monotonic()
                    found = BODIES[asked.body](name, asked.rows, arm, seed)
                    results[key] = {**found, "seconds": round(time.monotonic() - began, 1)}
                    print(key, results[key], flush=True)
                    keep(RESULTS, results)
    table(results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--body", choices=tuple(BODIES), default="frozen")
    parser.add_argument("--arms", nargs="+", default=ARMS)
    parser.add_argument("--rows", type=int, default=0, help="training rows at most; 0 is four fifths")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--table", action="store_true")
    return parser.parse_args()


@dataclass(frozen=True)
class Set:
    """A corpus, the base and the frozen mean vectors of each split, of length 1 as a head reads them."""

    corpus: Any
    base: Any
    vectors: dict[str, np.ndarray]


def frozen(name: str, most: int, arm: str, seed: int) -> dict[str, Any]:
    """A head fitted as technique=head_only with pooling=mean fits it."""
    from afina import shelf
    from afina.objectives import classify

    known, (kind, _, number) = _set(name, True), arm.partition("@")
    corpus, places = known.corpus, _drawn(len(known.corpus.train), most, seed)
    if kind in BALANCERS:
        balancer = shelf.load("balancers", kind)
        config = balancer.Config(**({"share": float(number)} if number else {}))
        labels, read = [corpus.train[place].label for place in places], known.vectors["train"][places]
        places = np.concatenate([places, places[balancer.add(labels, read, config, seed)[0]]])
    train, dev = (
        (known.vectors[part][chosen], classify.targets([getattr(corpus, part)[n] for n in chosen], corpus.labels))
        for part, chosen in (("train", places), ("dev", range(len(corpus.dev))))
    )
    config = classify.Config(class_weights=WEIGHTS.get(kind, "none"))
    weights, biases = classify.fit_head(train, dev, len(corpus.labels), config)

    def answered(part: str) -> np.ndarray:
        return (known.vectors[part] @ weights.T + biases).argmax(1)

    return _scores(corpus, answered, len(places))


def full(name: str, most: int, arm: str, seed: int) -> dict[str, Any]:
    """Plan, balance and train as `afina run` does; export and report are left out."""
    from afina import heads, timing
    from afina.config import ProfileOptions, TrainOptions
    from afina.predictors import torch as predictor
    from afina.records import silent
    from afina.stages import balance, plan, profile, train

    known, (kind, _, number) = _set(name, False), arm.partition("@")
    base, places = known.base, _drawn(len(known.corpus.train), most, seed)
    corpus = rows = replace(known.corpus, train=tuple(known.corpus.train[place] for place in places))
    options = TrainOptions(
        balancing=kind if kind in BALANCERS else "none",
        balancing_share=float(number) if kind in BALANCERS and number else None,
        class_weights=WEIGHTS.get(kind, "none"),
        precision="bf16" if timing.has_bf16() else "fp32",
        attention="eager",  # both not by a timing, which other work on the machine may turn
    )
    made = plan.plan(corpus, profile.measure(corpus, ProfileOptions(), base, 0), base, options, silent, 0)
    if kind in BALANCERS:
        rows = balance.enlarged(corpus, balance.balance(corpus, made, base, silent, seed))
    with tempfile.TemporaryDirectory() as folder:
        trained = train.train(rows, made, base, Path(folder), silent, seed)
        model = heads.load(Path(folder) / trained.folder)
    predict = predictor.wrap(model, base.tokenizer, made.settings.max_seq_length, task=trained.task)

    def answered(part: str) -> np.ndarray:
        return predict([row.input for row in getattr(corpus, part)]).argmax(1)

    passes = made.settings.num_train_epochs
    return {**_scores(corpus, answered, len(rows.train)), "passes": passes, "best_step": trained.best_step}


BODIES = {"frozen": frozen, "full": full}


@cache
def _set(name: str, vectors: bool) -> Set:
    """The splits as the set has them; vectors of all rows where they are asked for."""
    from afina import bases, layers, timing
    from afina.config import CorpusOptions, ProfileOptions, TrainOptions
    from afina.records import silent
    from afina.stages import corpus, plan, profile

    files = {"train_file": TRAIN[name], "dev_file": "dev.csv", "test_file": "test.csv"}
    rows = corpus.read(CorpusOptions(**{key: str(DATA / name / file) for key, file in files.items()}), 0)
    base = bases.open_base("bundled")
    if not vectors:
        return Set(rows, base, {})
    options = TrainOptions(technique="head_only", precision="bf16" if timing.has_bf16() else "fp32", attention="eager")
    made = plan.plan(rows, profile.measure(rows, ProfileOptions(), base, 0), base, options, silent, 0)
    parts = {part: replace(rows, train=getattr(rows, part)) for part in ("train", "dev", "test")}
    embed = layers.embedder(base, made.settings)
    means = {part: embed([row.input for row in one.train]) for part, one in parts.items()}
    return Set(rows, base, {part: one / np.linalg.norm(one, axis=1, keepdims=True) for part, one in means.items()})


def _drawn(rows: int, most: int, seed: int) -> np.ndarray:
    """Places of four fifths of so many rows, and of `most` at most."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[: min(most or rows, rows * 4 // 5)])


def _scores(corpus: Any, answered: Any, rows: int) -> dict[str, Any]:
    """Macro F1 and accuracy of the places that `answered` gives for dev and test."""
    found: dict[str, Any] = {"rows": rows}
    for part in ("dev", "test"):
        truth = [row.label for row in getattr(corpus, part)]
        said = [corpus.labels[place] for place in answered(part)]
        accuracy = round(statistics.fmean(one == other for one, other in zip(truth, said, strict=True)), 4)
        found[part] = {"macro_f1": _macro_f1(truth, said), "accuracy": accuracy}
    return found


def _macro_f1(truth: list[str], said: list[str]) -> float:
    """Mean F1 of the classes that occur in the truth.

    A class that only answers name is an F1 of 0 elsewhere in afina; here its first answer would cost 1/13 of chemprot's
    score, as much as all else together.
    """
    from sklearn.metrics import f1_score

    return round(float(f1_score(truth, said, labels=sorted(set(truth)), average="macro", zero_division=0)), 4)


def table(results: dict[str, Any]) -> None:
    """Markdown: means and standard deviations over seeds, and differences from `none`, seed by seed."""
    arms: dict[tuple[str, ...], dict[str, dict[str, Any]]] = defaultdict(dict)
    for key, found in results.items():
        if key != "machine":
            *what, seed = key.split("/")
            arms[tuple(what)][seed] = found
    columns = (
        "set", "body", "drawn", "arm", "seeds", "rows trained on", "dev macro F1", "from none", "test macro F1",
        "from none", "test accuracy", "from none", "s",
    )  # fmt: skip
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for what, seeds in sorted(arms.items(), key=lambda one: (one[0][:3], one[0][3] != "none", one[0][3])):
        none, ones = arms.get((*what[:3], "none"), {}), list(seeds.values())
        cells: list[Any] = [*what, len(ones), round(statistics.fmean(one["rows"] for one in ones))]
        for part, score in (("dev", "macro_f1"), ("test", "macro_f1"), ("test", "accuracy")):
            apart = [one[part][score] - none[seed][part][score] for seed, one in seeds.items() if seed in none]
            cells += [spread([one[part][score] for one in ones]), spread(apart) if apart else ""]
        cells.append(f"{statistics.median(one['seconds'] for one in ones):.0f}")
        print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
