"""Figures by hand: numbers -> one inline SVG each, for a page that brings its own style.

A figure is 440 units wide, so that it fits a phone. Colour comes from the classes of the page's style sheet: `a` the
model, `b` what it is compared with, `c` everything else. Numbers that are missing, not a number or infinite are left
out; a figure without anything to draw is ''. Labels may hold anything: they are cleaned, escaped and cut, and the
whole label stands in the element's <title>.
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
class Bar:
    """One horizontal bar."""

    label: str
    value: float
    said: str  # the number as the reader sees it
    low: float | None = None  # 95% interval
    high: float | None = None
    style: str = "c"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    name: str
    points: Numbers  # x, y
    band: Numbers = ()  # x, low, high


@dataclass(frozen=True, slots=True)
class Dot:
    """A number with its interval, on a scale of its own, beside the value that means 'nothing'."""

    label: str
    said: str
    value: float
    low: float
    high: float
    zero: float


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
        return _n(self.left + self.width * across), _n(self.top + self.height * (1 - up))


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
    if _width(text, size) <= width:
        return text
    kept = sum(used <= width for used in accumulate(_width(character, size) for character in text))
    return text[: max(kept - 1, 1)].rstrip() + "…"


def bars(title: str, says: str, items: Sequence[Bar]) -> str:
    """Horizontal bars from zero, each with its interval and its number in words."""
    items = [item for item in items if _real(item.value)]
    if not items:
        return ""
    bold = len({item.style for item in items}) > 1
    gutter = min(150.0, max(_width(clean(item.label), 13) for item in items) + 12)
    words = min(150.0, max(_width(item.said, 11) for item in items) + 10)
    most = max(max(item.value, item.high if _real(item.high) else 0.0) for item in items)
    scale = (WIDTH - gutter - words) / (most if most > 1e-12 else 1.0)
    body = []
    for row, item in enumerate(items):
        y, label = row * 26, cut(clean(item.label), gutter - 12, 13)
        parts = [_text(gutter - 8, y + 17, label, "end", "strong" if bold and item.style == "a" else "")]
        parts.append(_shape("rect", item.style, x=gutter, y=y + 5, width=max(item.value, 0.0) * scale, height=16))
        if _real(item.low) and _real(item.high):
            low, high = (_n(gutter + max(end, 0.0) * scale) for end in (item.low, item.high))
            parts.append(_path("whisker", f"M{low} {y + 13}H{high}M{low} {y + 9}v8M{high} {y + 9}v8"))
        parts.append(_text(WIDTH - words + 10, y + 17, item.said, size="small"))
        body.append(_group(f"{item.label}: {item.said}", *parts))
    return _svg(title, says, len(items) * 26 + 4, body)


def columns(title: str, says: str, counts: Iterable[tuple[str, float]]) -> str:
    """Counts as upright columns, the largest first; the first and the last are named below."""
    known = sorted(((label, max(n, 0)) for label, n in counts if _real(n)), key=lambda pair: -pair[1])
    if not known:
        return ""
    steps = ticks(0, max(known[0][1], 1), 4, whole=True)
    frame = Frame((0, len(known)), (0, steps[-1]), 44, 8, WIDTH - 52, 150)
    body, wide, half = [_rules(frame, steps)], frame.width / len(known), frame.width / 2 - 16
    for index, (label, count) in enumerate(known):
        x, y = frame.at(index, count)
        column = _shape("rect", "a", x=x, y=y, width=min(wide - min(4.0, wide * 0.2), 60), height=158 - float(y))
        body.append(_group(f"{label}: {count:,.0f}", column))
    body.append(_text(frame.left, 176, cut(clean(known[0][0]), half, 11), size="small"))
    if len(known) > 1:
        body.append(_text(WIDTH - 8, 176, cut(clean(known[-1][0]), half, 11), "end", "small"))
    return _svg(title, says, 184, body)


def lines(title: str, says: str, series: Sequence[Line], across: str, zero: bool = False, mark: float = -1) -> str:
    """Up to three lines with bands over a whole-numbered x axis named `across`; `mark` is an x to point at."""
    series = [Line(line.name, _known(line.points), _known(line.band)) for line in series if _known(line.points)]
    if not series:
        return ""
    xs = [x for line in series for x, _ in line.points]
    ys = [y for line in series for y in (*(y for _, y in line.points), *(y for _, *two in line.band for y in two))]
    steps = ticks(min(0, *ys) if zero else min(ys), max(ys), 4)
    x_range = (min(xs), max(xs)) if max(xs) > min(xs) else (min(xs) - 1, min(xs) + 1)
    frame = Frame(x_range, (steps[0], steps[-1]), 48, 24, WIDTH - 64, 150)
    body = [_rules(frame, steps)]
    x_ticks = [x for x in ticks(min(xs), max(xs), 6, whole=True) if min(xs) <= x <= max(xs)]
    body += [_text(float(frame.at(x, 0)[0]), 190, _label(x, 1), "middle", "small") for x in x_ticks]
    body.append(_text(frame.left + frame.width, 206, across, "end", "small"))
    if x_range[0] <= mark <= x_range[1]:
        body.append(_group(f"{across} {mark:,.0f}", _path("mark", f"M{frame.at(mark, 0)[0]} 24V174")))
    place = frame.left
    for style, line in zip("abc", series, strict=False):
        name = _text(place + 21, 14, line.name, size="small")
        body.append(_line(frame, line, style) + _path(f"line {style}", f"M{_n(place)} 10h16") + name)
        place += _width(line.name, 11) + 38
    return _svg(title, says, 212, body)


def dots(title: str, says: str, items: Sequence[Dot]) -> str:
    """Numbers with intervals, each on its own scale from 0, beside the mark of what 'no difference' would give."""
    items = [item for item in items if all(map(_real, (item.value, item.low, item.high, item.zero)))]
    body: list[str] = []
    for top, item in zip(range(0, 62 * len(items), 62), items, strict=True):
        known = item.zero, item.low, item.high, item.value
        steps = ticks(min(0.0, *known), max(0.0, *known), 4)
        frame = Frame((steps[0], steps[-1]), (0, 1), 22, top, WIDTH - 36, 32)
        zero, low, high, value = (frame.at(x, 0)[0] for x in known)
        scale = [(frame.at(x, 0)[0], _label(x, steps[1] - steps[0])) for x in steps]
        y, way = top + 32, "".join(f"M{x} {top + 29}v6" for x, _ in scale)
        parts = [_text(10, top + 14, item.label, size="strong"), _text(WIDTH - 14, top + 14, item.said, "end", "small")]
        parts += [_path("axis", f"M22 {y}H{WIDTH - 14}{way}"), _path("zero", f"M{zero} {y - 9}v18")]
        parts += [_path("interval", f"M{low} {y}H{high}"), _shape("circle", "a", cx=value, cy=y, r=5)]
        parts += [_text(float(x), top + 49, said, "middle", "small") for x, said in scale]
        body.append(_group(f"{item.label}: {item.said}; no difference would be {item.zero:.3g}", *parts))
    return _svg(title, says, len(items) * 62 - 6, body) if items else ""


def heat(title: str, says: str, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A confusion matrix: the shade is the share of the row; right answers in `a`, wrong ones in `b`."""
    left = min(120.0, max((_width(clean(label), 11) for label in labels), default=0.0) + 10)
    cell = min(56.0, (WIDTH - left - 4) / max(len(labels), 1))
    size, floor = "small" if cell > 13 else "tiny", len(labels) * cell + 10
    body = []
    for row, (label, line) in enumerate(zip(labels, counts, strict=False)):
        name = cut(clean(label), left - 10, 11)
        body.append(_text(left - 6, row * cell + cell / 2 + 8, name, "end", size))
        place = f"translate({_n(left + row * cell + cell / 2 + 4)} {_n(floor)}) rotate(-90)"
        body.append(f'<g transform="{place}">{_text(0, 0, name, "end", size)}</g>')
        for column, count in enumerate(line):
            tip = f"{label}, taken for {labels[column]}: {count:,}" if row != column else f"{label}, right: {count:,}"
            shade = 0.1 + 0.9 * count / max(sum(line), 1) if count else 1.0
            corner = (left + column * cell, row * cell + 4)
            body.append(_group(tip, _cell(corner, cell, "a" if row == column else "b", shade, count)))
    return _svg(title, says, floor + left, body) if body else ""


