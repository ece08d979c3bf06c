"""Small multiples: dimensions under one another, each on a scale of its own, with a bar for each thing compared.

The first is full, the second pale with an edge, the third an edge alone, so that they differ without colour; they keep
their order in every panel, and one that was not measured leaves its place out. Colour and width as in `figures`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from afina import svg
from afina.svg import WIDTH, Frame, clean, cut

STYLES = ("bar a", "bar pale b", "bar hollow c")
LANE, LINE = 17, 15  # heights of a bar with its room, and of a line of words
SMALL = 11


@dataclass(frozen=True, slots=True)
class Lane:
    """One bar of a panel."""

    place: int  # among the names of the legend
    value: float
    low: float  # 95% interval
    high: float
    said: str  # the number as the reader sees it


@dataclass(frozen=True, slots=True)
class Panel:
    """One dimension."""

    label: str
    about: tuple[str, ...]  # lines of words below it
    lanes: tuple[Lane, ...]
    most: float | None = None  # where the scale ends; else at the largest number


def panels(title: str, says: str, names: Sequence[str], items: Sequence[Panel]) -> str:
    """A panel a dimension, below a legend of three names at most; one that is '' is left out of it."""
    items = [one for one in items if any(svg.real(lane.value) for lane in one.lanes)]
    if not items:
        return ""
    lines = [(one.label, 13) for one in items] + [(line, SMALL) for one in items for line in one.about]
    gutter = min(138.0, max(svg.extent(clean(line), size) for line, size in lines) + 14)
    words = min(190.0, max(svg.extent(lane.said, SMALL) for one in items for lane in one.lanes) + 10)
    body, top = _legend(names)
    for one in items:
        drawn, top = _panel(one, (gutter, WIDTH - gutter - words - 6), top, names)
        body.append(drawn)
    return svg.whole(title, says, top, body)


def _legend(names: Sequence[str]) -> tuple[list[str], float]:
    """A line a name, and where the panels begin."""
    body: list[str] = []
    for style, name in zip(STYLES, names, strict=False):
        if name:
            y = 4 + 18 * len(body)
            body.append(svg.path(style, f"M4 {y + 1}h22v10h-22z") + svg.text(34, y + 10, cut(name, WIDTH - 40, 12)))
    return body, 18.0 * len(body) + 14


def _panel(one: Panel, across: tuple[float, float], top: float, names: Sequence[str]) -> tuple[str, float]:
    """A panel from `top` down, its track `across` (left, width), and where the next one begins."""
    left, width = across
    lanes = [lane for lane in one.lanes if svg.real(lane.value)]
    ends = [end for lane in lanes for end in (lane.value, lane.low, lane.high) if svg.real(end)]
    least, most = min(0.0, *ends), max(0.0, *ends) if one.most is None else max(one.most, *ends)
    tall = LANE * len(lanes)
    frame = Frame((least, most if most > least else least + 1.0), (0, 1), left, top, width, tall)
    zero = float(frame.at(0.0, 0)[0])
    parts = [svg.text(2, top + 13, cut(clean(one.label), left - 10, 13), size="strong")]
    for row, line in enumerate(one.about, start=1):
        parts.append(svg.text(2, top + 13 + LINE * row, cut(clean(line), left - 10, SMALL), size="small"))
    parts.append(svg.path("axis", f"M{svg.short(zero)} {svg.short(top)}v{tall}"))
    parts.append(svg.path("rule", f"M{svg.short(left + width)} {svg.short(top)}v{tall}"))
    tips = []
    for row, lane in enumerate(lanes):
        y = top + row * LANE + 3
        at = float(frame.at(lane.value, 0)[0])
        parts.append(
            svg.path(STYLES[lane.place], f"M{svg.short(zero)} {svg.short(y)}H{svg.short(at)}v11H{svg.short(zero)}z")
        )
        if svg.real(lane.low) and svg.real(lane.high) and lane.low < lane.high:
            low, high = (frame.at(end, 0)[0] for end in (lane.low, lane.high))
            middle, edge = svg.short(y + 5.5), svg.short(y + 2)
            parts.append(svg.path("whisker", f"M{low} {middle}H{high}M{low} {edge}v7M{high} {edge}v7"))
        parts.append(svg.text(left + width + 10, y + 9.5, lane.said, size="small"))
        tips.append(f"{names[lane.place]} {lane.said}")
    below = top + max(tall, LINE * (1 + len(one.about)) + 2) + 12
    return svg.group(f"{one.label}: {'; '.join(tips)}", *parts), below
