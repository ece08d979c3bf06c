"""Each word is hidden once, whole, and nothing else is."""

import numpy as np
import pytest
from transformers import AutoTokenizer

from afina import masking, pseudo

TEXTS = ["my card is lost", "book a visit please", "where can i pay the cab bill today or tomorrow early", "no pain"]


@pytest.fixture(scope="module")
def tokenizer(make_masked_base):
    return AutoTokenizer.from_pretrained(make_masked_base("bert"))


@pytest.fixture(scope="module")
def rows(tokenizer):
    return masking.windows(tokenizer, TEXTS, 32)[0]


def test_every_token_of_a_text_is_hidden_in_exactly_one_pass_behind_the_mask_alone(tokenizer, rows):
    for row in rows:
        passes = pseudo.hidden(row, tokenizer.mask_token_id)
        ids, words = np.array(row["input_ids"]), np.array(row["words"])
        labels, seen = (np.array([one[key] for one in passes]) for key in ("labels", "input_ids"))
        chosen = labels != masking.IGNORED
        assert (chosen.sum(0) == (words >= 0)).all()
        assert (labels == np.where(chosen, ids, masking.IGNORED)).all()
        assert (seen == np.where(chosen, tokenizer.mask_token_id, ids)).all()
        assert "words" not in passes[0]


def test_a_word_of_several_tokens_is_hidden_whole_and_a_seventh_of_the_words_at_once(tokenizer, rows):
    row = rows[2]
    words = np.array(row["words"])
    assert (np.bincount(words[words >= 0]) > 1).any()  # cab and or break
    passes = [words[np.array(one["labels"]) != masking.IGNORED] for one in pseudo.hidden(row, tokenizer.mask_token_id)]
    assert sorted(len(set(own)) for own in passes) == [1, 1, 1, 2, 2, 2, 2]  # eleven words
    assert sum(len(set(own)) for own in passes) == words.max() + 1


def test_up_to_seven_words_are_hidden_one_at_a_time(tokenizer, rows):
    assert [len(pseudo.hidden(row, tokenizer.mask_token_id)) for row in rows] == [4, 4, 7, 2]


def test_what_is_hidden_follows_from_the_text_and_not_from_where_it_stands(tokenizer, rows):
    found = [pseudo.hidden(row, tokenizer.mask_token_id) for row in rows]
    again, _ = masking.windows(tokenizer, TEXTS[::-1], 32)
    assert [pseudo.hidden(row, tokenizer.mask_token_id) for row in again][::-1] == found


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (100, 100), (101, 100), (5000, 100)])
def test_of_many_texts_some_are_read_evenly_over_the_list(count, expected):
    texts = [str(n) for n in range(count)]
    found = pseudo.some(texts)
    assert len(found) == len(set(found)) == expected
    assert found == sorted(found, key=int)
    assert found[:1] + found[-1:] == texts[:1] + texts[-1:]
