"""What this project measured of what the plan leaves out, a sentence each; where it stands is in `sources`.

These are figures of other data than the user's, from benchmarks/RESULTS.md and LOG.md: a line of a plan says them where
its own run has no number for what it refuses.
"""

from collections.abc import Iterable
from dataclasses import replace

from afina.records import Choice

UNKNOWN = "not measured here"
RANK = "not chosen from the data: no rule for it was measured, and 4 was not told from 8; memory grows with it"
WHY = {"lora_r": RANK}  # key -> its line, where it is not its option's description
AGAINST = {
    "head_learning_rate": {"0.001": "changed nothing on banking77: accuracy 0.923 and 0.925"},
    "dropout": {"False": "a quarter faster a pass, and a point lost on banking77; nothing on three smaller sets"},
    "lora_r": {"4": "accuracy 0.946 against 0.950 with 8 on 1,000 rows of trec, one draw: less than a standard error"},
    "class_weights": {
        "balanced": "macro F1 0.0 and +0.1 points on two unequal sets, accuracy -6.0 and +0.1",
        "effective": "macro F1 -0.1 and +0.1 points on two unequal sets, accuracy -0.6 and +0.1",
    },
    "loss": {"focal": UNKNOWN},
    "balancing": {
        "random": "macro F1 0.0 points on two unequal sets, accuracy -1.8 and 0.0",
        "semantic": "macro F1 +0.1 and 0.0 points on two unequal sets, accuracy -1.6 and 0.0",
    },
    "augmentation": {"fill_mask": "lost 2.2 to 2.9 points with 8 rows a class of banking77, in all of three draws"},
    "new_tokens": {
        "2000": "15% fewer tokens a word on medical texts, and 3 to 5 points of a frozen probe lost until the new rows "
        "are trained (2.9 of standard error); what a trained model gains was not measured",
    },
    "adapt_file": {
        "train": "no task was seen to gain: on terms of service the best frozen layer had micro F1 0.425 before and "
        "0.409 after; a trained model was not measured",
    },
}  # key of the run file -> value -> what speaks against it
ADAPTED = {
    "lora": "perplexity 382 on terms of service after 60 steps at rate 5e-3, where full had 426 at 1e-4; one seed",
    "bitfit": "perplexity 531 on terms of service after 60 steps at rate 5e-3, where full had 426 at 1e-4; one seed",
    "freeze": "perplexity 540 on terms of service after 60 steps at rate 2e-4, where full had 426 at 1e-4; one seed",
}  # technique -> what adapting by it gave (LOG.md, Adapting by a part of the weights)
REGRET = {
    "head_only": 9.9,
    "bitfit": 6.0,
    "lora": 5.3,
    "adapter": 5.1,
    "freeze": 3.5,
    "full": 3.0,
    "contrastive": 0.6,
}  # points of macro F1 behind the best of these, mean of eight tasks of 8 or 64 rows a class (RESULTS.md, Regret)
BEHIND_FULL = {
    "head_only": "0.8 points better than training all layers, to 12.3 worse, on five sets of 600 rows",
    "lora": "0.9 and 1.8 points of accuracy behind full on two sets of 1,000 rows",
    "adapter": "1.5 points of accuracy behind full on one set of 1,000 rows",
    "bitfit": "1.6 and 8.3 points of accuracy behind full on two sets of 1,000 rows",
    "freeze": "2.2 points behind full, level, and 0.5 ahead on three sets of 1,500 to 9,000 rows",
}  # of more rows (RESULTS.md, Techniques, What training the whole body gains; LOG.md, Freezing the lower layers)
FORGOTTEN = {
    "points of GLUE lost without one, banking77, 1,000 rows": 0.2,
    "the same, the demo's 8 classes": 1.1,
}  # mean of heads on the frozen body; the second has a 95% interval of -0.1 to 2.4


def against(key: str, names: Iterable[str]) -> dict[str, str]:
    """What speaks against each of these values of a key."""
    return {name: AGAINST.get(key, {}).get(name, UNKNOWN) for name in names}


def refused(choice: Choice) -> Choice:
    """The plan's own choice beside what was measured of others of the same key, where its line does not say it."""
    others = AGAINST.get(choice.name, {})
    if choice.refused or f"{choice.value}" in others:
        return choice
    return replace(choice, refused=others)
