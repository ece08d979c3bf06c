"""The strokes that figures are made of: text, paths, frames and scales as pieces of SVG.

Colour comes from the classes of the page's style sheet. Text may hold anything: it is cleaned and escaped here.
"""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from typing import TypeGuard

WIDTH = 440
MOST = 1e12  # a larger number is not drawn: ticks could no longer tell it from its neighbours
Numbers = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a chart's numbers lie on the paper."""

    x: tuple[float, float]  # smallest and largest number
    y: tuple[float, float]
    left: float
    top: float
    width: float
    height: float

    def at(self, x: float, y: float) -> tuple[str, str]:
        """The place of a point, as attributes."""
        (x0, x1), (y0, y1) = self.x, self.y
        across, up = (x - x0) / (x1 - x0), (y - y0) / (y1 - y0)
        return short(self.left + self.width * across), short(self.top + self.height * (1 - up))


def clean(text: str) -> str:
    """One line of characters that XML allows; those that turn the direction of writing become visible."""
    turning, bad = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ("Cc", "Cs", "Cn")
    line = (" " if c.isspace() else c for c in text)
    return "".join("�" if c in turning or unicodedata.category(c) in bad else c for c in line)


def ticks(low: float, high: float, most: int = 5, whole: bool = False) -> tuple[float, ...]:
    """Round numbers from at or below `low` to at or above `high`, about `most` of them.

    >>> ticks(0.13, 0.94)
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-12):
        wider = 1.0 if whole or abs(low) < 1e-12 else abs(low) / 10
        low, high = low - (0 if low == 0 else wider), high + wider
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    step = max(1.0, math.ceil(step)) if whole else step
    first, beyond = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9) + 1
    return tuple(float(f"{index * step:.15g}") for index in range(first, max(beyond, first + 2)))


def cut(text: str, width: float, size: float = 12) -> str:
    """As much of the text as `width` units hold, with an ellipsis where some is left out."""
    if extent(text, size) <= width:
        return text
    kept = sum(used <= width for used in accumulate(extent(character, size) for character in text))
    return text[: max(kept - 1, 1)].rstrip() + "…"


def rules(frame: Frame, steps: Sequence[float]) -> str:
    """Horizontal lines at the ticks, each with its number."""
    out = ""
    for tick, y in ((tick, frame.at(frame.x[0], tick)[1]) for tick in steps):
        out += path("rule", f"M{short(frame.left)} {y}h{short(frame.width)}")
        out += text(frame.left - 6, float(y) + 4, label(tick, steps[1] - steps[0]), "end", "small")
    return out


def label(value: float, step: float) -> str:
    """A tick's number with as many places as its step has."""
    if value and not 1e-3 <= step < 1e6:
        mantissa, _, power = f"{value:.6e}".partition("e")
        return f"{float(mantissa):.3g}e{int(power)}"
    places = max(0, -math.floor(math.log10(step)))
    return f"{value:,.{places + (round(step * 10**places, 6) % 1 > 0)}f}" if value else "0"


def text(x: float, y: float, text: str, anchor: str = "start", size: str = "") -> str:
    """A line of text, its anchor at (x, y)."""
    return f'<text class="{size}" x="{short(x)}" y="{short(y)}" text-anchor="{anchor}">{escape(clean(text))}</text>'


def path(style: str, way: str) -> str:
    """A path of that class."""
    return f'<path class="{style}" d="{way}"/>'


def shape(tag: str, style: str, **numbers: float | str) -> str:
    """A rectangle, circle or the like, with its attributes."""
    known = "".join(f' {name.replace("_", "-")}="{short(float(number))}"' for name, number in numbers.items())
    return f'<{tag} class="{style}"{known}/>'


def group(tip: str, *parts: str) -> str:
    """Parts that share a tip, shown where the pointer rests."""
    return f"<g><title>{escape(clean(tip))}</title>{''.join(parts)}</g>"


def whole(title: str, says: str, height: float, body: Iterable[str]) -> str:
    """A figure with its title and description."""
    head = f'<svg role="img" viewBox="0 0 {WIDTH} {short(height)}"><title>{escape(clean(title))}</title>'
    return f"{head}<desc>{escape(clean(says))}</desc>{''.join(body)}</svg>"


def known(numbers: Numbers) -> Numbers:
    """The points that can be drawn, in order."""
    return tuple(sorted(one for one in numbers if all(map(real, one))))


def real(value: float | None) -> TypeGuard[float]:
    """Whether a number can be drawn."""
    return value is not None and abs(value) < MOST


def short(value: float) -> str:
    """A number with two places at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def extent(text: str, size: float = 12) -> float:
    """About how many units wide a text is."""
    return sum(size * (1.0 if unicodedata.east_asian_width(c) in "WF" else 0.62) for c in text)  # about
