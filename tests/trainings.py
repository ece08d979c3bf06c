"""A training that takes a second, on a tiny random base: what tests of fitting and of checkpoints share.

Run as a program it is a crash machine: see `tests/test_crashes.py`.
"""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from afina import features, heads, recipes
from afina.techniques import full, lora

LABELS = ("lost", "visit")
RECIPE = recipes.Recipe(
    epochs=3, batch=4, rate=1e-3, head_rate=1e-2, warmup_steps=2, weight_decay=0.01, bf16=False, dropout=True, seed=5
)
ENDINGS = ("today", "please", "no", "my", "the", "a", "red", "blue")
UNFREEZING = recipes.Policy("gradual_unfreezing", {"by": "loss", "window": 3, "patience": 1, "threshold": 0.9})
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {  # name -> what is trained, and how it differs from RECIPE
    "full": (lambda model: full.apply(model, full.Config()), {}),
    "lora": (lambda model: lora.apply(model, lora.Config(r=2)), {"rate": 1e-2}),
    "staged": (lambda model: full.apply(model, full.Config()), {"staging": UNFREEZING}),
}


def recipe(**changes: Any) -> recipes.Recipe:
    return dataclasses.replace(RECIPE, **changes)


def model_of(base: Path, kind: str = "full") -> Any:
    torch.manual_seed(3)
    return KINDS[kind][0](heads.build(base, "mean", LABELS))


def rows_of(tokenizer: Any) -> list[recipes.Encoded]:
    """16 rows of two classes, in four batches a pass; the file has a heading."""
    texts = [f"{start} {word}" for start in ("my card is lost", "book a visit") for word in ENDINGS]
    encoded = features.encode(tokenizer, texts, 32)
    return [{**ids, "labels": int(n >= 8), "where": f"notes.csv:{n + 2}"} for n, ids in enumerate(encoded)]


def weights(model: Any) -> torch.Tensor:
    return torch.cat([value.detach().flatten().double() for value in model.state_dict().values()])
