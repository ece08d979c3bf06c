"""A small rule says the opposite, or leaves a text alone."""

import numpy as np
import pytest

from afina.perturbations.negate import Config, change


def negated(text):
    return change(text, Config(), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My card was taken by the ATM.", "My card wasn't taken by the ATM."),
        ("I have lost my card", "I haven't lost my card"),
        ("I AM SURE", "I AM NOT SURE"),
        ("Why did you charge me?", "Why didn't you charge me?"),
        ("I can see it. Can you?", "I can't see it. Can you?"),
        ("Can you help? It will fail.", "Can you help? It won't fail."),
        ("me lo han cobrado dos veces", "no me lo han cobrado dos veces"),
        ("El niño está enfermo", "El niño no está enfermo"),
        ("PUEDO PAGAR", "NO PUEDO PAGAR"),
        ("The will of my aunt is lost", "The will of my aunt isn't lost"),
        ("This can wait", "This can't wait"),
        ("La van a perder si la tengo yo", "La van a perder si no la tengo yo"),
        ("Ayer Will me debe el dinero", "Ayer Will no me debe el dinero"),
    ],
)
def test_a_statement_is_negated(text, expected):
    assert negated(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is not so", "It is so"),
        ("I cannot pay", "I can pay"),
        ("Won\u2019t work", "Will work"),
        ("I'm not ok", "I'm ok"),
        ("There has been no response", "There has been response"),
        ("¿Por qué no me funciona?", "¿Por qué me funciona?"),
        ("No tengo fiebre", "Tengo fiebre"),
    ],
)
def test_a_negation_is_taken_away(text, expected):
    assert negated(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Is there a fee?",  # the same question with "not"
        "what do I do",
        "¿Puedo pagar?",
        "It was used without me knowing",
        "Nunca he pagado",
        "I do my banking online",
        "My card stopped working",
        "No, I do that",
        "no longer there",
        "the will of my aunt",
        "My son lost my card.",  # "son" is Spanish as well
        "send the van",
        "charged as a no show",
        "El recibo de marzo",
        "the recent era of cards",
        "un debe en la cuenta",
        "My es key sticks to the desk",
    ],
)
def test_what_the_rule_does_not_know_is_left_alone(text):
    assert negated(text) is None


@pytest.mark.parametrize("text", ["My card was taken.", "I can pay", "me han cobrado", "El niño está enfermo", "I am"])
def test_twice_negated_is_the_text_again(text):
    twice = negated(negated(text))
    assert twice == text
