"""LoRA adapters of several tasks on one base: each by its own, mixed in one batch, or merged into one.

    by task   every text goes through the adapter of its task and that task's head; one batch may hold all tasks
    merged    one adapter W + sum_i w_i B_i A_i for all tasks, with each task's own head

A merge is one pass for every task and no choice at inference, and costs accuracy: heads read vectors that they were not
fitted to. Method and weights are chosen on dev rows, by the mean over the tasks of accuracy merged / accuracy alone; of
a run without dev on rows of train, which flatters both, and is said.
The base and the adapters stay as they were trained. A base with the merge in its weights is written too: a run that
starts from the folder (--model) with technique=lora trains a new task on top of the combination, which stays frozen.

    linear        A and B are averaged apart: a rough approximation of the sum
    ties          small entries are dropped, signs elected, those that agree averaged
    dare_linear   entries are dropped at random and the others enlarged; dare_ties elects signs too
    svd           the sum itself, cut to the rank of one adapter
    cat           the sum itself: rank and cost of all adapters together

What it does not do: tasks other than one class a text, adapters on different bases, DoRA (whose lengths cannot be mixed
in one batch), texts in windows (they are cut), or first-token classifiers, whose heads are not one layer on one vector.
Source: Yadav et al. 2023, "TIES-Merging", arXiv:2306.01708; Yu et al. 2024, "Language Models are Super Mario" (DARE),
arXiv:2311.03099; merging by PEFT's `add_weighted_adapter`.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from afina import adapters, bases, config, features, growing, heads, metrics, store
from afina.bases import Opened
from afina.errors import ConfigError, RecordError
from afina.records import Adapter, Combination, Corpus, Event, Merge, Row, Score, Tell, Text, from_json, silent, to_json

METHODS = ("linear", "ties", "dare_linear", "dare_ties", "svd", "cat")
SAME_RANK = ("linear", "ties", "dare_linear", "dare_ties")  # these add matrices of equal size
SCALES = (1.0, 0.7, 0.5, 0.35)  # weights tried, the same for all tasks
STEPS = (0.6, 1.6)  # then each task's weight alone, times this
DENSITY = 0.5  # share of the entries that ties and dare keep
MERGED = "merged"  # PEFT's name of the merged adapter, and its folder
ROWS = 200  # dev rows of each task that a merge is tried on
FLATTERED = "no dev, so these are training rows, where accuracies are too good; train it with dev_share=0.1 for others"
RECORD, TASKS, BASE = bases.COMBINED, "tasks", bases.MERGE


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a combination."""

    made: Adapter
    adapter: str  # PEFT's name of its adapter
    weights: torch.Tensor  # of its head, (classes, width)
    biases: torch.Tensor  # (classes,)


@dataclass(frozen=True, slots=True)
class Combined:
    """A base with every task's adapter on it."""

    model: Any  # the encoder with the adapters, pooled
    tokenizer: Any
    tasks: Mapping[str, Task]


def combine_runs(runs: Sequence[Path], out: Path, model: str | None, tell: Tell = silent, seed: int = 0) -> Combination:
    """Combine finished runs, choose a merge on their rows, and write it all to `out`; a task has its run's name.

    model   the base; that of the first run where None
    Raises ConfigError and RecordError as `combine` does, and where `out` holds something else.
    """
    named = {run.resolve().name: run for run in runs}
    if len(named) < len(runs):
        raise ConfigError("two of the runs have one name", "rename a run folder: tasks are told apart by their names")
    if out.exists() and not (out / RECORD).is_file():
        raise ConfigError(f"{out} is there already and holds no combination", "choose another folder with --out")
    base = model or config.read(runs[0] / "run.yaml").model.model_name_or_path if runs else "bundled"
    folders = {name: run / "adapter" for name, run in named.items()}
    opened = bases.open_base(base)
    combined = combine(opened, folders)
    corpora = {name: store.read_record(run, "corpus", Corpus) for name, run in named.items()}
    made = choose(combined, {name: corpus.choosing for name, corpus in corpora.items()}, tell, seed)
    notes = tuple(f"{name}: {FLATTERED}" for name, corpus in corpora.items() if not corpus.dev)
    made = replace(made, notes=notes)
    return save(combined, made, folders, opened, out)


