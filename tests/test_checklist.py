"""A suite put to models whose faults are planted: each is found by the test that is meant for it, and no other."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afina import checklist, expanding, screen, suites, twins
from afina.errors import ConfigError, GateError, RecordError
from afina.metrics import wilson
from afina.records import Case, Checklist, Expectation, Suite, SuiteTest, Tally, Task, from_json, to_json

TASK = Task(labels=("admin", "routine", "urgent"))
URGENT = re.compile(r"chest pain|stroke", re.IGNORECASE)
DENIED = re.compile(r"\b(no|denies|without)\b", re.IGNORECASE)
SUITE = Suite(
    "s", "1", {"urgent": "", "routine": ""}, {"who": (("she",), ("he",)), "denial": (("denies",), ("has no",))},
    (
        SuiteTest("present", "MFT", "negation", Expectation(label=("urgent",)), severity="critical",
                  max_failure_rate=0.0, templates=("{who} has chest pain", "{who} has a stroke")),
        SuiteTest("denied", "MFT", "negation", Expectation(label=("routine",)), max_failure_rate=0.1,
                  templates=("{who} {denial} chest pain and sleeps well", "{who} {denial} chest pain")),
        SuiteTest("capitals", "INV", "robustness", Expectation(same_label=True), max_failure_rate=0.1,
                  templates=("{who} has chest pain", "{who} is well"), perturb=(("upper", {}), ("lower", {}))),
        SuiteTest("worse", "DIR", "time", Expectation(probability="urgent", direction="non_decreasing", tolerance=0.1),
                  max_failure_rate=0.1, templates=("{who} has a stroke",),
                  perturb=(("append", {"texts": ("It gets worse.",)}),)),
    ),
)  # fmt: skip


def model(understands_denial=True, sees_case=False, labels=3):
    """Answers of rules: sure of what is urgent, but for the faults that are planted."""

    def predict(texts):
        rows = []
        for text in texts:
            urgent = bool(URGENT.search(text)) and not (understands_denial and DENIED.search(text))
            if sees_case and text.isupper():
                urgent = False
            rows.append([0.05, 0.15, 0.8] if urgent else [0.05, 0.85, 0.1])
        return np.array(rows)[:, :labels]

    return predict


def failed(found):
    return {test.name: len(test.failed) for test in found.tests if test.failed}


def test_a_model_that_does_all_that_is_asked_fails_nothing_and_every_text_is_asked_once():
    asked = []

    def predict(texts):
        asked.extend(texts)
        return model()(texts)

    found = checklist.check(SUITE, predict, TASK)
    assert failed(found) == {}
    assert [test.cases for test in found.tests] == [4, 8, 4, 2]
    assert len(asked) == len(set(asked))
    checklist.gate(found)


def test_a_model_that_ignores_negation_fails_the_tests_of_denial_alone():
    found = checklist.check(SUITE, model(understands_denial=False), TASK)
    assert failed(found) == {"denied": 8}
    denied = found.tests[1]
    assert (denied.rate, denied.passed) == (1.0, False)
    assert (denied.low, denied.high) == wilson(8, 8)
    assert denied.failures[0].texts == ("He denies chest pain",)  # the shortest one
    assert (denied.failures[0].wanted, denied.failures[0].got) == ("answer routine", "urgent 0.80")
    assert len(denied.failures) == checklist.SHOWN
    with pytest.raises(GateError, match=r"tests of s failed more cases than they may: denied \(100%, at most 10%\)"):
        checklist.gate(found)


def test_a_model_that_changes_its_answer_with_capitals_is_found_and_the_failing_form_is_shown():
    found = checklist.check(SUITE, model(sees_case=True), TASK)
    assert failed(found) == {"capitals": 2}
    (failure, _) = found.tests[2].failures
    assert failure.texts == ("He has chest pain", "HE HAS CHEST PAIN")
    assert failure.got == "urgent 0.80 -> routine 0.85"


@pytest.mark.parametrize("rate", [0.49, 0.5, 0.51])
def test_a_gate_is_met_at_its_own_rate(rate):
    tests = (replace(SUITE.tests[2], max_failure_rate=rate),)
    found = checklist.check(replace(SUITE, tests=tests), model(sees_case=True), TASK)
    assert found.tests[0].rate == 0.5
    assert found.tests[0].passed == (rate >= 0.5)


FAULTS = {
    "no numbers": lambda texts: np.full((len(texts), 3), np.nan),
    "one that is none": lambda texts: np.array([[0.1, 0.2, 0.7]] * (len(texts) - 1) + [[np.nan, 0.3, 0.7]]),
    "infinite": lambda texts: np.full((len(texts), 3), np.inf),
    "no probabilities": lambda texts: np.full((len(texts), 3), 0.9),
    "below zero": lambda texts: np.array([[-0.5, 0.5, 1.0]] * len(texts)),
    "too few labels": lambda texts: np.full((len(texts), 2), 0.5),
    "too few answers": lambda texts: np.full((len(texts) - 1, 3), 1 / 3),
    "one row": lambda texts: np.full(3, 1 / 3),
    "nothing": lambda texts: None,
    "a list of lists of other lengths": lambda texts: [[1.0]] + [[0.5, 0.5]] * (len(texts) - 1),
    "words": lambda texts: [["a", "b", "c"]] * len(texts),
}


@pytest.mark.parametrize("predict", FAULTS.values(), ids=FAULTS)
def test_answers_that_are_none_are_an_error_and_no_failure_rate(predict):
    with pytest.raises(RecordError):
        checklist.check(SUITE, predict, TASK)


def test_the_first_text_without_an_answer_is_named():
    def predict(texts):
        answers = model()(texts)
        answers[[place for place, text in enumerate(texts) if "worse" in text]] = np.nan
        return answers

    with pytest.raises(RecordError, match=r"answers to 2 of 24 texts are no probabilities, first that to text 23"):
        checklist.check(SUITE, predict, TASK)


@pytest.mark.parametrize("task", [Task("regress", ("score",), "none"), Task("tag", ("O", "B-x"), per="word")])
def test_a_task_without_classes_has_no_checklist(task):
    with pytest.raises(ConfigError, match="needs classes or labels"):
        checklist.check(SUITE, lambda texts: np.zeros((len(texts), 1)), task, {"urgent": None, "routine": None})


# ---------------------------------------------------------------- labels of the suite and of the model


def test_a_model_that_lacks_the_labels_is_told_which_it_has_and_what_to_write():
    with pytest.raises(ConfigError) as error:
        checklist.check(SUITE, model(), Task(labels=("no", "yes", "perhaps")))
    assert "asks about 'urgent', 'routine', which the model lacks: it has 'no', 'yes', 'perhaps'" in str(error.value)
    assert "--labels FILE, such as 'urgent: no' or" in str(error.value)


def test_a_label_may_stand_for_several_of_the_models():
    task = Task(labels=("calm", "today", "now"))
    mapping = {"urgent": ["now", "today"], "routine": "calm"}

    def predict(texts):  # what is urgent is split in two, neither half the likelier one
        urgent = model()(texts)[:, 2] > 0.5
        return np.where(urgent[:, None], [0.3, 0.34, 0.36], [0.8, 0.1, 0.1])

    assert failed(checklist.check(SUITE, predict, task, mapping)) == {}


def test_tests_of_a_label_that_the_model_has_not_are_left_out_and_said():
    found = checklist.check(SUITE, model(labels=3), TASK, {"urgent": None})
    skipped = {test.name: test.skipped for test in found.tests if test.skipped}
    assert skipped == {"present": "the model has no urgent", "worse": "the model has no urgent"}
    assert all(test.passed and test.cases == 0 for test in found.tests if test.skipped)
    cases = (Case(("a",), "urgent"), Case(("b",), "routine"))
    one = SuiteTest("given", "MFT", "c", Expectation(), cases=cases)
    left = checklist.check(replace(SUITE, tests=(one,)), model(), TASK, {"urgent": None}).tests[0]
    assert (left.cases, left.left_out, left.failed) == (1, (0,), ())


def test_a_suite_of_which_nothing_is_left_is_an_error():
    one = replace(SUITE, tests=SUITE.tests[:1])
    with pytest.raises(ConfigError, match="no test of s can be asked of this model"):
        checklist.check(one, model(), TASK, {"urgent": None})
    empty = SuiteTest("own", "INV", "c", Expectation(same_label=True), rows=True, perturb=(("upper", {}),))
    with pytest.raises(ConfigError, match="no test of s can be asked"):
        checklist.check(replace(SUITE, tests=(empty,)), model(), TASK)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [({"urgnt": "urgent"}, "did you mean 'urgent'"), ({"urgent": "urgnt"}, "did you mean 'urgent'")],
)
def test_a_wrong_name_in_the_mapping_is_told_with_the_nearest_one(mapping, said):
    with pytest.raises(ConfigError, match=said):
        checklist.check(SUITE, model(), TASK, mapping)


def test_several_labels_a_text_are_given_from_their_thresholds_on():
    task = Task("multilabel", ("pain", "fever"), "sigmoid", thresholds=(0.3, 0.9))
    tests = (
        SuiteTest("pain", "MFT", "c", Expectation(label=("pain",)), texts=("x",)),
        SuiteTest("fever", "MFT", "c", Expectation(not_label=("fever",)), texts=("x",)),
        SuiteTest("same", "INV", "c", Expectation(same_label=True), cases=(Case(("x", "y")),)),
    )

    def predict(texts):
        return np.array([[0.4, 0.8] if text == "x" else [0.4, 0.95] for text in texts])

    found = checklist.check(Suite("m", "1", {}, {}, tests), predict, task)
    assert failed(found) == {"same": 1}
    assert found.tests[2].failures[0].got == "pain 0.40 -> pain 0.40 + fever 0.95"


# ---------------------------------------------------------------- expectations, worked by hand

BEFORE, AFTER = [0.2, 0.3, 0.5], [0.2, 0.45, 0.35]
JUDGED = {
    "the answer may be one of several": (Expectation(label=("admin", "routine")), True),
    "the answer may not be that": (Expectation(not_label=("routine",)), False),
    "the answer changed": (Expectation(same_label=True), False),
    "and was meant to": (Expectation(label_changes=True), True),
    "0.15 is the largest change": (Expectation(max_change=0.15), True),
    "0.14 is less": (Expectation(max_change=0.14), False),
    "0.15 is enough of a change": (Expectation(min_change=0.15), True),
    "0.16 would be more": (Expectation(min_change=0.16), False),
    "it fell by 0.15": (Expectation(probability="urgent", direction="non_decreasing", tolerance=0.1), False),
    "which 0.2 forgives": (Expectation(probability="urgent", direction="non_decreasing", tolerance=0.2), True),
    "it fell by more than 0.1": (Expectation(probability="urgent", direction="decreasing", tolerance=0.1), True),
    "but not by more than 0.2": (Expectation(probability="urgent", direction="decreasing", tolerance=0.2), False),
    "the other rose": (Expectation(probability="routine", direction="increasing"), True),
    "and was not to": (Expectation(probability="routine", direction="non_increasing", tolerance=0.1), False),
    "the first answer lost": (Expectation(probability="answer", direction="non_increasing"), True),
    "0.35 is at least 0.35": (Expectation(probability="urgent", at_least=0.35), True),
    "and at most 0.3 it is not": (Expectation(probability="urgent", at_most=0.3), False),
    "a case to ignore": (Expectation(same_label=True, ignore=("urgent",)), None),
    "another one to ignore": (Expectation(same_label=True, ignore=("admin",)), False),
    "one that could not fall": (Expectation(probability="admin", direction="non_decreasing", tolerance=0.2), None),
    "one that could not rise": (Expectation(probability="urgent", direction="non_increasing", tolerance=0.5), None),
}


@pytest.mark.parametrize(("expect", "right"), JUDGED.values(), ids=JUDGED)
def test_an_expectation_is_judged_as_worked_by_hand(expect, right):
    suite = Suite("s", "1", {}, {}, (SuiteTest("t", "DIR", "c", expect, cases=(Case(("a", "b")),)),))
    found = checklist.check(suite, lambda texts: np.array([BEFORE if text == "a" else AFTER for text in texts]), TASK)
    (test,) = found.tests
    assert (test.cases, len(test.failed)) == {None: (0, 0), True: (1, 0), False: (1, 1)}[right]
    if right is False:
        assert test.failures[0].wanted


# ---------------------------------------------------------------- two models


def test_the_cases_that_flipped_between_two_models_are_counted_each_way():
    good, bad = checklist.check(SUITE, model(), TASK), checklist.check(SUITE, model(understands_denial=False), TASK)
    flips = {flip.name: flip for flip in checklist.compare(bad, good)}
    assert len(flips["denied"].broken) == flips["denied"].cases == 8
    assert flips["denied"].chance == 2 / 2**8
    assert not flips["capitals"].broken
    back = {flip.name: flip for flip in checklist.compare(good, bad)}
    assert (len(back["denied"].broken), len(back["denied"].fixed)) == (0, 8)


def test_models_that_were_asked_other_cases_are_not_compared():
    other = replace(SUITE, tests=(replace(SUITE.tests[0], templates=("{who} has a stroke",)),))
    with pytest.raises(ConfigError, match="different cases"):
        checklist.compare(checklist.check(SUITE, model(), TASK), checklist.check(other, model(), TASK))


@settings(max_examples=30)
@given(one=st.integers(0, 30), other=st.integers(0, 30))
def test_the_sign_test_is_a_probability_that_falls_with_the_difference(one, other):
    assert 0 < checklist.sign_test(one, other) == checklist.sign_test(other, one) <= 1
    assert checklist.sign_test(0, one) == min(1.0, 2 * 0.5**one)


# ---------------------------------------------------------------- what is shown


def test_a_record_survives_json_and_its_twin_adds_up_capabilities():
    found = checklist.check(SUITE, model(understands_denial=False), TASK)
    assert from_json(Checklist, to_json(found)) == found
    told = json.loads(json.dumps(twins.checklist(found, checklist.compare(found, found))))
    assert told["capabilities"]["negation"] == {"failed": 8, "cases": 12}
    assert told["gates_failed"] == ["denied"]
    assert [flip["broken"] for flip in told["flips"]] == [[]] * 4


def test_the_screen_shows_rates_gates_failing_cases_and_flips(capsys):
    good = checklist.check(SUITE, model(), TASK, {"urgent": None})
    bad = checklist.check(SUITE, model(understands_denial=False), TASK)
    screen.checklist(replace(bad, notes=("capped",)), checklist.compare(bad, checklist.check(SUITE, model(), TASK)))
    said = capsys.readouterr().out
    assert re.search(r"denied +MFT +negation +8 +8 +100\.0% \(67\.6% to 100\.0%\) +major +10% +FAILED", said)
    assert 'denied: "He denies chest pain": urgent 0.80; wanted: answer routine' in said
    assert "denied: 8 cases broken, 0 fixed of 8 (as uneven by chance: 0.0078)" in said
    assert "\ncapped\n" in said
    screen.checklist(good, checklist.compare(good, good))
    said = capsys.readouterr().out
    assert "the model has no urgent" in said
    assert "no case changed between the two runs" in said


def test_the_suite_of_the_tutorial_is_one(tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(suite:.*?)```", page, re.DOTALL)
    (tmp_path / "desk.yaml").write_text(block, encoding="utf-8")
    expanded = expanding.expand(suites.read(str(tmp_path / "desk.yaml")), ["where is my card"])
    assert [len(one.cases) for one in expanded] == [2, 4, 1, 2]


# ---------------------------------------------------------------- the suites that ship


@pytest.fixture(scope="module", params=["medicine", "law"])
def shipped(request):
    suite = suites.read(request.param)
    return suite, {one.test.name: one for one in expanding.expand(suite)}


def test_a_shipped_suite_has_its_tests_in_both_languages_and_of_every_type(shipped):
    suite, _ = shipped
    english = [test for test in suite.tests if test.language == ""]
    spanish = [test for test in suite.tests if test.language == "es"]
    assert len(english) >= 25
    assert len(spanish) >= 9
    for tests in (english, spanish):
        assert {test.kind for test in tests} == {"MFT", "INV", "DIR"}
    assert all(test.name.startswith("es-") == (test.language == "es") for test in suite.tests)
    assert all(suite.labels.values())


def test_every_test_that_ships_has_cases_that_read_as_sentences(shipped):
    _, expanded = shipped
    for name, one in expanded.items():
        assert one.cases or one.test.rows, name
        for case in one.cases:
            for text in case.texts:
                assert not set("{}|") & set(text), text
                assert "  " not in text, text
            assert text == text.strip()
            assert len(set(case.texts)) == len(case.texts), name
            assert case.texts[0][0] == case.texts[0][0].upper() or case.texts[0][0] == '"', case.texts[0]


def test_the_texts_of_single_labels_differ_between_the_labels(shipped):
    suite, expanded = shipped
    owners = {}
    for test in suite.tests:
        if test.kind == "MFT" and len(test.expect.label) == 1:
            for case in expanded[test.name].cases:
                assert owners.setdefault(case.texts[0], test.expect.label) == test.expect.label


def test_a_model_that_knows_nothing_fails_what_needs_knowledge(shipped):
    suite = replace(shipped[0], tests=tuple(replace(test, most=4) for test in shipped[0].tests))
    task = Task(labels=tuple(suite.labels))
    found = checklist.check(suite, lambda texts: np.tile(np.eye(len(task.labels))[0], (len(texts), 1)), task)
    rates = {test.name: test.rate for test in found.tests if not test.skipped}
    kinds = {test.name: test.kind for test in found.tests}
    assert all(rate == 0 for name, rate in rates.items() if kinds[name] == "INV")
    assert sum(rate == 1 for rate in rates.values()) >= 8
    assert found.broken


def test_a_suite_is_a_dimension_with_the_share_of_all_cases_that_passed():
    tests = [replace(tally("negation", 40, 10), passed=False), tally("units", 60, 0)]
    found = checklist.dimension(Checklist("ward", "1", "ab", tuple(tests)))
    assert (found.score.value, found.score.low, found.score.high) == (0.9, *wilson(90, 100))
    assert [(one.name, one.value, one.rows) for one in found.measures] == [("negation", 0.25, 40), ("units", 0.0, 60)]
    assert found.notes[0] == "ward 1: 1 of 2 tests failed more cases than they may"


def tally(name, cases, failed):
    rate = failed / cases
    return Tally(name, "MFT", "words", "major", 0.1, cases, cases, tuple(range(failed)), (), rate, 0.0, 1.0, True, ())
