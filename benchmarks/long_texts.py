"""Texts longer than the model reads: cut, in windows, or whole; which answers of the windows are put together, and how.

    python benchmarks/long_texts.py [frozen|tuned] [SET ...]      prints tables and writes results/long_texts.json

Three sets, each a part of its official splits, one core:
    scicite     as it is (citation intents, 46 tokens in the median), read in windows of 32
    statements  financial_phrasebank: a statement at a random place among six neutral ones of the same split; its label
                (up, down, neutral) is that of the text. Windows of 64: the answer stands in one or two of about four
    terms       unfair_tos: eight clauses as they follow each other in one document, with the labels of all of them
                (multi-label, macro F1 is over labels). Windows of 64, train is folds 2 to 4, dev fold 1, test fold 0

frozen    logistic heads on the bundled base's frozen mean vectors (C of 1, 10, 100 by dev). Training on first windows
          (first), on every window with weight 1/n (every), on the mean of the windows' vectors (mean); and of the whole
          text at once (whole). In use: the first window; the mean of logits, plain and by tokens; the mean of
          probabilities; the largest logit; the head on the mean vector of all tokens, brought to unit length (vectors).
tuned     the whole body trained by `fitting`, 3 passes at 1e-4, on fewer rows: on texts cut, or on one window of each
          a pass; in use as above. One seed.
Score: accuracy, or micro F1 with thresholds from dev. What it does not say: how bodies other than the bundled one fare.
"""

import csv
import gzip
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from afina import bases, encoding, features, fitting, heads, recipes, shelf, tasks, timing, windows
from afina.records import Columns, Corpus, Row, silent

DATA = Path(os.environ.get("AFINA_DATA", "../shared/data"))
RESULTS = Path(__file__).parent / "results" / "long_texts.json"
SIZES = (800, 400, 900)  # rows of train, dev and test at most
FEWER = (500, 300, 400)  # where the body is trained
WINDOW = {"scicite": 32, "statements": 64, "terms": 64}  # tokens
TUNED = 3.0, 1e-4  # passes, peak rate


def main() -> None:
    """The arms that are named, or all; results that are there already are kept beside new ones."""
    torch.set_num_threads(1)
    arms = [arm for arm in ("frozen", "tuned") if arm in sys.argv[1:]] or ["frozen", "tuned"]
    for name in [name for name in WINDOW if name in sys.argv[1:]] or list(WINDOW):
        corpus = CORPORA[name]()
        for arm in arms:
            began = time.process_time()
            found = (frozen if arm == "frozen" else tuned)(corpus, WINDOW[name])
            kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
            kept[f"{name}/{arm}"] = {"date": date.today().isoformat(), **found, "cpu_s": time.process_time() - began}
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
            print(name, arm, json.dumps(kept[f"{name}/{arm}"]), flush=True)


# ---------------------------------------------------------------- texts


def scicite() -> Corpus:
    """As it is."""
    parts = [_csv("scicite", split) for split in ("train", "dev", "test")]
    return _corpus("classify", [_few([Row(r["text"], r["label"], "") for r in part]) for part in parts])


def statements() -> Corpus:
    """One statement that counts among six neutral ones."""
    rng, parts = random.Random(0), []
    for split in ("train", "dev", "test"):
        rows = _csv("financial_phrasebank", split)
        neutral, made = [row["text"] for row in rows if row["label"] == "neutral"], []
        for row in _few(rows):
            texts = rng.sample(neutral, 6)
            texts.insert(rng.randint(0, 6), row["text"])
            made.append(Row(" ".join(texts), row["label"], ""))
        parts.append(made)
    return _corpus("classify", parts)


