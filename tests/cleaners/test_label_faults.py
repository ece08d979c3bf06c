"""Cleaners of labels: labels, label_typos, rare."""

import random

import pytest

from afina.cleaners import label_typos, labels, rare
from afina.records import Row


def rows(*names, file="train"):
    return tuple(Row(f"text {line}", name, f"{file}.csv:{line}") for line, name in enumerate(names, 2))


def names(splits, split="train"):
    return [row.label for row in splits[split]]


def test_labels_that_differ_in_case_or_space_become_the_commonest():
    cleaned, (finding,) = labels.clean({"train": rows("Card", "card", "card", "card  two", "card two", "card two")})
    assert names(cleaned) == ["card", "card", "card", "card two", "card two", "card two"]
    assert (finding.action, finding.count) == ("repaired", 2)
    assert finding.where[0] == "train.csv:2: 'Card' read as 'card'"


def test_the_spelling_of_train_wins_over_the_spelling_of_test():
    cleaned, _ = labels.clean({"train": rows("card"), "test": rows("CARD", "CARD", file="test")})
    assert names(cleaned, "test") == ["card", "card"]


def test_whole_numbers_written_as_floats_become_whole():
    cleaned, (finding,) = labels.clean({"train": rows("1.0", "0.0", "1.0"), "test": rows("1", file="test")})
    assert (names(cleaned), names(cleaned, "test")) == (["1", "0", "1"], ["1"])
    assert finding.count == 3


def test_versions_and_grades_are_no_whole_numbers():
    given = {"train": rows("1.0", "1.5", "2.0")}
    assert labels.clean(given) == (given, ())


WORDS = [
    "card_arrival",
    "lost_card",
    "top_up_failed",
    "transfer_fee",
    "exchange_rate",
    "balance_not_updated",
    "refund",
    "verify_identity",
    "Complaint",
    "positive",
    "negative",
    "neutral",
]


def slip(word, dice):
    """One random slip of the hand."""
    place = dice.randrange(len(word))
    letter = dice.choice("abcdefghijklmnopqrstuvwxyz_")
    swapped = word[:place] + word[place + 1 : place + 2] + word[place] + word[place + 2 :]
    left_out = word[:place] + word[place + 1 :]
    put_in = word[:place] + letter + word[place:]
    replaced = word[:place] + letter + word[place + 1 :]
    return dice.choice((left_out, put_in, replaced, swapped))


@pytest.mark.parametrize("seed", range(5))
def test_95_of_100_planted_slips_are_asked_about_and_nothing_is_merged(seed):
    dice = random.Random(seed)
    right = [dice.choice(WORDS) for _ in range(5000)]
    written = [slip(word, dice) if dice.random() < 0.02 else word for word in right]
    planted = [wrong for wrong in written if wrong not in WORDS]
    cleaned, (finding,) = label_typos.clean({"train": rows(*written)})
    assert names(cleaned) == written
    assert 0.95 * len(planted) <= finding.count <= len(planted)
    assert label_typos.clean({"train": rows(*right)})[1] == ()


@pytest.mark.parametrize(
    ("common", "rare"),
    [
        ("label1", "label2"),
        ("label_10", "label_1"),
        ("1", "2"),
        ("no", "no!"),
        ("yes", "yet"),
        ("part_a", "part_b"),
        ("phase_ii", "phase_iii"),
        ("ClassA", "ClassB"),
        ("ClassA", "ClassAB"),
        ("2019", "2020"),
        ("increase", "decrease"),
        ("agonist", "antagonist"),
    ],
)
def test_labels_that_number_or_mean_different_things_are_not_asked_about(common, rare):
    given = {"train": rows(*[common] * 50, rare)}
    assert label_typos.clean(given) == (given, ())


def test_two_common_labels_are_not_asked_about():
    given = {"train": rows(*["farming"] * 50, *["framing"] * 40)}
    assert label_typos.clean(given) == (given, ())


def test_the_question_names_the_line_and_the_nearest_label():
    _, (finding,) = label_typos.clean({"train": rows(*["transfer"] * 9), "test": rows("transfre", file="test")})
    assert finding.where == ("test.csv:2: 'transfre', did you mean 'transfer'?",)


def test_many_long_labels_take_no_long_time():
    many = [f"{'long name ' * 9}{chr(0x4E00 + n)}{n % 7}" for n in range(1000)]
    label_typos.clean({"train": rows(*many)})


def test_a_class_with_one_row_is_kept_and_named():
    given = {"train": rows("a", "a", "b")}
    cleaned, (finding,) = rare.clean(given)
    assert cleaned == given
    assert (finding.action, finding.count, finding.where) == ("kept", 1, ("train.csv:4",))


def test_classes_that_train_lacks_leave_dev_and_stay_in_test_as_errors():
    given = {"train": rows("a", "a"), "dev": rows("a", "b", file="dev"), "test": rows("b", "a", file="test")}
    cleaned, (dev, test) = rare.clean(given)
    assert names(cleaned, "dev") == ["a"]
    assert names(cleaned, "test") == ["b", "a"]
    assert (dev.action, dev.count) == ("removed", 1)
    assert (test.action, test.count) == ("kept", 1)
    assert "counts as an error" in test.problem
