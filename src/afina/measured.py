"""What this project measured of what the plan leaves out, a sentence each; where it stands is in `sources`.

These are figures of other data than the user's, from benchmarks/RESULTS.md and LOG.md: a line of a plan says them where
its own run has no number for what it refuses.
"""

from collections.abc import Iterable, Mapping
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
    "rates": {
        "layerwise": "accuracy 0.932 on dev of trec, 400 rows, where flat had 0.936: within its noise",
        "discriminative": "accuracy 0.926 on dev of trec, 400 rows, where flat had 0.936: within its noise",
    },
    "lr_scheduler_type": {
        "cosine": "accuracy 0.938 on dev of trec, 400 rows, where linear had 0.936: within its noise",
        "triangular": "accuracy 0.928 on dev of trec, 400 rows, where linear had 0.936: within its noise",
        "exp_range": "accuracy 0.930 on dev of trec, 400 rows, where linear had 0.936: within its noise",
    },
    "staging": {
        "gradual_unfreezing": "accuracy 0.924 on dev of trec, 400 rows, where none had 0.936: within its noise",
        "progressive_freezing": "accuracy 0.934 on dev of trec, 400 rows, where none had 0.936: within its noise",
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
Table = Mapping[str, Mapping[str, float]]  # set, and rows -> technique as planned -> macro F1 on test, points
TECHNIQUES = ("head_only", "contrastive", "full", "freeze", "lora", "adapter", "bitfit")


def _table(draws: Mapping[str, tuple[float | None, ...]]) -> Table:
    return {
        draw: {name: one for name, one in zip(TECHNIQUES, scores, strict=True) if one is not None}
        for draw, scores in draws.items()
    }


FEW = _table(
    {
        "trec, 8": (43.5, 63.8, 58.5, 53.4, 50.5, 52.6, 53.1),
        "financial_phrasebank, 8": (48.1, 56.3, 52.8, 53.2, 51.6, 51.4, 51.7),
        "sst2, 8": (63.4, 65.3, 64.2, 63.1, 64.7, 64.0, 66.8),
        "scicite, 8": (43.6, 55.3, 51.1, 53.8, 46.7, 45.7, 45.2),
        "chemprot, 8": (20.4, 25.4, 27.7, 27.8, 25.4, 24.9, 24.2),
        "fb_es, 8": (61.4, 66.3, 63.4, 67.3, 61.5, 66.7, 60.0),
        "trec, 64": (69.4, 90.0, 86.0, 81.2, 86.1, 82.5, 80.9),
        "banking77, 8": (83.3, 85.4, 84.9, 85.1, 83.9, 84.0, 82.8),
    }
)  # rows of a class; one draw each (RESULTS.md, Regret)
MORE = _table(
    {
        "trec, 1000": (82.7, None, 94.0, 94.5, 94.1, 93.1, 94.5),
        "financial_phrasebank, 1000": (71.5, None, 77.2, 74.9, 76.2, 77.4, 76.5),
        "banking77, 1000": (84.0, None, 86.3, 84.1, 84.1, 84.3, 84.5),
        "chemprot, 1000": (33.4, None, 53.2, 51.7, 51.4, 50.1, 44.4),
    }
)  # rows in all; the same (RESULTS.md, Techniques)
FORGOTTEN = {
    "points of GLUE lost without one, trec, 300 rows": 0.6,
    "the same, banking77, 1,000 rows": 0.2,
    "the same, the demo's 8 classes": 1.1,
}  # mean of heads on the frozen body; of three seeds, +-0.3 between them; one; one, with a 95% interval of -0.1 to 2.4
RETAINED = {
    "l2": "on trec, three seeds, it kept 0.7 ± 0.7 points of GLUE and cost 0.6 ± 1.3 of macro F1",
    "kl": "on trec, three seeds, it kept 0.7 ± 0.2 points of GLUE and cost 2.0 ± 3.3 of macro F1",
    "distill": "on trec, three seeds, it kept 0.7 ± 0.9 points of GLUE and cost 1.6 ± 4.0 of macro F1",
}  # against none, mean and standard deviation (RESULTS.md, Forgetting and retentions)


def against(key: str, names: Iterable[str]) -> dict[str, str]:
    """What speaks against each of these values of a key."""
    return {name: AGAINST.get(key, {}).get(name, UNKNOWN) for name in names}


def refused(choice: Choice) -> Choice:
    """The plan's own choice beside what was measured of others of the same key, where its line does not say it."""
    others = AGAINST.get(choice.name, {})
    if choice.refused or f"{choice.value}" in others:
        return choice
    return replace(choice, refused=others)
