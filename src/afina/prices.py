"""What machines cost an hour: the table that ships, or the user's own as JSON, YAML or CSV.

    JSON, YAML   instances: a list of {instance, usd_per_hour, vcpu, memory_gib, burstable}; beside it published, source
    CSV          a line an instance: instance, usd_per_hour, and where known vcpu, memory_gib, burstable, published,
                 source

A table is as old as its oldest line; one without a date is of no known age.

What it does not do: look prices up, other currencies, prices by region in one table, discounts.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from afina.errors import DataError
from afina.textfile import read_bytes

SHIPPED = Path(__file__).parent / "data" / "prices" / "aws.json"
NEEDED = ("instance", "usd_per_hour")
FRESH = 90  # days
FORM = "write instance and usd_per_hour of each machine, as in afina/data/prices/aws.json, or as the columns of a CSV"


@dataclass(frozen=True, slots=True)
class Price:
    """One machine."""

    instance: str
    usd_per_hour: float
    vcpu: int | None = None
    memory_gib: float | None = None
    burstable: bool = False  # sold by its idle time: a steady load costs more than the price


@dataclass(frozen=True, slots=True)
class Prices:
    """A table."""

    lines: tuple[Price, ...]
    published: date | None
    source: str

    @property
    def steady(self) -> tuple[Price, ...]:
        """The machines that a steady load may be put on; all where none is sold so."""
        return tuple(price for price in self.lines if not price.burstable) or self.lines

    def age(self, today: date) -> str:
        """What is to be said of its age; '' where it is fresh."""
        if self.published is None:
            return "the prices have no date: they may be years old"
        days = (today - self.published).days
        if days > FRESH:
            return f"the prices are of {self.published}, {days} days old: compare them with today's"
        return f"the prices are dated {self.published}, which is not yet" if days < 0 else ""


def per_thousand(price: Price, texts: float, share: float) -> float:
    """USD for 1,000 texts on a machine that answers so many a second, and is in use for that share of the time.

    >>> per_thousand(Price("mine", 0.36), 10.0, 0.5)
    0.02
    """
    return price.usd_per_hour * 1000 / (3600 * texts * share)


def read(path: Path = SHIPPED) -> Prices:
    """The table in a file. Raises DataError where there is none, or where it is none."""
    is_csv = path.suffix.lower() == ".csv"
    try:
        text = read_bytes(path).decode("utf-8-sig")
        known: Any = {} if is_csv else yaml.safe_load(text)
    except (UnicodeDecodeError, yaml.YAMLError):
        raise DataError(f"{path.name} is no JSON, YAML or CSV in UTF-8", FORM) from None
    table = _lines(path.name, text) if is_csv else _instances(known)
    if not table:
        raise DataError(f"{path.name} holds no prices", FORM)
    lines = tuple(_price(line, f"{path.name}, entry {place}") for place, line in enumerate(table, 1))
    dates = [given for line in (known, *table) if (given := str(line.get("published") or "").strip())]
    sources = sorted({given for line in (known, *table) if (given := str(line.get("source") or "").strip())})
    return Prices(lines, _oldest(dates, path.name), ", ".join(sources) or path.name)


def _lines(file: str, text: str) -> Sequence[Any]:
    """The lines of a CSV. Raises DataError with the columns that it has where it lacks one."""
    table = csv.DictReader(io.StringIO(text))
    columns = table.fieldnames or ()
    if columns and (lacking := [name for name in NEEDED if name not in columns]):
        there = ", ".join(map(repr, columns[:20]))
        fix = "part columns with commas, decimals with a point" if ";" in columns[0] or "\t" in columns[0] else FORM
        raise DataError(f"{file} lacks the columns {' and '.join(map(repr, lacking))}; it has {there}", fix)
    return list(table)


def _instances(known: Any) -> Sequence[Any]:
    found = known.get("instances") if isinstance(known, dict) else None
    return found if isinstance(found, list) else []


def _price(line: Any, where: str) -> Price:
    if not isinstance(line, Mapping) or not line.get("instance"):
        raise DataError(f"{where}: no instance is named", FORM)
    cpus, memory = (_number(line.get(key) or None, f"{where}: {key}") for key in ("vcpu", "memory_gib"))
    dollars = _number(line.get("usd_per_hour"), f"{where}: usd_per_hour")
    if dollars is None:
        raise DataError(f"{where}: usd_per_hour is missing", FORM)
    burstable = str(line.get("burstable") or "").strip().lower() in ("true", "yes", "1")
    return Price(str(line["instance"]), dollars, None if cpus is None else round(cpus), memory, burstable)


def _number(value: Any, what: str) -> float | None:
    """A number above 0; None where nothing is given."""
    try:
        found = None if value is None else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if found is not None and not 0 < found < math.inf:
        raise DataError(f"{what} is {value!r}, not a number above 0", FORM)
    return found


def _oldest(dates: Sequence[str], file: str) -> date | None:
    try:
        return min((date.fromisoformat(one) for one in dates), default=None)
    except ValueError:
        raise DataError(f"{file}: a date is not written as 2026-11-30", "correct published") from None
