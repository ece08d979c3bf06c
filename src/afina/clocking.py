"""How long a model takes for its answers, with honest intervals, and what that uses of the machine.

    quantile   the value of the sorted runs that q of them do not exceed; its interval is made of two other runs
               (`binomial.ends`), whatever shape the times have. Under 6 runs no interval of the median exists, under
               73 none of the 95th percentile has an upper end, under 368 none of the 99th
    speed      texts / seconds over batches of texts; 95% interval of the ratio on its log scale:
               speed * exp(+-t s), s^2 = n / (n - 1) sum (texts_i - speed seconds_i)^2 / (sum texts)^2, n batches,
               t that of Student with n - 1 degrees
    energy     what the processor's packages counted between two readings, in joules: the whole machine's, not the
               model's share

They speak of this machine while it was looked at, busy or not: a slow minute is in all runs alike, and in no interval.

Source: Linux kernel, "Power Capping Framework" (energy_uj, max_energy_range_uj); Cochran 1977, "Sampling Techniques",
6.3 (ratio); Abramowitz & Stegun 1964, 26.7.5 (t by z).
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from afina import answering, binomial, metrics
from afina.records import Predict, Row, Task, Text

BATCH = 32  # texts asked for at once where a model is to be quick, as `predictors.onnx` has them
LEAST, FEWEST, ENOUGH = 2, 6, 30  # batches of a speed: at least, in up to LATE times the time, and as many in time
LATE = 3
IDLE = 0.2  # seconds that are waited to see what else the machine does
BUSY = 0.25  # share of the processors that others have, from which times are said to be too long
POWER = Path("/sys/class/powercap")
MACHINE = Path("/sys/devices/virtual/dmi/id")


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured number."""

    value: float
    low: float  # 95%
    high: float
    runs: int
    open: str = ""  # which end is no bound but the extreme run: "", "upper" or "lower and upper"


@dataclass(frozen=True, slots=True)
class Speed:
    """What came of a stretch of batches."""

    texts: Interval  # a second
    joules: Interval | None  # a text; None where the machine does not say
    asked: int  # texts
    batch: int  # texts in the largest


def texts(rows: Sequence[Row], words: int, count: int, seed: int) -> list[Text]:
    """Texts of so many words each, drawn from those of the rows; for pairs half of them in each."""
    known = [word for row in rows for text in row.texts for word in text.split()] or ["?"]
    drawn = np.random.default_rng(seed).integers(len(known), size=(count, words)).tolist()
    lines = [[known[place] for place in line] for line in drawn]
    if rows[0].pair is None:
        return [" ".join(line) for line in lines]
    half = (words + 1) // 2
    return [(" ".join(line[:half]), " ".join(line[half:])) for line in lines]


def runs(predict: Predict, batches: Sequence[Sequence[Text]], task: Task, seconds: float, most: int) -> list[float]:
    """Seconds of each run, in turns of the batches, until time is up or there are `most`.

    The first does not count, unless it takes all the time: then it is the only one.
    """
    began = time.perf_counter()
    answers = predict(batches[0])
    first = time.perf_counter() - began
    answering.checked(answers, batches[0], task)
    if first > seconds:
        return [first]
    times: list[float] = []
    end = began + seconds
    while not times or (len(times) < most and time.perf_counter() < end):
        batch = batches[len(times) % len(batches)]
        began = time.perf_counter()
        predict(batch)
        times.append(time.perf_counter() - began)
    return times


def quantile(times: Sequence[float], share: float) -> Interval:
    """The quantile of runs, with its interval.

    >>> quantile([5.0, 1.0, 2.0, 4.0, 3.0, 6.0], 0.5)
    Interval(value=3.0, low=1.0, high=6.0, runs=6, open='')
    """
    ordered = np.sort(np.asarray(times, dtype=np.float64))
    low, high = binomial.ends(len(ordered), share)
    place = min(int(np.ceil(share * len(ordered) - 1e-9)), len(ordered)) - 1
    missing = "lower and upper" if low is None else "upper" if high is None else ""
    ends = ordered[low or 0], ordered[-1 if high is None else high]
    return Interval(float(ordered[place]), float(ends[0]), float(ends[1]), len(ordered), missing)


