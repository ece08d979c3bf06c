"""What a body forgets while it learns a task, with each retention and without: GLUE before and after.

    python benchmarks/forgetting.py                                    every arm that is not stored, then the tables
    python benchmarks/forgetting.py trec --seeds 0 --arms none l2@0.1  some of it; name@x is x as retention_weight
    python benchmarks/forgetting.py --table                            the tables of what is stored

Each arm is the plan with all layers trained and this retention, on --rows rows; rate, passes and all else are the
plan's. A seed draws the same rows, order and dropout for every arm, so that arms are compared pair by pair. The body is
then frozen, and a linear head is fitted to its mean vectors for each task of GLUE at hand, 400 rows a task, as the
probe `forgetting` does it (`afina/glue.py`): accuracy, for cola Matthews, for stsb_en Spearman. Test rows choose
nothing. `replay` needs a head for masked words, which the bundled base has not. Data: the folder named by AFINA_DATA.
Results: benchmarks/results/forgetting.json.
"""

import argparse
import dataclasses
import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import arms
import numpy as np
import torch
from keeping import keep, spread

from afina import bases, config, crossfit, features, glue, heads, shelf, tasks
from afina.bases import Opened
from afina.predictors import torch as predictor
from afina.records import Corpus, silent
from afina.stages import plan, profile, train

RESULTS = Path(__file__).parent / "results" / "forgetting.json"
SETS, ARMS = ("banking77", "financial_phrasebank"), ("none", "kl", "distill", "l2")
TEST, TOKENS = 1000, 64
Tasks = tuple[crossfit.Known, ...]


def main() -> None:
    """Run what is asked for and not yet known, keep every figure, print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", default=ARMS)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for seed in [] if asked.table else asked.seeds:
        for name in asked.sets or SETS:
            for arm in asked.arms:
                key = f"{name}/{asked.rows}/{arm}/{seed}"
                if key not in results:
                    results.setdefault("before", probed(bases.open_base("bundled")))
                    results[key] = one(name, asked.rows, arm, seed)
                    keep(RESULTS, results)
                    print(key, results[key], flush=True)
    tables(results)


def one(name: str, most: int, arm: str, seed: int) -> dict[str, Any]:
    """Train one arm; its score on the task, the scores of its body on GLUE, and what training took."""
    whole, base = arms.read(name, seed), bases.open_base("bundled")
    rows = dataclasses.replace(
        whole, train=arms.drawn(whole.train, most, seed), test=arms.drawn(whole.test, TEST, seed)
    )
    with tempfile.TemporaryDirectory() as folder:
        trained, passes = fitted(rows, base, arm, seed, Path(folder))
        model = heads.load(Path(folder) / trained.folder)
    answers = predictor.wrap(model, base.tokenizer, base.record.max_tokens, task=trained.task)
    objective = shelf.load(tasks.OBJECTIVES, rows.kind)
    scores = objective.scores(rows.test, answers([row.input for row in rows.test]), trained.task, seed)
    return {
        "task": {score.name: round(score.value, 4) for score in scores},
        "glue": probed(base, model.base_model),
        "passes": passes, "best step": trained.best_step, "seconds": round(trained.seconds, 1),
    }  # fmt: skip


def fitted(rows: Corpus, base: Opened, arm: str, seed: int, folder: Path) -> tuple[Any, Any]:
    """The record of the training, and the passes that were planned."""
    retention, _, weight = arm.partition("@")
    own = {"retention": retention} | ({"retention_weight": float(weight)} if weight else {})
    measured = profile.measure(rows, config.ProfileOptions(), base, 0)
    options = config.build({"technique": "full", **own, **arms.STEADY}).train
    made = plan.plan(rows, measured, base, options, silent, 0)
    return train.train(rows, made, base, folder, silent, seed), made.settings.num_train_epochs


@functools.cache
def known() -> Tasks:
    """The tasks of GLUE at hand."""
    return tuple(glue.read(arms.DATA))


def probed(base: Opened, body: torch.nn.Module | None = None) -> dict[str, float]:
    """How well a linear head on the frozen body, or on the base's own, does on each task of GLUE."""
    body = body or heads.build(base.folder, "mean", ("",)).base_model

    def read(texts: Any) -> np.ndarray:
        encoded = features.encode(base.tokenizer, list(texts), TOKENS)
        return features.collect(
            body, base.tokenizer, encoded, lambda batch: features.mean_vectors(body(**batch), batch)
        )

    vectors = crossfit.vectors(known(), read)
    found = {
        task.name: float(crossfit.scores(task, [crossfit.answers(task, vectors)], np.ones((1, len(task.first))))[0, 0])
        for task in known()
    }
    return {name: round(value, 4) for name, value in {**found, "mean": float(np.mean(list(found.values())))}.items()}


def tables(results: dict[str, Any]) -> None:
    """Means over the seeds, and paired differences from no retention."""
    before = results["before"]
    names = list(before)
    print("\nbefore any task: " + ", ".join(f"{name} {value:.3f}" for name, value in before.items()))
    print("\n| set | rows | arm | seeds | macro F1 | GLUE mean, change | " + " | ".join(names[:-1]), end="")
    print(f" | F1 against none | GLUE against none | s |\n|{'---|' * (len(names) + 8)}")
    found = [key.split("/") for key in results if "/" in key]
    for name, rows, arm in dict.fromkeys((name, rows, arm) for name, rows, arm, _ in found):
        seeds = [seed for *own, seed in found if own == [name, rows, arm]]
        made = [results[f"{name}/{rows}/{arm}/{seed}"] for seed in seeds]
        bare = [results.get(f"{name}/{rows}/none/{seed}") for seed in seeds]
        f1 = [100 * one["task"]["macro_f1"] for one in made]
        change = {task: [100 * (one["glue"][task] - before[task]) for one in made] for task in names}
        cells = [name, rows, arm, str(len(seeds)), spread(f1), spread(change["mean"])]
        cells += [f"{np.mean(change[task]):+.1f}" for task in names[:-1]]
        if all(bare):
            both = list(zip(made, bare, strict=True))
            cells.append(spread([100 * (one["task"]["macro_f1"] - other["task"]["macro_f1"]) for one, other in both]))
            cells.append(spread([100 * (one["glue"]["mean"] - other["glue"]["mean"]) for one, other in both]))
        print(f"| {' | '.join(cells)} | {np.mean([one['seconds'] for one in made]):.0f} |")


if __name__ == "__main__":
    main()
