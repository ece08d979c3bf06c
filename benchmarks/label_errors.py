"""How many planted wrong labels are listed, by the rule of `label_errors` and by others.

    python benchmarks/label_errors.py        reads $AFINA_DATA (or ../shared/data), writes results/label_errors.json

Of each set's training rows 5% or 10% get a wrong label: at random, or the one that a head takes for the likeliest other
(near), which is nearer to what people do. Labels that were wrong before count as right ones that are listed, so that
precision is a lower bound. Features: the bundled base's mean vectors, frozen; probabilities: three folds (`probing`).

odds       listed where another class is 20 times as probable as the given one (`label_errors.find`)
joint      the confident joint of Northcutt et al. 2021: a class from its mean probability where it is given
by_class   their prune by class: as many of each class as the joint says are wrong, the least confident ones

`average precision` is that of the whole order: by odds, by probability of the given class, and by the margin to the
likeliest other one.
"""

import json
import time
import warnings
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from make_reference import DATA

from afina import bases, features, heads, label_errors, probing
from afina.config import CorpusOptions
from afina.records import Corpus
from afina.stages import corpus

RESULTS = Path(__file__).parent / "results" / "label_errors.json"
SETS = ("banking77", "trec", "financial_phrasebank")
SHARES, SEEDS = (0.05, 0.1), (0, 1, 2)


def vectors(rows: Corpus) -> np.ndarray:
    opened = bases.open_base("bundled")
    model = heads.build(opened.folder, "mean", rows.labels)
    encoded = features.encode(opened.tokenizer, [row.input for row in rows.train], 64)
    output = heads.output_layer(model)
    return features.collect(model, opened.tokenizer, encoded, lambda x: features.before_output(model, output, x))


def plant(labels: np.ndarray, likeliest: np.ndarray, share: float, near: bool, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chosen, classes = rng.random(len(labels)) < share, labels.max() + 1
    other = likeliest if near else (labels + rng.integers(1, classes, len(labels))) % classes
    return np.where(chosen, other, labels)


def likeliest_other(chances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    others = chances.copy()
    others[np.arange(len(labels)), labels] = -1
    return others.argmax(1)


def joint(chances: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows off the diagonal of the confident joint, and how many of each class it says are wrong."""
    classes = chances.shape[1]
    given, sizes = chances[np.arange(len(labels)), labels], np.bincount(labels, minlength=classes)
    thresholds = np.bincount(labels, given, classes) / np.maximum(sizes, 1)
    sure = np.where(chances >= thresholds, chances, -1.0)
    counted, off = sure.max(1) >= 0, sure.argmax(1) != labels
    known = np.bincount(labels[counted], minlength=classes)
    wrong = sizes * np.bincount(labels[counted & off], minlength=classes) / np.maximum(known, 1)
    return np.flatnonzero(counted & off), np.rint(wrong).astype(int)


def by_class(chances: np.ndarray, labels: np.ndarray, quota: np.ndarray) -> np.ndarray:
    given, found = chances[np.arange(len(labels)), labels], []
    for label, many in enumerate(quota):
        rows = np.flatnonzero(labels == label)
        found.append(rows[np.argsort(given[rows], kind="stable")][:many])
    return np.concatenate(found)


def average_precision(order: np.ndarray, planted: np.ndarray) -> float:
    hits = planted[order]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def measure(x: np.ndarray, right: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    classes, rows, planted = right.max() + 1, np.arange(len(right)), labels != right
    began = time.process_time()
    chances = probing.crossed(x, labels, classes, label_errors.STRENGTH)
    seconds = time.process_time() - began
    given, other = chances[rows, labels], chances[rows, likeliest_other(chances, labels)]
    off, quota = joint(chances, labels)
    lists = {"odds": label_errors.find(chances, labels)[0], "joint": off, "by_class": by_class(chances, labels, quota)}
    orders = {"odds": given / other, "given": given, "margin": given - other}
    return {
        "planted": int(planted.sum()),
        "listed": {name: len(one) for name, one in lists.items()},
        "precision": {name: float(planted[one].mean()) for name, one in lists.items()},
        "recall": {name: float(planted[one].sum() / max(planted.sum(), 1)) for name, one in lists.items()},
        "average_precision": {
            name: average_precision(np.argsort(one, kind="stable"), planted)
            for name, one in orders.items()
            if planted.any()
        },
        "cpu_seconds": round(seconds, 1),
    }


def line(name: str, noise: str, many: list[dict[str, Any]]) -> str:
    def mean(*keys: str) -> float:
        values = [one[keys[0]] if len(keys) == 1 else one[keys[0]][keys[1]] for one in many]
        return float(np.mean(values))

    cells = [name, noise, f"{mean('planted'):.0f}"]
    for rule in ("odds", "joint", "by_class"):
        cells.append(f"{mean('listed', rule):.0f}: {mean('precision', rule):.2f}, {mean('recall', rule):.2f}")
    if many[0]["average_precision"]:
        cells.append(", ".join(f"{mean('average_precision', one):.3f}" for one in ("odds", "given", "margin")))
    return f"| {' | '.join(cells)} | {mean('cpu_seconds'):.1f} |"


def main() -> None:
    warnings.filterwarnings("ignore")
    found: dict[str, Any] = {"date": date.today().isoformat(), "results": {}}
    print("| set | wrong labels | planted | odds | joint | by class | average precision: odds, given, margin | CPU s |")
    for name in SETS:
        rows = corpus.read(
            CorpusOptions(train_file=str(DATA / name / "train.csv"), test_file=str(DATA / name / "test.csv")), 0
        )
        right = np.array([rows.labels.index(row.label) for row in rows.train])
        x = vectors(rows)
        as_is = measure(x, right, right)
        print(line(name, "none planted", [as_is]).replace(": 0.00, 0.00", ""), flush=True)
        found["results"][name] = {"none": as_is}
        likeliest = likeliest_other(probing.crossed(x, right, len(rows.labels), label_errors.STRENGTH), right)
        for near in (False, True):
            for share in SHARES:
                made = [measure(x, right, plant(right, likeliest, share, near, seed)) for seed in SEEDS]
                kind = f"{share:.0%} {'near' if near else 'at random'}"
                found["results"][name][kind] = made
                print(line(name, kind, made), flush=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
