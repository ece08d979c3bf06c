"""What a body forgets while it learns a task, with each retention and without: GLUE before and after.

    python benchmarks/forgetting.py               every arm that is not in the results yet, then the tables
    python benchmarks/forgetting.py banking77     this task only

Each arm is trained as afina does it (a head fitted on the frozen body, then all layers; the epoch best on dev), from
1,000 rows in 3 epochs, for seeds 0, 1 and 2; a seed draws the same rows in every arm, so that arms are compared pair by
pair. The body is then frozen, and a ridge head is fitted on its mean vectors for each GLUE set, of 400 rows drawn once;
pairs are |u - v| and u * v (Conneau & Kiela 2018, arXiv:1803.05449). The score is that of leave-one-out predictions:
accuracy, but for stsb_en Spearman and for cola Matthews, cut at the share of acceptable rows (a cut at 0.5 hardly finds
any other). stsb_cosine is Spearman of the plain cosine, nothing fitted. Each retention has its own default weight.

Data: the folder named by AFINA_DATA, ../shared/data where it is not set. Results: benchmarks/results/forgetting.json.
"""

import csv
import json
import os
import platform
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.metrics import matthews_corrcoef

from afina import bases, features, fitting, heads, probing, recipes, retaining, shelf
from afina.records import Settings, silent
from afina.techniques import full

DATA = Path(os.environ.get("AFINA_DATA", "../shared/data"))
RESULTS = Path(__file__).parent / "results" / "forgetting.json"
GLUE = ("cola", "sst2", "mrpc", "stsb_en", "rte", "wnli")
TASKS = {"banking77": 32, "financial_phrasebank": 48}  # and the tokens that 19 of 20 texts need
ROWS, DEV, TEST, PROBED = 1000, 300, 1000, 400
EPOCHS, SEEDS, STRENGTH = 3, (0, 1, 2), 30.0
ARMS = ("none", "kl", "distill", "l2")  # replay needs a masked-language head, which the bundled base has not
PENALTIES = np.logspace(-4, 3, 8)


def main() -> None:
    """Run what is missing, keep every figure, print the tables."""
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    opened, sets = bases.open_base("bundled"), {name: glue(name) for name in GLUE}
    if "before" not in results:
        keep(results, "before", probed(heads.build(opened.folder, "mean", ("",)).base_model, opened, sets))
    for seed in SEEDS:
        for task in [name for name in sys.argv[1:] if name in TASKS] or TASKS:
            for arm in ARMS:
                key = f"{task}/{arm}/{seed}"
                if key not in results:
                    keep(results, key, one(task, seed, settings_of(task, arm), opened, sets))
                    print(key, shown(results[key]), flush=True)
    if "seconds a step" not in results:
        keep(results, "seconds a step", {task: cost(task, opened) for task in TASKS})
    tables(results)


def keep(results: dict, key: str, value: object) -> None:
    results[key] = value
    results["made"] = {
        "date": str(date.today()), "command": "python benchmarks/forgetting.py", "python": platform.python_version(),
        "torch": torch.__version__, "cores": os.cpu_count(), "threads": torch.get_num_threads(),
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def one(task: str, seed: int, settings: Settings, opened, sets) -> dict:
    """Train one arm; its task score, the GLUE scores of its body, and the seconds it took."""
    rows, labels = drawn(task, seed)
    torch.manual_seed(seed)
    model = heads.build(opened.folder, "mean", labels)
    model.encoder.set_attn_implementation(settings.attention)
    encoded = {
        split: [
            {**ids, "labels": labels.index(row["label"])}
            for ids, row in zip(
                features.encode(opened.tokenizer, [row["text"] for row in part], settings.max_seq_length), part,
                strict=True,
            )
        ]
        for split, part in rows.items()
    }  # fmt: skip
    probe(model, opened, encoded["train"])
    full.apply(model, full.Config())
    recipe = recipes.Recipe(
        epochs=EPOCHS, batch=32, rate=1e-4, head_rate=1e-2, warmup_steps=9, weight_decay=0.01, bf16=True,
        dropout=False, seed=seed, retention=retaining.penalty(settings, opened, seed),
    )  # fmt: skip
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        looked_at = {"dev": encoded["dev"]}
        fitted = fitting.fit(model, opened.tokenizer, (encoded["train"], looked_at), recipe, Path(folder), silent)
    seconds = time.monotonic() - began
    logits = answers(model, opened, encoded["test"], lambda batch: model(**batch).logits)
    truth = np.array([row["labels"] for row in encoded["test"]])
    return {
        "task": float((logits.argmax(1) == truth).mean()),
        "dev": [point.dev_accuracy for point in fitted.curve if point.dev_accuracy is not None],
        "best step": fitted.best_step,
        "glue": probed(model.base_model, opened, sets),
        "seconds": round(seconds, 1),
        "loss": fitted.curve[-1].loss,
        "penalty": fitted.curve[-1].penalty,
        "weight": settings.retention_weight,
    }


def probe(model, opened, rows: list[dict]) -> None:
    """Put the head that fits the frozen body best."""
    vectors = answers(model, opened, rows, lambda batch: model.embed(**batch))
    labels = np.array([row["labels"] for row in rows])
    weights, biases = probing.logistic(vectors, labels, model.head.out_features, STRENGTH)
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weights))
        model.head.bias.copy_(torch.from_numpy(biases))


