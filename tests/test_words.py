"""Words, and the windows that answer for them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afina import words


def cut(text):
    return [text[start:end] for start, end in words.words(text)]


def test_words_signs_and_letters_of_other_scripts():
    assert cut("22-oxacalcitriol, 5 µg/kg (i.v.)!") == [
        "22", "-", "oxacalcitriol", ",", "5", "µg", "/", "kg", "(", "i", ".", "v", ".", ")", "!",
    ]  # fmt: skip
    assert cut("¿Qué tal?\tmañana\u00a0sí") == ["¿", "Qué", "tal", "?", "mañana", "sí"]
    assert cut("नमस्ते @user_1 #x €5 🙂🙂") == ["नमस्ते", "@", "user", "_", "1", "#", "x", "€", "5", "🙂", "🙂"]
    assert cut("") == cut(" \n\u2003") == []


@given(text=st.text(max_size=30))
def test_every_character_but_white_space_is_in_one_word(text):
    found = words.words(text)
    assert [place for start, end in found for place in range(start, end)] == [
        place for place, char in enumerate(text) if not char.isspace()
    ]
    joined = " ".join(cut(text))
    assert cut(joined) == cut(text)


def tokens(count, size=2):
    """Offsets of so many words of `size` letters with a space between, a token a word."""
    return [(place * (size + 1), place * (size + 1) + size) for place in range(count)]


def windows(offsets, width, shared):
    """As a tokenizer cuts them, with a token of no characters at both ends."""
    starts = range(0, max(len(offsets) - shared, 1), width - shared)
    return [[(0, 0), *offsets[start : start + width], (0, 0)] for start in starts]


def test_a_word_is_read_where_it_stands_farthest_from_a_cut():
    found = tokens(10)
    read = words.assign(windows(found, 6, 2), found)
    # windows of words 0-5 and 4-9: 4 is one token from the first's cut and at the second's
    assert read == [[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], [(5, 2), (6, 3), (7, 4), (8, 5), (9, 6)]]


@given(count=st.integers(0, 40), width=st.integers(3, 12), share=st.integers(0, 2))
def test_each_word_is_read_once_and_at_its_own_token(count, width, share):
    found = tokens(count)
    cuts = windows(found, width, share)
    read = words.assign(cuts, found)
    assert sorted(word for part in read for word, _ in part) == list(range(count))
    assert all(cuts[place][token] == found[word] for place, part in enumerate(read) for word, token in part)


def test_the_first_token_of_a_word_answers_and_a_word_without_one_is_not_read():
    offsets = [(0, 0), (0, 3), (3, 5), (5, 6), (7, 9), (0, 0)]
    assert words.assign([offsets], [(0, 5), (5, 6), (6, 7), (7, 9)]) == [[(0, 1), (1, 3), (3, 4)]]
    # a token that begins with the space before the word, and four tokens of one character
    assert words.assign([[(0, 0), (0, 3), (3, 7), (8, 9), (8, 9)]], [(0, 3), (4, 7), (8, 9)]) == [
        [(0, 1), (1, 2), (2, 3)]
    ]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 3, (0, 1)), (0, 4, (0, 1)), (1, 5, (0, 2)), (3, 4, (1, 1)), (4, 8, (1, 3)), (8, 9, (3, 3)), (5, 5, (1, 1))],
)
def test_the_words_that_a_stretch_touches(start, end, expected):
    assert words.within([(0, 3), (4, 7), (7, 8)], start, end) == expected


def test_answers_stand_at_their_words_and_what_was_not_read_is_zero():
    values = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    answers = words.by_word(values, ["a b", "", "c"], [(2, 0), (0, 1)], 2)
    assert [answer.tolist() for answer in answers] == [[[0, 0], [3, 4]], [], [[1, 2]]]
    assert words.flat(answers).tolist() == [[0, 0], [3, 4], [1, 2]]
    assert words.each(answers, lambda one: one + 1)[2].tolist() == [[2, 3]]
    assert words.flat(values) is values
