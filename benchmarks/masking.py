"""What adapting to terms of service gains, and which masking gains most: perplexity, and the task that follows.

    python benchmarks/masking.py                           every arm, seeds 0 to 4, 200 steps
    python benchmarks/masking.py --steps 300 --seeds 0     some of it; what is in the results is not run again
    python benchmarks/masking.py --table                   the tables of what is stored

    none       the bundled base as it is
    uniform    adapted to the documents of folds 1 to 4: 15% of the words are masked
    terms      the same documents and steps: 80% of the domain's terms, 15% of other words
    general    as many steps on Wikipedia and C4, 15% of the words: what practice alone gains

The bundled base has no head for masked words: one is fitted with the body frozen, --steps steps on the documents, once
a seed, and every arm starts from it. Perplexity: of 15% of the words of the documents of fold 0, the same masks for
all. The task: unfair_tos, --rows of its training rows drawn with the seed, the zero-configuration plan, scored on
fold 0, which nothing else has seen. All on one thread, bf16 where the processor has it. Data: the folder named by
AFINA_DATA. Results: benchmarks/results/masking.json.
"""

import argparse
import dataclasses
import json
import math
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import arms
import numpy as np
import torch
from keeping import keep, spread

from afina import adapting, bases, fitting, maskedlm, masking
from afina.config import ProfileOptions, TrainOptions
from afina.records import Columns, Corpus, Facts, Plan, Settings, silent
from afina.stages import adapt, plan, profile

RESULTS = Path(__file__).parent / "results" / "masking.json"
ARMS = ("none", "uniform", "terms", "general")


