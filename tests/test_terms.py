import math
import os
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afina import glossaries, terms
from afina.errors import DataError
from afina.terms import General, Limits

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
RARE = {f"w{n}": 5 for n in range(4000)}
GENERAL = General({"the": 600, "a": 400, "of": 300, "is": 200, "big": 30, "card": 15, "cell": 1, **RARE}, "made")
SPANISH = (
    "El cáncer de próstata es frecuente. La próstata crece; el PSA del paciente subió.",
    "Un paciente con cáncer de próstata y PSA alto, sin metástasis.",
    "La biopsia confirmó cáncer de próstata; el paciente no tiene metástasis.",
    "Metástasis ósea: cáncer de próstata avanzado en un paciente joven.",
)


def by_name(found):
    return {term.term: term for term in found}


def test_c_values_are_those_of_the_example_in_the_paper():
    found = terms.c_values(
        {
            "adenoid cystic basal cell carcinoma": 5,
            "cystic basal cell carcinoma": 11,
            "ulcerated basal cell carcinoma": 7,
            "recurrent basal cell carcinoma": 5,
            "circumscribed basal cell carcinoma": 3,
            "basal cell carcinoma": 984,
        }
    )
    assert found == pytest.approx(
        {
            "adenoid cystic basal cell carcinoma": 5 * math.log2(5),
            "cystic basal cell carcinoma": 12,  # 2 * (11 - 5)
            "ulcerated basal cell carcinoma": 14,
            "recurrent basal cell carcinoma": 10,
            "circumscribed basal cell carcinoma": 6,
            "basal cell carcinoma": math.log2(3) * (984 - 26 / 5),  # 26 = 5 + (11 - 5) + 7 + 5 + 3
        }
    )


def test_a_phrase_that_stands_in_one_longer_phrase_only_is_no_term():
    texts = ["give broad spectrum antibiotics"] * 9
    found = by_name(terms.mine(texts, GENERAL, (), Limits(longest=4, z=0)))
    assert "give broad spectrum antibiotics" in found
    assert "broad spectrum" not in found


counts = st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), min_size=2, max_size=20)


@given(counts, st.floats(1, 1e5))
def test_log_odds_are_those_of_a_second_writing_and_turn_round_with_the_sides(pairs, prior):
    here, there = np.array(pairs, float).T
    sizes = float(here.sum()), float(there.sum())
    d, z = terms.log_odds(here, there, sizes, prior)
    for place, (y, g) in enumerate(pairs):
        a = prior * (y + g) / sum(sizes)
        one, other = (y + a) / (sizes[0] + prior - y - a), (g + a) / (sizes[1] + prior - g - a)
        assert d[place] == pytest.approx(math.log(one / other), abs=1e-6)
        assert z[place] == pytest.approx(d[place] / math.sqrt(1 / (y + a) + 1 / (g + a)), abs=1e-6)
    back, _ = terms.log_odds(there, here, sizes[::-1], prior)
    assert back == pytest.approx(-d, abs=1e-6)


def test_common_words_numbers_and_rare_words_are_no_terms_whatever_their_count():
    texts = ["the stent 12 of 12"] * 5 + ["the catheter"] * 4 + ["balloon balloon balloon balloon balloon"] * 2
    assert list(by_name(terms.mine(texts, GENERAL, (), Limits(z=-100)))) == ["stent"]


def test_a_phrase_neither_begins_nor_ends_with_a_common_word_nor_passes_a_sign():
    counted = terms.count(["The risk of stroke, big risk\n\nBeta-blocker\nuse"], terms.common(GENERAL), Limits())
    phrases = {gram for gram in counted.counts if " " in gram}
    assert phrases == {"risk of stroke", "beta blocker", "beta blocker use", "blocker use"}


def test_a_term_says_how_often_it_occurs_and_in_how_many_texts_and_its_kind():
    texts = iter(["renal failure, renal failure", "renal failure", "acute renal failure", "renal", "nothing"] * 3)
    found = by_name(terms.mine(texts, GENERAL))
    assert (found["renal failure"].count, found["renal failure"].documents) == (12, 9)
    assert (found["renal"].count, found["renal"].documents) == (15, 12)
    assert (found["renal failure"].kind, found["renal"].kind) == ("phrase", "word")
    assert {term.source for term in found.values()} == {"mined"}


def test_terms_come_by_falling_score_and_above_the_cut_only():
    texts = ["stent big card"] * 40 + ["w1 " + "the " * 300] * 5
    every, some = (terms.mine(texts, GENERAL, (), Limits(z=z)) for z in (-np.inf, 5.0))
    scores = [term.score for term in every]
    assert scores == sorted(scores, reverse=True)
    assert next(term.term for term in every if term.kind == "word") == "stent"
    assert set(some) < set(every)


def test_spanish_terms_keep_their_accents_and_are_the_same_however_these_are_written():
    general, _ = glossaries.shipped("es")
    limits = Limits(fewest=2, documents=2, z=0.5)
    found = terms.mine(SPANISH, general, (), limits)
    names = by_name(found)
    assert {"próstata", "cáncer de próstata", "metástasis", "psa", "paciente"} <= names.keys()
    assert names["cáncer de próstata"].count == 4
    assert "prostata" not in names
    assert found == terms.mine([unicodedata.normalize("NFD", text) for text in SPANISH], general, (), limits)
    assert found == terms.mine([text.upper() for text in SPANISH], general, (), limits)


