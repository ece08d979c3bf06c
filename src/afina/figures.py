"""Figures by hand: numbers -> one inline SVG each, for a page that brings its own style.

A figure is 440 units wide, so that it fits a phone. Colour comes from the classes of the page's style sheet: `a` the
model, `b` what it is compared with, `c` everything else. Numbers that are missing, not a number or infinite are left
out; a figure without anything to draw is ''. Labels may hold anything: they are cleaned, escaped and cut, and the
whole label stands in the element's <title>.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from afina import svg
from afina.svg import WIDTH, Frame, Numbers, clean, cut, ticks


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
class Mark:
    """An upright line through a chart."""

    x: float
    said: str
    style: str = "mark"  # or turn, which is quieter


@dataclass(frozen=True, slots=True)
class Dot:
    """A number with its interval, on a scale of its own, beside the value that means 'nothing'."""

    label: str
    said: str
    value: float
    low: float
    high: float
    zero: float


def bars(title: str, says: str, items: Sequence[Bar]) -> str:
    """Horizontal bars from zero, each with its interval and its number in words."""
    items = [item for item in items if svg.real(item.value)]
    if not items:
        return ""
    bold = len({item.style for item in items}) > 1
    gutter = min(190.0, max(svg.extent(clean(item.label), 13) for item in items) + 12)
    words = min(150.0, max(svg.extent(item.said, 11) for item in items) + 10)
    most = max(max(item.value, item.high if svg.real(item.high) else 0.0) for item in items)
    scale = (WIDTH - gutter - words) / (most if most > 1e-12 else 1.0)
    body = []
    for row, item in enumerate(items):
        y, label = row * 26, cut(clean(item.label), gutter - 12, 13)
        parts = [svg.text(gutter - 8, y + 17, label, "end", "strong" if bold and item.style == "a" else "")]
        parts.append(svg.shape("rect", item.style, x=gutter, y=y + 5, width=max(item.value, 0.0) * scale, height=16))
        if svg.real(item.low) and svg.real(item.high):
            low, high = (svg.short(gutter + max(end, 0.0) * scale) for end in (item.low, item.high))
            parts.append(svg.path("whisker", f"M{low} {y + 13}H{high}M{low} {y + 9}v8M{high} {y + 9}v8"))
        parts.append(svg.text(WIDTH - words + 10, y + 17, item.said, size="small"))
        body.append(svg.group(f"{item.label}: {item.said}", *parts))
    return svg.whole(title, says, len(items) * 26 + 4, body)


def columns(title: str, says: str, counts: Iterable[tuple[str, float]]) -> str:
    """Counts as upright columns, the largest first; the first and the last are named below."""
    known = sorted(((label, max(n, 0)) for label, n in counts if svg.real(n)), key=lambda pair: -pair[1])
    if not known:
        return ""
    steps = ticks(0, max(known[0][1], 1), 4, whole=True)
    frame = Frame((0, len(known)), (0, steps[-1]), 44, 8, WIDTH - 52, 150)
    body, wide, half = [svg.rules(frame, steps)], frame.width / len(known), frame.width / 2 - 16
    for index, (label, count) in enumerate(known):
        x, y = frame.at(index, count)
        column = svg.shape("rect", "a", x=x, y=y, width=min(wide - min(4.0, wide * 0.2), 60), height=158 - float(y))
        body.append(svg.group(f"{label}: {count:,.0f}", column))
    body.append(svg.text(frame.left, 176, cut(clean(known[0][0]), half, 11), size="small"))
    if len(known) > 1:
        body.append(svg.text(WIDTH - 8, 176, cut(clean(known[-1][0]), half, 11), "end", "small"))
    return svg.whole(title, says, 184, body)


def lines(
    title: str, says: str, series: Sequence[Line], across: str, zero: bool = False, marks: Sequence[Mark] = ()
) -> str:
    """Lines with bands over a whole-numbered x axis named `across`. More than three are shades of one colour."""
    series = [Line(one.name, svg.known(one.points), svg.known(one.band)) for one in series]
    series = [one for one in series if one.points]
    if not series:
        return ""
    xs = [x for line in series for x, _ in line.points]
    ys = [y for line in series for y in (*(y for _, y in line.points), *(y for _, *two in line.band for y in two))]
    steps = ticks(min(0, *ys) if zero else min(ys), max(ys), 4)
    x_range = (min(xs), max(xs)) if max(xs) > min(xs) else (min(xs) - 1, min(xs) + 1)
    places = _places([line.name for line in series])
    frame = Frame(x_range, (steps[0], steps[-1]), 48, 24 + places[-1][1], WIDTH - 64, 150)
    floor = frame.top + frame.height
    body = [svg.rules(frame, steps)]
    x_ticks = [x for x in ticks(min(xs), max(xs), 6, whole=True) if min(xs) <= x <= max(xs)]
    body += [svg.text(float(frame.at(x, 0)[0]), floor + 16, svg.label(x, 1), "middle", "small") for x in x_ticks]
    body.append(svg.text(frame.left + frame.width, floor + 32, across, "end", "small"))
    for one in marks:
        if x_range[0] <= one.x <= x_range[1]:
            way = f"M{frame.at(one.x, 0)[0]} {svg.short(frame.top)}v{svg.short(frame.height)}"
            body.append(svg.group(f"{across} {one.x:,.0f}: {one.said}", svg.path(one.style, way)))
    for (style, opacity), line, (x, y) in zip(_shades(len(series)), series, places, strict=True):
        key = svg.path(f"line {style}", f"M{svg.short(x)} {svg.short(y + 10)}h16")
        drawn = _line(frame, line, style) + key
        body.append(drawn if opacity == 1 else f'<g opacity="{svg.short(opacity)}">{drawn}</g>')
        body.append(svg.text(x + 21, y + 14, line.name, size="small"))
    return svg.whole(title, says, floor + 38, body)


def _shades(count: int) -> list[tuple[str, float]]:
    """A class and an opacity for each line: three colours, or one from pale to full."""
    if count <= 3:
        return [(style, 1.0) for style in "abc"[:count]]
    return [("a", 0.25 + 0.75 * place / (count - 1)) for place in range(count)]


def _places(names: Sequence[str]) -> list[tuple[float, float]]:
    """Where each name of a legend stands, in as many rows as they need."""
    places, x, y = [], 48.0, 0.0
    for name in names:
        wide = svg.extent(name, 11) + 38
        if x > 48 and x + wide > WIDTH:
            x, y = 48.0, y + 16
        places.append((x, y))
        x += wide
    return places


def dots(title: str, says: str, items: Sequence[Dot]) -> str:
    """Numbers with intervals, each on its own scale from 0, beside the mark of what 'no difference' would give."""
    items = [item for item in items if all(map(svg.real, (item.value, item.low, item.high, item.zero)))]
    body: list[str] = []
    for top, item in zip(range(0, 62 * len(items), 62), items, strict=True):
        known = item.zero, item.low, item.high, item.value
        steps = ticks(min(0.0, *known), max(0.0, *known), 4)
        frame = Frame((steps[0], steps[-1]), (0, 1), 22, top, WIDTH - 36, 32)
        zero, low, high, value = (frame.at(x, 0)[0] for x in known)
        scale = [(frame.at(x, 0)[0], svg.label(x, steps[1] - steps[0])) for x in steps]
        y, way = top + 32, "".join(f"M{x} {top + 29}v6" for x, _ in scale)
        parts = [svg.text(10, top + 14, item.label, size="strong")]
        parts.append(svg.text(WIDTH - 14, top + 14, item.said, "end", "small"))
        parts += [svg.path("axis", f"M22 {y}H{WIDTH - 14}{way}"), svg.path("zero", f"M{zero} {y - 9}v18")]
        parts += [svg.path("interval", f"M{low} {y}H{high}"), svg.shape("circle", "a", cx=value, cy=y, r=5)]
        parts += [svg.text(float(x), top + 49, said, "middle", "small") for x, said in scale]
        body.append(svg.group(f"{item.label}: {item.said}; no difference would be {item.zero:.3g}", *parts))
    return svg.whole(title, says, len(items) * 62 - 6, body) if items else ""


def ranges(title: str, says: str, items: Sequence[Bar]) -> str:
    """Dots with their intervals on one axis, which begins where the numbers do: to tell close ones apart."""
    items = [item for item in items if svg.real(item.value)]
    if not items:
        return ""
    gutter = min(150.0, max(svg.extent(clean(item.label), 13) for item in items) + 12)
    words = min(190.0, max(svg.extent(item.said, 11) for item in items) + 14)
    ends = [end for item in items for end in (item.value, item.low, item.high) if svg.real(end)]
    steps = ticks(min(ends), max(ends), 3)
    frame = Frame((steps[0], steps[-1]), (0, 1), gutter, 4, max(WIDTH - gutter - words, 90), len(items) * 26)
    floor, body = len(items) * 26 + 6, []
    for x, said in ((frame.at(tick, 0)[0], svg.label(tick, steps[1] - steps[0])) for tick in steps):
        body.append(svg.path("rule", f"M{x} 4V{floor}") + svg.text(float(x), floor + 14, said, "middle", "small"))
    for row, item in enumerate(items):
        y, x = row * 26 + 17, frame.at(item.value, 0)[0]
        label = cut(clean(item.label), gutter - 12, 13)
        parts = [svg.text(gutter - 8, y + 4, label, "end", "strong" if item.style == "a" else "")]
        if svg.real(item.low) and svg.real(item.high):
            parts.append(svg.path("interval", f"M{frame.at(item.low, 0)[0]} {y}H{frame.at(item.high, 0)[0]}"))
        parts.append(svg.shape("circle", item.style, cx=x, cy=y, r=4))
        parts.append(svg.text(frame.left + frame.width + 12, y + 4, item.said, size="small"))
        body.append(svg.group(f"{item.label}: {item.said}", *parts))
    return svg.whole(title, says, floor + 20, body)


def heat(title: str, says: str, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A confusion matrix: the shade is the share of the row; right answers in `a`, wrong ones in `b`."""
    left = min(120.0, max((svg.extent(clean(label), 11) for label in labels), default=0.0) + 10)
    cell = min(56.0, (WIDTH - left - 4) / max(len(labels), 1))
    size, floor = "small" if cell > 13 else "tiny", len(labels) * cell + 10
    body = []
    for row, (label, line) in enumerate(zip(labels, counts, strict=False)):
        name = cut(clean(label), left - 10, 11)
        body.append(svg.text(left - 6, row * cell + cell / 2 + 8, name, "end", size))
        place = f"translate({svg.short(left + row * cell + cell / 2 + 4)} {svg.short(floor)}) rotate(-90)"
        body.append(f'<g transform="{place}">{svg.text(0, 0, name, "end", size)}</g>')
        for column, count in enumerate(line):
            tip = f"{label}, taken for {labels[column]}: {count:,}" if row != column else f"{label}, right: {count:,}"
            shade = 0.1 + 0.9 * count / max(sum(line), 1) if count else 1.0
            corner = (left + column * cell, row * cell + 4)
            body.append(svg.group(tip, _cell(corner, cell, "a" if row == column else "b", shade, count)))
    return svg.whole(title, says, floor + left, body) if body else ""


