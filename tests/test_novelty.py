"""Near copies, against every pair compared one by one."""

import random

import pytest

from afina.novelty import NEAR, Texts, overlap, shingles

WORDS = "my card is lost where can i find the bill today please".split(" ")


def some(words, count, seed):
    rng = random.Random(seed)
    return [" ".join(rng.choices(words, k=rng.randint(1, 9))) for _ in range(count)]


@pytest.mark.parametrize("words", [WORDS, ["", "a", "É", "ab"]], ids=["sentences", "next to nothing"])
def test_what_is_looked_up_is_what_every_pair_compared_would_find(words):
    known, later, asked = (some(words, 60, seed) for seed in (1, 2, 3))
    texts = Texts(known)
    for text in later:
        texts.add(text)
    sets = [shingles(text) for text in (*known, *later)]
    truth = [any(overlap(shingles(text), other) >= NEAR for other in sets) for text in asked]
    assert [texts.near(text) for text in asked] == truth
    assert sum(truth) > 5


def test_case_spaces_and_a_comma_make_no_new_text_and_other_words_do():
    texts = Texts(["My card was lost yesterday, and I need another one"])
    assert texts.near("my CARD was  lost yesterday and i need another one")
    assert not texts.near("Since yesterday I have no card any more, please send a new one")
    assert not Texts([]).near("anything")
