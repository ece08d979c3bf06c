"""What a plan costs, by arithmetic from a few timed steps, and which of the user's limits that breaks.

Expected, not promised: seconds are those of this machine with nothing else running on it, memory that of the longest
batch, size and latency those of a quantized model as it came out on the sets measured (benchmarks/RESULTS.md).
"""

import math
from collections.abc import Mapping

from afina import adapting, clocking, keys, prices, retaining, shelf, wording
from afina.errors import ConfigError
from afina.limits import Limits
from afina.records import Facts, Settings

LIBRARIES = 650e6  # bytes that Python and the libraries take before a model is read
ACTIVATIONS = 110  # bytes a token, layer and number of its vector, at the peak of a training step; measured (LOG.md)
QUANTIZED = 1.02  # bytes a parameter in INT8
FASTER = 0.3  # of the time of a forward pass, that INT8 needs for one text
NAMED = {
    "seconds": "time", "memory": "memory", "disk": "disk", "latency": "latency", "size": "size",
    "usd_per_1000": "usd_per_1000",
}  # and _limit  # fmt: skip


def estimates(facts: Facts, settings: Settings, speed: Mapping[str, float]) -> dict[str, float]:
    """trainable (parameters), memory, disk and size (bytes), seconds, latency (seconds, one text), and usd_per_1000.

    speed    seconds a row of a forward pass in batches and `single`, and of a step in each precision
    """
    config = keys.config(settings.technique, settings.options)
    verdict = shelf.load("techniques", settings.technique).suits(facts, config)
    wider = facts.classes * facts.hidden if settings.pooling == "siamese" else 0  # its head reads two vectors
    trainable = verdict.trainable + wider
    added, memory = retaining.adds(settings, facts, trainable)
    before, stored = adapting.adds(settings, facts)
    passes = facts.seen * (settings.num_train_epochs if settings.technique != "head_only" else 1)
    trained_for = passes * (verdict.seconds_per_row + added)
    precise = speed.get(settings.precision, speed["fp32"]) / speed["fp32"]  # bf16 may be asked for and not timed
    tokens = settings.per_device_train_batch_size * settings.max_seq_length
    checkpoints = 2 * (8 * facts.parameters + 8 * trainable)  # two, each with its weights and the best ones
    return {
        "trainable": trainable,
        "memory": LIBRARIES + verdict.memory + 16 * wider + ACTIVATIONS * tokens * facts.hidden * facts.layers + memory,
        "disk": checkpoints + 3 * 4 * facts.parameters + stored,
        "seconds": round(precise * (before + trained_for + facts.seen * facts.seconds_per_row), 1),
        "latency": FASTER * speed["single"],
        "size": QUANTIZED * facts.parameters,
        "usd_per_1000": _dollars(facts.seconds_per_row),
    }


def _dollars(seconds: float) -> float:
    """USD for 1,000 texts of so many seconds each here, on the cheapest machine of the table that ships.

    In use as much of the time as the probe `cost` supposes. A processor there is taken for as fast as one here, and
    INT8 for no faster than what was timed.
    """
    used, here = shelf.load("probes", "cost").Config().utilisation, clocking.processors()
    steady = prices.read().steady
    return min(prices.per_thousand(price, (price.vcpu or here) / here / seconds, used) for price in steady)


def over(found: Mapping[str, float], limits: Limits) -> dict[str, str]:
    """Each estimate above its limit, with both numbers in a few words."""
    allowed = {name: getattr(limits, f"{key}_limit") for name, key in NAMED.items()}
    return {
        name: f"{NAMED[name]} {wording.amount(name, found[name])} expected, {wording.amount(name, most)} allowed"
        for name, most in allowed.items()
        if most is not None and found[name] > most
    }


def said(found: Mapping[str, float], limits: Limits) -> str:
    """The limits that are broken, with both numbers of each."""
    return ", ".join(over(found, limits).values())


def nothing(tried: Mapping[str, Mapping[str, float]], limits: Limits) -> ConfigError:
    """What to say where no technique keeps within the limits: what each would cost, and what the cheapest needs."""

    def excess(name: str) -> float:
        return max(tried[name][one] / getattr(limits, f"{NAMED[one]}_limit") for one in over(tried[name], limits))

    cheapest = min(tried, key=excess)
    needs = [f"{NAMED[one]}_limit={_needed(one, tried[cheapest][one])}" for one in over(tried[cheapest], limits)]
    fix = f"the cheapest is {cheapest}: allow it {' '.join(needs)}, or name a smaller base with --model"
    alike: dict[str, list[str]] = {}
    for name, found in tried.items():
        alike.setdefault(said(found, limits), []).append(name)
    each = "; ".join(f"{', '.join(names)}: {costs}" for costs, names in alike.items())
    return ConfigError(f"nothing keeps within the limits: {each}", fix)


def _needed(name: str, value: float) -> str:
    """A limit that holds the value, as it is written."""
    unit, text = {"seconds": (1, "s"), "latency": (0.001, "ms"), "usd_per_1000": (1e-6, "e-6")}.get(name, (1e6, "MB"))
    return f"{math.ceil(value / unit)}{text}"
