import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afina import masking
from afina.errors import ConfigError

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
VOCABULARY = masking.Vocabulary(4, np.arange(5, 60))
ROW = {"input_ids": [2, 10, 11, 12, 13, 14, 3], "attention_mask": [1] * 7, "words": [-1, 0, 0, 1, 2, 2, -1]}


class Tokenizer:
    """One that was pretrained without masks."""

    mask_token_id = None


class Drawn:
    """A generator whose numbers are written down."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def random(self, count):
        found = np.array(self.numbers.pop(0))
        assert len(found) == count
        return found

    def choice(self, ids, count):
        return np.array([50 + place for place in range(count)])


@pytest.fixture(scope="module")
def tokenizer(tiny_bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bert)


def test_a_chosen_word_is_hidden_whole_and_each_of_its_tokens_in_one_of_three_ways():
    drawn = Drawn([0.1, 0.9, 0.15], [0, 0.79, 0.8, 0, 0.89, 0.9, 0])  # words 0 and 2; mask, another, as it was
    row = masking.mask(ROW, VOCABULARY, drawn)
    assert row["input_ids"] == [2, 4, 51 + 1, 12, 50 + 4, 14, 3]
    assert row["labels"] == [-100, 10, 11, -100, 13, 14, -100]
    assert row["attention_mask"] == ROW["attention_mask"]
    assert "words" not in row


def test_where_no_word_is_chosen_the_one_that_came_nearest_to_it_is():
    row = masking.mask(ROW, VOCABULARY, Drawn([0.9, 0.3, 0.4], [0.5] * 7))
    assert row["labels"] == [-100, -100, -100, 12, -100, -100, -100]
    assert row["input_ids"] == [2, 10, 11, 4, 13, 14, 3]


@given(st.integers(0, 2**32), st.lists(st.integers(1, 4), min_size=2, max_size=30))
def test_masks_follow_from_the_seed_and_touch_whole_words_only(seed, lengths):
    words = [-1, *(word for word, length in enumerate(lengths) for _ in range(length)), -1]
    row = {"input_ids": [2, *range(60, 58 + len(words)), 3], "words": words}
    before = json.dumps(row)
    first, again = (masking.mask(row, VOCABULARY, np.random.default_rng(seed)) for _ in range(2))
    assert first == again
    assert json.dumps(row) == before
    labels = np.array(first["labels"])
    assert set(labels[labels != -100]) <= set(row["input_ids"][1:-1])
    hidden = {word for word, label in zip(words, labels, strict=True) if label != -100}
    assert hidden
    assert hidden.isdisjoint({word for word, label in zip(words, labels, strict=True) if label == -100})
    kept = labels == -100
    assert (np.array(first["input_ids"])[kept] == np.array(row["input_ids"])[kept]).all()


def test_long_texts_are_cut_into_windows_and_their_words_are_numbered_anew(tokenizer):
    texts = ["my card is lost", "card", "xyz " * 6, ""]
    rows, places = masking.windows(tokenizer, texts, 8)
    assert places == [0, 2, 2, 2]  # a word alone has nothing around it, and of the last one nothing is left
    assert rows[0]["words"] == [-1, 0, 1, 2, 3, -1]
    assert rows[1]["words"] == [-1, 0, 0, 0, 1, 1, 1, -1]  # x ##y ##z
    body = [token for row in rows[1:] for token in row["input_ids"][1:-1]]
    assert body == tokenizer("xyz " * 6, add_special_tokens=False)["input_ids"]
    assert masking.windows(tokenizer, [], 8) == ([], [])


def test_special_tokens_never_stand_in_for_others(tokenizer):
    vocabulary = masking.vocabulary_of(tokenizer)
    assert vocabulary.mask == tokenizer.mask_token_id
    assert set(vocabulary.ordinary.tolist()) == set(range(len(tokenizer))) - set(tokenizer.all_special_ids)


def test_a_tokenizer_without_a_mask_is_refused():
    with pytest.raises(ConfigError, match="no mask token"):
        masking.vocabulary_of(Tokenizer())


def test_on_real_text_the_measured_rates_are_the_planned_ones_within_a_point():
    file = DATA / "corpus_legal_tos" / "docs.jsonl"
    if not file.is_file():
        pytest.skip("corpus_legal_tos is not on this machine: set AFINA_DATA")
    from afina import bases

    tokenizer = bases.open_base("bundled").tokenizer
    texts = [json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()[:12]]
    rows, _ = masking.windows(tokenizer, texts, 128)
    vocabulary = masking.vocabulary_of(tokenizer)
    words = chosen = 0
    ways = np.zeros(3)  # mask, as it was, another
    for place, row in enumerate(rows):
        masked = masking.mask(row, vocabulary, np.random.default_rng((0, place)))
        labels, ids, numbers = (np.array(one) for one in (masked["labels"], masked["input_ids"], row["words"]))
        hidden = labels != -100
        words, chosen = words + numbers.max() + 1, chosen + len(set(numbers[hidden].tolist()))
        mask, same = ids[hidden] == vocabulary.mask, ids[hidden] == labels[hidden]
        ways += [mask.sum(), same.sum(), (~mask & ~same).sum()]
    assert words > 50_000
    assert chosen / words == pytest.approx(0.15, abs=0.01)
    assert ways / ways.sum() == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
