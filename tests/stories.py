"""Finished runs made by hand: few classes and many, pairs, no test split, hostile labels."""

import json
import math
from dataclasses import replace

from pydantic import TypeAdapter

from afina import report, store
from afina.records import (
    Base,
    Choice,
    ClassScore,
    Columns,
    Compressed,
    Corpus,
    Distance,
    Evaluation,
    Facts,
    Finding,
    LayerScore,
    Look,
    Plan,
    Point,
    Profile,
    Row,
    Score,
    Settings,
    Source,
    Suspect,
    Term,
    Trained,
    Variant,
)
from afina.story import Story

ROW_TEXT = "xylophone zebra text of a user"
HOSTILE = (
    '<script>alert("1")</script>',
    "\"'><img src=x onerror=alert(1)>",
    "א\u202eמחק`|*[a](javascript:1)",
    "L" * 200,
)


def make(labels: tuple[str, ...] = ("loan", "card"), pair: bool = False, tested: bool = True) -> Story:
    n = len(labels)
    counts = {label: 40 + 7 * (place * 5 % 23) for place, label in enumerate(labels)}
    rows = tuple(
        Row(ROW_TEXT, label, f"train.csv:{i + 2}", "second" if pair else None) for i, label in enumerate(labels)
    )
    findings = (
        Finding(
            "duplicates",
            "212 rows of train are copies",
            "removed",
            "nothing: the first was kept",
            212,
            ("train.csv:9",),
        ),
        Finding(
            "label_typos", "3 rows look mistyped", "kept", "correct these labels", 3, (f"train.csv:4: {labels[0]!r}",)
        ),
    )
    corpus = Corpus(
        "bank", Columns("text", "label", "other" if pair else None, "the columns are named so"), labels, rows * 3, rows,
        rows if tested else (), "Test and dev were cut from train by class.", findings,
        (Source("train.csv", "ab" * 32, 3 * n),),
    )  # fmt: skip
    return Story(
        corpus,
        profile(counts),
        plan(n),
        replace(trained(), suspects=(Suspect("train.csv:9", labels[0], labels[-1], 0.97, 0.011),)),
        evaluation(labels, tested),
        compressed(),
        times(),
        {"afina": "0"},
        "1 May",
    )


def profile(counts: dict[str, int]) -> Profile:
    distances = (
        Distance("words", 0.61, 0.59, 0.63, 0.31, "bits", 600, "Other words are used than in general texts."),
        Distance("fragmentation", 1.12, 1.08, 1.17, 1.03, "ratio", 600, "Words break into somewhat more tokens."),
        Distance("embeddings", 0.048, 0.044, 0.053, 0.004, "squared MMD", 600, "The texts mean other things."),
    )
    return Profile(
        sum(counts.values()), len(counts), min(counts.values()), max(counts.values()), "en", (11.0, 27.0, 79.0),
        (14.0, 33.0, 99.0), 1.17, 0.0004, counts, "/home/me/reference.txt", distances, ("no pairs were compared",),
        (Term("direct débit <i>", "phrase", 76, 70, 4.2, "mined", 3), Term("atm", "word", 256, 250, 5.0, "mined", 1)),
        {9: 40, 14: 160, 33: 30, 60: 2, 99: 1},
    )  # fmt: skip


def plan(classes: int) -> Plan:
    layers = tuple(
        LayerScore(layer, pooling, mid, mid - 0.02, mid + 0.018)
        for pooling, scale in (("mean", 1.0), ("cls", 0.93))
        for layer, mid in enumerate(scale * x for x in (0.71, 0.78, 0.82, 0.846, 0.86, 0.871, 0.868))
    )
    choices = (
        Choice("technique", "freeze", "117 rows a class are enough to train the body above layer 2",
               {"rows": 9003, "frozen probe, accuracy": 0.8712},
               {"full": "22,713,216 parameters, moves what already serves",
               "lora": "184,397 parameters, no gain where all fits in memory"}),
        Choice("pooling", "mean", "the mean of the tokens says at least as much", {"mean, last layer": 0.868}),
        Choice("learning_rate", 2e-4, "the body's peak; best of those tried on several sets"),
        Choice("num_train_epochs", 3.0, "3 passes give 846 steps", {"rows": 9003}),
        Choice("max_seq_length", 48, "room for 19 of 20 texts and a quarter more", {"tokens, median": 14.0}),
        Choice("precision", "bf16", "2.1x faster than in fp32", {"fp32, ms a row": 3.1, "bf16, ms a row": 1.5}),
    )  # fmt: skip
    return Plan(
        Base("bundled", "bert", "cd" * 32, 6, 384, 22713216, 10647168, 512),
        Settings("freeze", "mean", {"layers": 2}, 2e-4, 1e-2, 3.0, 32, 48, 85, 0.01, "bf16", "eager", False),
        choices, {"trainable": 7127117, "memory": 612e6, "disk": 410e6, "seconds": 171.0}, layers,
        Facts(9003, classes, 117.0, 14.0, 6, 384, 22713216, 10647168, 0.0011, 0.8712, 0.0208),
    )  # fmt: skip


