"""How fast a model is: planted slowness is seen where it is, and what cannot be measured is said."""

import time

import numpy as np
import pytest

from afina.errors import MachineError, RecordError
from afina.objectives import classify
from afina.probes import efficiency
from afina.records import Row, Subject, Task, Use

TASK = Task(labels=("a", "b"))
ROWS = tuple(Row(f"pain in the chest {place}", "a", f"test.csv:{place + 2}") for place in range(40))
QUICK = efficiency.Config(seconds=0.3, lengths=(4, 64))


def answer(texts):
    return np.full((len(texts), 2), 0.5, np.float32)


def slow(seconds):
    """A model that takes so long for each word."""

    def predict(texts):
        time.sleep(seconds * sum(len(text.split()) for text in texts))
        return answer(texts)

    return predict


def subject(predict=answer, **known):
    compare = lambda rows, before, after: classify.compare(rows, before, after, TASK, 0)  # noqa: E731
    return Subject(predict, ROWS, answer(ROWS), TASK, compare, **known)


def values(found, group):
    return {(one.name, one.strength): one.value for one in found.measures if one.group == group}


def test_a_long_text_and_many_texts_take_longer_where_the_model_does():
    found = efficiency.measure(subject(slow(2e-5)), QUICK)
    one, many = values(found, "latency of one text"), values(found, "latency of 32 texts at once")
    assert one["as served, p50", 64.0] > 0.9 * 64 * 0.02  # ms
    assert one["as served, p50", 64.0] > 4 * one["as served, p50", 4.0]
    assert many["as served, p50", 4.0] > 8 * one["as served, p50", 4.0]


def test_the_score_is_the_speed_of_the_served_file_and_a_sibling_does_not_change_it():
    opened = {"int8_dynamic": lambda: slow(5e-5), "none": lambda: slow(4e-4)}
    found = efficiency.measure(subject(slow(5e-5), variant="int8_dynamic", opened=opened), QUICK)
    speeds = values(found, "throughput")
    assert found.score.value == speeds["INT8 dynamic", None]
    assert speeds["INT8 dynamic", None] > 3 * speeds["FP32", None]  # 8 times, less what sleeping costs


def test_a_percentile_is_given_only_where_there_are_runs_for_it():
    found = efficiency.measure(subject(slow(2e-4)), QUICK)  # 13 ms for a text of 64 words
    names = {one.name for one in found.measures if one.group == "latency of one text" and one.strength == 64}
    assert names == {"as served, p50"}
    quick = efficiency.measure(subject(), efficiency.Config(seconds=2.0, lengths=(4,)))
    ends = {one.name: one for one in quick.measures if one.group == "latency of one text"}
    assert (ends["as served, p99"].rows, ends["as served, p99"].remark) == (400, "")


def test_too_few_runs_for_an_end_are_remarked():
    found = efficiency._latency("", 1, 8, [0.001] * 100, 0.99)
    assert found.remark == "no upper bound from 100 runs: the high end is the slowest run"


def test_a_model_that_uses_up_its_time_is_cut_short_and_that_is_said():
    config = efficiency.Config(seconds=0.05, lengths=(4, 64))
    began = time.monotonic()
    found = efficiency.measure(subject(slow(1e-4)), config)
    assert time.monotonic() - began < 2
    assert any("were not timed" in note for note in found.notes)


def test_memory_size_and_loading_are_those_of_each_file():
    asked = {}

    def alone(name, texts):
        asked[name] = texts
        if name == "torch":
            raise MachineError("the model did not answer in a process of its own: MemoryError", "look at it")
        return Use(seconds=0.5, before=30_000_000, peak=200_000_000)

    opened = {"none": lambda: answer, "torch": lambda: answer}
    known = {"variant": "none", "opened": opened, "files": {"none": 90_000_000}, "alone": alone}
    found = efficiency.measure(subject(**known), QUICK)
    assert values(found, "peak memory") == {("FP32", None): 200_000_000}
    assert values(found, "loading") == {("FP32", None): 0.5}
    assert values(found, "file size") == {("FP32", None): 90_000_000}
    assert {len(text.split()) for text in asked["none"]} == {64}  # the longest
    assert any("PyTorch" in note and "MemoryError" in note for note in found.notes)


def test_what_cannot_be_opened_is_a_note_and_a_model_asked_from_outside_has_no_file():
    def missing():
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    found = efficiency.measure(subject(variant="none", opened={"none": lambda: answer, "torch": missing}), QUICK)
    assert sum("PyTorch" in note and "torch" in note for note in found.notes) == 2  # to time it, and to load it
    outside = efficiency.measure(subject(), QUICK)
    assert efficiency.OUTSIDE in outside.notes
    assert not values(outside, "loading")


@pytest.mark.parametrize("broken", [lambda texts: answer(texts) * np.nan, lambda texts: answer(texts)[:1]])
def test_a_broken_model_is_an_error_and_a_broken_sibling_a_note(broken):
    with pytest.raises(RecordError):
        efficiency.measure(subject(broken), QUICK)
    found = efficiency.measure(subject(variant="a", opened={"a": lambda: answer, "b": lambda: broken}), QUICK)
    assert any(note.startswith("b was not timed") for note in found.notes)
    assert "b" not in {name for name, _ in values(found, "throughput")}
