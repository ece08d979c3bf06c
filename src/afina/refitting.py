"""Fine-tune two bodies again on tasks of GLUE, each as long as the other, within a time for all: what can be had back.

Of each task a third of the rows, 400 at most, is answered and never trained on; where there are 1,200 these are the 400
of the linear heads (`glue`). A third of a training step's work is its forward pass, so that from two timed steps of
each body follow

    seconds of a task   opening + step * (rows read forward / (3 * 16) + steps)      both bodies together

and every task gets the same time, of which what one cannot use, after three passes over its rows, goes to the others.
A task that cannot have 20 steps is left out, the dearest first. What is left is shared again after each task, at the
pace that this one had: a machine does not stay as busy as it was, and what was left out may fit in after all.

A fit is the same for both: rows, order, seed, batches of 16 and texts cut at 64 tokens; all weights, AdamW at 1e-4 for
the body and 1e-2 for the head, warm-up over a tenth of the steps, then linear to 0; no dropout. The head begins as
regression on the vectors of 400 rows says, so that no step is spent on what needs none; texts of pairs are read apart.

What it does not do: use an accelerator; choose rates; stop a fit whose time is over, which would part the two.
Source: Mosbach et al. 2021, arXiv:2006.04884 (fine-tuning on few rows of GLUE, warm-up); Kumar et al. 2022,
arXiv:2202.10054 (a linear head first).
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from afina import crossfit, features, glue, probing
from afina.crossfit import Known
from afina.errors import RecordError
from afina.records import Body

Opens = tuple[Callable[[], Body], Callable[[], Body]]
Head = tuple[Tensor, Tensor]  # weights (k, width) and biases (k,)

ROWS = 10_000  # of a task that are trained on at most
HELD = 3  # one row of so many is answered
BATCH, LONGEST, PASSES = 16, 64, 3
LEAST = 20  # steps, where a task has rows for them
HEADS = 400  # rows that a head is fitted to before the first step
RATE, HEAD_RATE, DECAY, WARMUP, NORM = 1e-4, 1e-2, 0.01, 0.1, 1.0
TIMED = 2  # steps of each body and task, after one to warm up
TIMING = 0.25  # of the time, which is spent on timing at most


@dataclass(frozen=True, slots=True)
class Job:
    """A task with what it costs for both bodies together."""

    trained: Known
    asked: Known  # rows that are not trained on
    step: float  # seconds
    opening: float  # seconds

    @property
    def most(self) -> int:
        """Steps of all passes."""
        return PASSES * math.ceil(len(self.trained.first) / BATCH)

    @property
    def least(self) -> int:
        """Steps below which nothing is said."""
        return min(LEAST, self.most)

    @property
    def fixed(self) -> float:
        """Seconds that are needed however few steps there are."""
        read = len(self.asked.first) + min(HEADS, len(self.trained.first))
        return self.opening + self.step * read / (3 * BATCH)

    def seconds(self, steps: int) -> float:
        """What so many steps take."""
        return self.fixed + self.step * steps


@dataclass(frozen=True, slots=True)
class Refit:
    """What both bodies say of rows that neither was trained on."""

    asked: Known
    said: tuple[np.ndarray, np.ndarray]  # before, after
    steps: int  # of each


def both(tasks: Sequence[Known], opens: Opens, seconds: float, seed: int) -> tuple[list[Refit], dict[str, float]]:
    """Each task that the time is enough for; of the others the seconds that would be, or nan where it was not timed.

    Raises RecordError where the vectors of a body cannot be trained.
    """
    ends = time.monotonic() + seconds
    parts = [part for part in map(apart, tasks) if len(part[0].first) >= BATCH]
    jobs = clocked(parts, opens, time.monotonic() + TIMING * seconds) if parts else []
    found, waiting = [], list(jobs)
    while steps := planned(waiting, ends - time.monotonic()):
        name = next(iter(steps))
        job = next(job for job in waiting if job.asked.name == name)
        began = time.monotonic()
        said = tuple(answers(opening(), job.trained, job.asked, steps[name], seed) for opening in opens)
        pace = (time.monotonic() - began) / job.seconds(steps[name])
        waiting = [replace(one, step=pace * one.step, opening=pace * one.opening) for one in waiting if one is not job]
        found.append(Refit(job.asked, (said[0], said[1]), steps[name]))
    needed = {job.asked.name: job.seconds(job.least) for job in waiting}
    done = {one.asked.name for one in found}
    return found, {task.name: needed.get(task.name, math.nan) for task in tasks if task.name not in done}


def apart(task: Known) -> tuple[Known, Known]:
    """The rows to train on and those to ask: none that is asked is trained on, nor another with the same texts."""
    asked = min(glue.ROWS, len(task.first) // HELD)
    pairs = list(zip(task.first, task.second, strict=True)) if task.second else list(task.first)
    seen = set(pairs[:asked])
    trained = [place for place in range(asked, len(pairs)) if pairs[place] not in seen][:ROWS]
    return _only(task, trained), _only(task, range(asked))


def _only(task: Known, places: Sequence[int]) -> Known:
    first, second = (tuple(texts[place] for place in places) if texts else () for texts in (task.first, task.second))
    return replace(task, first=first, second=second, truth=task.truth[list(places)])


def planned(jobs: Sequence[Job], seconds: float) -> Mapping[str, int]:
    """Steps of each task that is left in, those that need the least time first: what they leave goes to the others."""
    steps: dict[str, int] = {}
    left = seconds
    order = sorted(jobs, key=lambda job: job.seconds(job.most))
    for place, job in enumerate(order):
        share = left / (len(order) - place)
        steps[job.asked.name] = int(max(0, min(job.most, (share - job.fixed) / job.step)))
        left -= job.seconds(steps[job.asked.name])
    short = [job for job in jobs if steps[job.asked.name] < job.least]
    if not short:
        return steps
    dearest = max(short, key=lambda job: job.seconds(job.least))
    return planned([job for job in jobs if job is not dearest], seconds)


def clocked(parts: Sequence[tuple[Known, Known]], opens: Opens, until: float) -> list[Job]:
    """The first tasks with what they cost, as many as can be timed until then, but one at least. No weight is kept."""
    began = time.monotonic()
    bodies = [opening() for opening in opens]
    opened, found = time.monotonic() - began, []
    for trained, asked in parts:
        order = _order(trained, TIMED + 1, 0)
        taken = [_train(body, trained, _head(body, trained, order[0]), order) for body in bodies]
        found.append(Job(trained, asked, sum(float(np.mean(seconds[1:])) for seconds in taken), opened))
        if time.monotonic() > until:
            break
    return found


def answers(body: Body, trained: Known, asked: Known, steps: int, seed: int) -> np.ndarray:
    """What a body says of rows (n,) after so many steps on others; it is trained in place."""
    head = _head(body, trained, np.arange(len(trained.first))[:HEADS])
    _train(body, trained, head, _order(trained, steps, seed))
    encoded = _encoded(body, asked, np.arange(len(asked.first)))
    said = features.collect(body.model, body.tokenizer, encoded, lambda batch: _logits(body, head, batch))
    _check(said, asked)
    if asked.kind != crossfit.SCORES:
        said = np.exp(said - said.max(1, keepdims=True))
        said = said / said.sum(1, keepdims=True)
    return crossfit.decided(asked.kind, said, trained.truth.mean())


def _order(trained: Known, steps: int, seed: int) -> list[np.ndarray]:
    """The rows of each step: all of them in another order in each pass."""
    rows = len(trained.first)
    rng = np.random.default_rng(seed)
    passes = [np.array_split(rng.permutation(rows), math.ceil(rows / BATCH)) for _ in range(PASSES)]
    return [batch for one in passes for batch in one][:steps]


def _train(body: Body, trained: Known, head: Head, order: Sequence[np.ndarray]) -> list[float]:
    """Train body and head in place, a step for each batch of rows; the seconds that each took."""
    body.model.eval().requires_grad_(True)  # without dropout
    groups = [{"params": list(body.model.parameters()), "lr": RATE}, {"params": list(head), "lr": HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, weight_decay=DECAY, fused=True)
    steps, warm = len(order), max(1, round(WARMUP * len(order)))
    factor = lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    targets, taken = torch.from_numpy(_targets(trained)), []
    for rows in order:
        began = time.perf_counter()
        said = _logits(body, head, features.pad(body.tokenizer, _encoded(body, trained, rows)))
        optimizer.zero_grad()
        _loss(trained, said, targets[rows]).backward()
        nn.utils.clip_grad_norm_([weight for group in optimizer.param_groups for weight in group["params"]], NORM)
        optimizer.step()
        schedule.step()
        taken.append(time.perf_counter() - began)
    optimizer.zero_grad()
    return taken


def _loss(trained: Known, said: Tensor, targets: Tensor) -> Any:
    if trained.kind == crossfit.SCORES:
        return nn.functional.mse_loss(said.squeeze(-1), targets)
    return nn.functional.cross_entropy(said, targets)


def _head(body: Body, trained: Known, rows: np.ndarray) -> Head:
    """What regression on the vectors of these rows says before the body is trained."""
    targets = _targets(trained)
    encoded = _encoded(body, trained, rows)
    x = features.collect(body.model, body.tokenizer, encoded, lambda batch: _unit(body, batch))
    _check(x, trained)
    if trained.kind == crossfit.SCORES:
        fitted = probing.ridge((x, targets[rows, None]), None)
    else:
        fitted = probing.logistic(x, targets[rows], int(targets.max()) + 1, probing.ALONE)
    weights, biases = (torch.from_numpy(part).requires_grad_() for part in fitted)
    return weights, biases


def _check(found: np.ndarray, task: Known) -> None:
    if not np.isfinite(found).all():
        said = f"a body that is fine-tuned again on {task.name} answers what is no number"
        raise RecordError(said, "leave forgetting_refit_minutes out, or train again with a lower learning_rate")


def _targets(trained: Known) -> np.ndarray:
    """Classes, or scores around 0 with a spread of 1."""
    if trained.kind != crossfit.SCORES:
        return trained.truth
    spread = max(float(trained.truth.std()), 1e-6)
    return ((trained.truth - trained.truth.mean()) / spread).astype(np.float32)


def _encoded(body: Body, task: Known, rows: np.ndarray) -> list[dict[str, list[int]]]:
    """Tokens of these rows; texts of pairs apart."""
    texts = [(task.first[row], task.second[row]) if task.second else task.first[row] for row in rows]
    return features.encode(body.tokenizer, texts, min(LONGEST, body.max_tokens), siamese=bool(task.second))


def _logits(body: Body, head: Head, batch: features.Batch) -> Tensor:
    return nn.functional.linear(_unit(body, batch), *head)


def _unit(body: Body, batch: features.Batch) -> Tensor:
    """Unit vectors of texts, (n, hidden), or what those of pairs have in common and not, (n, 2 * hidden)."""
    pairs = batch["input_ids"].ndim == 3
    batch = features.in_turn(batch)
    unit = nn.functional.normalize(features.mean_vectors(body.model(**batch), batch), dim=-1)
    return features.compared(unit) if pairs else unit