def combine(opened: Opened, folders: Mapping[str, Path]) -> Combined:
    """Put the adapter of each task on the base: task -> the adapter folder of its run.

    Raises ConfigError where there are fewer than two, where one is of another base, of another task than classes or of
    another kind than LoRA on a mean-pooled encoder, or where there are more adapters than heads; RecordError where a
    folder is damaged.
    """
    from peft import PeftModel

    tasks = _tasks(opened, folders)
    model = heads.build(opened.folder, "mean", next(iter(tasks.values())).made.labels)
    for name, task in tasks.items():
        if hasattr(model.encoder, "peft_config"):
            model.encoder.load_adapter(folders[name], adapter_name=task.adapter)
        else:
            model.encoder = PeftModel.from_pretrained(model.encoder, folders[name], adapter_name=task.adapter)
    return Combined(model.eval(), opened.tokenizer, tasks)


def _tasks(opened: Opened, folders: Mapping[str, Path]) -> dict[str, Task]:
    if len(folders) < 2:
        raise ConfigError(f"there is nothing to combine: {len(folders)} adapter", "name the runs of two tasks or more")
    adapted = [name for name, folder in folders.items() if (folder / adapters.PEFT_CARD).is_file()]
    headless = [name for name in adapted if not (folders[name] / adapters.HEAD).is_file()]
    if headless:
        found = f"{len(adapted)} adapters and {len(adapted) - len(headless)} heads: {', '.join(headless)} has none"
        raise ConfigError(found, "name runs of afina: their adapter folders hold the head too")
    tasks = {}
    for place, (name, folder) in enumerate(folders.items()):
        made = adapters.read(folder)
        _fits(name, made, opened)
        head = adapters.tensors(folder / adapters.HEAD)
        if json.loads((folder / adapters.PEFT_CARD).read_text(encoding="utf-8")).get("trainable_token_indices"):
            found = (
                f"{name} trained rows of new tokens beside its matrices, which cannot be added to those of other tasks"
            )
            raise ConfigError(found, "train it without new_tokens")
        adapters.tensors(folder / adapters.PEFT_BODY)  # PEFT would end in a traceback where it is damaged
        tasks[name] = Task(made, f"task{place}", head["head.weight"], head["head.bias"])
    return tasks


def _fits(name: str, made: Adapter, opened: Opened) -> None:
    """Raise ConfigError where an adapter cannot stand beside others on this base."""
    if made.base != opened.record.sha256:
        raise ConfigError(
            f"{name} was trained on another base: its weights begin with {made.base[:8]}, "
            f"those of {opened.record.name} with {opened.record.sha256[:8]}",
            "combine runs of one base, or name theirs with --model",
        )
    if made.technique == "head_only":
        found = f"{name} has a head and no adapter: nothing that was trained beat the base with that head"
        raise ConfigError(found, "leave it out, or train it again, e.g. with more epochs")
    if made.technique != "lora" or made.options.get("dora"):
        kind = "lora with dora" if made.technique == "lora" else made.technique
        raise ConfigError(f"{name} was made by {kind}", "train it with technique=lora: only those can be combined")
    if made.problem != heads.SINGLE:
        found = f"{name} was trained for {made.problem}: merges are chosen by the accuracy of one class a text"
        raise ConfigError(found, "leave it out: only adapters of classes can be combined")
    if made.pooling != "mean":
        raise ConfigError(
            f"{name} reads its texts with pooling={made.pooling}",
            "train it with pooling=mean: one vector for every head",
        )


def logits(combined: Combined, texts: Sequence[Text], tasks: Sequence[str], merged: bool = False) -> list[np.ndarray]:
    """The logits of each text by its own task's head, (classes of that task,) each; tasks may alternate freely.

    With `merged` every text goes through the merged adapter, which `merge` must have made.
    """
    if unknown := sorted(set(tasks) - combined.tasks.keys()):
        raise ConfigError(f"there is no task {unknown[0]!r}", f"use one of {', '.join(combined.tasks)}")
    known = [combined.tasks[name] for name in tasks]
    encoded: list[dict[str, list[int]]] = []
    for text, task in zip(texts, known, strict=True):
        encoded += features.encode(combined.tokenizer, [text], task.made.max_tokens)
    answers = [np.empty(0)] * len(encoded)
    with torch.inference_mode():
        for rows, batch in features.batches(combined.tokenizer, encoded):
            names = [MERGED if merged else known[row].adapter for row in rows]
            vectors = combined.model.embed(**batch, adapter_names=names)  # (n, width)
            for row, vector in zip(rows, vectors, strict=True):
                answers[row] = (known[row].weights @ vector + known[row].biases).numpy()
    return answers


def merge(combined: Combined, method: str, weights: Sequence[float], seed: int = 0) -> None:
    """Make the merged adapter, in the place of an earlier one. Raises ConfigError where the ranks do not allow it."""
    body, names = combined.model.encoder, [task.adapter for task in combined.tasks.values()]
    ranks = {body.peft_config[name].r for name in names}
    if method in SAME_RANK and len(ranks) > 1:
        raise ConfigError(f"{method} adds adapters of one rank, not of {sorted(ranks)}", "use svd or cat")
    if MERGED in body.peft_config:
        body.delete_adapter(MERGED)
    torch.manual_seed(seed)  # dare drops entries at random
    body.add_weighted_adapter(names, list(weights), MERGED, method, svd_full_matrices=False, density=DENSITY)