def reliability(title: str, says: str, bins: Sequence[tuple[float, float, int]]) -> str:
    """Confidence against accuracy with the diagonal of honesty; below it the rows behind each point."""
    full = sorted(one for one in bins if one[2] > 0 and _real(one[0]) and _real(one[1]))
    if not full:
        return ""
    steps, most = ticks(0, 1), max(rows for _, _, rows in full)
    frame = Frame((0, 1), (0, 1), 44, 8, WIDTH - 60, 220)
    body = [_rules(frame, steps), _path("zero", _way(frame, [(0, 0), (1, 1)]))]
    body.append(_path("line a", _way(frame, [one[:2] for one in full])))
    for confidence, accuracy, rows in full:
        (x, y), tall = frame.at(confidence, accuracy), max(36 * rows / most, 1.0)
        drawn = _shape("circle", "a", cx=x, cy=y, r=4)
        drawn += _shape("rect", "c", x=float(x) - 4, y=290 - tall, width=8, height=tall)
        body.append(_group(f"confidence {confidence:.3f}, accuracy {accuracy:.3f}, {rows:,} rows", drawn))
    body += [_text(float(frame.at(x, 0)[0]), 242, _label(x, 0.2), "middle", "small") for x in steps]
    body.append(_path("axis", f"M44 290h{WIDTH - 60}") + _text(38, 290, "rows", "end", "small"))
    return _svg(title, says, 294, body)


