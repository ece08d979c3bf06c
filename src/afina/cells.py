"""What stands in a cell of a table: nothing, a number, a list."""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

NOTHING = frozenset({"", "nan", "null"})  # what pandas and databases write for nothing
GRADES = 20  # more different fractions than this are a score, not classes

_FRACTION = re.compile(r"[-+]?\d*\.\d*[1-9]\d*(e[-+]?\d+)?", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_WHOLE = re.compile(r"[-+]?\d+")


def missing(value: str) -> bool:
    """Whether a cell is empty, or 'nan' or 'null' in any case.

    >>> missing(" NaN "), missing("none")
    (True, False)
    """
    return value.strip().casefold() in NOTHING if len(value) < 9 else not value.strip()  # long texts are common


def number(value: str) -> float | None:
    """A finite number in decimal notation, or None.

    >>> number(" 4.75 "), number("1e3"), number("3,8"), number("inf")
    (4.75, 1000.0, None, None)
    """
    plain = value.strip()
    if not _NUMBER.fullmatch(plain):
        return None
    found = float(plain)
    return found if math.isfinite(found) else None


def is_score(values: Iterable[str]) -> bool:
    """Whether a column of cells is a score: numbers but for one cell in ten, and many different fractions."""
    filled = [value.strip() for value in values if not missing(value)]
    fractions = {value for value in filled if _FRACTION.fullmatch(value)}
    return len(fractions) > GRADES and sum(bool(_NUMBER.fullmatch(value)) for value in filled) >= 0.9 * len(filled)


def items(value: str) -> list[Any] | None:
    """What a JSON list holds, or None where a cell is none.

    >>> items('["a", 1]'), items("a")
    (['a', 1], None)
    """
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels sorted; whole numbers by their size.

    >>> in_order({"10", "9", "-1"}), in_order({"b", "10", "9"})
    (('-1', '9', '10'), ('10', '9', 'b'))
    """
    found = sorted(set(labels))
    return tuple(sorted(found, key=int) if all(map(_WHOLE.fullmatch, found)) else found)
