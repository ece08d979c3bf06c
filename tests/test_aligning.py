"""Who may be called better, and why nobody may."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import stories
from test_finished import PROBES

from afina import aligning, finished
from afina.records import Dimension, Score

OWN = Dimension("compress", Score("served_accuracy", 0.90, 0.88, 0.92))
OTHER = Dimension("compress", Score("served_accuracy", 0.89, 0.87, 0.91))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finished.of_run(stories.on_disk(tmp_path_factory.mktemp("runs") / "bank", probes=PROBES))


def line(run, own, other, gain=None, **more):
    first, second = (replace(run, dimensions=(one,)) for one in (own, other))
    (found,) = aligning.aligned([first, replace(second, **more)], gain)
    return found


def test_less_is_better_where_the_dimension_says_so():
    assert aligning.best((Score("ms", 9, 8, 10), Score("ms", 4, 3, 5)), False) == 1
    assert aligning.best((Score("ms", 9, 8, 10), Score("ms", 4, math.nan, math.nan)), False) is None


@pytest.mark.parametrize(
    ("gain", "best"), [((1.0, 0.2, 1.8), 0), ((-1.0, -1.8, -0.2), 1), ((1.0, -0.1, 2.1), None), (None, None)]
)
def test_rows_compared_one_by_one_decide_the_score_though_intervals_overlap(run, gain, best):
    gain = gain and Score("gain", *gain)
    found = line(run, OWN, OTHER, gain)
    assert (found.best, found.gain, found.unjudged) == (best, gain, "")


def test_rows_compared_one_by_one_say_nothing_of_other_dimensions_nor_of_other_rows(run):
    gain = Score("gain", 1.0, 0.2, 1.8)
    assert line(run, replace(OWN, probe="robustness"), replace(OTHER, probe="robustness"), gain).best is None
    elsewhere = line(run, OWN, OTHER, gain, scored="another")
    assert (elsewhere.best, elsewhere.gain, elsewhere.unjudged) == (None, None, "asked about other rows")


@pytest.mark.parametrize(
    ("probe", "other", "why"),
    [
        ("robustness", {"asked": "x"}, "asked with other options or files"),
        ("cost", {}, "times of different days do not compare"),
        ("robustness", {"unit": "points"}, "measured in one alone"),
        ("robustness", {"score": Score("served_accuracy", 0.5, math.nan, math.nan)}, "without an interval"),
        ("robustness", {}, ""),
    ],
)
def test_what_cannot_be_judged_says_why(run, probe, other, why):
    found = line(run, replace(OWN, probe=probe), replace(OTHER, probe=probe, **other))
    assert found.unjudged == why


def test_the_file_is_judged_whatever_the_rows(run):
    small, large = (Dimension("size", Score("size", n, n, n), "bytes", False) for n in (1e6, 2e6))
    found = line(run, small, large, scored="another")
    assert (found.best, found.unjudged) == (0, "")


def test_names_are_the_shortest_ends_that_differ():
    assert aligning.names([Path("/x/monday/bank"), Path("/x/tuesday/bank")]) == ("monday/bank", "tuesday/bank")
