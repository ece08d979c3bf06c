"""Policies without the rest of afina: layer-wise rates, a cyclic schedule and stages in a Trainer of your own.

python examples/rates_and_stages_with_a_plain_trainer.py BASE OUT     BASE: a folder or hub id of an encoder
"""

import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

from afina.rates import layerwise
from afina.schedules import triangular2
from afina.staging import Staged
from afina.stagings import gradual_unfreezing

TEXTS = ["my card is lost", "where is my card", "book a visit", "can i book the doctor"] * 8
LABELS = [0, 0, 1, 1] * 8
STEPS = 16


def main(base: str, out: str) -> None:
    """Train, and say which stage began when."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoded = tokenizer(TEXTS, padding=True)
    rows = [{**{key: encoded[key][i] for key in encoded}, "labels": label} for i, label in enumerate(LABELS)]

    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=2, dtype="float32")
    groups = layerwise.groups(model, layerwise.Config(rate=1e-4, factor=0.9), head_rate=1e-3, weight_decay=0.01)
    optimizer = torch.optim.AdamW(groups)
    wave = triangular2.Config(cycles=2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: triangular2.factor(step, STEPS, 0, wave))
    staged = Staged(gradual_unfreezing.edges, gradual_unfreezing.Config(by="share", share=0.5))
    arguments = TrainingArguments(out, max_steps=STEPS, use_cpu=True, save_strategy="no", report_to="none")
    Trainer(
        model=model, args=arguments, train_dataset=rows, optimizers=(optimizer, scheduler), callbacks=[staged]
    ).train()
    for change in staged.changes:
        print(f"step {change.step}: stage {change.number + 1}, {change.why}")
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