def answers(model, opened, rows: list[dict], read_batch) -> np.ndarray:
    bare = [{name: ids for name, ids in row.items() if name != "labels"} for row in rows]
    return features.collect(model, opened.tokenizer, bare, read_batch, bf16=True)


def settings_of(task: str, retention: str) -> Settings:
    weight = 0.0 if retention == "none" else shelf.load("retentions", retention).Config().weight
    return Settings(
        technique="full", pooling="mean", options={}, learning_rate=1e-4,
        head_learning_rate=1e-2, num_train_epochs=EPOCHS, per_device_train_batch_size=32, max_seq_length=TASKS[task],
        warmup_steps=9, weight_decay=0.01, precision="bf16", attention="eager", dropout=False, retention=retention,
        retention_weight=weight,
    )  # fmt: skip


def drawn(task: str, seed: int) -> tuple[dict[str, list[dict]], tuple[str, ...]]:
    """Rows of each split in the order that the seed draws, and the classes of train."""
    both = {}
    for split in ("train", "test"):
        rows = read(task, split)
        both[split] = [rows[n] for n in np.random.default_rng(seed).permutation(len(rows))]
    train = both["train"][:ROWS]
    labels = tuple(sorted({row["label"] for row in train}))
    known = {split: [row for row in rows if row["label"] in labels] for split, rows in both.items()}
    return {"train": train, "dev": known["train"][-DEV:], "test": known["test"][:TEST]}, labels


