"""Times: what is made of runs, with intervals that hold, and what a machine says of itself."""

import time

import numpy as np
import pytest

from afina import clocking
from afina.errors import RecordError
from afina.records import Row, Task

TASK = Task(labels=("a", "b"))
ROWS = tuple(Row(f"pain in the chest number {place}", "a", f"test.csv:{place + 2}") for place in range(70))


def answer(texts):
    return np.full((len(texts), 2), 0.5, np.float32)


def slow(seconds):
    def predict(texts):
        time.sleep(seconds * len(texts))
        return answer(texts)

    return predict


def test_a_quantile_is_one_of_the_runs_and_says_which_end_is_missing():
    found = clocking.quantile([float(place) for place in range(1, 101)], 0.99)
    assert (found.value, found.low, found.high, found.open) == (99.0, 97.0, 100.0, "upper")
    assert clocking.quantile([3.0], 0.5).open == "lower and upper"
    assert clocking.quantile([float(place) for place in range(1, 41)], 0.5).open == ""


def test_a_slow_run_in_a_hundred_is_seen_by_the_99th_percentile_alone():
    runs = [1.0] * 98 + [50.0] * 2
    assert [clocking.quantile(runs, share).value for share in (0.5, 0.95, 0.99)] == [1.0, 1.0, 50.0]


def test_student_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    for degrees in (5, 6, 10, 29):
        assert clocking.student(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=2e-3)


@pytest.mark.parametrize(("batches", "spread"), [(6, 0.1), (30, 0.1), (30, 0.5)])
def test_the_interval_of_a_speed_holds_the_truth_95_times_in_100(batches, spread):
    rng = np.random.default_rng(batches)
    held = 0
    for _ in range(500):
        sizes = rng.integers(20, 33, batches)
        times = sizes * 0.01 * rng.lognormal(-(spread**2) / 2, spread, batches)  # 100 texts/s in the mean
        found = clocking.ratio(sizes.tolist(), times.tolist())
        held += found.low <= 100 <= found.high
    assert 0.90 <= held / 500 <= 0.98


def test_the_speed_of_a_model_that_takes_a_millisecond_a_text():
    found = clocking.speed(slow(0.0003), ROWS, TASK, 0.05)
    assert 2000 < found.texts.value < 3400  # 3,333 less what sleeping and looping cost
    assert found.batch == 32
    assert found.texts.runs >= 2
    assert found.joules is None or found.joules.value >= 0


def test_a_model_too_slow_for_the_time_is_asked_twice_and_no_more():
    asked = []

    def predict(texts):
        asked.append(len(texts))
        time.sleep(0.01)
        return answer(texts)

    clocking.speed(predict, ROWS, TASK, 0.001)
    assert asked == [32, 32, 32]  # the first warms up
    asked.clear()
    assert len(clocking.runs(predict, [["a"]], TASK, 0.001, 100)) == 1
    assert asked == [1]
    assert len(clocking.runs(answer, [["a"]], TASK, 5.0, 100)) == 100


@pytest.mark.parametrize("broken", [lambda texts: answer(texts) * np.nan, lambda texts: answer(texts)[:1, :1]])
def test_a_broken_model_is_not_timed(broken):
    with pytest.raises(RecordError):
        clocking.speed(broken, ROWS, TASK, 0.01)
    with pytest.raises(RecordError):
        clocking.runs(broken, [["a", "b"]], TASK, 0.01, 5)


def test_texts_are_as_long_as_asked_and_of_the_rows_words():
    found = clocking.texts(ROWS, 8, 5, 0)
    assert [len(text.split()) for text in found] == [8] * 5
    assert {word for text in found for word in text.split()} <= {word for row in ROWS for word in row.text.split()}
    assert found == clocking.texts(ROWS, 8, 5, 0) != clocking.texts(ROWS, 8, 5, 1)
    (pair,) = clocking.texts([Row("dolor de", "a", "x:1", pair="pecho")], 5, 1, 0)
    assert [len(text.split()) for text in pair] == [3, 2]
    assert clocking.texts([Row("", "a", "x:1")], 2, 1, 0) == ["? ?"]


def package(power, place, joules, most=1000.0):
    folder = power / f"intel-rapl:{place}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "energy_uj").write_text(str(int(joules * 1e6)))
    (folder / "max_energy_range_uj").write_text(str(int(most * 1e6)))


def test_energy_is_summed_over_packages_and_a_counter_may_run_over(tmp_path):
    package(tmp_path, "0", 990.0)
    package(tmp_path, "1", 10.0)
    package(tmp_path, "0:0", 5.0)  # a part of package 0, which is in it already
    before = clocking.joules(tmp_path)
    package(tmp_path, "0", 4.0)  # over the top of 1,000: 14 J
    package(tmp_path, "1", 11.5)
    assert clocking.spent(before, clocking.joules(tmp_path), tmp_path) == pytest.approx(15.5)


def test_energy_is_in_the_speed_where_the_machine_counts_it(tmp_path):
    package(tmp_path, "0", 1.0)

    def predict(texts):
        package(tmp_path, "0", clocking.joules(tmp_path)["intel-rapl:0"] + 0.5 * len(texts))
        return answer(texts)

    assert clocking.speed(predict, ROWS, TASK, 0.01, tmp_path).joules.value == pytest.approx(0.5)
    assert clocking.joules(tmp_path / "nothing") is None


def test_a_machine_is_an_instance_only_where_it_says_so(tmp_path):
    assert clocking.instance(tmp_path) == ""
    (tmp_path / "sys_vendor").write_text("Amazon EC2\n")
    (tmp_path / "product_name").write_text("c7i.large\n")
    assert clocking.instance(tmp_path) == "c7i.large"
    (tmp_path / "sys_vendor").write_text("QEMU\n")
    assert clocking.instance(tmp_path) == ""
