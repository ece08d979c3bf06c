"""What the probes found as a reader sees it."""

from dataclasses import replace

from afina import dimensions
from afina.records import Compared, Comparison, Dimension, Measure, Probes, Score


def dimension(**more):
    return Dimension("robustness", Score("answers_kept", 0.8, 0.7, 0.9), **more)


def test_each_dimension_is_a_line_with_its_number_its_doubt_and_its_first_note():
    skipped = Dimension("forgetting", skipped="the body cannot be read")
    cost = Dimension("cost", Score("usd_per_1000", 0.0012, 0.001, 0.0013), "USD", False)
    speed = Dimension("efficiency", Score("texts_per_second", 57.24, 51.8, 63.2), "texts/s")
    found = dimensions.lines(Probes(10, "none", (dimension(notes=("first", "second")), skipped, cost, speed)))
    assert found == [
        ("robustness", "answers kept 0.800 [0.700, 0.900]", "first"),
        ("forgetting", "not measured", "the body cannot be read"),
        ("cost", "USD for 1,000 answers $0.0012 [$0.001, $0.0013]", ""),
        ("efficiency", "texts per second 57.24 [51.8, 63.2]", ""),
    ]


def compared(probe, own, other=None, **more):
    name = {"compress": "served_accuracy", "size": "size"}.get(probe, "answers_kept")
    scores = tuple(one and Score(name, *one) for one in (own, other))
    return Compared(probe, name, "share", True, scores, **more)


GAIN = Score("gain", 3.0, 0.5, 5.5)
BESIDE = Comparison(
    ("new", "old"),
    (
        compared(
            "compress", (0.9, 0.88, 0.92), (0.87, 0.85, 0.89), best=0, gain=GAIN, base=Score("x", 0.7, 0.66, 0.74)
        ),
        compared("robustness", (0.8, 0.7, 0.9), (0.95, 0.92, 0.98), best=1),
        compared("consistency", (0.8, 0.7, 0.9), (0.8, 0.7, 0.9)),
        compared("forgetting", (0.8, 0.7, 0.9), unjudged="measured in one alone"),
        compared("cost", (0.1, 0.1, 0.1), (0.2, 0.2, 0.2), unjudged="times of different days do not compare"),
        compared("efficiency", (0.1, 0.1, 0.1), (0.2, 0.2, 0.2), unjudged="times of different days do not compare"),
    ),
)


def test_the_picture_holds_every_dimension_of_model_champion_and_base_and_leaves_out_what_is_not_known():
    drawn = dimensions.overview(BESIDE)
    for said in ("this model", "champion: old", "before tuning", "Robustness", "0.950 [0.920, 0.980]", "0.700 [0.660"):
        assert said in drawn
    assert drawn.count('class="bar hollow c"') == 1 + 1  # in the legend, and the score's
    assert drawn.count('class="bar pale b"') == 1 + 5  # nobody measured what the champion forgot
    alone = Comparison(("new",), tuple(replace(one, scores=one.scores[:1], base=None) for one in BESIDE.dimensions))
    assert "champion" not in dimensions.overview(alone)
    assert "before tuning" not in dimensions.overview(alone)
    first = replace(alone, dimensions=(replace(alone.dimensions[0], base=Score("x", 0.7, 0.66, 0.74)),))
    assert 'class="bar hollow c"' in dimensions.overview(first)  # the base looks the same with a champion and without
    assert 'class="bar pale b"' not in dimensions.overview(first)


def test_who_is_ahead_is_said_in_a_sentence_and_only_where_it_is_sure():
    assert dimensions.verdict(BESIDE) == (
        "Better than the champion in accuracy; worse than the champion in robustness; no sure difference in "
        "consistency."
    )
    assert dimensions.left_out(BESIDE) == (
        "Not compared: keeping what the base knew (measured in one alone); cost and efficiency (times of different "
        "days do not compare)."
    )
    alone = replace(BESIDE, dimensions=BESIDE.dimensions[3:4])
    assert dimensions.verdict(alone) == "Nothing can be said of who is better."
    assert dimensions.left_out(replace(BESIDE, dimensions=BESIDE.dimensions[:3])) == ""
    assert dimensions.verdict(replace(BESIDE, runs=("new",))) == ""


def test_a_line_of_the_table_has_a_number_for_each_and_who_is_surely_better():
    lines = {name: (counts, numbers, best) for name, counts, numbers, best in dimensions.table(BESIDE)}
    assert lines["accuracy"] == (
        "on labelled rows; more is better",
        ["0.900 [0.880, 0.920]", "0.870 [0.850, 0.890]", "0.700 [0.660, 0.740]"],
        "this model: +3.00 points [+0.50, +5.50]",
    )
    assert lines["robustness"][2] == "the champion"
    assert lines["consistency"][2] == "no sure difference"
    assert lines["forgetting"][1:] == (["0.800 [0.700, 0.900]", "–", "–"], "not compared: measured in one alone")
    assert lines["cost"][1][0] == "0.100"  # exact: no interval to show


def test_measures_over_a_strength_are_lines_with_its_name_and_others_are_bars_without_the_groups_own():
    lines = [Measure("cka", 1 - n / 10, 0.5, 1.0, "share", 9, "layers", float(n), along="layer") for n in range(3)]
    bars = [Measure(f"error, {how}", 0.1, 0.0, 0.2, "share", 9, "error") for how in ("before", "after")]
    (first, drawn), (second, others) = dimensions.drawn(dimension(measures=(*lines, *bars)))
    assert (first, second) == ("Layers, with 95% intervals.", "Error, with 95% intervals.")
    assert ">layer<" in drawn
    assert "CKA" in drawn
    assert ">before<" in others


def test_one_measure_a_name_is_a_bar_though_it_has_a_strength():
    ((_, drawn),) = dimensions.drawn(dimension(measures=(Measure("typo", 3.0, 1.0, 5.0, "points", 9, "drop", 2.0),)))
    assert "typo 2" in drawn


def test_many_bars_are_cut_to_the_largest():
    many = tuple(Measure(f"m{n}", float(n), 0.0, float(n), "points", 9, "drop") for n in range(40))
    ((_, drawn),) = dimensions.drawn(dimension(measures=many))
    assert ">m39<" in drawn
    assert ">m3<" not in drawn
