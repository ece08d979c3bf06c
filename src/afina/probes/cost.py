"""What 1,000 answers cost on machines that can be hired, at full load and at the load that is usual.

    USD per 1,000 = USD an hour * 1000 / (3600 * texts a second * share of the time in use)
    a month       = USD an hour * 730: one machine, whether it is asked or not

Texts a second are those of the served file on the rows, in batches of 32, timed on this machine. For another machine
they are extrapolated: as many for each of its processors (vCPU) as for each one here. That is said in every line, for
a processor of another kind may be half as fast or twice. Where this machine says that it is an instance of the table,
its line is measured. Intervals are those of the timing alone.

Unit: USD per 1,000 texts at `cost_utilisation`, less is better: the score is the cheapest line. A burstable machine is
listed and not chosen: it is sold by its idle time, and a steady load costs more. Cost: some seconds.

What it does not do: disks, traffic, a second machine for when one fails, discounts; whether the model fits in memory.
Prices are of the table (`afina/data/prices/README.md`), which is said to be old after 90 days.
Source: AWS price list, by the address in the table; Barroso & Hölzle 2007, "The Case for Energy-Proportional
Computing" (servers are in use 10 to 50% of the time).
"""

from collections.abc import Iterator
from datetime import date
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path

from pydantic import BaseModel, Field

from afina import clocking, prices
from afina.clocking import Interval, Speed
from afina.prices import Price
from afina.records import Dimension, Measure, Score, Subject

SECONDS = 3.0  # of timing
MONTH = 730  # hours
MEASURED = "measured on this machine"
SKIPPED = "the model was asked from outside: what a machine answers in a second must be timed where its file is"


class Config(BaseModel, frozen=True, extra="forbid"):
    """Prices and load."""

    prices: str | None = Field(default=None, description="a price table of your own: JSON, YAML or CSV")
    utilisation: float = Field(default=0.3, gt=0, le=1, description="share of the time that a machine is in use")


def files(config: Config) -> tuple[Path, ...]:
    """The price table, where one is named."""
    return () if config.prices is None else (Path(expanduser(config.prices)),)


def check(config: Config) -> None:
    """Raise ConfigError or DataError where the price table cannot be read."""
    _table(config)


def measure(subject: Subject, config: Config) -> Dimension:
    """USD for 1,000 texts on each machine of the table."""
    table = _table(config)
    if not subject.opened:
        return Dimension("cost", unit="USD", more_is_better=False, skipped=SKIPPED)
    other = clocking.busy()
    speed = clocking.speed(subject.predict, subject.rows, subject.task, SECONDS)
    loads = sorted({1.0, config.utilisation}, reverse=True)
    lines = {price: [_per_thousand(price, speed, share) for share in loads] for price in table.lines}
    best = min((lines[price][-1] for price in table.steady), key=lambda one: one.value)
    return Dimension(
        "cost",
        Score("usd_per_1000", best.value, best.low, best.high),
        "USD",
        more_is_better=False,
        measures=tuple(one for price, found in lines.items() for one in (*found, _month(price))),
        notes=(*_notes(speed, table, best, config), *filter(None, [other])),
    )


def _table(config: Config) -> prices.Prices:
    return prices.read(*files(config))  # without a file, the one that ships


def _rate(speed: Speed, price: Price) -> tuple[Interval, str]:
    """Texts a second on a machine, and how that is known."""
    here, found = clocking.processors(), speed.texts
    if clocking.instance() == price.instance:
        return found, MEASURED
    if price.vcpu is None:
        return found, "extrapolated: taken to be as fast as this machine"
    factor = price.vcpu / here
    scaled = Interval(found.value * factor, found.low * factor, found.high * factor, found.runs)
    return scaled, f"extrapolated: {found.value:,.0f} texts/s of {here} processors here, times {price.vcpu}/{here}"


def _per_thousand(price: Price, speed: Speed, share: float) -> Measure:
    rate, how = _rate(speed, price)
    dollars, low, high = (prices.per_thousand(price, texts, share) for texts in (rate.value, rate.high, rate.low))
    remark = f"{how}; burstable: a steady load costs more" if price.burstable else how
    return Measure(
        price.instance, dollars, low, high, "USD", speed.asked, f"1,000 texts at {share:.0%} load", None, remark
    )


def _month(price: Price) -> Measure:
    dollars = price.usd_per_hour * MONTH
    remark = f"{price.usd_per_hour:g} USD an hour, {MONTH} hours, asked or not"
    return Measure(price.instance, dollars, dollars, dollars, "USD", 1, "a month, at least", None, remark)


def _notes(speed: Speed, table: prices.Prices, best: Measure, config: Config) -> Iterator[str]:
    how = "measured on" if best.remark.startswith(MEASURED) else "extrapolated from this machine to"
    yield f"{how} {best.name}, the cheapest at {config.utilisation:.0%} load"
    yield f"prices: {table.source}" + (f", {table.published}" if table.published else ", date unknown")
    old = table.age(date.today())
    if old:
        yield f"{old}; give your own as cost_prices=..."
    yield (
        f"timed here: {speed.texts.value:,.0f} texts/s in batches of {speed.batch}; whatever is not this machine is "
        "extrapolated, and true only for processors that are as fast"
    )
