"""A suite is read into records; whatever is wrong with it is said with file and line, and nothing in it runs."""

import json
from itertools import pairwise

import pytest

from afina import released, suites
from afina.errors import AfinaError, ConfigError, DataError
from afina.records import Case, Expectation

WHOLE = """\
suite: mine
labels: {urgent: now, routine: later}
lexicons:
  symptom: [chest pain, fever]
  drug: [[Advil, ibuprofen], [Zocor, simvastatin]]
defaults: {n: 7, seed: 3}
tests:
  - {id: denied, type: MFT, capability: negation, template: "No {symptom}.", expect: {label: routine},
     severity: critical}
  - id: brand
    type: INV
    capability: names
    template: Takes {drug}
    perturb: {swap: {lexicon: drug}}
    expect: {same_label: true, max_change: 0.1}
"""


def suite(tmp_path, text=WHOLE):
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    return suites.read(str(tmp_path / "s.yaml"))


def test_a_suite_becomes_records_and_defaults_reach_every_test(tmp_path):
    made = suite(tmp_path)
    first, second = made.tests
    assert made.lexicons["drug"] == (("Advil", "ibuprofen"), ("Zocor", "simvastatin"))
    assert (first.name, first.kind, first.most, first.seed) == ("denied", "MFT", 7, 3)
    assert (first.max_failure_rate, second.max_failure_rate) == (0.0, 0.1)  # of critical and of major
    assert first.expect == Expectation(label=("routine",))
    assert second.perturb == (("swap", {"groups": made.lexicons["drug"], "to": "any"}),)


def test_a_lexicon_of_single_words_is_one_group_of_which_each_may_stand_for_another(tmp_path):
    made = suite(tmp_path, WHOLE.replace("swap: {lexicon: drug}", "swap: {lexicon: symptom}"))
    assert made.tests[1].perturb == (("swap", {"groups": (("chest pain", "fever"),), "to": "any"}),)