def choose(combined: Combined, dev: Mapping[str, Sequence[Row]], tell: Tell = silent, seed: int = 0) -> Combination:
    """Try every method with common weights, then each task's weight alone; the best merge is made and told.

    dev     labelled rows of each task that it was not trained on; the same 200 at most serve all accuracies
    The accuracy of the chosen merge is a little too good: it was chosen by it.
    """
    drawn = {name: _drawn(rows, seed) for name, rows in dev.items()}
    alone = _accuracies(combined, drawn, merged=False)
    tell(Event("combine", "each adapter alone: " + ", ".join(f"{n} {a:.3f}" for n, a in zip(dev, alone, strict=True))))

    def tried(method: str, weights: tuple[float, ...]) -> Merge:
        try:
            merge(combined, method, weights, seed)
        except ConfigError as error:
            return Merge(method, weights, (), 0.0, error.found)
        accuracy = _accuracies(combined, drawn, merged=True)
        return Merge(method, weights, accuracy, float(np.mean(np.divide(accuracy, np.maximum(alone, 1e-9)))))

    results = [tried(method, (scale,) * len(drawn)) for method in METHODS for scale in SCALES]
    best = max(results, key=lambda one: one.share)
    for place in range(len(drawn)):
        for step in STEPS:
            weights = tuple(w * step if other == place else w for other, w in enumerate(best.weights))
            results.append(tried(best.method, weights))
        best = max(results, key=lambda one: one.share)
    merge(combined, best.method, best.weights, seed)
    tell(Event("combine", f"merged by {best.method}: {best.share:.1%} of the accuracy alone, on average"))
    counted = zip(drawn.items(), alone, strict=True)
    scores = tuple(Score(name, a, *metrics.wilson(round(a * len(rows)), len(rows))) for (name, rows), a in counted)
    sha256 = next(iter(combined.tasks.values())).made.base
    return Combination(sha256, tuple(drawn), scores, tuple(results), best)


def _drawn(rows: Sequence[Row], seed: int) -> list[Row]:
    return [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))[:ROWS]]


def _accuracies(combined: Combined, rows: Mapping[str, Sequence[Row]], merged: bool) -> tuple[float, ...]:
    """Of each task on its rows, in one mixed pass."""
    mixed = [(row, name) for name, part in rows.items() for row in part]
    answers = logits(combined, [row.input for row, _ in mixed], [name for _, name in mixed], merged)
    right: dict[str, list[bool]] = {name: [] for name in rows}
    for (row, name), answer in zip(mixed, answers, strict=True):
        right[name].append(combined.tasks[name].made.labels[answer.argmax()] == row.label)
    return tuple(float(np.mean(ones)) for ones in right.values())


def save(combined: Combined, made: Combination, folders: Mapping[str, Path], opened: Opened, out: Path) -> Combination:
    """Write the adapters, the merged one in PEFT's layout, a base with it in its weights, and what was measured.

    Afterwards `combined` has no adapters. Cost: the base once more on disk, without a head for masked words.
    """
    with store.whole_folder(out) as temporary:
        for name, folder in folders.items():
            shutil.copytree(folder, temporary / TASKS / name)
        adapters.save_peft(combined.model.encoder, temporary, MERGED)
        body = combined.model.encoder.merge_and_unload(adapter_names=[MERGED])
        body.config = opened.config  # the body's own names the labels of a task
        growing.write(temporary / BASE, opened, combined.tokenizer, body)
        made = replace(made, merged=bases.open_base(str(temporary / BASE)).record.sha256)
        (temporary / RECORD).write_text(to_json(made) + "\n", encoding="utf-8")
    return made


def load(folder: Path, opened: Opened) -> Combined:
    """What `save` wrote, on its base, the merged adapter included."""
    made = read(folder)
    combined = combine(opened, {name: folder / TASKS / name for name in made.tasks})
    combined.model.encoder.load_adapter(folder / MERGED, adapter_name=MERGED)
    combined.model.eval()
    return combined


def read(folder: Path) -> Combination:
    """What was measured. Raises RecordError where the folder holds no combination."""
    try:
        return from_json(Combination, (folder / RECORD).read_bytes())
    except (OSError, ValidationError) as error:
        raise RecordError(f"{folder} holds no combination: {error}", "make one with 'afina combine'") from None
