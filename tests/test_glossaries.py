import pytest

from afina import glossaries
from afina.errors import AfinaError, ConfigError, DataError


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "cáncer\nPSA\n\ncáncer de  próstata\nCÁNCER\n"),
        ("a.txt", "\ufeffcáncer\r\nPSA\r\ncáncer de  próstata\r\n"),
        ("a.txt", "cáncer\nPSA\ncáncer de  próstata".encode("utf-16")),
        ("a.txt", "cáncer\nPSA\ncáncer de  próstata".encode("cp1252")),
        ("a.csv", "term\ncáncer\nPSA\ncáncer de  próstata\n"),
        ("a.csv", "cáncer\nPSA\ncáncer de  próstata\n"),
        ("a.csv", "id;Término\n1;cáncer\n2;PSA\n3;cáncer de  próstata\n4;\n".encode("utf-8-sig")),
        ("a.tsv", "class\tword\nx\tcáncer\nx\tPSA\ny\tcáncer de  próstata\n"),
        ("a.jsonl", '{"term": "cáncer"}\n{"term": "PSA"}\n{"term": "cáncer de  próstata"}\n'),
    ],
)
def test_a_glossary_is_read_from_every_kind_of_file_and_encoding(tmp_path, name, content):
    found, findings = glossaries.glossary(written(tmp_path, name, content))
    assert found == ("cáncer", "PSA", "cáncer de  próstata")
    legacy = isinstance(content, bytes) and content[:2] == b"c\xe1"
    assert [finding.action for finding in findings] == ["repaired"] * legacy


@pytest.mark.parametrize(("name", "content"), [("a.csv", "term\n"), ("a.csv", "\n"), ("a.txt", ""), ("a.jsonl", "{}")])
def test_a_list_without_a_row_is_told_what_a_list_is_and_not_what_labelled_rows_are(tmp_path, name, content):
    path = written(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        glossaries.glossary(path)
    assert caught.value.fix == "give a term a line, or a CSV with a column 'term'"
    with pytest.raises(DataError) as caught:
        glossaries.frequencies(written(tmp_path, "counts.csv", "word,count\n"))
    assert "word,count" in caught.value.fix


def test_the_column_of_terms_may_be_named(tmp_path):
    path = written(tmp_path, "a.csv", "term,abbreviation\nmyocardial infarction,MI\n")
    assert glossaries.glossary(path, "abbreviation")[0] == ("MI",)
    with pytest.raises(AfinaError, match="no column 'abbreviatoin'") as caught:
        glossaries.glossary(path, "abbreviatoin")
    assert "'abbreviation'" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        ("a.txt", "", DataError, "is empty"),
        ("a.txt", " \n\n", DataError, "is empty"),
        ("a.txt", "...\n--\n", DataError, "holds no terms"),
        ("a.csv", "term\n", DataError, "no row"),
        ("a.csv", "term,kind\n,\n...,x\n", DataError, "holds no terms"),
        ("a.csv", "one,two\na,b\nc,d\n", ConfigError, "no column of a.csv is called 'term'"),
        ("a.txt", bytes(range(256)) * 20, DataError, "not a text file"),
        ("a.txt", b"%PDF-1.7\n" + b"x" * 50, DataError, "a PDF"),
        ("a.xlsx", b"PK\x03\x04", DataError, "ending that cannot be read"),
    ],
)
def test_a_glossary_that_cannot_be_used_is_refused_with_a_way_out(tmp_path, name, content, error, said):
    with pytest.raises(error, match=said) as caught:
        glossaries.glossary(written(tmp_path, name, content))
    assert caught.value.fix


def test_a_glossary_that_is_not_there_or_is_a_folder_is_refused(tmp_path):
    for name in ("none.csv", "none.txt", ""):
        with pytest.raises(DataError):
            glossaries.glossary(str(tmp_path / name))


@pytest.mark.parametrize(
    "content",
    [
        "word,count\nThe,60\nthe,40\ncard,5\n",
        "ngram,freq,cumshare,en\nthe,100,0.9,x\ncard,5,1.0,y\n",
        "the,100\ncard,5\nnever,0\n",
        "rank;palabra;veces\nfirst;the;100\nsecond;card;5\n".replace("rank;", "")
        .replace("first;", "")
        .replace("second;", ""),
    ],
)
def test_a_table_of_frequencies_is_read_with_a_header_or_without(tmp_path, content):
    general, _ = glossaries.frequencies(written(tmp_path, "a.csv", content))
    assert general.counts == {"the": 100, "card": 5}


@pytest.mark.parametrize(
    "content", ["word,kind\nthe,x\n", "1,2\n3,4\n", "word,count\nthe,-3\n", "word,count\nthe,0\n", "the\ncard\n"]
)
def test_a_table_without_words_or_counts_is_refused(tmp_path, content):
    with pytest.raises(DataError, match=r"a\.csv needs a column of words and one of counts") as caught:
        glossaries.frequencies(written(tmp_path, "a.csv", content))
    assert "word,count" in caught.value.fix


def test_general_language_that_ships_says_with_numbers_how_little_it_is(tmp_path):
    for language, least in (("en", 100_000), ("es", 6_000)):
        general, findings = glossaries.shipped(language)
        total = int(sum(general.counts.values()))
        assert total > least
        assert f"{total:,} running words" in findings[0].problem
        assert "word,count" in findings[0].fix
    large = written(tmp_path, "a.csv", "word,count\nthe,900000\ncard,200000\n")
    assert glossaries.frequencies(large)[1] == ()
    with pytest.raises(ConfigError, match="in 'fr'"):
        glossaries.shipped("fr")


def test_accents_of_spanish_general_words_are_kept():
    counts = glossaries.shipped("es")[0].counts
    assert counts["más"] > 5
    assert counts["también"] > 0
