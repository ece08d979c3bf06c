from contextlib import nullcontext

import pytest
import torch
from trainings import recipe, rows_of, weights

from afina import fitting, heads, trimming
from afina.records import silent
from afina.techniques import full

ARCHITECTURES = ["bert", "roberta", "distilbert", "deberta-v2", "xlm-roberta", "electra", "modernbert", "albert"]


@pytest.fixture(scope="module")
def tokenizer(tiny_bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bert)


def model_of(base, pooling="mean"):
    torch.manual_seed(3)
    return full.apply(heads.build(base, pooling, ("lost", "visit")), full.Config())


def ids_of(rows):
    return [row["input_ids"] for row in rows]


def batch_of(tokenizer, rows):
    return tokenizer.pad(
        [{key: row[key] for key in ("input_ids", "attention_mask")} for row in rows], return_tensors="pt"
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_answers_and_the_gradients_inside_the_block_are_those_of_the_whole_matrix(make_base, architecture, pooling):
    from transformers import AutoTokenizer

    folder = make_base(architecture)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, rows = model_of(folder, pooling).eval(), rows_of(tokenizer)
    embeddings = model.base_model.get_input_embeddings()
    batch = batch_of(tokenizer, rows)
    before = model(**batch).logits
    before.square().sum().backward()
    wanted, embeddings.weight.grad = embeddings.weight.grad, None
    with trimming.trimmed(model, ids_of(rows), tokenizer.pad_token_id):
        own = model.base_model.get_input_embeddings().weight
        assert len(own) == len({tokenizer.pad_token_id}.union(*ids_of(rows))) < len(wanted)
        inside = model(**batch).logits
        inside.square().sum().backward()
        used = sorted({tokenizer.pad_token_id}.union(*ids_of(rows)))
        assert torch.equal(inside, before)
        assert torch.allclose(own.grad, wanted[used], atol=1e-6)
    assert model.base_model.get_input_embeddings() is embeddings
    assert torch.equal(model(**batch).logits, before)


def test_what_training_did_to_the_rows_in_use_stands_in_the_whole_matrix_and_the_others_are_as_pretrained(
    tiny_bert, tokenizer, tmp_path
):
    model, rows = model_of(tiny_bert), rows_of(tokenizer)
    before = model.encoder.get_input_embeddings().weight.detach().clone()
    fitting.fit(model, tokenizer, (rows, {"dev": rows}), recipe(), tmp_path, silent)
    after = model.encoder.get_input_embeddings().weight.detach()
    moved = (after != before).any(1).nonzero().flatten().tolist()
    read = {token for ids in ids_of(rows) for token in ids}
    assert set(moved) == read
    assert len(read) < len(before) / 2


def test_without_decay_a_training_ends_where_one_of_the_whole_matrix_does(tiny_bert, tokenizer, tmp_path, monkeypatch):
    rows, ended = rows_of(tokenizer), []
    for name in ("trimmed", "whole"):
        model = model_of(tiny_bert)
        fitting.fit(model, tokenizer, (rows, {"dev": rows}), recipe(weight_decay=0.0), tmp_path / name, silent)
        ended.append(weights(model))
        monkeypatch.setattr(fitting, "_in_use", lambda *_: nullcontext())
    assert torch.allclose(*ended, atol=1e-6)


def test_a_matrix_that_is_frozen_or_shared_with_an_output_layer_is_left_alone(tiny_bert):
    from transformers import AutoModelForMaskedLM

    frozen = model_of(tiny_bert)
    frozen.encoder.get_input_embeddings().requires_grad_(False)
    shared = AutoModelForMaskedLM.from_pretrained(tiny_bert)
    for model in (frozen, shared):
        embeddings = model.base_model.get_input_embeddings()
        with trimming.trimmed(model, [[1, 2]], 0):
            assert model.base_model.get_input_embeddings() is embeddings


def test_after_a_fault_in_the_block_the_model_is_whole_again(tiny_bert):
    model = model_of(tiny_bert)
    embeddings = model.base_model.get_input_embeddings()
    with pytest.raises(ValueError, match="a fault"), trimming.trimmed(model, [[5, 6]], 0):
        raise ValueError("a fault")
    assert model.base_model.get_input_embeddings() is embeddings


def test_a_token_that_was_not_announced_is_an_error_rather_than_another_tokens_vector(tiny_bert):
    model = model_of(tiny_bert)
    with trimming.trimmed(model, [[5, 6]], 0), pytest.raises(IndexError):
        model(input_ids=torch.tensor([[5, 7]]), attention_mask=torch.ones(1, 2, dtype=torch.long))


def test_a_padding_row_that_is_not_the_tokenizers_own_is_kept_too(tiny_bert):
    """The matrix marks row 0, the batches are padded with another token."""
    model = model_of(tiny_bert)
    assert model.base_model.get_input_embeddings().padding_idx == 0
    ids = torch.tensor([[5, 6, 4]])
    before = model.base_model.get_input_embeddings()(ids)
    with trimming.trimmed(model, [[5, 6]], 4):
        assert torch.equal(model.base_model.get_input_embeddings()(ids), before)
