"""A tiny classifier that was really trained, exported once for all tests that need one."""

import copy
import functools
import random
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoTokenizer

from afina import export, heads
from afina.config import TrainOptions
from afina.records import Body, Columns, Corpus, Plan, Profile, Row, Task, silent
from afina.stages import plan as stage

LABELS = ("health", "money", "travel")
TASK = Task(labels=LABELS)
TELLING = {"health": ("doctor", "pain", "test"), "money": ("card", "bill", "pay"), "travel": ("visit", "book", "where")}
FILLER = "the a is my when can i please thanks no yes today tomorrow red blue one two"
FILLING = tuple(FILLER.split(" "))
MAX_TOKENS = 48


class Exported(NamedTuple):
    model: Any
    tokenizer: Any
    folder: Path
    corpus: Corpus


def rows(count: int, seed: int, split: str) -> tuple[Row, ...]:
    """Texts of filling words with one or two telling words, which decide the label."""
    rng = random.Random(seed)
    made = []
    for line in range(count):
        label = rng.choice(LABELS)
        words = rng.choices(FILLING, k=rng.randint(1, 25)) + rng.choices(TELLING[label], k=rng.randint(1, 2))
        rng.shuffle(words)
        made.append(Row(" ".join(words), label, f"{split}.csv:{line + 2}"))
    return tuple(made)


@functools.cache
def exported(base: Path) -> Exported:
    """A mean-pooled classifier, trained for a second and exported. Tests copy the folder before they alter it."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = heads.build(base, "mean", LABELS)
    groups = [{"params": model.encoder.parameters(), "lr": 1e-2}, {"params": model.head.parameters(), "lr": 0.2}]
    optimizer = torch.optim.AdamW(groups)
    train = rows(1024, 1, "train")
    for start in range(0, 40 * 64, 64):
        batch = [train[(start + i) % len(train)] for i in range(64)]
        inputs = tokenizer([row.text for row in batch], padding=True, return_tensors="pt")
        model(**inputs, labels=torch.tensor([LABELS.index(row.label) for row in batch])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    folder = Path(tempfile.mkdtemp(prefix="afina-tests-")) / "onnx"
    export.export(model, tokenizer, TASK, folder, MAX_TOKENS)
    corpus = Corpus(
        "tiny", Columns("text", "label"), LABELS, train, rows(200, 2, "dev"), rows(300, 3, "test"), "made", (), ()
    )
    return Exported(model, tokenizer, folder, corpus)


def plan_of(corpus: Corpus, opened: Any, **settings: Any) -> Plan:
    """What the plan stage makes of a corpus of short texts, with these settings in place of its own."""
    profile = Profile(
        len(corpus.train), len(corpus.labels), 1, 1, "en", (8.0,) * 3, (24.0,) * 3, 1.1, 0.0, {}, "general", ()
    )
    made = stage.plan(corpus, profile, opened, TrainOptions(), silent, 0)
    return replace(made, settings=replace(made.settings, **settings))


def copies(base: Path) -> tuple[Callable[[], Body], Callable[[], Body]]:
    """What opens new copies of two bodies: one that was trained on the rows above, and one of random weights."""
    made = exported(base)

    def knows() -> Body:
        return Body(copy.deepcopy(made.model.encoder), made.tokenizer, MAX_TOKENS)

    def random_one() -> Body:
        body = knows()
        torch.manual_seed(1)
        for weight in body.model.parameters():
            torch.nn.init.normal_(weight, std=0.02)
        return body

    return knows, random_one
