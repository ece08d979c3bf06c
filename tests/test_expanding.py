"""Cases are drawn by number: counts worked by hand, and the same seed gives the same cases."""

import math
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afina import expanding
from afina.errors import ConfigError
from afina.expanding import CAP, expand
from afina.records import Case, Expectation, Suite, SuiteTest

LEXICONS = {
    "who": (("she",), ("he",)),
    "pain": (("chest pain",), ("fever",), ("cough",)),
    "drug": (("Advil", "ibuprofen"), ("Zocor", "simvastatin")),
}
SAME = Expectation(same_label=True)


def of(lexicons=LEXICONS, **fields):
    """What one test expands to."""
    test = SuiteTest(**{"name": "t", "kind": "MFT", "capability": "c", "expect": SAME, **fields})
    return expand(Suite("s", "1", {}, lexicons, (test,)))[0]


def texts(found):
    return [case.texts for case in found.cases]


def test_a_template_has_as_many_cases_as_the_product_of_its_lexicons():
    found = of(templates=("{who} has a {pain}",))
    assert found.possible == 2 * 3
    assert texts(found) == [
        ("She has a chest pain",), ("He has a chest pain",), ("She has a fever",),
        ("He has a fever",), ("She has a cough",), ("He has a cough",),
    ]  # fmt: skip


def test_numbered_slots_of_one_lexicon_are_never_the_same():
    found = of(templates=("{pain1} or {pain2}, {who}",))
    assert found.possible == 3 * 2 * 2
    assert len(set(texts(found))) == 12
    assert all(text[0].casefold().count(pain) <= 1 for text in texts(found) for (pain,) in LEXICONS["pain"])


def test_a_slot_that_comes_twice_is_filled_alike_and_several_templates_add_up():
    found = of(templates=("{who} and {who}", "{pain}"))
    assert found.possible == 2 + 3
    assert texts(found) == [("She and she",), ("He and he",), ("Chest pain",), ("Fever",), ("Cough",)]


def test_changed_templates_are_filled_as_the_original_and_forms_name_one_thing():
    found = of(kind="INV", templates=("{who} takes {drug}.",), changed=("{who} takes {drug.1}.",))
    assert texts(found) == [
        ("She takes Advil.", "She takes ibuprofen."), ("He takes Advil.", "He takes ibuprofen."),
        ("She takes Zocor.", "She takes simvastatin."), ("He takes Zocor.", "He takes simvastatin."),
    ]  # fmt: skip
    swapped = of(kind="INV", templates=("{pain1} before {pain2}",), changed=("{pain2} before {pain1}",))
    assert ("Fever before cough", "Cough before fever") in texts(swapped)
    alone = of(kind="INV", templates=("one",), changed=("{who}",))
    assert alone.possible == 2  # slots of the changed text count too


def test_pairs_of_texts_keep_their_second_text():
    found = of(kind="INV", templates=("{who} sleeps",), pair="{who} is awake", perturb=(("upper", {}),))
    assert texts(found)[0] == (("She sleeps", "She is awake"), ("SHE SLEEPS", "She is awake"))


def test_braces_can_be_written():
    assert texts(of(templates=("{{who}} {who}",))) == [("{who} she",), ("{who} he",)]


def test_a_perturbation_that_does_not_apply_gives_no_case_and_another_is_drawn():
    drug = (("swap", {"groups": LEXICONS["drug"]}),)
    found = of(kind="INV", texts=("Took Advil.", "Slept well.", "Zocor again"), perturb=drug, most=2)
    assert sorted(texts(found)) == [("Took Advil.", "Took ibuprofen."), ("Zocor again", "Simvastatin again")]
    with pytest.raises(ConfigError, match="swap changes none of its texts"):
        of(kind="INV", texts=("Slept well.",), perturb=drug)


def test_texts_of_the_users_that_do_not_fit_are_no_error_but_a_template_without_cases_is():
    assert of(kind="INV", rows=True, perturb=(("upper", {}),)).cases == ()
    with pytest.raises(ConfigError, match="too few entries"):
        of(templates=("{who1} {who2} {who3}",))


def test_cases_that_are_given_are_taken_as_they_are():
    assert of(cases=(Case(("a",), "x"), Case(("b",), "y")), most=1).cases == (Case(("a",), "x"), Case(("b",), "y"))


def test_a_product_beyond_all_bounds_costs_no_more_than_its_sample():
    lexicons = {letter: tuple((f"{letter}{n}",) for n in range(1000)) for letter in "abcdefghij"}
    began = time.process_time()
    found = of(lexicons, templates=(" ".join(f"{{{letter}}}" for letter in lexicons),), most=50)
    assert time.process_time() - began < 1
    assert found.possible == 1000**10
    assert len(set(texts(found))) == 50


def test_ten_million_cases_are_capped_and_said(monkeypatch):
    monkeypatch.setattr(expanding, "CAP", 20)
    lexicons = {letter: tuple((str(n),) for n in range(215)) for letter in "abc"}
    found = of(lexicons, templates=("{a} {b} {c}",), most=10_000_000)
    assert found.possible == 215**3 == 9_938_375
    assert len(found.cases) == 20
    assert found.note == "the test 't' asks for 9,938,375 cases: 20 were taken, which is the most"
    assert of(lexicons, templates=("{a}",), most=20).note == ""
    assert len(of(cases=(Case(("a",)),) * 30).cases) == 20
    assert CAP == 10_000


numbers = st.integers(1, 60)


@settings(max_examples=20)
@given(total=st.integers(0, 100), seed=st.integers(0, 9))
def test_the_order_has_each_number_once_and_the_seed_decides_it(total, seed):
    found = list(expanding.order(total, seed))
    assert sorted(found) == list(range(total))
    assert found == list(expanding.order(total, seed))


@settings(max_examples=25)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4), most=numbers, seed=st.integers(0, 5))
def test_the_sample_has_no_repeats_keeps_its_size_and_its_hash(sizes, most, seed):
    lexicons = {"abcd"[n]: tuple((f"{n}-{entry}",) for entry in range(size)) for n, size in enumerate(sizes)}
    fields = {"templates": (" ".join(f"{{{name}}}" for name in lexicons),), "most": most, "seed": seed}
    found, again = of(lexicons, **fields), of(lexicons, **fields)
    assert found.possible == math.prod(sizes)
    assert len(found.cases) == len(set(found.cases)) == min(most, found.possible)
    assert expanding.digest([found]) == expanding.digest([again])


def test_every_number_is_as_likely_to_be_drawn():
    counts = [0] * 6
    for seed in range(1200):
        counts[next(expanding.order(6, seed))] += 1
    assert all(140 < count < 260 for count in counts)  # 200, standard deviation 13


def test_the_hash_tells_another_seed_another_text_and_another_label():
    found = of(templates=("{pain1} {pain2}",), most=3)
    one = expanding.digest([found])
    other = of(templates=("{pain1} {pain2}",), most=3, seed=1)
    labelled = replace(found, cases=(replace(found.cases[0], label="x"), *found.cases[1:]))
    assert len({one, expanding.digest([other]), expanding.digest([labelled])}) == 3
    assert len(one) == 64


def test_the_hash_is_the_same_on_every_machine():
    drawn = {"most": 5, "seed": 7, "perturb": (("typo", {}),)}
    found = of(kind="INV", templates=("{pain1} or {pain2}, {who}",), **drawn)
    assert expanding.digest([found]).startswith("b69d2369225c81bd")  # recorded: NumPy's own streams decide it
