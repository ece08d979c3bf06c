"""Small multiples: each on its own scale, told apart without colour, whatever they are given."""

import math
import re

import pytest
from test_figures import HOSTILE, parsed

from afina.panels import STYLES, Lane, Panel, panels
from afina.svg import WIDTH, extent

NAMES = ("this model", "champion: old", "before tuning")


def lane(place, value, low=None, high=None, said="x"):
    return Lane(place, value, value if low is None else low, value if high is None else high, said)


def bars(root):
    """Class, and where it begins and ends, of each bar below the legend."""
    found = []
    for one in root.iter("g"):
        for path in one.iter("path"):
            if path.get("class") in STYLES:
                start, end = re.match(r"M([\d.]+) [\d.]+H([\d.]+)v", path.get("d")).groups()
                found.append((path.get("class"), float(start), float(end)))
    return found


def test_a_share_ends_at_1_and_other_scales_at_their_largest_number():
    share = Panel("score", (), (lane(0, 0.5),), 1.0)
    size = Panel("size", (), (lane(0, 200.0), lane(2, 800.0)))
    (_, left, half), (_, _, quarter), (third, _, end) = bars(parsed(panels("t", "d", NAMES, [share, size])))
    assert (half - left) * 2 == pytest.approx(end - left, abs=0.03)
    assert (quarter - left) * 4 == pytest.approx(end - left, abs=0.05)
    assert third == STYLES[2]


def test_the_three_differ_without_colour_and_the_legend_names_each_in_its_order():
    drawn = panels("t", "d", NAMES, [Panel("score", (), tuple(lane(place, 0.5) for place in range(3)))])
    assert [style for style, _, _ in bars(parsed(drawn))] == list(STYLES)
    assert len({style.replace(" a", "").replace(" b", "").replace(" c", "") for style in STYLES}) == 3
    assert [drawn.index(name) for name in NAMES] == sorted(drawn.index(name) for name in NAMES)


def test_what_was_not_measured_is_absent_and_a_panel_of_nothing_too():
    root = parsed(
        panels("t", "d", NAMES, [Panel("score", (), (lane(0, 0.5), lane(2, math.nan))), Panel("cost", (), ())])
    )
    assert [style for style, _, _ in bars(root)] == [STYLES[0]]
    assert "cost" not in "".join(root.itertext())
    assert panels("t", "d", NAMES, [Panel("cost", (), ())]) == ""


def test_numbers_below_0_lie_left_of_it_and_an_interval_without_width_is_not_drawn():
    drawn = panels("t", "d", NAMES, [Panel("GLUE", (), (lane(0, -2.0, -3.0, -1.0), lane(2, 0.0)))])
    (_, zero, end), (_, base, none) = bars(parsed(drawn))
    assert end < zero
    assert base == none == zero
    assert drawn.count('class="whisker"') == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_any_label_fits_on_the_paper_and_no_two_texts_overlap(text):
    items = [Panel(text, (text, text), (lane(0, 0.9, 0.8, 1.0, "0.900 [0.800, 1.000]"), lane(1, 0.5)), 1.0)] * 3
    root = parsed(panels("t", "d", (text, text), items))
    placed = [(float(one.get("x")), float(one.get("y")), one) for one in root.iter("text")]
    for x, y, one in placed:
        size = 11 if one.get("class") == "small" else 13 if one.get("class") == "strong" else 12
        assert x + extent(one.text or "", size) <= WIDTH + 1
        right = [other for other, height, _ in placed if other > x and abs(height - y) < 9]
        assert all(x + extent(one.text or "", size) <= other for other in right)
