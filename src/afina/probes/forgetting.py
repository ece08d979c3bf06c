"""What the body lost of its general knowledge while it learned the task: the base's body against the tuned one.

    cka           how alike the mean vectors of 200 general sentences are, layer by layer, 0 to 1 (`cka`); the sentences
                  ship with this package, in the language of the texts
    glue_change   with `forgetting_glue`: what a linear head on the frozen body scores on each task of GLUE (`glue`),
                  after - before, in points; 400 rows a task, the worst task is named
    masked words  where the base brings a head for them, or got one when it was adapted: nats a hidden token of 100 of
                  these sentences (`pseudo`), by that head on the body before and after
    refit_change  with `forgetting_refit_minutes` too: what both bodies score when they are fine-tuned again on each
                  task, equally long (`refitting`): whether what was lost can be had back

The score is the mean change over the tasks, or without GLUE the last layer's CKA. Intervals: a paired bootstrap, the
same rows before and after; Fisher's z and the jackknife for CKA. Adapters are read switched on: that is what answers.
Where the vectors of 20 sentences are the same number by number, nothing can be lost, and nothing more is computed.
Cost with the bundled base: 400 sentences read, 10 processor seconds; a head for masked words reads 1,400, some 20 more;
with GLUE some 7,600 texts, 72. Fitting again takes the minutes it is given.

What it does not do: say from CKA that knowledge is lost (a turned space is alike, a changed one may serve as well);
tell what a fit in another order or at another rate would do; tune the head for masked words to the tuned body, so that
a space that only moved costs nats as one that forgot does. A decoder's tasks are asked by lm-evaluation-harness:
`lm_eval --model hf --model_args pretrained=FOLDER,peft=ADAPTER --tasks glue`.
Source: Kornblith et al. 2019, arXiv:1905.00414 (CKA); Wang et al. 2018, arXiv:1804.07461 (GLUE); Efron & Tibshirani
1993 (bootstrap); Alain & Bengio 2016, arXiv:1610.01644 (linear heads as probes).
"""

import functools
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from afina import cka, crossfit, general, glue, metrics, pseudo
from afina.crossfit import Known
from afina.errors import ConfigError, RecordError
from afina.records import Dimension, Layers, Measure, Nats, Score, Subject

NAME = "forgetting"
SENTENCES, FIRST = 200, 20  # read for CKA, and to see whether the body was tuned at all
WORDS = 40  # of a text of GLUE that are read
RESAMPLES = 1000
SAME = 1e-5  # of the largest number: what is closer was not tuned
ENDS = (2.5, 97.5)
DOUBT = "the worst of several is below 0 by chance too, so judge by the mean and its interval"
Answered = tuple[Known, Sequence[np.ndarray]]  # a task, and what was said of its rows before and after


class Config(BaseModel, frozen=True, extra="forbid"):
    """What general language is asked."""

    glue: str | None = Field(
        default=None, description="folder of GLUE tasks, or hub; vectors are compared where absent"
    )
    refit_minutes: float | None = Field(
        default=None,
        gt=0,
        description="minutes in all to fine-tune both bodies again on each task of GLUE, and compare; off if absent",
    )


def files(config: Config) -> tuple[Path, ...]:
    """The tables of GLUE in the folder that is named; the folder itself where it has none."""
    folder = _folder(config)
    return (glue.files(folder) or (folder,)) if folder else ()


def check(config: Config) -> None:
    """Raise ConfigError or DataError where the folder of GLUE cannot be read; the hub is asked by `measure` alone."""
    if config.refit_minutes and not config.glue:
        said = "forgetting_refit_minutes has no meaning without forgetting_glue"
        raise ConfigError(said, "add forgetting_glue=FOLDER, or hub, or leave it out")
    if folder := _folder(config):
        glue.read(folder)


