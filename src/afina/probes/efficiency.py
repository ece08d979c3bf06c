"""How fast the model answers, and what it takes of a machine: the served file, its siblings, and PyTorch.

    latency      ms of one text, and of 32 at once, for texts of several lengths: 50th, 95th and 99th percentile of the
                 runs, where there are 1, 20 and 100. Intervals are order statistics (`afina/clocking.py`); where
                 the runs are too few for an end, it is the extreme run, and the remark says so
    throughput   texts a second of the rows as they come, in batches of 32; the score is that of the served file
    peak memory  most bytes of a new process that opens the file and answers 32 of the longest texts; and the seconds
                 from its start until it can be asked, libraries included
    file size    bytes on disk
    energy       joules for 1,000 texts, of all that the machine does meanwhile, where its counters may be read

Texts of a length are drawn from the words of the rows, for the time of a text is a matter of its length, not its sense.
Threads are as the file is served: as many as there are cores.

Unit: texts/s, more is better. Cost: `efficiency_seconds` for the timings, and a new process for each file.

What it does not do: many users at once, waiting in a queue, the network, an accelerator. A busy machine makes all
numbers worse, and no interval shows that.
Source: David & Nagaraja 2003, "Order Statistics", 7.1; Reddi et al. 2020, "MLPerf Inference Benchmark" (percentiles).
"""

import time
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from afina import clocking
from afina.clocking import Interval
from afina.errors import AfinaError
from afina.records import Dimension, Measure, Predict, Score, Subject, Text
from afina.wording import word

ENOUGH = {0.5: 1, 0.95: 20, 0.99: 100}  # percentile -> runs from which it is more than the slowest one
MOST = 400  # runs of one text: 368 give the 99th percentile an upper bound
TEXTS = 64  # of one length, that batches of one take turns in
SPEED = 0.25  # of the time of a file, for its throughput
LATE = "{} of {} kinds of batches were not timed, for the time was used up: give more as efficiency_seconds=..."
SERVED = 2  # the served file has so many times the time of another
ONCE = "one run: no interval"
OUTSIDE = "the model was asked from outside: times hold the way there and back; memory, size and loading are not known"
HERE = "times are of this machine as busy as it was, with {} processors; a length is in words, and longer texts are cut"
NO_ENERGY = "energy was not measured: this machine has no counter of it that may be read (/sys/class/powercap)"
Length = Annotated[int, Field(ge=1, le=100_000)]


class Config(BaseModel, frozen=True, extra="forbid"):
    """How long, and which texts."""

    seconds: float = Field(default=20.0, gt=0, le=3600, description="for the timings of all files together, about")
    lengths: tuple[Length, ...] = Field(default=(8, 32, 128), min_length=1, description="words of the timed texts")


def measure(subject: Subject, config: Config) -> Dimension:
    """Latency, throughput, memory, size and energy of each file."""
    others = [name for name in subject.opened if name != subject.variant]
    unit = config.seconds / (SERVED + len(others))
    notes = [HERE.format(clocking.processors()), *filter(None, [clocking.busy()])]
    speed, measures = _timed(subject, subject.variant, subject.predict, SERVED * unit, config, notes)
    notes[:0] = [_first(measures)] if len(measures) > 1 else []
    for name, predict in _opened(subject, others, notes):
        try:
            measures += _timed(subject, name, predict, unit, config, notes)[1]
        except AfinaError as error:
            notes.append(f"{word(name)} was not timed: {error.found}")
    measures += _alone(subject, config, notes)
    measures += [_exact("file size", word(name), size, "bytes") for name, size in subject.files.items()]
    if not subject.opened:
        notes.append(OUTSIDE)
    if speed.joules is None:
        notes.append(NO_ENERGY)
    found = speed.texts
    score = Score("texts_per_second", found.value, found.low, found.high)
    return Dimension("efficiency", score, "texts/s", measures=tuple(measures), notes=tuple(notes))