def test_a_glossary_is_merged_in_and_what_was_mined_stays_mined():
    texts = ["The Stent of the big card"] * 6
    found = by_name(terms.mine(texts, GENERAL, ["STENT", "the  big card", "of the", "never seen", "stent"]))
    assert (found["stent"].source, found["stent"].count) == ("mined", 6)
    assert (found["the big card"].source, found["the big card"].count, found["the big card"].kind) == (
        "glossary", 6, "phrase"
    )  # fmt: skip
    assert (found["never seen"].count, found["never seen"].documents, found["never seen"].score) == (0, 0, 0)
    assert len([name for name in found if name == "stent"]) == 1


def test_a_long_phrase_of_a_glossary_adds_no_other_long_phrases():
    texts = ["chronic severe atopic hand foot skin rash"] * 9
    names = by_name(terms.mine(texts, GENERAL, ["chronic severe atopic hand foot skin rash"]))
    assert max(len(name.split()) for name, term in names.items() if term.source == "mined") <= 4
    assert names["chronic severe atopic hand foot skin rash"].count == 9


def test_texts_without_words_are_refused():
    for texts in ([], ["", "...", "— 。"]):
        with pytest.raises(DataError, match="no words") as caught:
            terms.mine(texts, GENERAL)
        assert caught.value.fix


def test_memory_is_bounded_and_a_frequent_term_survives_a_flood_of_rare_ones():
    texts = (f"rare{n} stent odd{n}" if n % 5 else "stent thrombosis" for n in range(5000))
    counted = terms.count(texts, frozenset(), Limits(most=1000), {"rare7"})
    assert len(counted.counts) <= 1000 + 12  # and one text's
    assert counted.documents.keys() == counted.counts.keys()
    assert counted.words == 5000 * 3 - 1000
    assert counted.counts["stent"] == 5000
    assert counted.counts["rare7"] == 1
    assert 0 <= 1000 - counted.counts["stent thrombosis"] <= counted.lost < 1000


@given(st.lists(st.lists(st.sampled_from("abcdefghijkl"), max_size=6), max_size=60), st.integers(4, 30))
def test_after_pruning_no_count_is_further_off_than_said(texts, most):
    joined = [", ".join(text) for text in texts]
    counted = terms.count(joined, frozenset(), Limits(most=most))
    true = Counter(word for text in texts for word in text)
    for word, n in true.items():
        assert 0 <= n - counted.counts[word] <= counted.lost
    assert len(counted.counts) <= most


words = st.sampled_from(["a", "b", "c", "A", "é", "e\u0301"])
gaps = st.sampled_from([" ", " ", " ", "-", ", ", "\n\n", ""])
names_ = st.lists(st.sampled_from(["a", "b", "a b", "a b c", "ab", "é", "b c", "é a", "c a b"]), max_size=6)


@given(st.lists(st.tuples(words, gaps), max_size=20), names_)
def test_terms_are_found_as_by_trying_every_stretch_from_the_left(pieces, names):
    text = "".join(map("".join, pieces))
    expected = []
    for run in terms.runs(text):
        place = 0
        while place < len(run):
            fits = [n for n in range(1, 4) if " ".join(w for w, _ in run[place : place + n]) in names]
            fits = [n for n in fits if place + n <= len(run)]
            if fits:
                expected.append((run[place][1][0], run[place + max(fits) - 1][1][1]))
            place += max(fits, default=1)
    assert terms.finder(names)(text) == expected


def test_a_term_is_found_in_any_case_with_any_accents_but_not_inside_of_a_word():
    find = terms.finder(["PSA", "cáncer", "cáncer de próstata", "beta blocker"])
    for text, wanted in (
        ("El psa", ["psa"]),
        ("PSAs psammoma", []),
        (unicodedata.normalize("NFD", "CÁNCER DE PRÓSTATA."), [unicodedata.normalize("NFD", "CÁNCER DE PRÓSTATA")]),
        ("cancer de prostata", []),
        ("Beta-Blockers, beta-blocker", ["beta-blocker"]),
        ("beta, blocker", []),
    ):
        assert [text[start:end] for start, end in find(text)] == wanted
    assert terms.finder([])("anything") == []


def test_on_biomedical_text_mined_words_are_in_a_medical_list_more_often_than_frequent_ones():
    import gzip

    list_, corpus = DATA / "terms_medical_en" / "wordlist.txt.gz", DATA / "ncbi_disease" / "train.conll"
    if not list_.is_file() or not corpus.is_file():
        pytest.skip("terms_medical_en or ncbi_disease is not on this machine: set AFINA_DATA")
    with gzip.open(list_, "rt", encoding="utf-8") as file:
        medical = {terms.normal(line) for line in file}
    blocks = corpus.read_text(encoding="utf-8").split("\n\n")
    texts = [" ".join(line.split("\t")[0] for line in block.splitlines()) for block in blocks]
    found = [term for term in terms.mine(texts, glossaries.shipped("en")[0]) if term.kind == "word"]
    by_count = sorted(found, key=lambda term: -term.count)
    first, frequent = (np.mean([term.term in medical for term in some[:100]]) for some in (found, by_count))
    assert len(found) > 300
    assert first > 0.6
    assert first > frequent


def test_texts_of_one_phrase_over_and_over_have_terms_too():
    found = by_name(terms.mine(["stent " * 50] * 9, GENERAL, (), Limits(z=-np.inf)))
    assert found["stent"].count == 450
    assert all(np.isfinite(term.score) for term in found.values())


def test_many_terms_that_begin_alike_are_found_in_time():
    """As many lengths as words would take minutes if each were tried."""
    names = ["a " + " ".join(f"b{number}" for number in range(length)) for length in range(1, 200)]
    find = terms.finder([*names, ""])
    assert find("a " * 20_000) == []
    assert find(f"a {names[150]} b999") == [(2, 2 + len(names[150]))]
