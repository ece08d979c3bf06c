"""Tiny random models that answer: the same seed the same, whole words only, clear errors."""

import re
from importlib.util import find_spec

import pytest
import torch
from conftest import WORDS

from afina import bases, prompting, speakers
from afina.errors import ConfigError
from afina.records import Question

TEXTS = ["My card is lost today", "please book a visit", "the bill is late", "when can i pay"]


def tiny_causal(folder, base, template="", positions=64):
    """A random Llama with the words of the tiny bases."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template, tokenizer.model_input_names = template or None, ["input_ids", "attention_mask"]
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    ids = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=positions, **sizes, **ids)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def blanks_of(text, *words):
    return tuple(sorted(re.search(word, text).span() for word in words))


@pytest.fixture(scope="module")
def masked(make_masked_base):
    return bases.open_base(str(make_masked_base("bert")))


def test_blanks_are_filled_with_other_whole_words_and_the_rest_stays(masked):
    questions = [Question(TEXTS[0], blanks=blanks_of(TEXTS[0], "My", "lost"), sample=n) for n in range(40)]
    answers = speakers.masked(masked, 0)(questions)
    assert len({one.text for one in answers}) > 5
    for one in answers:
        assert one.fault == ""
        first, rest, last = re.fullmatch(r"(\w+) (card is) (\w+) today", one.text).groups()
        assert rest == "card is"
        assert first[0].isupper()
        for old, new in (("my", first.lower()), ("lost", last)):
            assert new != old
            assert new in WORDS or (len(new) == 1 and new.isalpha())


def test_the_word_that_stood_there_is_never_put_back_however_likely(make_masked_base, tmp_path):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    base = make_masked_base("bert")
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    with torch.no_grad():
        model.get_output_embeddings().bias[tokenizer.convert_tokens_to_ids("lost")] += 9
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    ask = speakers.masked(bases.open_base(str(tmp_path)), 0)
    text = "today card is lost"
    answers = ask([Question(text, blanks=blanks_of(text, word)) for word in ("today", "lost")])
    assert answers[0].text == "lost card is lost"
    assert answers[1].text.rpartition(" ")[2] not in ("lost", "")
    barred = ask([Question(text, blanks=blanks_of(text, "today"), barred=frozenset({"lost"}))])
    assert barred[0].text.partition(" ")[0] not in ("lost", "today")
    nothing = ask([Question(text, blanks=blanks_of(text, "today"), barred=frozenset(tokenizer.get_vocab()))])
    assert nothing[0].fault == "no other word fits"


def test_the_same_seed_fills_the_same_and_another_one_not(masked):
    questions = [Question(text, blanks=((0, text.index(" ")),)) for text in TEXTS * 6]
    state = torch.random.get_rng_state()
    first = speakers.masked(masked, 0)(questions)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert speakers.masked(masked, 0)(questions) == first
    assert speakers.masked(masked, 1)(questions) != first


def test_a_text_longer_than_the_model_is_a_fault_and_none_without_a_blank(masked):
    long = "card " * 80 + "end"
    answers = speakers.masked(masked, 0)([Question(long, blanks=blanks_of(long, "end")), Question("card")])
    assert [bool(one.fault) for one in answers] == [True, False]
    assert answers[1].text == "card"


def test_a_base_without_a_head_for_masked_words_is_refused(tiny_bert):
    with pytest.raises(ConfigError, match="augment_model"):
        speakers.masked(bases.open_base(str(tiny_bert)), 0)


def test_roberta_like_tokenizers_fill_words_that_begin_after_a_space(tmp_path):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    marked = {
        token: n for n, token in enumerate(["<pad>", "<mask>", "Ġcard", "card", "Ġlost", "ing", "Ġsoon", "Ġ,", "x"])
    }
    made = Tokenizer(models.WordLevel(marked, "x"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", mask_token="<mask>")
    assert speakers._whole_words(tokenizer) == ([2, 4, 6], ["card", "lost", "soon"])


def test_a_causal_model_goes_on_with_a_text_the_same_for_the_same_seed(tmp_path, tiny_bert, monkeypatch):
    monkeypatch.setattr(speakers, "NEW_TOKENS", 8)
    folder = str(tiny_causal(tmp_path, tiny_bert))
    questions = [Question(f"card\n<text>{text}</text>\n<text>", "rules") for text in TEXTS * 3]  # two batches
    state = torch.random.get_rng_state()
    first = speakers.causal(folder, prompting.CLOSE, 0)(questions)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert len(first) == len(questions)
    assert not any(one.fault for one in first)
    assert len({one.text for one in first}) > 1
    assert not any("card\n" in one.text for one in first)  # what was asked is no part of the answer
    assert speakers.causal(folder, prompting.CLOSE, 0)(questions) == first
    assert speakers.causal(folder, prompting.CLOSE, 1)(questions) != first


def test_an_answer_ends_where_the_text_does(tmp_path, tiny_bert):
    folder = str(tiny_causal(tmp_path, tiny_bert))
    questions = [Question(f"<text>{text}</text>\n<text>") for text in TEXTS]
    long, short = (speakers.causal(folder, stop, 0)(questions) for stop in (prompting.CLOSE, "e"))
    for whole, cut in zip(long, short, strict=True):
        assert len(cut.text) < len(whole.text)
    assert all("e" in cut.text for cut in short)


def test_a_chat_model_is_given_the_rules_too(tmp_path, tiny_bert):
    from transformers import AutoTokenizer

    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: "
    folder = tiny_causal(tmp_path, tiny_bert, template)
    prompt = speakers._prompt(AutoTokenizer.from_pretrained(folder), Question("a text", "some rules"))
    assert prompt == "system: some rules\nuser: a text\nassistant: "


@pytest.mark.skipif(find_spec("sacremoses") is not None, reason="the package is installed")
def test_where_a_tokenizer_wants_a_package_it_is_said_what_to_type(tmp_path, tiny_bert):
    folder = tiny_causal(tmp_path / "biogpt", tiny_bert)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BioGptTokenizer"}')
    (folder / "vocab.json").write_text('{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a</w>": 4}')
    (folder / "merges.txt").write_text("#version\n")
    with pytest.raises(ConfigError, match="biogpt needs the package sacremoses") as caught:
        speakers.causal(str(folder), prompting.CLOSE, 0)
    assert caught.value.fix == "pip install sacremoses"


def test_only_a_package_that_is_missing_is_named():
    missing = ModuleNotFoundError("No module named 'no_such.part'", name="no_such.part")
    outer = ValueError("cannot be read")
    outer.__cause__ = missing
    assert bases.lacking(outer, "m").fix == "pip install no_such"
    assert bases.lacking(ValueError("requires no-such. Install it with `pip install no-such`."), "m")
    assert bases.lacking(ValueError("You need to have tokenizers installed"), "m") is None  # it is
    assert bases.lacking(ValueError("a bad file"), "m") is None


@pytest.mark.parametrize("content", ["nothing", "unknown", "pickle"])
def test_what_is_no_causal_model_in_safetensors_is_refused(tmp_path, tiny_bert, content):
    folder = tmp_path / "model"
    if content == "unknown":
        folder = tiny_causal(folder, tiny_bert)
        (folder / "config.json").write_text('{"model_type": "no such"}')
    elif content == "pickle":
        folder.mkdir()
        (folder / "pytorch_model.bin").write_bytes(b"code")
    with pytest.raises(ConfigError):
        speakers.causal(str(folder), prompting.CLOSE, 0)
