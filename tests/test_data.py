"""The data that the package carries: what the embedded messages and the general sentences promise."""

import csv
import json
from collections import Counter

import pytest

from afina import samples
from afina.sameness import normal

FOLDER = samples.REFERENCE.parent / "reception"


def read(split: str) -> list[tuple[str, str]]:
    with (FOLDER / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


TRAIN, TEST = read("train"), read("test")


def test_about_seven_hundred_and_two_hundred_messages():
    assert 650 <= len(TRAIN) <= 750
    assert 180 <= len(TEST) <= 220


def test_eight_classes_in_both_files_the_rarest_a_twentieth_of_the_commonest():
    train, test = (Counter(label for _, label in rows) for rows in (TRAIN, TEST))
    assert len(train) == 8
    assert train.keys() == test.keys()
    both = train + test
    assert max(both.values()) == 20 * min(both.values())
    for label, rows in both.items():
        assert test[label] / rows == pytest.approx(0.22, abs=0.04)


def test_no_message_occurs_twice_nor_in_both_files():
    texts = [normal(text).strip(".!? ") for text, _ in TRAIN + TEST]
    assert [text for text, count in Counter(texts).items() if count > 1] == []


@pytest.mark.parametrize("rows", [TRAIN, TEST], ids=["train", "test"])
def test_a_quarter_is_spanish_and_every_class_has_both_languages(rows):
    assert samples.languages([text for text, _ in rows])["es"] == pytest.approx(0.25, abs=0.06)
    for label in {label for _, label in rows}:
        found = samples.languages([text for text, other in rows if other == label])
        assert found["en"] > found.get("es", 0) > 0


def test_messages_are_short_differ_in_length_and_hold_no_leftovers_of_their_frames():
    lengths = [len(text.split()) for text, _ in TRAIN + TEST]
    assert 1 <= min(lengths) <= 4
    assert 18 <= max(lengths) <= 40
    for text, _ in TRAIN + TEST:
        assert text == " ".join(text.split())
        assert not set("{}|") & set(text)


def test_the_terms_of_the_domain_occur():
    words = {word for text, _ in TRAIN for word in samples.words(text)}
    assert words >= {"mi", "sob", "npo", "hba1c", "volante", "cita", "previa", "analítica", "ecg", "rx", "pcp", "inr"}


@pytest.mark.slow
def test_a_linear_model_is_good_and_can_be_beaten():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    texts, labels = zip(*TRAIN, strict=True)
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC()).fit(texts, labels)
    tested, expected = zip(*TEST, strict=True)
    predicted = model.predict(tested)
    assert 0.80 <= (predicted == list(expected)).mean() <= 0.92
    assert f1_score(expected, predicted, average="macro") < (predicted == list(expected)).mean()


@pytest.mark.parametrize(("language", "fewest"), [("en", 450), ("es", 350)])
def test_the_general_sentences_are_many_different_and_in_their_language(language, fewest):
    lines = (samples.REFERENCE / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    assert len({normal(line) for line in lines}) == len(lines) >= fewest
    assert samples.language(lines) == language
    assert samples.languages(lines)[language] > 0.95
    assert all(4 <= len(line.split()) <= 45 for line in lines)


def test_the_word_counts_are_single_words_without_long_numbers():
    for part in samples._counts():
        assert sum(part.values()) > 50_000
        assert all(samples.words(word) == [word] for word in part)
        assert not [word for word in part if word.isdigit() and len(word) >= 5]


def test_the_vectors_name_the_base_and_the_layer_that_made_them():
    from safetensors import safe_open

    from afina.bases import BUNDLED_SHA256

    with safe_open(samples.REFERENCE / "vectors_en.safetensors", framework="numpy") as file:
        made = json.loads(file.metadata()["made"])
        assert made["base"] == BUNDLED_SHA256
        assert made["layer"] == samples.layer(6)
        assert len(made["probes"]) == len(file.get_tensor("probes"))
        assert {f"words{length}" for length in samples.LENGTHS} <= set(file.keys())
