"""What the noises do, letter by letter; and words of another language, of a glossary, or left out."""

import numpy as np
import pytest

from afina.perturbations import code_switch, keyboard, ocr, shorten, swap

TEXT = "The morning clinic could not return 500 calls about Bill Obama"


def draws(module, config, text=TEXT, count=60):
    return [module.change(text, config, np.random.default_rng(seed)) for seed in range(count)]


def test_neighbours_on_the_keyboard_are_the_keys_that_touch():
    assert {key: set(keyboard.BESIDE[key]) for key in "agpzm"} == {
        "a": set("qwsz"),
        "g": set("tyfhvb"),
        "p": set("ol"),
        "z": set("asx"),
        "m": set("njk"),
    }


def test_touching_goes_both_ways():
    assert all(key in keyboard.BESIDE[other] for key, near in keyboard.BESIDE.items() for other in near)


@pytest.mark.parametrize("count", [1, 3])
def test_a_slip_hits_one_letter_of_each_drawn_word_and_never_its_first(count):
    for changed in draws(keyboard, keyboard.Config(count=count)):
        differ = [place for place, (old, new) in enumerate(zip(TEXT, changed, strict=True)) if old != new]
        assert len(differ) == count
        words = [TEXT[:place].count(" ") for place in differ]
        assert len(set(words)) == count
        assert all(TEXT[place - 1] != " " for place in differ)
        assert all(changed[place] in keyboard.BESIDE[TEXT[place]] for place in differ)


def test_capitals_stay_capitals_on_the_keyboard():
    assert all(changed.isupper() for changed in draws(keyboard, keyboard.Config(count=5), "CHEST PAIN"))


def test_every_confusion_of_print_is_drawn_and_numbers_get_no_other_digits():
    seen = set(draws(ocr, ocr.Config(), "corner 500", 200))
    assert {"comer 500", "corncr 500", "c0rner 500", "corner 5O0"} <= seen
    digits = {"".join(letter for letter in text.split()[1] if letter.isdigit()) for text in seen}
    assert digits == {"500", "50", "00"}  # some become letters, none becomes another digit


def test_more_confusions_are_in_more_words():
    for changed in draws(ocr, ocr.Config(count=4)):
        assert sum(old != new for old, new in zip(TEXT.split(), changed.split(), strict=True)) == 4


def test_a_stronger_noise_has_the_slips_of_the_weaker_one_where_each_changes_as_many_words():
    one, two = (keyboard.change(TEXT, keyboard.Config(count=n), np.random.default_rng(3)) for n in (1, 2))
    assert sum(a != b for a, b in zip(one.split(), two.split(), strict=True)) == 1


def test_the_list_of_two_languages_goes_both_ways_and_keeps_its_accents():
    assert len(code_switch.TO["en"]) == len(code_switch.TO["es"]) > 150
    assert {code_switch.TO["es"][word] for word in ("tomorrow", "address", "blood", "music", "loan")} == {
        "mañana",
        "dirección",
        "sangre",
        "música",
        "préstamo",
    }


@pytest.mark.parametrize(
    ("text", "switched"),
    [
        ("WHERE is My Card?", "DÓNDE es My Tarjeta?"),
        ("¿Dónde está mi tarjeta hoy?", "¿Where está mi card today?"),
        ("the son of a lawyer", "the hijo of a abogado"),  # son is a word of both
        ("xyz 12", None),
    ],
)
def test_words_are_said_in_the_language_that_the_text_is_not_in(text, switched):
    assert code_switch.change(text, code_switch.Config(share=1), np.random.default_rng(0)) == switched


@pytest.mark.parametrize(("share", "switched"), [(0.01, 1), (0.5, 2), (1, 4)])
def test_as_many_words_are_switched_as_asked_for(share, switched):
    text = "my card and my bank and"
    changed = code_switch.change(text, code_switch.Config(share=share), np.random.default_rng(0))
    assert sum(a != b for a, b in zip(text.split(), changed.split(), strict=True)) == switched


@pytest.mark.parametrize(("share", "left"), [(0.25, "one two three"), (0.5, "one two"), (0.9, "one")])
def test_the_end_of_a_text_is_left_out(share, left):
    rng = np.random.default_rng(0)
    assert shorten.change("one two  three four", shorten.Config(share=share), rng) == left.replace("two t", "two  t")
    assert shorten.change("one", shorten.Config(share=share), rng) is None


@pytest.mark.parametrize(
    ("to", "changed"),
    [("first", "my automated teller machine is out"), ("others", None), ("any", "my automated teller machine is out")],
)
def test_a_group_can_be_gone_through_in_one_direction(to, changed):
    config = swap.Config(groups=(("automated teller machine", "ATM"),), to=to)
    assert swap.change("my atm is out", config, np.random.default_rng(0)) == changed
