"""What each line of a plan rests on: a measurement of the run itself, one of the project's, or a paper."""

import re

from afina import keys, shelf
from afina.records import Choice

USERS = "set by the user"
HERE = "measured in this run"
SOURCES = {
    "technique": "RESULTS.md, Few labels; RESULTS.md, Techniques; LOG.md, Few labels",
    "pooling": f"{HERE}, the base frozen; pairs also LOG.md, Pairs of texts",
    "freeze_layers": f"{HERE}, the distance; LOG.md, Freezing the lower layers; RESULTS.md, What training the whole "
    "body gains, and the distances",
    "learning_rate": "LOG.md, A lower rate for the body; RESULTS.md, Techniques",
    "lora_r": "RESULTS.md, Techniques; Hu et al. 2021, arXiv:2106.09685",
    "head_learning_rate": "Kumar et al. 2022, arXiv:2202.10054; LOG.md, Fine-tuning from the probe's head",
    "num_train_epochs": "Mosbach et al. 2021, arXiv:2006.04884: more passes on few rows; LOG.md, How many steps",
    "per_device_train_batch_size": "LOG.md, What a step is made of, again",
    "max_seq_length": f"{HERE}, the lengths of the texts",
    "long_texts": f"{HERE}, the lengths of the texts; RESULTS.md, Texts longer than the model reads",
    "warmup_steps": "Mosbach et al. 2021, arXiv:2006.04884: why; how many is a rule of this project",
    "rates": "RESULTS.md, Policies of rates; Zhang et al. 2021, arXiv:2006.05987: layerwise rates gain little once "
    "steps are enough",
    "lr_scheduler_type": "RESULTS.md, Policies of rates; Devlin et al. 2019, arXiv:1810.04805: linear",
    "staging": "RESULTS.md, Policies of rates",
    "weight_decay": "Devlin et al. 2019, arXiv:1810.04805: 0.01",
    "precision": f"{HERE}, a few timed steps",
    "attention": f"{HERE}, a few timed steps",
    "dropout": "LOG.md, Dropout, and what a step is made of",
    "class_weights": "RESULTS.md, Balancing: no gain where measured",
    "loss": "Lin et al. 2017, arXiv:1708.02002, for focal; off until asked for",
    "retention": "RESULTS.md, Forgetting and retentions; RESULTS.md, Probes: little was lost without one",
    "adapt_file": f"{HERE}, distance and size; LOG.md, What 200 steps of adapting did to the frozen layers; Gururangan "
    "et al. 2020, arXiv:2004.10964: what it gained elsewhere",
    "adapt_technique": "LOG.md, Adapting by a part of the weights",
    "adapt_learning_rate": "LOG.md, Adapting by a part of the weights",
    "adapt_masking": "RESULTS.md, Adapting to unlabelled text",
    "new_tokens": f"{HERE}, the pieces of the words; RESULTS.md, Vocabulary and new rows",
    "special_tokens": "off until asked for: only you know which marks your texts have",
    "balancing": f"{HERE}, the rows of each class; RESULTS.md, Balancing: no gain where measured",
    "augmentation": f"{HERE}, the rows of each class; LOG.md, Augmentation: what fill_mask gains on a frozen base",
}
USUAL = "a usual value; not measured here"
PAPER = re.compile(r"^Source: (.*?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)


def of(choice: Choice, technique: str) -> str:
    """The source of a line; of an option of the technique what its module names."""
    name = choice.name
    if choice.why == USERS:
        return USERS
    if name in SOURCES:
        return SOURCES[name]
    if name in keys.of(technique):
        found = PAPER.search(shelf.load("techniques", technique).__doc__ or "")
        return " ".join(found.group(1).split()) if found else USUAL
    return USUAL