def reliability(title: str, says: str, bins: Sequence[tuple[float, float, int]]) -> str:
    """Confidence against accuracy with the diagonal of honesty; below it the rows behind each point."""
    full = sorted(one for one in bins if one[2] > 0 and svg.real(one[0]) and svg.real(one[1]))
    if not full:
        return ""
    steps, most = ticks(0, 1), max(rows for _, _, rows in full)
    frame = Frame((0, 1), (0, 1), 44, 8, WIDTH - 60, 220)
    body = [svg.rules(frame, steps), svg.path("zero", _way(frame, [(0, 0), (1, 1)]))]
    body.append(svg.path("line a", _way(frame, [one[:2] for one in full])))
    for confidence, accuracy, rows in full:
        (x, y), tall = frame.at(confidence, accuracy), max(36 * rows / most, 1.0)
        drawn = svg.shape("circle", "a", cx=x, cy=y, r=4)
        drawn += svg.shape("rect", "c", x=float(x) - 4, y=290 - tall, width=8, height=tall)
        body.append(svg.group(f"confidence {confidence:.3f}, accuracy {accuracy:.3f}, {rows:,} rows", drawn))
    body += [svg.text(float(frame.at(x, 0)[0]), 242, svg.label(x, 0.2), "middle", "small") for x in steps]
    body.append(svg.path("axis", f"M44 290h{WIDTH - 60}") + svg.text(38, 290, "rows", "end", "small"))
    return svg.whole(title, says, 294, body)


def _line(frame: Frame, line: Line, style: str) -> str:
    edge = [(x, high) for x, _, high in line.band] + [(x, low) for x, low, _ in reversed(line.band)]
    out = svg.path(f"band {style}", _way(frame, edge) + "Z") if len(line.band) > 1 else ""
    out += svg.path(f"line {style}", _way(frame, line.points))
    for at, number in line.points if len(line.points) <= 26 else ():
        x, y = frame.at(at, number)
        out += svg.group(f"{line.name}, {at:,.0f}: {number:.4g}", svg.shape("circle", style, cx=x, cy=y, r=2.6))
    return out


def _way(frame: Frame, points: Iterable[tuple[float, ...]]) -> str:
    return "M" + "L".join("{} {}".format(*frame.at(x, y)) for x, y in points)


def _cell(corner: tuple[float, float], side: float, style: str, shade: float, count: int) -> str:
    x, y = corner
    out = svg.shape("rect", style if count else "cell", x=x, y=y, width=side - 1, height=side - 1, fill_opacity=shade)
    number = svg.text(x + side / 2, y + side / 2 + 4, f"{count:,}", "middle", "small on" if shade > 0.55 else "small")
    return out + (number if count and side >= 24 else "")
