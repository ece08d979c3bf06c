"""Near copies, against every pair compared one by one."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from afina.novelty import NEAR, Texts, overlap, shingles

WORDS = "my card is lost where can i find the bill today please".split(" ")


def some(count, seed):
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(1, 9))) for _ in range(count)]


def test_what_is_looked_up_is_what_every_pair_compared_would_find():
    known, asked = some(300, 1), some(300, 2)
    texts = Texts(known)
    sets = [shingles(text) for text in known]
    truth = [any(overlap(shingles(text), other) >= NEAR for other in sets) for text in asked]
    assert [texts.near(text) for text in asked] == truth
    assert 30 < sum(truth) < 270


texts_of = st.text("ab É", max_size=9)


@settings(max_examples=40)
@given(st.lists(texts_of, max_size=6), st.lists(texts_of, max_size=6), texts_of)
def test_texts_that_come_later_are_found_too_whatever_they_hold(first, later, asked):
    texts = Texts(first)
    for text in later:
        texts.add(text)
    assert texts.near(asked) == any(overlap(shingles(asked), shingles(one)) >= NEAR for one in (*first, *later))


def test_case_spaces_and_a_comma_make_no_new_text_and_other_words_do():
    texts = Texts(["My card was lost yesterday, and I need another one"])
    assert texts.near("my CARD was  lost yesterday and i need another one")
    assert not texts.near("Since yesterday I have no card any more, please send a new one")
    assert not Texts([]).near("anything")