def _first(measures: Sequence[Measure]) -> str:
    """The first latency: that of one short text at the median."""
    one = next(measure for measure in measures if measure.unit == "ms")
    return f"{one.group} of {one.strength:g} words, {one.name}: {one.value:.3g} ms ({one.low:.3g} to {one.high:.3g})"


def _opened(subject: Subject, names: list[str], notes: list[str]) -> Iterator[tuple[str, Predict]]:
    """The other models, one after another, so that no two are in memory beside the served one."""
    for name in names:
        try:
            yield name, subject.opened[name]()
        except (AfinaError, ImportError) as error:
            notes.append(f"{word(name)} was not opened: {getattr(error, 'found', error)}")


def _timed(
    subject: Subject, name: str, predict: Predict, seconds: float, config: Config, notes: list[str]
) -> tuple[clocking.Speed, list[Measure]]:
    """The throughput and latencies of one model."""
    end = time.perf_counter() + seconds
    speed = clocking.speed(predict, subject.rows, subject.task, SPEED * seconds)
    said = f"in batches of {speed.batch}, texts of test as they come"
    measures = [_measure("throughput", _name(name), speed.texts, "texts/s", said)]
    if speed.joules is not None:
        joules = _scaled(speed.joules, 1000)
        measures.append(_measure("energy of 1,000 texts", _name(name), joules, "J", "of the whole machine"))
    cells = [(size, length) for size in (1, clocking.BATCH) for length in config.lengths]
    for place, (size, length) in enumerate(cells):
        left = end - time.perf_counter()
        if left < 0:
            notes.append(f"{_name(name)}: {LATE.format(len(cells) - place, len(cells))}")
            break
        texts = clocking.texts(subject.rows, length, TEXTS, subject.seed)
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]
        times = clocking.runs(predict, batches, subject.task, left / (len(cells) - place), MOST)
        measures += [_latency(name, size, length, times, share) for share in ENOUGH if len(times) >= ENOUGH[share]]
    return speed, measures


def _latency(name: str, size: int, length: int, times: list[float], share: float) -> Measure:
    found = _scaled(clocking.quantile(times, share), 1000)
    end = {"": "", "upper": "the high end is the slowest run", "lower and upper": "the ends are the extreme runs"}
    remark = found.open and f"no {found.open} bound from {found.runs} runs: {end[found.open]}"
    remark = ONCE if found.runs == 1 else remark
    group = "latency of one text" if size == 1 else f"latency of {size} texts at once"
    return _measure(group, f"{_name(name)}, p{share * 100:.0f}", found, "ms", remark, float(length))


def _alone(subject: Subject, config: Config, notes: list[str]) -> Iterator[Measure]:
    """Memory and loading of each model: of a new process where one can be started, else the loading alone."""
    texts: list[Text] = clocking.texts(subject.rows, max(config.lengths), clocking.BATCH, subject.seed)
    for name, opened in subject.opened.items():
        try:
            if subject.alone is None:
                began = time.perf_counter()
                opened()
                yield _exact("loading", word(name), time.perf_counter() - began, "s", f"{ONCE}; in a running process")
                continue
            use = subject.alone(name, texts)
        except (AfinaError, ImportError) as error:
            notes.append(f"{word(name)} was not opened by itself: {getattr(error, 'found', error)}")
            continue
        share = f"{ONCE}; {use.before / 1e6:,.0f} MB of it before the model and its libraries"
        yield _exact("peak memory", word(name), use.peak, "bytes", share)
        yield _exact("loading", word(name), use.seconds, "s", f"{ONCE}; in a new process, libraries included")


def _name(name: str) -> str:
    return word(name) if name else "as served"


def _scaled(found: Interval, factor: float) -> Interval:
    return Interval(found.value * factor, found.low * factor, found.high * factor, found.runs, found.open)


def _measure(group: str, name: str, found: Interval, unit: str, remark: str, strength: float | None = None) -> Measure:
    return Measure(name, found.value, found.low, found.high, unit, found.runs, group, strength, remark, "words")


def _exact(group: str, name: str, value: float, unit: str, remark: str = "") -> Measure:
    return Measure(name, float(value), float(value), float(value), unit, 1, group, None, remark)
