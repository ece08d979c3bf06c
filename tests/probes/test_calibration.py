"""Calibration: planted over- and underconfidence is found, and what is chosen is judged on other rows."""

from dataclasses import replace

import numpy as np
import pytest

from afina.errors import RecordError
from afina.objectives import classify, multilabel
from afina.probes import calibration
from afina.records import Row, Subject, Task

LABELS = ("a", "b", "c", "d")
TASK = Task(labels=LABELS)
BOTH = Task("multilabel", labels=LABELS, activation="sigmoid", thresholds=(0.5, 0.5, 0.3, 0.5))


def softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def world(rows, seed, name="test", temperature=1.0):
    """Rows, and logits whose softmax at a temperature says how often each class is true."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, (rows, 4))
    picked = (softmax(logits / temperature).cumsum(1) > rng.random((rows, 1))).argmax(1)
    return [Row(f"{name} {i}", LABELS[k], f"{name}.csv:{i + 2}") for i, k in enumerate(picked)], logits


def subject(temperature=1.0, dev=600, test=500, **known):
    """A model that is too sure of itself where the temperature is over 1."""
    first, second = world(test, 0, "test", temperature), world(dev, 1, "dev", temperature)
    answers = dict(
        zip([row.text for row in first[0] + second[0]], softmax(np.vstack([first[1], second[1]])), strict=True)
    )
    predict = lambda texts: np.array([answers[text] for text in texts])  # noqa: E731
    rows = tuple(first[0])
    compare = lambda asked, before, after: classify.compare(asked, before, after, TASK, 0)  # noqa: E731
    asked = Subject(predict, rows, predict([row.text for row in rows]), TASK, compare, dev=tuple(second[0]))
    return replace(asked, **known)


def labelled(rows=300):
    """Rows with any number of labels, each true as often as its probability says."""
    rng = np.random.default_rng(0)
    p = 1 / (1 + np.exp(-rng.normal(0, 3, (rows, 4))))
    truth = rng.random(p.shape) < p
    names = [tuple(label for label, one in zip(LABELS, line, strict=True) if one) for line in truth]
    asked = tuple(Row(f"texto {i}", "", f"test.jsonl:{i + 1}", labels=own) for i, own in enumerate(names))
    answers = {row.text: line for row, line in zip(asked, p, strict=True)}
    predict = lambda texts: np.array([answers[text] for text in texts])  # noqa: E731
    compare = lambda rows, before, after: multilabel.compare(rows, before, after, BOTH, 0)  # noqa: E731
    return Subject(predict, asked[:200], p[:200], BOTH, compare, dev=asked[200:]), p[:200], truth[:200]


def named(found):
    return {(one.name, one.strength): one for one in found.measures}


def test_a_model_that_is_too_sure_of_itself_is_found_out_and_put_right():
    found = named(calibration.measure(subject(temperature=3.0), calibration.Config()))
    assert found["temperature", None].low < 3.0 < found["temperature", None].high
    assert found["temperature", None].remark == "too sure of itself"
    served, lucky, better = (
        found[f"calibration error, {how}", None] for how in ("as served", "by chance alone", "tempered")
    )
    assert served.low > lucky.high
    assert better.value < served.value / 2
    assert found["log loss, tempered", None].value < found["log loss, as served", None].value
    shy = named(calibration.measure(subject(temperature=0.5), calibration.Config()))
    assert shy["temperature", None].remark == "not sure enough"


def test_a_calibrated_model_is_left_in_peace():
    found = calibration.measure(subject(), calibration.Config())
    assert found.score.value > 0.95
    measures = named(found)
    assert measures["temperature", None].remark == "neither too sure nor unsure"
    bins = [one for one in found.measures if one.group == "reliability"]
    assert sum(one.rows for one in bins) == 500
    assert np.mean([one.low <= one.strength <= one.high for one in bins]) > 0.7


def test_what_goes_to_a_human_and_how_right_the_rest_is():
    asked = subject()
    found = named(calibration.measure(asked, calibration.Config()))
    human, rest = found["sent to a human", 0.9], found["right among the rest", 0.9]
    cut = float(human.remark.rpartition(" ")[2])
    answered = asked.answers.max(1) >= cut - 1e-4
    right = asked.answers.argmax(1) == [LABELS.index(row.label) for row in asked.rows]
    assert human.value == pytest.approx(1 - answered.mean(), abs=0.003)  # the threshold is printed to four digits
    assert rest.value == pytest.approx(right[answered].mean(), abs=0.003)
    assert rest.value > right.mean()
    assert human.value < found["sent to a human", 0.95].value  # more is promised, less is answered


def test_a_promise_that_dev_cannot_show_is_a_note():
    found = calibration.measure(subject(dev=120), calibration.Config(promises=(0.9, 0.99)))
    assert any("99% right" in note and "takes 299 rows to choose on, and there are 120" in note for note in found.notes)
    bad = calibration.measure(subject(temperature=40.0), calibration.Config(promises=(0.9,)))  # sure, and wrong
    assert any("even the surest err too often" in note for note in bad.notes)


def test_nothing_is_chosen_and_judged_on_the_same_rows():
    whole = subject(dev=0)
    found = calibration.measure(whole, calibration.Config())
    assert named(found)["temperature", None].rows == named(found)["log loss, tempered", None].rows == 250
    assert any("chosen on 250 of the rows, and all is judged on the others" in note for note in found.notes)
    assert found.score.value == 1 - named(found)["calibration error, as served", None].value
    same = calibration.measure(replace(whole, dev=whole.rows), calibration.Config())  # a corpus without a test split
    assert same.measures == found.measures
    few = calibration.measure(subject(dev=0, test=99), calibration.Config())
    assert ("temperature", None) not in named(few)
    assert few.notes[0].startswith("too few rows (99) to choose a temperature or thresholds: give 100 test rows, or a")


def test_the_surest_mistakes_are_shown():
    found = calibration.measure(subject(temperature=3.0), calibration.Config()).examples
    assert len(found) == 5
    assert found[0].where.startswith("test.csv:")
    assert "with a confidence of 1.00, not" in found[0].said


def test_several_labels_are_scored_one_by_one_and_a_text_is_right_as_a_whole():
    asked, p, truth = labelled()
    found = calibration.measure(asked, calibration.Config())
    measures = named(found)
    assert measures["Brier score, as served", None].value == pytest.approx(((p - truth) ** 2).mean())
    assert sum(one.rows for one in found.measures if one.group == "reliability") == p.size
    assert measures["temperature", None].low < 1 < measures["temperature", None].high
    said = p >= np.array(BOTH.thresholds)
    part = calibration._part(asked.rows, p, BOTH)
    assert (part.right == (said == truth).all(1)).all()
    np.testing.assert_allclose(part.sure, np.where(said, p, 1 - p).prod(1))
    assert found.examples[0].texts[0].startswith("texto")
    said = " ".join(one.said for one in found.examples)
    assert " + " in said
    assert "(none)" not in said
    empty = replace(asked, rows=tuple(replace(row, labels=()) for row in asked.rows))
    assert calibration.measure(empty, calibration.Config()).examples[0].said.endswith(", not nothing")


@pytest.mark.parametrize(
    ("task", "answers"),
    [(Task("regress", ("score",), "none"), "numbers"), (Task("tag", LABELS, "softmax", per="word"), "word by word")],
)
def test_a_task_without_probabilities_of_texts_is_skipped_without_advice_that_does_not_help(task, answers):
    found = calibration.measure(subject(task=task), calibration.Config())
    assert (found.score, found.measures) == (None, ())
    assert f"this model answers {answers}" in found.skipped
    assert "use a task" not in found.skipped


@pytest.mark.parametrize(
    ("given", "known"), [(0.9, (0.9,)), ("0.9", (0.9,)), ("0.9, 0.95", (0.9, 0.95)), ([0.9, 0.95], (0.9, 0.95))]
)
def test_promises_are_one_number_or_several(given, known):
    assert calibration.Config(promises=given).promises == known


@pytest.mark.parametrize("broken", [np.full((500, 4), np.nan), np.full((500, 4), 0.9), np.full((500, 3), 1 / 3)])
def test_broken_answers_are_an_error(broken):
    with pytest.raises(RecordError):
        calibration.measure(subject(answers=broken), calibration.Config())


def test_a_model_that_breaks_on_dev_is_an_error():
    with pytest.raises(RecordError):
        calibration.measure(subject(predict=lambda texts: np.full((len(texts), 4), np.nan)), calibration.Config())