def read(name: str, split: str) -> list[dict]:
    with (DATA / name / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def glue(name: str) -> tuple[list[str], list[str] | None, np.ndarray]:
    """Texts, second texts of a pair set, and what is asked of them: the same rows every time."""
    rows = [row for split in ("train", "dev") for row in read(name, split)]
    rows = [rows[n] for n in np.random.default_rng(0).permutation(len(rows))[:PROBED]]
    asked = [row["score"] if name == "stsb_en" else row["label"] for row in rows]
    kinds = sorted(set(asked))
    values = np.array([float(one) if name == "stsb_en" else kinds.index(one) for one in asked])
    if "text" in rows[0]:
        return [row["text"] for row in rows], None, values
    return [row["text_a"] for row in rows], [row["text_b"] for row in rows], values


def probed(body, opened, sets) -> dict[str, float]:
    """How well a linear head on the frozen body does on each GLUE set."""
    texts = sorted({text for first, second, _ in sets.values() for text in [*first, *(second or [])]})
    encoded = features.encode(opened.tokenizer, texts, 64)
    read_vectors = lambda batch: features.mean_vectors(body(**batch), batch)  # noqa: E731
    vectors = features.collect(body, opened.tokenizer, encoded, read_vectors, bf16=True)
    place = {text: n for n, text in enumerate(texts)}
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = {}
    for name, (first, second, values) in sets.items():
        u = vectors[[place[text] for text in first]]
        if second is not None:
            v = vectors[[place[text] for text in second]]
            if name == "stsb_en":
                scores["stsb_cosine"] = float(spearmanr((u * v).sum(1), values).statistic)
            u = np.hstack([np.abs(u - v), u * v])
        said = left_out(u, values)
        hit = (said > 0.5) == (values > 0.5)
        scores[name] = float(
            spearmanr(said, values).statistic if name == "stsb_en"
            else matthews_corrcoef(values > 0.5, said > values.mean()) if name == "cola" else hit.mean()
        )  # fmt: skip
    scores["mean"] = float(np.mean([scores[name] for name in GLUE]))
    return scores


def left_out(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Ridge predictions of each row from all others, with the penalty that errs least (Hastie et al. 2009, 7.10)."""
    x = ((x - x.mean(0)) / (x.std(0) + 1e-6)).astype(np.float64)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    centred, best = values - values.mean(), (np.inf, values)
    for penalty in PENALTIES:
        shrink = s**2 / (s**2 + penalty * len(x))
        leverage = (u**2) @ shrink + 1 / len(x)
        errors = (centred - u @ (shrink * (u.T @ centred))) / (1 - leverage)
        best = min(best, (float((errors**2).mean()), values - errors), key=lambda pair: pair[0])
    return best[1]


def cost(task: str, opened) -> dict[str, float]:
    """Median seconds of a training step, arms in turn so that whatever else runs slows all alike."""
    rows, labels = drawn(task, 0)
    encoded = features.encode(opened.tokenizer, [row["text"] for row in rows["train"][:320]], TASKS[task])
    batches = [batch for _, batch in features.batches(opened.tokenizer, encoded, 32)]
    truth = torch.tensor([labels.index(row["label"]) for row in rows["train"][:32]])
    arms = {}
    for retention in ARMS:
        settings = settings_of(task, retention)
        model = full.apply(heads.build(opened.folder, "mean", labels), full.Config()).eval()
        model.encoder.set_attn_implementation(settings.attention)
        begin = retaining.penalty(settings, opened, 0)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
        arms[retention] = (model, begin(model) if begin else None, optimizer, [])
    for step in range(3 * len(batches)):
        batch = batches[step % len(batches)]
        for model, penalty, optimizer, seconds in arms.values():
            began = time.process_time()
            with torch.autocast("cpu", torch.bfloat16):
                with features.watching(model.base_model) as seen:
                    loss = model(**batch, labels=truth).loss
                if penalty:
                    loss = loss + penalty(model, batch, seen[-1], step)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            seconds.append(time.process_time() - began)
    return {name: float(np.median(arm[3])) for name, arm in arms.items()}


def shown(arm: dict) -> str:
    return f"task {arm['task']:.3f}, GLUE {arm['glue']['mean']:.4f}, cosine {arm['glue']['stsb_cosine']:.3f}"


def tables(results: dict) -> None:
    """Means over the seeds, and the paired difference from plain full fine-tuning with its standard deviation."""
    before = results["before"]
    print(f"\nbefore any task: {', '.join(f'{name} {value:.3f}' for name, value in before.items())}")
    for task in TASKS:
        print(f"\n| {task} | task accuracy | GLUE mean, points lost | task, against none | GLUE, against none | s |")
        print("|---|---|---|---|---|---|")
        bare = [results.get(f"{task}/none/{seed}") for seed in SEEDS]
        for arm in ARMS:
            runs = [results.get(f"{task}/{arm}/{seed}") for seed in SEEDS]
            if None in runs or None in bare:
                continue
            score, glue_mean = np.array([[run["task"], run["glue"]["mean"]] for run in runs]).T * 100
            score_0, glue_0 = np.array([[run["task"], run["glue"]["mean"]] for run in bare]).T * 100
            print(
                f"| {arm} | {spread(score)} | {spread(100 * before['mean'] - glue_mean)} | {spread(score - score_0)} "
                f"| {spread(glue_mean - glue_0)} | {np.mean([run['seconds'] for run in runs]):.0f} |"
            )
        print(f"\n| {task}: points lost | {' | '.join(name for name in before)} |")
        print(f"|---{'|---' * len(before)}|")
        for arm in ARMS:
            runs = [results[key] for seed in SEEDS if (key := f"{task}/{arm}/{seed}") in results]
            lost = [100 * (before[name] - np.mean([run["glue"][name] for run in runs])) for name in before if runs]
            print(f"| {arm} | {' | '.join(f'{value:+.1f}' for value in lost)} |")
    for task, seconds in results.get("seconds a step", {}).items():
        print(
            f"\n{task}: processor seconds a step {', '.join(f'{name} {value:.3f}' for name, value in seconds.items())}"
        )


def spread(values: np.ndarray) -> str:
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


if __name__ == "__main__":
    main()