def measure(subject: Subject, config: Config) -> Dimension:
    """The body before and after, on general sentences and on the tasks of GLUE."""
    if subject.bodies is None:
        return Dimension(NAME, skipped="the vectors of this model cannot be read: give its run folder, not its answers")
    if find_spec("torch") is None:
        return Dimension(NAME, skipped="reading vectors needs torch: pip install 'afina[train]'")
    check(config)
    tasks = _tasks(config)  # a folder that is none is told before anything is computed
    before, after = subject.bodies()
    language = general.nearest(subject.language)
    texts = general.sentences(language)
    texts = tuple(texts[place] for place in np.random.default_rng(0).permutation(len(texts))[:SENTENCES])
    if _untuned(_read(before, texts[:FIRST]), _read(after, texts[:FIRST])):
        return _nothing_lost()
    layers = _layers(_read(before, texts), _read(after, texts))
    masked, notes = _masked(subject, texts)
    notes = (_said(layers, language), *notes)
    if not tasks:
        last = layers[-1]
        score = Score("similarity_to_base", last.value, last.low, last.high)
        advice = "what a change of vectors costs is seen on tasks: forgetting_glue=FOLDER, or hub"
        return Dimension(NAME, score, measures=(*layers, *masked), notes=(*notes, advice))
    score, found, worst = _compared(_by_heads(tasks, before, after), "GLUE", subject.seed)
    again, told = _again(subject, config) if config.refit_minutes else ((), ())
    notes = (f"{worst}; {DOUBT}", *told, *notes)
    return Dimension(NAME, score, "points", measures=(*found, *again, *layers, *masked), notes=notes)


def _nothing_lost() -> Dimension:
    """Never a score of GLUE, which was not asked."""
    note = f"the vectors of {FIRST} general sentences are the base's own: the body was not tuned, and nothing is lost"
    return Dimension(NAME, Score("similarity_to_base", 1.0, 1.0, 1.0), notes=(note,))


def _tasks(config: Config, rows: int = glue.ROWS) -> list[Known]:
    if config.glue == "hub":
        return glue.from_hub(rows)
    folder = _folder(config)
    return glue.read(folder, rows) if folder else []


def _folder(config: Config) -> Path | None:
    return None if config.glue in (None, "hub") else Path(expanduser(config.glue))


def _read(body: Layers, texts: Sequence[str]) -> np.ndarray:
    """Vectors (n, layers + 1, hidden). Raises RecordError where they are none."""
    found = np.asarray(body(texts))
    if found.ndim != 3 or len(found) != len(texts) or not np.isfinite(found).all():
        shape = "numbers that are none" if found.ndim == 3 and len(found) == len(texts) else f"{found.shape}"
        said = f"a body answers {shape} to {len(texts)} texts, not (texts, layers + 1, hidden) of numbers"
        raise RecordError(said, "train again with a lower learning_rate, or look at what opens the bodies")
    return found


def _untuned(before: np.ndarray, after: np.ndarray) -> bool:
    return before.shape == after.shape and bool(np.abs(before - after).max() <= SAME * np.abs(before).max())


def _layers(before: np.ndarray, after: np.ndarray) -> list[Measure]:
    """CKA of each layer with the same one of the other body; of the last ones where one body has fewer."""
    found = []
    for layer in range(-min(before.shape[1], after.shape[1]), 0):
        value, low, high = cka.linear(before[:, layer], after[:, layer])
        place = float(after.shape[1] + layer)
        found.append(Measure("cka", value, low, high, "share", len(before), "layers", place, along="layer"))
    return found


def _said(layers: Sequence[Measure], language: str) -> str:
    least = min(layers, key=lambda one: one.value)
    sentences = f"{least.rows} general {'Spanish' if language == 'es' else 'English'} sentences"
    return (
        f"on {sentences} layer {least.strength:.0f} changed most: CKA {least.value:.2f}, where 1 is the base's own "
        f"space, also turned or scaled"
    )


def _masked(subject: Subject, texts: Sequence[str]) -> tuple[list[Measure], tuple[str, ...]]:
    """What hidden words of the sentences cost the base's own head before and after, and a sentence on it."""
    if subject.masked is None:
        return [], ()
    opened = subject.masked()
    if opened is None:
        return [], ("how well it still guesses masked words was not asked: the base brings no head for them",)
    texts = texts[: pseudo.TEXTS]
    tables = [_counted(read, texts) for read in (opened.before, opened.after)]  # (sentences, 2) each

    def of(weights: np.ndarray) -> np.ndarray:
        was, now = (pseudo.each(weights @ table) for table in tables)
        return np.column_stack([was, now, now - was])

    scores = metrics.bootstrap(("before", "after", "change"), of, len(texts), subject.seed)
    found = [Measure(one.name, one.value, one.low, one.high, "nats", len(texts), "masked words") for one in scores]
    was, now, change = scores
    note = f"a hidden token of these sentences costs the head of {opened.whose} {was.value:.2f} nats before and "
    note += f"{now.value:.2f} after, {change.value:+.2f} ({change.low:+.2f} to {change.high:+.2f}): a perplexity "
    note += f"{np.exp(change.value):.3g} times as high; the head stayed, so that a space that only moved costs too"
    return found, (note,)


