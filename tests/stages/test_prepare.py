import dataclasses
from itertools import pairwise

import pytest
import torch
from stories import make
from test_plan import choice, corpus_of, planned
from tokenizers import Tokenizer, models
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, PreTrainedTokenizerFast

from afina import bases, features, general, heads, preparing, shelf, vocabulary
from afina.config import TrainOptions
from afina.errors import ConfigError, DataError
from afina.records import Columns, Corpus, Prepared, Row, from_json, silent, to_json
from afina.stages import prepare as stage

WORDS = ("cardvisit", "painless", "billpaytest", "doctorpain")  # each of which the tiny tokenizer breaks


@pytest.fixture(scope="module")
def opened(make_masked_base):
    return bases.open_base(str(make_masked_base("bert")))


@pytest.fixture(scope="module")
def corpus():
    texts = [f"my {word} is {other} today {n}" for n in range(40) for word, other in pairwise(WORDS)]
    rows = tuple(Row(text, "ab"[n % 2], f"f:{n}") for n, text in enumerate(texts))
    return Corpus("test", Columns("text", "label"), ("a", "b"), rows[20:], rows[:20], (), "", (), ())


def plan_with(opened, **settings):
    made = planned(opened)
    return dataclasses.replace(made, settings=dataclasses.replace(made.settings, **settings))


@pytest.fixture(scope="module")
def prepared(opened, corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    plan = plan_with(opened, new_tokens=3)
    return stage.prepare(corpus, plan, opened, folder, silent), folder


def test_words_that_the_base_breaks_become_tokens_and_no_more_than_asked_for(prepared, opened):
    made, folder = prepared
    assert 1 <= len(made.tokens) <= 3
    tokenizer = bases.open_base(str(folder / made.folder)).tokenizer
    assert len(tokenizer) == len(opened.tokenizer) + len(made.tokens)
    for token in made.tokens:
        assert tokenizer.tokenize(token) == [token]
        assert len(opened.tokenizer.tokenize(token)) > 1


def test_what_is_saved_is_counted_on_rows_that_were_not_learned_from(prepared, opened, corpus):
    made, folder = prepared
    tokenizer, texts = AutoTokenizer.from_pretrained(folder / made.folder), [row.text for row in corpus.dev]
    words = sum(len(text.split()) for text in texts)
    for tokens, said in ((opened.tokenizer, made.fertility.before), (tokenizer, made.fertility.after)):
        assert said == pytest.approx(sum(len(tokens.tokenize(text)) for text in texts) / words)
    assert made.fertility.saved > 0
    sentences = general.sentences("en")
    assert made.general == vocabulary.fertility(opened.tokenizer, tokenizer, sentences)
    assert made.general.words > 1000
    assert made.texts == len({row.text for row in corpus.train})


def test_the_prepared_base_answers_as_before_where_no_new_token_is(prepared, opened):
    made, folder = prepared
    after = bases.open_base(str(folder / made.folder))
    texts = ["my card is lost today", "please pay the bill"]
    old, new = (features.encode(one.tokenizer, texts, 32) for one in (opened, after))
    assert [row["input_ids"] for row in old] == [row["input_ids"] for row in new]
    tables = [AutoModel.from_pretrained(one.folder).get_input_embeddings().weight for one in (opened, after)]
    assert torch.equal(tables[0], tables[1][: len(tables[0])])
    assert AutoModelForMaskedLM.from_pretrained(after.folder).get_output_embeddings().weight.shape[0] >= len(
        after.tokenizer
    )


def test_new_rows_begin_from_their_pieces_and_a_model_trains_on_them(prepared, opened):
    made, folder = prepared
    after = bases.open_base(str(folder / made.folder))
    table = AutoModel.from_pretrained(after.folder).get_input_embeddings().weight
    for token in made.tokens:
        pieces = opened.tokenizer.convert_tokens_to_ids(opened.tokenizer.tokenize(token))
        row = table[after.tokenizer.convert_tokens_to_ids(token)]
        low, high = table[pieces].min(0).values, table[pieces].max(0).values  # a mean with positive weights is between
        assert ((row >= low - 1e-6) & (row <= high + 1e-6)).all()
    model = heads.build(after.folder, "mean", ("a", "b"))
    assert model.config.vocab_size == len(table)


def test_where_no_token_is_worth_its_row_the_base_stays_as_it_was(opened, tmp_path):
    corpus = corpus_of(20)  # of words that the tiny tokenizer knows
    made = stage.prepare(corpus, plan_with(opened, new_tokens=5), opened, tmp_path, silent)
    assert made.tokens == ()
    assert made.folder == ""
    assert made.fertility.saved == 0
    assert not list(tmp_path.iterdir())


def test_the_record_survives_the_round_trip(prepared):
    assert from_json(Prepared, to_json(prepared[0])) == prepared[0]


def test_new_tokens_for_a_tokenizer_that_cannot_have_any_are_refused_by_the_plan(opened):
    made = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0)], 0, byte_fallback=False))
    unigram = dataclasses.replace(opened, tokenizer=PreTrainedTokenizerFast(tokenizer_object=made))
    with pytest.raises(ConfigError, match="Unigram"):
        planned(unigram, new_tokens=10)


