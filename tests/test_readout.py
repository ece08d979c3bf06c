import pytest
import torch

from afina import features, heads, readout
from afina.techniques import lora

LABELS = ("a", "b", "c")
ARCHITECTURES = ("bert", "roberta", "distilbert", "modernbert", "electra", "deberta-v2", "albert", "mpnet")


@pytest.fixture
def texts(tiny_bert):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    encoded = features.encode(tokenizer, ["my card is lost", "book a visit today", "no"], 32)
    batch = next(features.batches(tokenizer, encoded))[1]
    return {name: ids for name, ids in batch.items() if name != "token_type_ids"}


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_head_without_its_body_reads_what_the_whole_model_says(architecture, pooling, make_base, texts):
    torch.manual_seed(0)
    model = heads.build(make_base(architecture), pooling, LABELS).eval()
    torch.nn.init.normal_(heads.output_layer(model).weight)
    head = readout.Readout(model)
    with features.watching(model.base_model) as seen:
        logits = model(**texts).logits
    assert torch.equal(head(seen[-1], texts), logits)
    assert sum(p.numel() for p in head.parameters()) == sum(p.numel() for _, p in heads.head_parameters(model))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_masked_language_head_is_found_where_the_base_has_one(architecture, make_base, make_masked_base, texts):
    from transformers import AutoModelForMaskedLM

    folder = make_masked_base(architecture)
    whole = AutoModelForMaskedLM.from_pretrained(folder).eval()
    head = readout.masked_language(folder)
    assert head is not None
    with features.watching(whole.base_model) as seen:
        logits = whole(**texts).logits
    torch.testing.assert_close(head(seen[-1], texts), logits)
    assert readout.masked_language(make_base(architecture)) is None


def test_the_head_is_frozen_a_copy_and_never_drops_out(tiny_bert):
    model = lora.apply(heads.build(tiny_bert, "cls", LABELS), lora.Config())
    head = readout.Readout(model)
    assert not any(p.requires_grad for p in head.parameters())
    assert not any(m.training for m in head.train().model.modules())
    before = head.model.classifier.weight.clone()
    with torch.no_grad():
        model.classifier.weight += 1
    assert torch.equal(head.model.classifier.weight, before)
    assert type(model.bert).__name__ == "PeftModel"  # the model has its body again