def _counted(read: Nats, texts: Sequence[str]) -> np.ndarray:
    """Nats and tokens of each text, (n, 2). Raises RecordError where they are none."""
    found = np.asarray(read(texts))
    if found.shape != (len(texts), 2) or not np.isfinite(found).all():
        raise RecordError(
            f"a head for masked words answers {found.shape} to {len(texts)} texts, or numbers that are none",
            "train again with a lower learning_rate, or look at what opens the heads",
        )
    return found


def _by_heads(tasks: Sequence[Known], before: Layers, after: Layers) -> list[Answered]:
    """What linear heads on both bodies say."""
    old, new = (crossfit.vectors(tasks, functools.partial(_last, body)) for body in (before, after))
    return [(task, (crossfit.answers(task, old), crossfit.answers(task, new))) for task in tasks]


def _again(subject: Subject, config: Config) -> tuple[list[Measure], list[str]]:
    """Scores and changes of both bodies where they are fine-tuned again, and what there is to say of it."""
    if subject.copies is None:
        return [], ["nothing was fine-tuned again: a body that can be trained is in a run folder alone"]
    from afina import refitting

    minutes = config.refit_minutes or 0.0
    tasks, began = _tasks(config, glue.ROWS + refitting.ROWS), time.monotonic()
    made, needed = refitting.both(tasks, subject.copies, 60 * minutes, subject.seed)
    taken = (time.monotonic() - began) / 60
    left = [_left_out(needed, minutes)] if needed else []
    if not made:
        return [], left
    score, found, worst = _compared([(one.asked, one.said) for one in made], "refit", subject.seed)
    rows = sum(len(one.asked.first) for one in made)
    found.append(Measure("all tasks", score.value, score.low, score.high, "points", rows, "refit change"))
    steps = ", ".join(f"{one.asked.name} {one.steps}" for one in made)
    mean = f"{score.value:+.1f} points ({score.low:+.1f} to {score.high:+.1f})"
    told = f"fine-tuned again on each task, as long before as after: {mean} on average; {worst}; {taken:.1f} minutes, "
    return found, [f"{told}steps of {refitting.BATCH} rows: {steps}", *left]


def _left_out(needed: Mapping[str, float], minutes: float) -> str:
    """Tasks that the time was too short for; those that were not even timed have no seconds."""
    tasks = [name + (f" ({seconds:.0f} s at the least)" if seconds > 0 else "") for name, seconds in needed.items()]
    return f"not fine-tuned again in {minutes:g} minutes: {', '.join(tasks)}; give more refit_minutes"


def _compared(answered: Sequence[Answered], name: str, seed: int) -> tuple[Score, list[Measure], str]:
    """The mean change, scores and changes of each task, and a sentence on the worst."""
    found, draws = [], []
    for place, (task, said) in enumerate(answered):
        values, drawn = resampled(task, said, seed + place)
        for group, column in ((f"{name} before", 0), (f"{name} after", 1), (f"{name} change", 2)):
            low, high = _ends(values[column], drawn[:, column])
            found.append(Measure(task.name, values[column], low, high, "points", len(task.first), group))
        draws.append(drawn[:, 2])
    changes = [one for one in found if one.group == f"{name} change"]
    mean = float(np.mean([one.value for one in changes]))
    worst = min(changes, key=lambda one: one.value)
    which = f"of {len(answered)} tasks the worst is" if len(answered) > 1 else "the only task is"
    note = f"{which} {worst.name}: {worst.value:+.1f} points ({worst.low:+.1f} to "
    note += f"{worst.high:+.1f})"
    return Score("glue_change", mean, *_ends(mean, np.mean(draws, axis=0))), found, note


def resampled(task: Known, said: Sequence[np.ndarray], seed: int) -> tuple[list[float], np.ndarray]:
    """Points before, after and of the change: their values, and those of resamples of the rows, (1000, 3)."""
    rows = len(task.first)
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES)
    both = 100 * crossfit.scores(task, said, np.vstack([np.ones(rows), drawn]))
    table = np.column_stack([both, both[:, 1] - both[:, 0]])
    return table[0].tolist(), table[1:]


def _ends(value: float, draws: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(draws, ENDS)
    return min(float(low), value), max(float(high), value)


def _last(body: Layers, texts: Sequence[str]) -> np.ndarray:
    """The last layer's vectors of the beginnings of texts, (n, hidden)."""
    return _read(body, [" ".join(text.split()[:WORDS]) for text in texts])[:, -1]