def terms() -> Corpus:
    """Eight clauses in a row."""
    with gzip.open(DATA / "unfair_tos" / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    with (DATA / "unfair_tos" / "test.jsonl").open(encoding="utf-8") as file:
        rows += [json.loads(line) for line in file]
    made: list[list[Row]] = [[], [], []]
    for (_, fold), own in groupby(rows, key=lambda row: (row["company"], row["fold"])):
        clauses = list(own)
        for start in range(0, len(clauses), 8):
            part = clauses[start : start + 8]
            labels = tuple(sorted({label for clause in part for label in clause["labels"]}))
            text = " ".join(clause["text"] for clause in part)
            made[{0: 2, 1: 1}.get(fold, 0)].append(Row(text, "", "", labels=labels))
    return _corpus("multilabel", [_few(part) for part in made])


CORPORA = {"scicite": scicite, "statements": statements, "terms": terms}


def _csv(name: str, split: str) -> list[dict[str, str]]:
    with (DATA / name / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _few(rows: Sequence[Any]) -> list[Any]:
    return random.Random(0).sample(list(rows), min(len(rows), 2000))


def _corpus(kind: str, parts: Sequence[Sequence[Row]]) -> Corpus:
    train, dev, test = (tuple(part[:size]) for part, size in zip(parts, SIZES, strict=True))
    labels = shelf.load("objectives", kind).outputs(train, "train")
    return Corpus(kind, Columns("text", "label"), labels, train, dev, test, "", (), (), kind=kind)


# ---------------------------------------------------------------- the body as it is


def frozen(corpus: Corpus, most: int) -> dict[str, Any]:
    """Scores on dev and test by what was trained on and what is done in use."""
    opened = bases.open_base("bundled")
    encoder = heads.build(opened.folder, "mean", corpus.labels).base_model
    read = lambda batch: features.mean_vectors(encoder(**batch), batch)  # noqa: E731

    def vectors(encoded: Sequence[Any]) -> np.ndarray:
        return features.collect(encoder, opened.tokenizer, encoded, read, timing.has_bf16())

    parts, whole, seconds = [], [], [0.0, 0.0]
    for rows in (corpus.train, corpus.dev, corpus.test):
        texts = [row.text for row in rows]
        apart, owner = windows.apart(features.encode_long(opened.tokenizer, texts, most))
        began = time.process_time()
        parts.append((vectors(apart), owner, np.array([len(one["input_ids"]) for one in apart])))
        halfway = time.process_time()
        whole.append(_unit(vectors(features.encode(opened.tokenizer, texts, opened.record.max_tokens))))
        seconds = [seconds[0] + halfway - began, seconds[1] + time.process_time() - halfway]
    shares = np.bincount(parts[2][1])
    found: dict[str, Any] = {
        "rows": [len(corpus.train), len(corpus.dev), len(corpus.test)],
        "longer, share of test": float((shares > 1).mean()),
        "windows a text": float(shares.mean()),
        "cpu s, windows and whole": seconds,
    }
    for training in ("first", "every", "mean"):
        x, owner, weights = _training(training, *parts[0])
        found[training] = _best(corpus, x, owner, weights, [_in_use(*part) for part in parts[1:]])
    alone = np.arange(len(corpus.train))
    at_once = [{"whole": lambda head, act, v=v: act(head(v))} for v in whole[1:]]
    found["whole"] = _best(corpus, whole[0], alone, np.ones(len(alone)), at_once)
    return found


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _training(name: str, vectors: np.ndarray, owner: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, ...]:
    """What a head is fitted on, the row of each, and its weight."""
    unit, counts = _unit(vectors), np.bincount(owner)
    alone = np.arange(len(counts))
    if name == "first":
        return unit[np.searchsorted(owner, alone)], alone, np.ones(len(alone))
    if name == "every":
        return unit, owner, 1 / counts[owner]
    return _mean(unit, owner), alone, np.ones(len(alone))


def _mean(values: np.ndarray, owner: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    if weights is not None:
        values = values * (weights / (np.bincount(owner, weights) / np.bincount(owner))[owner])[:, None]
    return windows.mean([(np.arange(len(owner)), values)], owner)


def _in_use(vectors: np.ndarray, owner: np.ndarray, tokens: np.ndarray) -> dict[str, Any]:
    """Each way to answer for the texts of a split, from a head: vectors -> logits, and what activates these."""
    unit, start = _unit(vectors), np.searchsorted(owner, np.arange(owner[-1] + 1))
    return {
        "cut": lambda head, act: act(head(unit[start])),
        "logits": lambda head, act: act(_mean(head(unit), owner)),
        "logits by tokens": lambda head, act: act(_mean(head(unit), owner, tokens)),
        "probabilities": lambda head, act: _mean(act(head(unit)), owner),
        "largest logit": lambda head, act: act(np.maximum.reduceat(head(unit), start)),
        "vectors": lambda head, act: act(head(_unit(_mean(vectors, owner, tokens)))),
    }


def _best(
    corpus: Corpus, x: np.ndarray, owner: np.ndarray, weights: np.ndarray, uses: Sequence[dict[str, Any]]
) -> dict[str, list[float]]:
    """For each way to answer its scores on dev and test, with the strength of the head that is best on dev."""
    objective, task = shelf.load("objectives", corpus.kind), tasks.of(corpus, windows.CUT)
    act = ACTIVATIONS[task.activation]
    targets = objective.targets(corpus.train, corpus.labels)[owner]
    best: dict[str, list[float]] = {}
    for strength in (1.0, 10.0, 100.0):
        head = _fit(x, targets, weights, strength, corpus.kind != "classify")
        for name in uses[0]:
            dev, test = (use[name](head, act) for use in uses)
            tuned = objective.tune(corpus.dev, lambda _, dev=dev: dev, task)
            scores = [
                objective.scores(rows, values, tuned, 0)[0].value
                for rows, values in ((corpus.dev, dev), (corpus.test, test))
            ]
            best[name] = max(best.get(name, [-1.0]), [round(score, 4) for score in scores], key=lambda one: one[0])
    return best


def _fit(x: np.ndarray, targets: np.ndarray, weights: np.ndarray, strength: float, several: bool) -> Any:
    def one(wanted: np.ndarray) -> LogisticRegression:
        return LogisticRegression(C=strength, max_iter=300).fit(x, wanted, sample_weight=weights)

    if several:
        known = [one(column) if column.any() else None for column in targets.T]
        return lambda v: np.stack([np.full(len(v), -9.0) if m is None else m.decision_function(v) for m in known], 1)
    return one(targets).decision_function


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


ACTIVATIONS = {"softmax": _softmax, "sigmoid": lambda logits: 1 / (1 + np.exp(-logits))}


# ---------------------------------------------------------------- the whole body trained


def tuned(corpus: Corpus, most: int) -> dict[str, Any]:
    """Scores on test with their intervals: trained on texts that are cut and on windows, in use in every way."""
    opened, objective = bases.open_base("bundled"), shelf.load("objectives", corpus.kind)
    train, dev, test = (part[:size] for part, size in zip((corpus.train, corpus.dev, corpus.test), FEWER, strict=True))
    rows = encoding.encode(opened.tokenizer, train, corpus, most, long_texts=windows.WINDOW)
    found: dict[str, Any] = {"rows": [len(train), len(dev), len(test)]}
    for name, shown in (("cut", [windows.cut(row) for row in rows]), ("window a pass", rows)):
        torch.manual_seed(0)
        model = heads.build(opened.folder, "mean", corpus.labels, objective.PROBLEM)
        recipe = recipes.Recipe(
            epochs=TUNED[0], batch=32, rate=TUNED[1], head_rate=3e-2, warmup_steps=0, weight_decay=0.01,
            bf16=timing.has_bf16(), dropout=True, seed=0, eval_steps=10**6, keeps_last=True,
            dev_score=lambda logits, wanted: objective.dev_score(logits, wanted, corpus.labels),
        )  # fmt: skip
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            fitting.fit(model, opened.tokenizer, (shown, {"train": shown[:32]}), recipe, Path(folder), silent)
        found[f"{name}, cpu s"] = time.process_time() - began
        uses = [_answers(model, opened.tokenizer, part, most) for part in (dev, test)]
        task = tasks.of(corpus, windows.CUT)
        for use in uses[0]:
            on_dev, on_test = (one[use] for one in uses)
            fitted = objective.tune(dev, lambda _, answers=on_dev: answers, task)
            score = objective.scores(test, on_test, fitted, 0)[0]
            found[f"{name}, {use}"] = [round(x, 4) for x in (score.value, score.low, score.high)]
    return found


def _answers(model: Any, tokenizer: Any, rows: Sequence[Row], most: int) -> dict[str, np.ndarray]:
    """What a trained model answers, by the way in which its windows are put together."""
    apart, owner = windows.apart(features.encode_long(tokenizer, [row.text for row in rows], most))
    logits = features.collect(model, tokenizer, apart, lambda batch: model(**batch).logits, timing.has_bf16())
    act = ACTIVATIONS["sigmoid" if model.config.problem_type.startswith("multi") else "softmax"]
    start = np.searchsorted(owner, np.arange(len(rows)))
    return {
        "cut": act(logits[start]),
        "logits": act(_mean(logits, owner)),
        "probabilities": _mean(act(logits), owner),
        "largest logit": act(np.maximum.reduceat(logits, start)),
    }


if __name__ == "__main__":
    main()
