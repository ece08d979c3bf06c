import json

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, DataCollatorForTokenClassification

from afina import maskedlm, masking

TEXTS = ["my card is lost today", "book a visit please", "can i pay the bill tomorrow", "no pain"]


def masked(tokenizer):
    rows, _ = masking.windows(tokenizer, TEXTS, 32)
    vocabulary = masking.vocabulary_of(tokenizer)
    return [masking.mask(row, vocabulary, np.random.default_rng(place)) for place, row in enumerate(rows)]


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "modernbert", "deberta-v2", "albert"])
def test_loss_and_gradient_are_those_of_hugging_faces_own_model_on_the_same_masks(make_masked_base, architecture):
    folder = make_masked_base(architecture)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = masked(tokenizer)
    batch = DataCollatorForTokenClassification(tokenizer)([dict(row) for row in rows])
    theirs = AutoModelForMaskedLM.from_pretrained(folder).eval()
    ours, new_head = maskedlm.load(folder)
    assert not new_head
    expected, found = theirs(**batch).loss, ours.eval()(**batch)
    assert found.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    expected.backward()
    found.loss.backward()
    for (name, one), (_, other) in zip(theirs.named_parameters(), ours.model.named_parameters(), strict=True):
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, atol=1e-6, rtol=1e-4, msg=name)
    each = maskedlm.nats(ours, tokenizer, rows)
    counts = (batch["labels"] != -100).sum(1).numpy()
    assert each.sum() / counts.sum() == pytest.approx(expected.item(), rel=1e-5)
    alone = [theirs(**{k: v[n : n + 1] for k, v in batch.items()}).loss.item() for n in range(len(rows))]
    assert each == pytest.approx(np.array(alone) * counts, rel=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "distilbert", "electra"])
def test_a_base_without_a_head_gets_one_that_begins_as_the_identity(make_base, architecture):
    model, new_head = maskedlm.load(make_base(architecture))
    assert new_head
    squares = [
        p for name, p in model.named_parameters() if not name.startswith(model.base_model_prefix) and p.ndim == 2
    ]
    assert any(torch.equal(p, torch.eye(len(p))) for p in squares)
    tied = model.model.get_output_embeddings().weight
    assert tied is model.base_model.get_input_embeddings().weight


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "modernbert"])
def test_what_is_written_is_a_base_for_everybody_with_its_head_and_its_pooler(make_base, architecture, tmp_path):
    base = make_base(architecture)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model, _ = maskedlm.load(base)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    maskedlm.save(model, base, tokenizer, tmp_path)
    body, found = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not found["missing_keys"]
    ours = dict(model.base_model.named_parameters())
    for name, parameter in body.named_parameters():
        expected = ours[name] if name in ours else dict(AutoModel.from_pretrained(base).named_parameters())[name]
        assert torch.equal(parameter, expected), name
    again, new_head = maskedlm.load(tmp_path)
    assert not new_head
    rows = masked(tokenizer)
    assert maskedlm.nats(again, tokenizer, rows) == pytest.approx(maskedlm.nats(model, tokenizer, rows), rel=1e-6)
    assert "_name_or_path" not in json.loads((tmp_path / "config.json").read_text())