def test_special_tokens_are_one_token_each_also_where_no_word_is_asked_for(opened, corpus, tmp_path):
    plan = plan_with(opened, special_tokens="PROTEÍNA,<<,[CÓDIGO]")
    made = stage.prepare(corpus, plan, opened, tmp_path, silent)
    assert (made.tokens, made.marks) == ((), ("[PROTEÍNA]", "<<", "[CÓDIGO]"))
    tokenizer = bases.open_base(str(tmp_path / made.folder)).tokenizer
    assert tokenizer.tokenize("my [PROTEÍNA] << is [CÓDIGO] today") == "my [PROTEÍNA] << is [CÓDIGO] today".split()
    assert len(tokenizer) == len(opened.tokenizer) + 3
    model = heads.build(tmp_path / made.folder, "mean", ("a", "b"))
    assert model.config.new_rows == [len(opened.tokenizer), len(tokenizer)]


def test_words_of_a_glossary_come_first_where_the_texts_have_them(opened, corpus, tmp_path):
    (tmp_path / "terms.txt").write_text("painless\nnot in any text\nthrombolysis\n", encoding="utf-8")
    plan = plan_with(opened, new_tokens=2, glossary_file=str(tmp_path / "terms.txt"))
    made = stage.prepare(corpus, plan, opened, tmp_path, silent)
    assert made.tokens[0] == "painless"
    assert made.given == 1
    assert not {"thrombolysis", "not"} & set(made.tokens)
    before = preparing.inputs(plan.settings)
    (tmp_path / "terms.txt").write_text("doctorpain\n", encoding="utf-8")
    assert preparing.inputs(plan.settings) != before  # another list is another preparing


def test_an_empty_glossary_is_an_error_with_a_fix(opened, corpus, tmp_path):
    (tmp_path / "terms.txt").write_text("\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="is empty"):
        stage.prepare(
            corpus, plan_with(opened, new_tokens=2, glossary_file=str(tmp_path / "terms.txt")), opened, tmp_path, silent
        )


def test_a_glossary_that_cannot_be_read_is_told_before_anything_is_measured(opened, tmp_path):
    """Regression: a misspelt name was a traceback after the whole plan."""
    (tmp_path / "terms.csv").write_text("term\npainless\n", encoding="utf-8")
    named = TrainOptions(new_tokens=10, glossary_file=str(tmp_path / "term.csv"))
    with pytest.raises(DataError, match="there is no file") as caught:
        preparing.choices(named, opened, make().profile)
    assert "terms.csv" in caught.value.fix


def test_the_plan_names_the_glossary_and_the_special_tokens(opened, tmp_path):
    path = tmp_path / "terms.csv"
    path.write_text("term\npainless\n", encoding="utf-8")
    made = planned(opened, new_tokens=10, glossary_file=str(path), special_tokens="A,B")
    assert (made.settings.glossary_file, made.settings.special_tokens) == (str(path), "A,B")
    assert preparing.asked(made.settings)
    assert not preparing.asked(planned(opened).settings)


def test_a_glossary_alone_is_a_line_of_the_plan_that_says_what_it_is_used_for(opened, tmp_path):
    path = tmp_path / "terms.csv"
    path.write_text("term\npainless\n", encoding="utf-8")
    made = planned(opened, glossary_file=str(path))
    assert choice(made, "glossary_file").evidence["used for"].startswith("the profile's terms alone: ")
    assert not preparing.asked(made.settings)
    assert preparing.inputs(made.settings)[2] is None


@pytest.mark.parametrize("technique", shelf.names("techniques"))
def test_where_nothing_trains_the_new_rows_the_plan_says_so(opened, technique):
    """Regression: bitfit new_tokens=50 left them as they began and said nothing."""
    trains = {"full", "lora", "contrastive"}
    made = planned(opened, technique=technique, special_tokens="A")
    told = "rows of new tokens" in choice(made, "special_tokens").evidence
    assert (
        told == any("does not train the rows of new tokens" in note for note in made.notes) == (technique not in trains)
    )
    assert choice(made, "special_tokens").why == "set by the user"


def test_rows_that_stay_untrained_are_a_finding_unless_the_base_reads_texts_first(opened, corpus, tmp_path):
    made = planned(opened, technique="bitfit", special_tokens="A")
    found = stage.prepare(corpus, made, opened, tmp_path, silent).findings
    assert [(one.check, one.action) for one in found] == [("prepare", "kept")]
    assert "technique=lora" in found[0].fix
    read = planned(opened, technique="bitfit", special_tokens="A", adapt_file="train")
    assert preparing.untrained(read.choices, read.settings) == ()
    assert preparing.untrained(planned(opened, technique="bitfit").choices, made.settings) == ()


@pytest.mark.parametrize("named", ["A,A", "two words"])
def test_special_tokens_that_cannot_be_are_refused_by_the_plan(opened, named):
    with pytest.raises(ConfigError, match="special token"):
        planned(opened, special_tokens=named)
