"""setfit with its paper's setting, for few_labels.py: python setfit_peer.py FOLDER BASE SEED.

Source: Tunstall et al. 2022, arXiv:2209.11055: 20 pairs of each kind a row, one epoch, batch 16, logistic head.
"""

import csv
import json
import sys
from pathlib import Path

from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments


def main(folder: Path, base: str, seed: int) -> None:
    """Train on train.csv, answer texts.csv in answers.json."""
    with (folder / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "texts.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    labels = sorted({row["label"] for row in rows})
    model = SetFitModel.from_pretrained(base, labels=labels)
    setting = {"batch_size": 16, "num_iterations": 20, "num_epochs": 1}
    arguments = TrainingArguments(str(folder / "out"), **setting, seed=seed, report_to="none")
    data = Dataset.from_list([{"text": row["text"], "label": labels.index(row["label"])} for row in rows])
    Trainer(model=model, args=arguments, train_dataset=data).train()
    (folder / "answers.json").write_text(json.dumps([str(answer) for answer in model.predict(texts)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
