"""Figures: well-formed whatever they are given, and drawn where the numbers say."""

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from afina import figures
from afina.figures import Bar, Dot, Line, Mark
from afina.svg import WIDTH, clean, extent, ticks

BAD = (math.nan, math.inf, -math.inf)
HOSTILE = ("<script>&\"'", "a\u202eb\x00c\x1b", "L" * 200, "אבג", "汉" * 60, "")
ANY = st.floats(allow_nan=True, allow_infinity=True)
LABEL = st.text(max_size=40)


def parsed(svg):
    """The figure as XML, after a look at every attribute that holds numbers."""
    root = ElementTree.fromstring(svg)  # noqa: S314  (our own)
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not re.search(r"nan|inf", value.lower()), (element.tag, name, value)
            if name in ("x", "y", "width", "height", "cx", "cy", "r"):
                number = float(value)
                assert math.isfinite(number)
                assert number >= 0 or name in ("x", "y", "cx", "cy")
    return root


def found(root, tag, style):
    return [one for one in root.iter(tag) if style in one.get("class", "").split()]


@pytest.mark.parametrize(
    ("low", "high", "whole", "expected"),
    [
        (0, 1, False, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0.83, 0.94, False, (0.825, 0.85, 0.875, 0.9, 0.925, 0.95)),
        (0, 3, True, (0, 1, 2, 3)),
        (3, 3, True, (2, 3, 4)),
        (0.9, 0.9, False, (0.8, 0.85, 0.9, 0.95, 1)),
        (0, 0, False, (0, 0.2, 0.4, 0.6, 0.8, 1)),
    ],
)
def test_ticks_are_round(low, high, whole, expected):
    assert ticks(low, high, whole=whole) == pytest.approx(expected)


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.booleans())
@example(0.0, 1e-9, True)
@settings(max_examples=200, deadline=None)
def test_ticks_rise_enclose_and_are_few(one, other, whole):
    low, high = sorted((one, other))
    got = ticks(low, high, whole=whole)
    assert got == tuple(sorted(set(got)))
    assert 2 <= len(got) <= 9
    slack = 1e-6 * max(abs(low), abs(high), high - low)
    assert got[0] <= low + slack
    assert got[-1] >= high - slack


def test_a_bar_is_as_long_as_its_number_and_its_interval_lies_on_it():
    root = parsed(figures.bars("t", "d", [Bar("x", 1.0, "1", style="a"), Bar("y", 0.5, "0.5", 0.25, 0.75)]))
    (one,), (half,) = found(root, "rect", "a"), found(root, "rect", "c")
    assert float(one.get("width")) == pytest.approx(2 * float(half.get("width")), abs=0.02)
    (whisker,) = found(root, "path", "whisker")
    low, high = (float(x) for x in re.match(r"M([\d.]+) \d+H([\d.]+)", whisker.get("d")).groups())
    left, full = float(one.get("x")), float(one.get("width"))
    assert (low - left, high - left) == pytest.approx((0.25 * full, 0.75 * full), abs=0.03)


def test_a_line_goes_up_where_its_numbers_rise():
    root = parsed(figures.lines("t", "d", [Line("l", ((0, 0.2), (1, 0.8)))], "step"))
    first, last = (float(one.get("cy")) for one in found(root, "circle", "a"))
    assert first > last


def test_more_than_three_lines_are_shades_with_a_legend_that_fits_on_the_paper():
    names = ["embeddings", *(f"layer {n}" for n in range(1, 13))]
    root = parsed(figures.lines("t", "d", [Line(n, ((0, i), (1, i + 1))) for i, n in enumerate(names)], "step"))
    shades = [float(one.get("opacity")) for one in root.iter("g") if one.get("opacity")]
    assert shades == sorted(shades)
    assert len(shades) == 12  # and the last is full
    keys = {one.text: (float(one.get("x")), float(one.get("y"))) for one in root.iter("text") if one.text in names}
    assert list(keys) == names
    assert all(x + extent(name, 11) <= WIDTH for name, (x, _) in keys.items())
    assert len(set(keys.values())) == 13
    top = min(float(re.match(r"M48 ([\d.]+)", one.get("d")).group(1)) for one in found(root, "path", "rule"))
    assert max(y for _, y in keys.values()) < top


