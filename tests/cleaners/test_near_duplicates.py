"""Near copies: what counts as one, between which splits, and that a million lines of one template stay cheap."""

import random
import time
from itertools import pairwise

import pytest

from afina import nearness
from afina.cleaners import near_duplicates
from afina.records import Row

SENTENCE = "I bought something online a couple of days ago and it is still not here"  # 15 words, 29 shingles


def found(*texts, split="train", labels="aa"):
    rows = tuple(
        Row(text, label, f"{split}.csv:{n}") for n, (text, label) in enumerate(zip(texts, labels, strict=True), 2)
    )
    given = {split: rows}
    cleaned, findings = near_duplicates.clean(given)
    assert cleaned == given
    return [(one.count, one.where) for one in findings]


COPIED = [(1, ("train.csv:3, of train.csv:2",))]


@pytest.mark.parametrize(
    "copy",
    [
        SENTENCE + "!",
        SENTENCE.replace("bought something", "bought  something,"),
        SENTENCE.upper(),
        SENTENCE + " https://t.co/x1",
        SENTENCE + " now",  # 29 of 31 shingles
        SENTENCE.removeprefix("I "),  # 27 of 29
    ],
)
def test_signs_case_links_and_a_word_more_or_less_make_a_near_copy(copy):
    assert found(SENTENCE, copy) == COPIED


def test_a_word_replaced_in_a_sentence_of_fifteen_makes_another_text():
    assert found(SENTENCE, SENTENCE.replace("online", "abroad")) == []  # 26 of 32 shingles


LONG = f"{SENTENCE}, says the customer to whom we sent it, and we said that we will look at this once more"  # 34 words


def test_a_word_replaced_in_a_long_text_does_not_unless_it_is_a_number_or_a_name():
    assert found(LONG, LONG.replace("customer", "person")) == COPIED
    assert found(LONG.replace("online", "7"), LONG.replace("online", "8")) == []
    assert found(LONG.replace("online", "Berlin"), LONG.replace("online", "Oslo")) == []
    assert found(LONG.replace("online", "Berlin"), LONG.replace("online", "berlin")) == COPIED


def test_other_marked_words_make_another_text():
    assert found(LONG.replace("customer", "<< customer >>"), LONG.replace("online", "<< online >>")) == []


def test_a_mark_on_another_of_two_equal_words_makes_another_text():
    twice = f"the level of VMAT2 was higher. {LONG}; so was the level of VMAT2"
    first, second = twice.replace("VMAT2", "<< VMAT2 >>", 1), "<< VMAT2 >>".join(twice.rsplit("VMAT2", 1))
    assert found(first, second) == []
    assert found(first, first.replace("higher", "higher,")) == COPIED


def test_of_pairs_both_texts_must_be_near_copies():
    def pair(text, other, line):
        return Row(text, "a", f"t:{line}", other)

    rows = (pair(LONG, "Is it here?", 2), pair(LONG, "Was it sent?", 3), pair(LONG + ".", "is it here", 4))
    (finding,) = near_duplicates.clean({"train": rows})[1]
    assert finding.where == ("t:4, of t:2",)


def test_train_is_compared_with_all_splits_and_test_not_with_itself():
    def rows(split, *texts):
        return tuple(Row(text, split, f"{split}:{line}") for line, text in enumerate(texts, 1))

    other = "My card was not accepted at the till this morning, what is wrong with it now"
    splits = {
        "train": rows("train", SENTENCE + "!", other + "?", other + "!"),
        "dev": rows("dev", SENTENCE + "?", other),
        "test": rows("test", SENTENCE, SENTENCE + "..."),
        "old": rows("old", SENTENCE),
    }
    cleaned, findings = near_duplicates.clean(splits)
    assert cleaned == splits
    assert [one.problem for one in findings] == [
        "1 rows of dev nearly copy one of test; 1 of them have another label",
        "1 rows of train nearly copy one of test; 1 of them have another label",
        "2 rows of train nearly copy one of dev; 2 of them have another label",
    ]


def test_what_is_found_is_what_comparing_every_pair_finds():
    rng = random.Random(0)
    words = [f"w{chr(97 + n)}" for n in range(12)]
    texts = [" ".join(rng.choices(words, k=rng.randint(8, 14))) for _ in range(60)]
    texts += [f"{text} {rng.choice(words)}" for text in texts[:40]]
    rng.shuffle(texts)

    def shingles(text):
        split = text.split()
        return set(split) | set(pairwise(split))

    def like(one, other):
        a, b = shingles(one), shingles(other)
        return len(a & b) / len(a | b)

    kept, expected = [], []
    for place, text in enumerate(texts):
        if any(like(text, one) >= 0.9 for one in kept):
            expected.append(place)
        else:
            kept.append(text)
    rows = [Row(text, "a", f"{place}") for place, text in enumerate(texts)]
    assert [place for place, _ in nearness.copies(rows)] == expected
    assert len(expected) > 15


def test_lines_of_one_template_cost_the_same_however_many_there_are():
    def seconds(count):
        rows = tuple(Row(LONG.replace("online", str(n)), "a", f"t:{n}") for n in range(count))
        began = time.process_time()
        assert near_duplicates.clean({"train": rows})[1] == ()
        return time.process_time() - began

    seconds(50)  # the library is imported
    assert seconds(800) < 8 * seconds(200)  # four times as many rows; comparing all pairs would take sixteen times