def _line(frame: Frame, line: Line, style: str) -> str:
    edge = [(x, high) for x, _, high in line.band] + [(x, low) for x, low, _ in reversed(line.band)]
    out = _path(f"band {style}", _way(frame, edge) + "Z") if len(line.band) > 1 else ""
    out += _path(f"line {style}", _way(frame, line.points))
    for at, number in line.points if len(line.points) <= 26 else ():
        x, y = frame.at(at, number)
        out += _group(f"{line.name}, {at:,.0f}: {number:.4g}", _shape("circle", style, cx=x, cy=y, r=2.6))
    return out


def _way(frame: Frame, points: Iterable[tuple[float, ...]]) -> str:
    return "M" + "L".join("{} {}".format(*frame.at(x, y)) for x, y in points)


def _cell(corner: tuple[float, float], side: float, style: str, shade: float, count: int) -> str:
    x, y = corner
    out = _shape("rect", style if count else "cell", x=x, y=y, width=side - 1, height=side - 1, fill_opacity=shade)
    number = _text(x + side / 2, y + side / 2 + 4, f"{count:,}", "middle", "small on" if shade > 0.55 else "small")
    return out + (number if count and side >= 24 else "")


def _rules(frame: Frame, steps: Sequence[float]) -> str:
    out = ""
    for tick, y in ((tick, frame.at(frame.x[0], tick)[1]) for tick in steps):
        out += _path("rule", f"M{_n(frame.left)} {y}h{_n(frame.width)}")
        out += _text(frame.left - 6, float(y) + 4, _label(tick, steps[1] - steps[0]), "end", "small")
    return out


def _label(value: float, step: float) -> str:
    """A tick's number with as many places as its step has."""
    if value and not 1e-3 <= step < 1e6:
        mantissa, _, power = f"{value:.6e}".partition("e")
        return f"{float(mantissa):.3g}e{int(power)}"
    places = max(0, -math.floor(math.log10(step)))
    return f"{value:,.{places + (round(step * 10**places, 6) % 1 > 0)}f}" if value else "0"


def _text(x: float, y: float, text: str, anchor: str = "start", size: str = "") -> str:
    return f'<text class="{size}" x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(clean(text))}</text>'


def _path(style: str, way: str) -> str:
    return f'<path class="{style}" d="{way}"/>'


def _shape(tag: str, style: str, **numbers: float | str) -> str:
    known = "".join(f' {name.replace("_", "-")}="{_n(float(number))}"' for name, number in numbers.items())
    return f'<{tag} class="{style}"{known}/>'


def _group(tip: str, *parts: str) -> str:
    return f"<g><title>{escape(clean(tip))}</title>{''.join(parts)}</g>"


def _svg(title: str, says: str, height: float, body: Iterable[str]) -> str:
    head = f'<svg role="img" viewBox="0 0 {WIDTH} {_n(height)}"><title>{escape(clean(title))}</title>'
    return f"{head}<desc>{escape(clean(says))}</desc>{''.join(body)}</svg>"


def _known(numbers: Numbers) -> Numbers:
    return tuple(sorted(one for one in numbers if all(map(_real, one))))


def _real(value: float | None) -> TypeGuard[float]:
    return value is not None and abs(value) < MOST


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _width(text: str, size: float = 12) -> float:
    return sum(size * (1.0 if unicodedata.east_asian_width(c) in "WF" else 0.62) for c in text)  # about