def test_marks_are_drawn_where_they_are_and_only_on_the_paper():
    marks = [Mark(5, "best"), Mark(2, "stage 2", "turn"), Mark(99, "beyond")]
    root = parsed(figures.lines("t", "d", [Line("l", ((0, 1), (10, 2)))], "step", marks=marks))
    (best,), (turn,) = found(root, "path", "mark"), found(root, "path", "turn")
    at = [float(re.match(r"M([\d.]+)", one.get("d")).group(1)) for one in (turn, best)]
    wide = WIDTH - 64
    assert at == pytest.approx([48 + 0.2 * wide, 48 + 0.5 * wide])
    assert {"step 5: best", "step 2: stage 2"} <= {one.text for one in root.iter("title")}


def test_the_zero_mark_of_a_distance_is_left_of_a_larger_distance():
    root = parsed(figures.dots("t", "d", [Dot("words", "0.6", 0.6, 0.5, 0.7, 0.3)]))
    (zero,), (dot,) = found(root, "path", "zero"), found(root, "circle", "a")
    assert float(re.match(r"M([\d.]+)", zero.get("d")).group(1)) < float(dot.get("cx"))


def test_a_scale_that_begins_below_zero_keeps_its_sign_on_the_paper():
    root = parsed(figures.dots("t", "d", [Dot("embeddings", "0.1", 0.1, 0.09, 0.11, -0.0004)]))
    (least,) = [one for one in root.iter("text") if (one.text or "").startswith(("-", "−"))]
    assert float(least.get("x")) >= extent(least.text, 11) / 2


def test_the_heat_map_shades_shares_of_rows_and_colours_by_right_and_wrong():
    root = parsed(figures.heat("t", "d", ["x", "y"], [[3, 1], [0, 100]]))
    right = [float(one.get("fill-opacity")) for one in found(root, "rect", "a")]
    (wrong,) = found(root, "rect", "b")
    assert right == pytest.approx([0.1 + 0.9 * 0.75, 1.0], abs=0.01)
    assert float(wrong.get("fill-opacity")) == pytest.approx(0.1 + 0.9 * 0.25, abs=0.01)
    assert "x, taken for y: 1" in [one.text for one in root.iter("title")]


def test_a_class_without_rows_leaves_its_row_of_the_heat_map_empty():
    root = parsed(figures.heat("t", "d", ["x", "y"], [[0, 0], [0, 2]]))
    assert len(found(root, "rect", "cell")) == 3


def test_reliability_leaves_out_empty_bins_and_draws_the_others_as_tall_as_their_rows():
    root = parsed(figures.reliability("t", "d", [(0.1, 0.2, 10), (0.0, 0.0, 0), (0.9, 0.9, 40)]))
    heights = [float(one.get("height")) for one in found(root, "rect", "c")]
    assert heights == pytest.approx([9, 36])


@pytest.mark.parametrize("classes", [1, 2, 30, 77, 150])
def test_one_class_and_many_fit_on_the_paper(classes):
    labels = [f"class {i}" for i in range(classes)]
    svgs = [
        figures.columns("t", "d", [(label, i + 1) for i, label in enumerate(labels)]),
        figures.heat("t", "d", labels, [[int(i == j) for j in range(classes)] for i in range(classes)]),
        figures.bars("t", "d", [Bar(label, 1.0, "1.000 [0.999, 1.000]", 0.9, 1.0) for label in labels]),
    ]
    for svg in svgs:
        root = parsed(svg)
        height = float(root.get("viewBox").split()[3])
        for rect in root.iter("rect"):
            assert float(rect.get("x")) + float(rect.get("width")) <= WIDTH + 0.5
            assert float(rect.get("y")) + float(rect.get("height")) <= height + 0.5