WRONG = {
    "broken YAML": ('"No {symptom}."', '"No {symptom}.', "line 8"),
    "a key twice": ("suite: mine", "suite: mine\nsuite: yours", "line 2: 'suite' is given twice"),
    "an unknown perturbation": ("swap:", "swop:", "s.yaml:10: test 'brand': there is no 'swop' in pert"),
    "an unknown option": ("{lexicon: drug}", "{lexicon: drug, often: 2}", "'brand', swap: there is no key 'often'"),
    "an unknown lexicon": ("lexicon: drug", "lexicon: drugs", "no lexicon 'drugs'", "did you mean 'drug'"),
    "a template without lexicon": ("No {symptom}", "No {simptom}", "s.yaml:8: test 'denied': {simptom}", "'symptom'"),
    "a brace alone": ("No {symptom}", "No {symptom", "a brace stands alone"),
    "a number beyond all bounds": ("{drug}\n", "{drug" + "9" * 5000 + "}\n", "a brace stands alone"),
    "a form that is not there": ("{drug}\n", "{drug.2}\n", "not every entry of the lexicon 'drug' has a form 2"),
    "an empty lexicon": ("[chest pain, fever]", "[]", "not every entry of the lexicon 'symptom'"),
    "an unknown key": ("severity:", "sevrity:", "there is no key 'sevrity'", "did you mean 'severity'"),
    "a wrong severity": ("severity: critical", "severity: grave", "'critical', 'major' or 'minor'"),
    "an unknown label": ("label: routine", "label: rutine", "'rutine' is no label", "did you mean 'routine'"),
    "a word that is false": ("[chest pain, fever]", "[chest pain, no]", "not 'False'", "put quotes around it"),
    "an expectation of nothing": ("expect: {label: routine}", "expect: {}", "expects nothing"),
    "MFT with changes": ("type: INV", "type: MFT", "is MFT and has changed texts"),
    "INV without changes": ("perturb: {swap: {lexicon: drug}}", "about: x", "is INV and changes no text"),
    "no text at all": ("template: Takes {drug}", "about: x", "has 0 sources of texts"),
    "two sources": ("template: Takes {drug}", "template: x\n    texts: [a]", "has 2 sources of texts"),
    "a direction of nothing": ("same_label: true", "direction: increasing", "probability names a label"),
    "a direction for single texts": (
        "{label: routine}", "{probability: urgent, direction: increasing}", "nothing to compare with"
    ),
    "one name for two tests": ("id: brand", "id: denied", "two tests with the id 'denied'"),
    "no tests": (WHOLE[WHOLE.index("tests:") :], "", "has no tests"),
    "a test that is none": ("  - id: brand", "  - hello\n  - id: brand", "'hello' stands among the tests"),
    "an alias": ("[chest pain, fever]", "&a [*a]", "aliases"),
    "code": ("[chest pain, fever]", "!!python/object/apply:os.system ['true']", "could not determine a constructor"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place_and_what_to_do(tmp_path, wrong):
    old, new, *said = wrong
    assert old in WHOLE
    with pytest.raises(ConfigError) as error:
        suite(tmp_path, WHOLE.replace(old, new, 1))
    for part in said:
        assert part in str(error.value)


BOMBS = {
    "laughs": "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise("abcdefghi")),
    "depth": "suite: " + "[" * 200,
    "keys that are lists": "? [a, b]\n: c",
    "merged keys": "<<: 3",
    "a date that is none": "suite: 2024-99-99",
    "bytes": "suite: \x00",
}  # fmt: skip


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_an_error_before_it_goes_off(tmp_path, content):
    with pytest.raises(ConfigError):
        suite(tmp_path, content)


def test_a_suite_that_is_not_there_is_told_from_those_that_ship(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'medicine'"):
        suites.read("medecine")
    with pytest.raises(ConfigError, match="there is no suite"):
        suites.read(str(tmp_path / "none.yaml"))
    (tmp_path / "suite.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataError, match=r"name a \.yaml file"):
        suites.read(str(tmp_path / "suite.pkl"))


def test_a_file_says_which_of_the_models_labels_a_label_is(tmp_path):
    path = tmp_path / "labels.yaml"
    path.write_text("urgent: [emergency, 1]\nroutine: null\n0: none\n")
    assert suites.mapping(path) == {"urgent": ("emergency", "1"), "routine": (), "0": ("none",)}
    path.write_text("urgent: no\n")
    with pytest.raises(ConfigError, match="put quotes"):
        suites.mapping(path)


# ---------------------------------------------------------------- the released format

TESTS = [
    {"test": 0, "name": "words", "type": "MFT", "capability": "Vocabulary", "description": "good\nwords"},
    {"test": 1, "name": "typos", "type": "INV", "capability": "Robustness", "description": None},
    {"test": 2, "name": "more", "type": "DIR", "capability": "Vocabulary", "description": None},
    {"test": 3, "name": "not bad", "type": "MFT", "capability": "Negation", "description": None},
    {"test": 4, "name": "lost", "type": "MFT", "capability": "Negation", "description": None},
]
CASES = [
    {"test": 0, "case": 0, "data": "good", "label": 2},
    {"test": 1, "case": 0, "data": ["a good seat", "a godo seat"], "label": None},
    {"test": 2, "case": 0, "data": ["good", "very good"], "label": None},
    {"test": 3, "case": 0, "data": "not bad", "label": None},
    {"test": 0, "case": 1, "data": "bad", "label": 0},
]


def release(folder, tests=TESTS, cases=CASES):
    (folder / "x_tests.jsonl").write_text("".join(json.dumps(one) + "\n" for one in tests))
    (folder / "x_cases.jsonl").write_text("\n".join(json.dumps(one) for one in cases))
    return folder


def test_the_released_format_becomes_the_same_records_and_what_has_no_expectation_is_told(tmp_path):
    made = suites.read(str(release(tmp_path)))
    assert [(test.name, test.kind) for test in made.tests] == [("words", "MFT"), ("typos", "INV")]
    assert made.tests[0].cases == (Case(("good",), "2"), Case(("bad",), "0"))
    assert made.tests[0].about == "good words"
    assert made.tests[1].expect == Expectation(same_label=True)
    assert [note.partition(" ")[0] for note in made.notes] == [f"x_tests.jsonl:{n}:" for n in (3, 4, 5)]


def test_a_suite_may_import_a_release_and_say_what_its_tests_expect(tmp_path):
    release(tmp_path)
    text = "suite: air\nimport: x_tests.jsonl\nexpect:\n  not bad: {not_label: 0}\n"
    text += "  more: {probability: answer, direction: non_decreasing, tolerance: 0.1, ignore: 1}\n"
    made = suite(tmp_path, text)
    expects = {test.name: test.expect for test in made.tests}
    assert expects["not bad"] == Expectation(not_label=("0",))
    assert expects["more"].ignore == ("1",)
    assert len(made.notes) == 1  # the one without cases
    with pytest.raises(DataError, match="has no test 'less'"):
        suite(tmp_path, text.replace("more:", "less:"))


BROKEN = {
    "no JSON": ('{"test": 0, ', "x_tests.jsonl:1: no JSON"),
    "an unknown type": ('{"test": 0, "name": "a", "type": "FUN", "capability": "b"}', "x_tests.jsonl:1: type"),
    "no name": ('{"test": 0, "type": "MFT", "capability": "b"}', "x_tests.jsonl:1: name"),
    "a list": ("[]", "x_tests.jsonl:1"),
    "depth": ("[" * 20_000, "x_tests.jsonl:1"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_line_of_a_release_is_named(tmp_path, broken):
    content, said = broken
    release(tmp_path)
    (tmp_path / "x_tests.jsonl").write_text(content)
    with pytest.raises(AfinaError) as error:
        released.read(tmp_path, {})
    assert said in str(error.value)


def test_a_release_of_no_use_is_an_error_and_cases_must_fit_their_type(tmp_path):
    changed = [{**CASES[0], "data": ["good", "bad"]}]
    with pytest.raises(DataError, match="its cases have not the form of MFT"):
        released.read(release(tmp_path, TESTS[:1], changed), {})
    (tmp_path / "x_cases.jsonl").unlink()
    with pytest.raises(DataError, match="there is no file"):
        released.read(tmp_path, {})
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="holds 0 files"):
        released.read(tmp_path / "nothing", {})
