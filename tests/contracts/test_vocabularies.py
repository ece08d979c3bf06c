"""What every family on the shelf keeps: old ids, other texts, whole words. Modules are found, never listed."""

import json
import random
from collections import Counter

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from afina import pieces, shelf

MODULES = {name: shelf.load("vocabularies", name) for name in shelf.names("vocabularies")}
every = pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
LONG = "pneumonoultramicroscopicsilicovolcanoconiosis"
GENERAL = (
    *"the cat sat on a mat and then the dogs came home late in the evening to eat".split(" "),
    *"where is my card please book a visit for today or tomorrow with the doctor".split(" "),
    *"coronation hyper market thrown bolt lysis hemisphere nephew heaven".split(" "),
)
DOMAIN = (LONG, "thrombolysis", "hyperkalemia", "corazón", "nefrología", "heterozygous", "heterozygote")


def some(words, count, seed):
    rng = random.Random(seed)
    return [" ".join(rng.choices(words, k=rng.randint(1, 12))) for _ in range(count)]


def wordpiece():
    letters = "abcdefghijklmnopqrstuvwxyzáéíóúñ"
    known = ["[PAD]", "[UNK]", *letters, *(f"##{x}" for x in letters), *GENERAL, "hyper", "##lysis", ",", "-", "(", ")"]
    made = Tokenizer(models.WordPiece({t: n for n, t in enumerate(dict.fromkeys(known))}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    return made


def byte_bpe():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(some(GENERAL, 300, 0), trainer)
    return made


MADE = {"wordpiece": wordpiece, "byte_bpe": byte_bpe}


@pytest.fixture
def tokenizer(module):
    return MADE[module.__name__.rpartition(".")[2]]()


def learned(module, tokenizer, terms=(), general=GENERAL, most=50):
    texts = some((*GENERAL, *DOMAIN), 400, 1)
    counted = pieces.together(*pieces.count(texts, pieces.cut(tokenizer)))
    return module.propose(tokenizer, counted, terms, general, most)


def ids(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


@every
def test_it_reads_its_own_family_and_no_other(module, tokenizer):
    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0)], 0, False))
    assert module.reads(tokenizer)
    assert not module.reads(unigram)
    assert [other.reads(tokenizer) for other in MODULES.values()].count(True) == 1


@every
def test_old_tokens_keep_their_ids_and_new_ones_stand_behind_the_last(module, tokenizer):
    new = learned(module, tokenizer)
    after = module.merge(tokenizer, new).get_vocab()
    before = tokenizer.get_vocab()
    assert new
    assert before.items() <= after.items()
    assert {after[token] for token in new} == set(range(len(before), len(before) + len(new)))


@every
def test_the_long_word_is_one_token_when_the_corpus_has_it(module, tokenizer):
    after = module.merge(tokenizer, learned(module, tokenizer))
    assert len(ids(tokenizer, f"a {LONG}")) > 5
    assert len(ids(after, f"a {LONG}")) == 2


@every
def test_a_word_of_a_glossary_is_one_token_wherever_it_stands(module, tokenizer):
    counted = pieces.Counted({}, {})
    new = module.propose(tokenizer, counted, ("Electroencefalografía de sueño", LONG), (), 50)
    after = module.merge(tokenizer, new)
    for text in (LONG, "Electroencefalografía", "sueño"):
        assert len(ids(after, text)) == 1
        assert len(ids(after, f"a {text}")) == 2
        assert ids(after, f"a ({text})")[1:] != ids(tokenizer, f"a ({text})")[1:]


@every
def test_a_text_in_which_no_new_token_is_read_has_the_ids_it_had(module, tokenizer):
    new = set(learned(module, tokenizer))
    after = module.merge(tokenizer, new)
    same = 0
    for text in some((*GENERAL, *DOMAIN, "heterozygotic", "thrombolysis-like", "Hyper"), 500, 2):
        now = after.encode(text, add_special_tokens=False)
        if not new & set(now.tokens):
            same += 1
            assert now.ids == ids(tokenizer, text)
    assert same > 50


@every
def test_words_of_general_language_stay_as_they_are(module, tokenizer):
    after = module.merge(tokenizer, learned(module, tokenizer))
    for text in some(GENERAL, 300, 3):
        assert ids(after, text) == ids(tokenizer, text)


