"""What the probes found as a reader sees it."""

from afina import dimensions
from afina.records import ClassScore, Dimension, Evaluation, Measure, Probes, Score


def evaluation():
    main = Score("accuracy", 0.9, 0.88, 0.92)
    untuned = Score("accuracy", 0.7, 0.66, 0.74)
    return Evaluation(100, "test", (main,), (ClassScore("a", 1, 1, 1, 1),), (), (), {"probe": (untuned,)}, ())


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


def test_the_picture_of_all_holds_shares_alone_beside_the_score_before_and_after_tuning():
    cost = Dimension("cost", Score("usd_per_1000", 0.0012, 0.001, 0.0013), "USD", False)
    drawn = dimensions.overview(Probes(10, "none", (dimension(), cost)), evaluation())
    for said in ("accuracy", "before tuning", "robustness"):
        assert said in drawn
    assert "cost" not in drawn


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