def test_nothing_to_draw_is_nothing():
    assert figures.bars("t", "d", []) == ""
    assert figures.columns("t", "d", []) == ""
    assert figures.lines("t", "d", [Line("empty", ())], "step") == ""
    assert figures.dots("t", "d", []) == ""
    assert figures.heat("t", "d", [], []) == ""
    assert figures.reliability("t", "d", [(0.0, 0.0, 0)]) == ""


@pytest.mark.parametrize("bad", BAD)
def test_numbers_that_are_none_are_left_out(bad):
    root = parsed(figures.lines("t", "d", [Line("l", ((0, 1.0), (1, bad), (2, 3.0)), ((0, bad, 1.0),))], "step"))
    assert len(found(root, "circle", "a")) == 2
    assert figures.dots("t", "d", [Dot("x", "?", bad, 0, 1, 0)]) == ""
    assert len(found(parsed(figures.bars("t", "d", [Bar("x", bad, "–"), Bar("y", 1, "1", bad, 2)])), "rect", "c")) == 1


@given(st.lists(st.tuples(LABEL, ANY, ANY, ANY), min_size=1, max_size=5))
@settings(max_examples=80, deadline=None)
def test_no_label_and_no_number_breaks_a_figure(rows):
    points = tuple((value, low) for _, value, low, _ in rows)
    svgs = [
        figures.bars("t", "d", [Bar(label, value, label, low, high) for label, value, low, high in rows]),
        figures.columns(rows[0][0], "d", [(label, value) for label, value, _, _ in rows]),
        figures.lines(
            "t",
            rows[0][0],
            [Line(rows[0][0], points, tuple(row[1:] for row in rows))],
            "step",
            marks=[Mark(rows[0][1], rows[0][0])],
        ),
        figures.dots("t", "d", [Dot(label, label, value, low, high, value) for label, value, low, high in rows]),
        figures.heat("t", "d", [row[0] for row in rows], [[3] * len(rows)] * len(rows)),
    ]
    for svg in svgs:
        if svg:
            parsed(svg)


@pytest.mark.parametrize("label", HOSTILE)
def test_labels_are_cut_on_the_paper_and_whole_in_the_title(label):
    svg = figures.bars("t", "d", [Bar(label, 1.0, "1")])
    root = parsed(svg)
    assert "<script" not in svg
    assert "\u202e" not in svg
    shown = next(root.iter("text")).text or ""
    assert len(shown) <= 25
    assert f"{clean(label)}: 1" in [one.text for one in root.iter("title")]
    assert shown.endswith("…") == (len(label) > 25)


def test_clean_keeps_one_line_and_shows_what_turns_the_writing():
    assert clean("a\x00b\nc\u202ed") == "a�b c�d"


def test_ranges_lie_on_one_axis_that_begins_where_the_numbers_do():
    items = [Bar("old", 0.91, "0.91", 0.90, 0.92), Bar("new", 0.95, "0.95", 0.94, 0.96, "a"), Bar("once", 0.93, "0.93")]
    root = parsed(figures.ranges("Accuracy", "Dots.", items))
    old, new, once = (float(one.get("cx")) for one in root.iter("circle"))
    assert old < once < new
    assert once - old == pytest.approx(new - once, abs=0.02)
    (first, second) = (
        [float(x) for x in re.findall(r"M([\d.]+) [\d.]+H([\d.]+)", one.get("d"))[0]]
        for one in found(root, "path", "interval")
    )
    assert first[0] < old < first[1] < second[0] < new < second[1]
    assert figures.ranges("Accuracy", "Dots.", [Bar("none", math.nan, "-")]) == ""


@given(st.lists(st.tuples(LABEL, ANY, ANY, ANY), max_size=6))
def test_ranges_break_on_no_label_and_no_number(rows):
    drawn = figures.ranges("any", "Dots.", [Bar(label, v, f"{v}", low, high) for label, v, low, high in rows])
    if drawn:
        parsed(drawn)
