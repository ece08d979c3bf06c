"""What 1,000 answers cost: the formula by hand, what is measured and what extrapolated, and old prices."""

import time
from datetime import date

import numpy as np
import pytest

from afina import clocking, prices
from afina.clocking import Interval, Speed
from afina.errors import DataError, RecordError
from afina.objectives import classify
from afina.prices import Price
from afina.probes import cost
from afina.records import Row, Subject, Task

TASK = Task(labels=("a", "b"))
ROWS = tuple(Row(f"pain in the chest {place}", "a", f"test.csv:{place + 2}") for place in range(40))
SPEED = Speed(Interval(100.0, 80.0, 125.0, 30), None, 960, 32)


def answer(texts):
    return np.full((len(texts), 2), 0.5, np.float32)


def subject(predict=answer, **known):
    compare = lambda rows, before, after: classify.compare(rows, before, after, TASK, 0)  # noqa: E731
    known = {"variant": "none", "opened": {"none": lambda: predict}, **known}
    return Subject(predict, ROWS, answer(ROWS), TASK, compare, **known)


@pytest.fixture
def own(tmp_path):
    def write(*lines):
        (tmp_path / "own.csv").write_text("\n".join(("instance,usd_per_hour,vcpu,burstable,published", *lines)))
        return cost.Config(prices=str(tmp_path / "own.csv"))

    return write


def test_the_formula_by_hand(monkeypatch):
    monkeypatch.setattr(clocking, "processors", lambda: 2)
    # 0.36 USD an hour is 0.0001 a second; 1,000 texts take 10 s at 100 a second: 0.001, and 1 / 0.3 of it at 30%
    full = cost._per_thousand(Price("x", 0.36, 2), SPEED, 1.0)
    assert (full.value, full.low, full.high) == pytest.approx((0.001, 0.0008, 0.00125))
    assert cost._per_thousand(Price("x", 0.36, 2), SPEED, 0.3).value == pytest.approx(0.001 / 0.3)
    assert cost._per_thousand(Price("x", 0.36, 8), SPEED, 1.0).value == pytest.approx(0.001 / 4)  # four times as many
    assert cost._month(Price("x", 0.1)).value == pytest.approx(73.0)


def test_every_line_says_whether_it_was_measured_or_extrapolated(monkeypatch):
    monkeypatch.setattr(clocking, "processors", lambda: 2)
    assert cost._rate(SPEED, Price("x", 1, 8))[1] == "extrapolated: 100 texts/s of 2 processors here, times 8/2"
    assert "as fast as this machine" in cost._rate(SPEED, Price("x", 1))[1]
    monkeypatch.setattr(clocking, "instance", lambda: "x")
    assert cost._rate(SPEED, Price("x", 1, 8)) == (SPEED.texts, "measured on this machine")


def test_the_score_is_the_cheapest_steady_line_at_the_usual_load(own, monkeypatch):
    config = own("dear,9,2,,2026-11-30", "cheap,1,2,,2026-11-30", "burst,0.1,2,true,2026-11-30")
    found = cost.measure(subject(), config)
    lines = {(one.name, one.group): one for one in found.measures}
    assert len(lines) == 9
    best = lines["cheap", "1,000 texts at 30% load"]
    assert (found.score.value, found.score.low, found.score.high) == (best.value, best.low, best.high)
    assert not found.more_is_better
    assert "burstable" in lines["burst", "1,000 texts at 100% load"].remark
    assert found.notes[0] == "extrapolated from this machine to cheap, the cheapest at 30% load"
    monkeypatch.setattr(clocking, "instance", lambda: "cheap")
    assert cost.measure(subject(), config).notes[0] == "measured on cheap, the cheapest at 30% load"


def test_a_model_twice_as_slow_costs_twice_as_much(own):
    def slow(seconds):
        def predict(texts):
            time.sleep(seconds)
            return answer(texts)

        return predict

    config = own("x,1,2,,2026-11-30")
    first, second = (cost.measure(subject(slow(seconds)), config).score.value for seconds in (0.002, 0.006))
    assert 2 < second / first < 3.5


def test_old_prices_are_said_to_be_old(monkeypatch):
    class Later(date):
        @classmethod
        def today(cls):
            return date(2027, 1, 1)

    monkeypatch.setattr(cost, "date", Later)
    found = cost.measure(subject(), cost.Config())
    assert any("326 days old" in note for note in found.notes)
    assert any(prices.read().source in note for note in found.notes)


def test_an_undated_table_of_ones_own_is_of_no_known_age(own):
    found = cost.measure(subject(), own("x,1,2,,"))
    assert any("date unknown" in note for note in found.notes)
    assert any("may be years old" in note for note in found.notes)


def test_a_model_asked_from_outside_has_no_cost_and_a_wrong_table_is_told_all_the_same():
    assert "timed where its file is" in cost.measure(subject(opened={}), cost.Config()).skipped
    with pytest.raises(DataError):
        cost.measure(subject(opened={}), cost.Config(prices="none.csv"))


def test_a_broken_model_is_an_error():
    with pytest.raises(RecordError):
        cost.measure(subject(lambda texts: answer(texts) * np.nan), cost.Config())