def trained() -> Trained:
    curve = tuple(
        Point(s, 4.3 * math.exp(-s / 180) + 0.09,
              {name: peak * min(s / 85, (846 - s) / 761) for name, peak in (("body", 2e-4), ("head", 1e-2))},
              0.3 + 3.9 * math.exp(-s / 170) if s % 60 == 0 else None,
              0.935 - 0.9 * math.exp(-s / 120) if s % 60 == 0 else None)
        for s in range(20, 841, 20)
    )  # fmt: skip
    dev = (Score("accuracy", 0.931, 0.914, 0.945),)
    looks = tuple(
        Look(name, p.step, "accuracy", p.dev_accuracy - low, p.dev_accuracy - low - 0.03, p.dev_accuracy - low + 0.02,
             p.dev_loss, 500)
        for p in curve if p.dev_accuracy is not None and p.dev_loss is not None
        for name, low in (("dev", 0.0), ("old_task", 0.1), ("long_texts", 0.2))
    )  # fmt: skip
    return Trained(
        "freeze", "model", "sentence-transformers", 7127117, 22742861, 183.4, curve, 780, dev, 2.1e-6, (), looks,
        "3 looks without a gain on dev after step 780",
    )  # fmt: skip


def evaluation(labels: tuple[str, ...], tested: bool) -> Evaluation:
    n = len(labels)
    confusion = tuple(
        tuple(36 + i % 4 if i == j else (i * 7 + j * 3) % 5 if (i + j) % 11 == 0 or n < 9 else 0 for j in range(n))
        for i in range(n)
    )
    per_class = [
        ClassScore(x, 0.8 + i % 19 / 100, 0.99 - i % 17 / 100, 0.99 - i % 23 / 60, 40) for i, x in enumerate(labels)
    ]
    per_class[-1] = ClassScore(labels[-1], 0.0, 0.0, 0.0, 0) if n > 2 else per_class[-1]
    bins = tuple((0.05 + x / 10, max(0.0, 0.02 + x / 10 - (x < 6) * 0.06), 5 + x**3) for x in range(10))
    return Evaluation(
        3080, "test" if tested else "dev",
        (Score("accuracy", 0.938, 0.929, 0.946), Score("macro_f1", 0.9377, 0.928, 0.945),
         Score("micro_f1", 0.938, 0.929, 0.946), Score("ece", 0.021, 0.015, 0.03),
         Score("brier", 0.094, 0.085, 0.104), Score("log_loss", 0.247, 0.221, 0.275)),
        tuple(per_class), confusion, (*bins, (0.0, 0.0, 0)),
        {"majority": (Score("accuracy", 0.013, 0.009, 0.018), Score("macro_f1", 0.0003, 0.0002, 0.0004)),
         "tfidf": (Score("accuracy", 0.901, 0.89, 0.911), Score("macro_f1", 0.9, 0.889, 0.91)),
         "frozen_probe": (Score("accuracy", 0.916, 0.906, 0.926),)},
        tuple((f"test.csv:{i * 13 + 2}", labels[i % n], labels[(i + 1) % n], 0.99 - i / 100) for i in range(30)),
    )  # fmt: skip


def compressed() -> Compressed:
    variants = (
        Variant("none", "onnx/model.onnx", 90_900_000, 1.0, 1.0, 0.0, 4.9, 402.0, "the model as it was trained"),
        Variant("int8_dynamic", "onnx/model.int8.onnx", 22_800_000, 3.99, 0.987, 0.12, 2.1, 911.0, "within 0.5 points"),
        Variant("half", "onnx/model.fp16.onnx", 45_600_000, 1.99, 1.0, 0.0, 6.2, 330.0, "smaller, but slow"),
    )  # fmt: skip
    scores = (Score("accuracy", 0.937, 0.928, 0.945),)
    return Compressed(
        "int8_dynamic", "onnx/model.int8.onnx", 3.99, 0.1, -0.2, 0.4, 0.988, 0.983, 0.993, scores, 3.3e-6, variants
    )


def times() -> dict[str, float]:
    return {"corpus": 1.2, "profile": 14.0, "plan": 31.5, "train": 183.4, "evaluate": 8.8, "compress": 42.0}


CASES = {
    "two": make(),
    "pairs": make(("entailment", "none", "neutral"), pair=True),
    "untested": make(("a", "b", "c"), tested=False),
    "one": make(("only",)),
    "many": make(tuple(f"card_payment_wrong_exchange_rate_{i}" for i in range(77))),
    "hostile": make(HOSTILE),
}


def on_disk(folder, story=None, probes=None, reported=False):
    """A finished run in its folder, as the pipeline leaves it, but for the models; with stand-ins for its report."""
    story = replace(story or CASES["two"], probes=probes)
    made = (story.corpus, story.profile, story.plan, story.trained, story.evaluation, story.compressed)
    named = dict(zip(("corpus", "profile", "plan", "train", "evaluate", "compress"), made, strict=True))
    if probes is not None:
        named["probe"] = probes
    for name, record in named.items():
        content = {"inputs": "", "seconds": 2.0, "record": TypeAdapter(type(record)).dump_python(record, mode="json")}
        store.write_text(folder / store.RECORDS / f"{name}.json", json.dumps(content))
    store.write_text(folder / "run.yaml", "seed: 7\noutput_dir: /home/me/secret\n")
    for name in ("report.html", "report.json", "README.md"):
        store.write_text(folder / name, f"{name} of {story.corpus.name}")
    if reported:
        report.write(folder, story)
    return folder