def main() -> None:
    """Run what is asked for and not yet known, keep every figure, print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for seed in [] if asked.table else asked.seeds:
        keys = {arm: f"{asked.steps} steps, {asked.rows} rows/{arm}/{seed}" for arm in asked.arms}
        missing = [arm for arm, key in keys.items() if key not in results]
        with tempfile.TemporaryDirectory() as folder:
            start = fitted_head(Path(folder), asked.steps, seed) if missing else Path()
            for arm in missing:
                results[keys[arm]] = one(arm, start, asked, seed)
                print(keys[arm], results[keys[arm]], flush=True)
                keep(RESULTS, results)
    table(results)


def fitted_head(folder: Path, steps: int, seed: int) -> Path:
    """The bundled base with a head for masked words, fitted to the domain with the body frozen."""
    opened = bases.open_base("bundled")
    settings = settings_of("uniform", folder, steps)
    rows = adapt.windows(adapting.read(settings, nothing())[0], opened, settings, seed)
    torch.manual_seed(seed)
    model, _ = maskedlm.load(opened.folder)
    model.base_model.requires_grad_(False)
    recipe = dataclasses.replace(adapt._recipe(settings, opened, len(rows.train), seed), head_rate=adapt.HEAD_RATE)
    fitting.fit(model, opened.tokenizer, (rows.train, {"held_out": rows.held}), recipe, folder / "fitting", silent)
    (folder / "start").mkdir()
    maskedlm.save(model, opened.folder, opened.tokenizer, folder / "start")
    return folder / "start"


def one(arm: str, start: Path, asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Adapt, measure the perplexity of fold 0, train the task and score it there."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, began, found = Path(temporary), time.monotonic(), {}
        opened = bases.open_base(str(start))
        if arm != "none":
            settings = settings_of(arm, folder, asked.steps)
            made = adapt.adapt(nothing(), plan_of(settings, opened), opened, folder, silent, seed)
            opened = bases.open_base(str(folder / made.folder))
            found = {"steps": made.steps, "best_step": made.best_step, "terms": made.terms}
        seconds = time.monotonic() - began
        return {
            "perplexity": round(perplexity(opened), 2),
            **found,
            "adapt_seconds": round(seconds),
            **task(opened, asked.rows, seed),
        }


def settings_of(arm: str, folder: Path, steps: int) -> Settings:
    """The settings of adapting, and the file that they name."""
    file = folder / f"{arm}.jsonl"
    texts = general() if arm == "general" else [one["text"] for one in documents() if one["fold"] != 0]
    file.write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    return Settings(
        "full", "mean", {}, 1e-4, 1e-2, 3.0, 32, adapting.TOKENS, 0, 0.01, arms.STEADY["precision"], "sdpa", True,
        adapt_file=str(file), adapt_steps=steps, adapt_learning_rate=adapting.RATE,
        adapt_masking=adapting.TERMS if arm == "terms" else adapting.UNIFORM,
    )  # fmt: skip


def documents() -> list[dict[str, Any]]:
    """Terms of service, each with its text and its fold."""
    lines = (arms.DATA / "corpus_legal_tos" / "docs.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def general() -> list[str]:
    """Paragraphs of Wikipedia and pages of C4."""
    folder = arms.DATA / "corpus_general_en"
    wiki = (folder / "wiki_demo.txt").read_text(encoding="utf-8").splitlines()
    pages = [json.loads(line)["text"] for line in (folder / "c4_demo.jsonl").read_text(encoding="utf-8").splitlines()]
    return [text for text in (*wiki, *pages) if len(text.split()) > 20]


def nothing() -> Corpus:
    """A corpus without rows: what is adapted to is given by its file."""
    return Corpus("terms", Columns("text", "label"), (), (), (), (), "", (), ())


def plan_of(settings: Settings, opened: bases.Opened) -> Plan:
    facts = Facts(0, 0, 0.0, 0.0, 6, 384, opened.record.parameters, opened.record.body_parameters, 0.0, 0.0, 0.0)
    return Plan(opened.record, settings, (), {}, (), facts)


def perplexity(opened: bases.Opened) -> float:
    """Of masked tokens of the documents of fold 0."""
    texts = [one["text"] for one in documents() if one["fold"] == 0]
    windows, _ = masking.windows(opened.tokenizer, texts, adapting.TOKENS)
    vocabulary = masking.vocabulary_of(opened.tokenizer)
    rows = [masking.mask(row, vocabulary, np.random.default_rng((0, place))) for place, row in enumerate(windows)]
    nats = maskedlm.nats(maskedlm.load(opened.folder)[0], opened.tokenizer, rows)
    return math.exp(nats.sum() / sum(label != masking.IGNORED for row in rows for label in row["labels"]))


def task(opened: bases.Opened, most: int, seed: int) -> dict[str, Any]:
    """Scores on fold 0 of the plan's own training on so many rows."""
    began = time.monotonic()
    whole = arms.read("unfair_tos")
    rows = dataclasses.replace(whole, train=arms.drawn(whole.train, most, seed))
    options = TrainOptions(**arms.STEADY, pooling="mean")  # the same for all arms
    made = plan.plan(rows, profile.measure(rows, ProfileOptions(), opened, 0), opened, options, silent, 0)
    _, scores = arms.scored(rows, made, opened, seed)
    kept = {score.name: round(score.value, 4) for score in scores if score.name.endswith("f1")}
    return {**kept, "technique": made.settings.technique, "task_seconds": round(time.monotonic() - began)}


def table(results: dict[str, Any]) -> None:
    """Markdown: means and standard deviations over seeds, and differences from `none` of the same seed."""
    cells: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for key, found in results.items():
        if key != "machine":
            what, arm, seed = key.split("/")
            cells[what, arm][seed] = found
    columns = ("", "arm", "seeds", "perplexity", "micro F1", "macro F1", "micro F1, against none", "s")
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for (what, arm), seeds in cells.items():
        ones, bare = list(seeds.values()), cells.get((what, "none"), {})
        both = [seeds[n]["micro_f1"] - bare[n]["micro_f1"] for n in seeds if n in bare and arm != "none"]
        shown = [spread([one[name] for one in ones]) for name in ("perplexity", "micro_f1", "macro_f1")]
        seconds = sum(one["adapt_seconds"] for one in ones) / len(ones)
        print(
            f"| {what} | {arm} | {len(ones)} | {' | '.join(shown)} | {spread(both) if both else ''} | {seconds:.0f} |"
        )


if __name__ == "__main__":
    main()
