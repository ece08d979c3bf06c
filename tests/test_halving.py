"""Successive halving by hand: tables of scores, and a clock that the trials move."""

import pytest

from afina.halving import Trial, duel, halve
from afina.records import Score

FOUR = ("a", "b", "c", "d")


def raced(table, names=FOUR, limit=1000.0, several=False, costs=None, modelled=None):
    """A race in which `name` scores table[name][round], or fails where that is None; a round k lasts 10 * 2^k s."""
    spent = [0.0]

    def seconds(name, number):
        return (costs or {}).get(name, 10.0) * 2**number

    def tries(name, number):
        spent[0] += seconds(name, number)
        value = table[name][number]
        score = None if value is None else Score("accuracy", value, value - 0.1, value + 0.1)
        why = "" if score else "the loss is nan"
        return Trial(name, number, 100 * 2**number, seconds(name, number), score, why)

    def expects(name, number):
        return (modelled or {}).get(name, seconds(name, 0)) * 2**number

    rounds = max(map(len, table.values()))
    done = halve(names, rounds, several, lambda: limit - spent[0], expects, tries)
    return done, spent[0]


def run(done):
    return [(one.name, one.round) for one in done if one.rows]


def test_the_better_half_goes_on_and_the_race_is_over_where_the_pick_leads_alone():
    done, _ = raced({"a": (0.5, 0.8, 0.9), "b": (0.4, 0, 0), "c": (0.6, 0.7, 0), "d": (0.3, 0, 0)})
    assert run(done) == [("a", 0), ("b", 0), ("c", 0), ("d", 0), ("a", 1), ("c", 1)]
    assert duel(done, "a", several=False) == ("c", [1])


def test_one_that_leads_the_pick_is_held_against_it_to_the_end():
    done, _ = raced({"a": (0.5, 0.6, 0.7), "b": (0.4, 0, 0), "c": (0.6, 0.7, 0.9), "d": (0.3, 0, 0)})
    assert run(done)[-4:] == [("a", 1), ("c", 1), ("a", 2), ("c", 2)]
    assert duel(done, "a", several=False) == ("c", [2])


def test_the_pick_takes_a_place_of_the_better_half_however_it_does():
    """a is the last of four and of three; beside it goes the best one."""
    done, _ = raced({"a": (0.1, 0.9, 0), "b": (0.4, 0.8, 0), "c": (0.3, 0, 0), "d": (0.2, 0, 0)})
    assert run(done)[4:] == [("a", 1), ("b", 1)]
    done, _ = raced({"a": (0.1, 0.2, 0.3), "b": (0.3, 0, 0), "c": (0.4, 0.9, 0.9)}, names=("a", "b", "c"))
    assert run(done)[3:] == [("a", 1), ("c", 1), ("a", 2), ("c", 2)]


def test_of_equal_ones_the_first_in_the_plan_s_order_goes_on():
    done, _ = raced({name: (0.5, 0.5, 0.5) for name in FOUR})
    assert run(done)[4:] == [("a", 1), ("b", 1)]


def test_one_that_fails_is_out_with_its_reason_and_the_others_race_on():
    done, _ = raced({"a": (0.5, 0.6, 0), "b": (None,), "c": (0.6, 0.5, 0), "d": (0.3, 0, 0)})
    assert [one.why for one in done if one.name == "b"] == ["the loss is nan"]
    assert run(done)[4:] == [("a", 1), ("c", 1)]


def test_without_the_pick_there_is_nothing_to_hold_the_others_against():
    done, _ = raced({"a": (None,), "b": (0.5, 0.5, 0.5), "c": (0.5, 0.5, 0.5), "d": (0.5, 0.5, 0.5)})
    assert run(done) == [(name, 0) for name in FOUR]
    assert duel(done, "a", several=False) is None


LONG = {"a": (0.5, 0.6, 0.7), "b": (0.4, 0, 0), "c": (0.6, 0.7, 0.9), "d": (0.3, 0, 0)}  # 40 + 40 + 80 seconds


@pytest.mark.parametrize(
    ("limit", "trials"), [(160, 8), (159, 6), (80, 6), (79, 4), (40, 4), (39, 3), (20, 2), (19, 0)]
)
def test_no_round_begins_that_the_pick_and_one_more_cannot_end_and_no_trial_that_has_no_time(limit, trials):
    done, spent = raced(LONG, limit=limit)
    assert (len(run(done)), spent <= limit) == (trials, True)


def test_what_has_no_time_is_passed_over_for_what_is_cheaper_and_says_both_times():
    done, spent = raced(LONG, limit=39, costs={"b": 30.0})
    assert run(done) == [("a", 0), ("c", 0), ("d", 0)]
    assert [one.why for one in done if one.name == "b"] == ["no time: 30.0 s expected, 29.0 s left"]
    assert spent == 30


def test_a_cost_model_that_is_off_is_corrected_by_the_trials_so_far():
    """It expects a third of the 10 seconds that each takes: after a, d is known to have no time left."""
    slow = dict.fromkeys(FOUR, 10 / 3)
    done, spent = raced(LONG, limit=39, modelled=slow)
    assert run(done) == [("a", 0), ("b", 0), ("c", 0)]
    assert "10.0 s expected, 9.0 s left" in done[-1].why
    done, spent = raced(LONG, limit=19, modelled=slow)  # the first trial is begun by the model alone
    assert (run(done), spent) == ([("a", 0)], 10)


def test_a_race_is_over_its_limit_by_what_one_trial_takes_longer_than_expected_at_most():
    modelled = dict.fromkeys(FOUR, 0.1)
    for limit in range(1, 200, 7):
        _, spent = raced(LONG, limit=limit, modelled=modelled)
        assert spent < limit + 10


def test_cuts_count_together_and_larger_parts_count_alone():
    """d is ahead on the first and third cut, and behind on all together."""
    table = {"a": (0.5, 0.5, 0.5), "b": (0.4, 0, 0), "c": (0.3, 0, 0), "d": (0.6, 0.2, 0.6)}
    done, _ = raced(table, several=True)
    assert run(done)[4:] == [("a", 1), ("d", 1), ("a", 2), ("d", 2)]  # the pick leads after two, and the third counts
    assert duel(done, "a", several=True) == ("d", [0, 1, 2])
    assert run(raced(table)[0])[4:] == [("a", 1), ("d", 1)]


def test_who_goes_on_from_cuts_is_told_by_all_of_them():
    """Over two cuts b has 0.55 and c 0.60, though b is ahead on the second."""
    table = {"a": (0.5, 0.5), "b": (0.4, 0.7), "c": (0.7, 0.5), "d": (0.1, 0), "e": (0.1, 0), "f": (0.1, 0)}
    done, _ = raced({name: (*row, 0.9) for name, row in table.items()}, names=tuple(table), several=True)
    assert run(done)[6:] == [("a", 1), ("c", 1), ("b", 1), ("a", 2), ("c", 2)]


def test_the_last_round_that_both_came_through_is_the_one_that_counts():
    done = [
        Trial("a", 0, 100, 1.0, Score("accuracy", 0.5, 0, 1)),
        Trial("b", 0, 100, 1.0, Score("accuracy", 0.9, 0, 1)),
        Trial("c", 0, 100, 1.0, Score("accuracy", 0.8, 0, 1)),
        Trial("a", 1, 200, 1.0, Score("accuracy", 0.6, 0, 1)),
        Trial("b", 1, why="no time"),
    ]
    assert duel(done, "a", several=False) == ("b", [0])
    assert duel([*done, Trial("c", 1, 200, 1.0, Score("accuracy", 0.1, 0, 1))], "a", several=False) == ("c", [1])