@every
def test_nothing_is_learned_from_words_that_are_tokens_already_or_occur_once(module, tokenizer):
    cut = pieces.cut(tokenizer)
    for texts in ([f" {GENERAL[0]}"] * 20, ["thrombolysis"], [], [""]):
        counted = pieces.together(*pieces.count(texts, cut))
        new = module.propose(tokenizer, counted, (), (), 50)
        assert all(len(tokenizer.model.tokenize(token)) > 1 for token in new)
    assert module.propose(tokenizer, pieces.together(*pieces.count(["thrombolysis"], cut)), (), (), 50) == ()


@every
def test_accents_are_kept_where_the_tokenizer_keeps_them(module, tokenizer):
    after = module.merge(tokenizer, learned(module, tokenizer))
    assert len(ids(after, "a corazón")) == 2
    assert ids(after, "a corazon") != ids(after, "a corazón")


@every
def test_tokens_counts_what_the_merged_tokenizer_gives(module, tokenizer):
    new = learned(module, tokenizer)
    cut = pieces.cut(tokenizer)
    words = Counter(word for text in some((*GENERAL, *DOMAIN, "heterozygotic", "日本"), 200, 4) for word in cut(text))
    found = module.tokens(tokenizer, new, words)
    assert len(found) == len(new) + 1
    for number in (0, 1, len(new) // 2, len(new)):
        model = module.merge(tokenizer, new[:number]).model
        assert found[number] == sum(count * len(model.tokenize(word)) for word, count in words.items())


@every
def test_whole_matches_whole_words_only(module, tokenizer):
    after = module.whole(tokenizer, ["thrombolysis", "hyperkalemia"])
    for text in ("a thrombolysis", "thrombolysis", "(thrombolysis)"):
        assert len(ids(after, text)) < len(ids(tokenizer, text))
    for text in ("hyperkalemias", "a prethrombolysis", "thrombolysisx", "some text"):
        assert ids(after, text) == ids(tokenizer, text)


@every
def test_merging_again_adds_nothing_and_the_given_tokenizer_is_left_alone(module, tokenizer):
    was = tokenizer.to_str()
    new = learned(module, tokenizer)
    once = module.merge(tokenizer, new)
    assert module.merge(once, new).get_vocab() == once.get_vocab()
    assert module.merge(tokenizer, ()).to_str() == was
    assert tokenizer.to_str() == was


@every
def test_it_keeps_to_the_most_and_takes_what_saves_most_first(module, tokenizer):
    assert len(learned(module, tokenizer, most=3)) == 3
    texts = ["a thrombolysis"] * 5 + ["a hyperkalemia"] * 300
    counted = pieces.together(*pieces.count(texts, pieces.cut(tokenizer)))
    assert module.propose(tokenizer, counted, (), (), 1)[0].endswith("hyperkalemia")


@every
def test_it_says_what_it_does_not_do_and_where_it_comes_from(module):
    for needed in ("Source:", "does not do", "Alone", "Cost:", "gain("):
        assert needed in " ".join(module.__doc__.split())


def test_a_beginning_stands_for_words_that_the_corpus_has_not_seen():
    module, tokenizer = MODULES["wordpiece"], wordpiece()
    texts = ["heterozygous heterozygote heterozygosity heterozygotes"] * 20
    counted = pieces.together(*pieces.count(texts, pieces.cut(tokenizer)))
    assert module.propose(tokenizer, counted, (), (), 1) == ("heterozygo",)


def test_a_beginning_that_would_change_a_general_word_is_not_taken():
    module, tokenizer = MODULES["wordpiece"], wordpiece()
    counted = pieces.together(*pieces.count(["herpes"] * 20, pieces.cut(tokenizer)))
    assert module.propose(tokenizer, counted, (), (), 1) == ("herpes",)
    assert module.propose(tokenizer, counted, (), ("herpetology", "herpesian"), 9) == ()


def test_a_vocabulary_whose_tokens_merging_never_makes_is_refused():
    from afina.errors import ConfigError

    module, tokenizer = MODULES["byte_bpe"], byte_bpe()
    content = json.loads(tokenizer.to_str())
    content["model"]["vocab"]["never"] = len(content["model"]["vocab"])
    with pytest.raises(ConfigError, match="'never'"):
        module.merge(Tokenizer.from_str(json.dumps(content)), ["other"])