def speed(predict: Predict, rows: Sequence[Row], task: Task, seconds: float, power: Path = POWER) -> Speed:
    """Texts a second of the rows as they come, in batches of 32, over and over until there are enough of them.

    A model too slow for enough of them in the time gets more of it, so that six are there, or at least two.
    """
    given = [row.input for row in rows]
    batches = [given[start : start + BATCH] for start in range(0, len(given), BATCH)]
    answering.checked(predict(batches[0]), batches[0], task)  # also the one that warms up
    sizes: list[int] = []
    times: list[float] = []
    used: list[float | None] = []
    start = time.perf_counter()
    while _more(len(times), (time.perf_counter() - start) / seconds):
        batch = batches[len(times) % len(batches)]
        before, began = joules(power), time.perf_counter()
        answers = predict(batch)
        times.append(time.perf_counter() - began)
        used.append(spent(before, joules(power), power))
        sizes.append(len(answering.checked(answers, batch, task)))
    energy = None if None in used else ratio([one or 0.0 for one in used], sizes)
    return Speed(ratio(sizes, times), energy, sum(sizes), max(sizes))


def _more(done: int, used: float) -> bool:
    """Whether another batch is to be timed, after so many and such a share of the time."""
    wanted = ENOUGH if used < 1 else FEWEST if used < LATE else LEAST
    return done < wanted


def ratio(top: Sequence[float], bottom: Sequence[float]) -> Interval:
    """Sum of the one by sum of the other, with the interval at the head of this file. Two of each at least."""
    above, below = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    value, count = above.sum() / below.sum(), len(above)
    if value == 0:  # the counter of energy did not move
        return Interval(0.0, 0.0, 0.0, count)
    rest = above - value * below
    spread = np.sqrt(count / (count - 1) * (rest**2).sum()) / above.sum()
    factor = float(np.exp(student(count - 1) * spread))
    return Interval(float(value), float(value / factor), float(value * factor), count)


def student(degrees: int) -> float:
    """The 97.5% point of Student's distribution; right to 1% from 4 degrees on.

    >>> round(student(5), 2), round(student(30), 2)
    (2.57, 2.04)
    """
    z = metrics.NORMAL
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return float(z + first / degrees + second / degrees**2 + third / degrees**3)


def joules(power: Path = POWER) -> dict[str, float] | None:
    """What each package's counter says; None where there is none, or it may not be read."""
    packages = sorted(path for path in power.glob("intel-rapl:*") if path.name.count(":") == 1)
    try:
        return {path.name: int((path / "energy_uj").read_text()) / 1e6 for path in packages} or None
    except (OSError, ValueError):
        return None


def spent(before: dict[str, float] | None, after: dict[str, float] | None, power: Path = POWER) -> float | None:
    """Joules between two readings; a counter that ran over starts at 0 again."""
    if before is None or after is None:
        return None
    found = 0.0
    for name, value in after.items():
        most = 0.0 if value >= before[name] else int((power / name / "max_energy_range_uj").read_text()) / 1e6
        found += value + most - before[name]
    return found


def busy() -> str:
    """What there is to say of other work on this machine, looked at for a moment; '' where there is little."""
    used = psutil.cpu_percent(IDLE) / 100
    return "" if used < BUSY else f"other work had {used:.0%} of this machine's processors: times are longer than alone"


def processors() -> int:
    """Logical processors that this process may use."""
    find: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(find(0)) if find else os.cpu_count() or 1


def instance(machine: Path = MACHINE) -> str:
    """The kind of EC2 instance that this machine is, as it says itself; '' where it is none, or does not say."""
    try:
        vendor, product = ((machine / name).read_text().strip() for name in ("sys_vendor", "product_name"))
    except OSError:
        return ""
    return product if vendor == "Amazon EC2" else ""
