"""What is asked of a finished model, with which files, and that these are read before anything else is done."""

import numpy as np
import pytest

from afina import config, shelf
from afina.errors import AfinaError
from afina.objectives import classify
from afina.records import Row, Subject, Task
from afina.stages import probe

TASK = Task(labels=("a", "b"))
ROWS = tuple(Row(f"text {n} of {label}", label, f"t.csv:{n + 2}") for n in range(30) for label in TASK.labels)


def predict(texts):
    return np.array([[0.9, 0.1] if str(text).endswith("a") else [0.2, 0.8] for text in texts])


def subject():
    compare = lambda rows, before, after: classify.compare(rows, before, after, TASK, 0)  # noqa: E731
    return Subject(predict, ROWS, predict([row.input for row in ROWS]), TASK, compare, language="en")


def options(*overrides):
    return config.build({}, overrides).probe


@pytest.mark.parametrize(
    "wrong",
    ["suite=nowhere", "cost_prices=nowhere.csv", "robustness_glossary=nowhere.csv", "consistency_groups=no.jsonl"],
)
def test_a_file_that_is_not_there_is_told_before_anything_is_measured(wrong):
    with pytest.raises(AfinaError, match=wrong.partition("=")[2].partition(".")[0]):
        probe.check(options(wrong))


def test_a_file_that_is_not_used_is_not_looked_at():
    probe.check(options("probes=calibration", "cost_prices=nowhere.csv"))


def test_what_a_file_holds_is_known_and_not_its_name_alone(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("instance,usd_per_hour\nmine,0.1\n")
    asked = options("probes=cost", f"cost_prices={file}")
    before = probe.files(asked)
    file.write_text("instance,usd_per_hour\nmine,0.2\n")
    assert before.keys() == probe.files(asked).keys() == {str(file)}
    assert before != probe.files(asked)


def test_all_are_asked_or_those_that_are_named_and_each_says_how_it_was_asked():
    assert tuple(probe.chosen(options())) == shelf.names("probes")
    one = probe.probe(subject(), options("probes=calibration"))
    assert [dimension.probe for dimension in one.dimensions] == ["calibration"]
    again = probe.probe(subject(), options("probes=calibration"))
    other = probe.probe(subject(), options("probes=calibration", "calibration_promises=[0.8]"))
    first, same, changed = (found.dimensions[0].asked for found in (one, again, other))
    assert first == same != changed


def test_a_suite_that_is_named_is_a_dimension_beside_the_probes(tmp_path):
    file = tmp_path / "suite.yaml"
    file.write_text(
        "suite: s\nlabels: {a: '', b: ''}\n"
        "tests: [{id: t, type: MFT, capability: words, template: 'an a', expect: {label: a}}]\n"
    )
    found = probe.probe(subject(), options("probes=none", f"suite={file}"))
    assert [(one.probe, one.score.value) for one in found.dimensions] == [("checklist", 1.0)]
