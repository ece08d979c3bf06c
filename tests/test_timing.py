import pytest
from transformers import AutoModel, AutoTokenizer

from afina import features, timing


def opened(folder):
    encoder, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    return encoder, tokenizer, features.encode(tokenizer, ["my card is lost", "book a visit"] * 20, 32)


def test_a_timed_step_changes_no_weight_and_leaves_no_gradient(tiny_bert):
    encoder, tokenizer, encoded = opened(tiny_bert)
    before = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    assert timing.step(encoder, tokenizer, encoded, bf16=False) > 0
    assert timing.forward(encoder, tokenizer, encoded) > 0
    assert all((p == before[name]).all() and p.grad is None for name, p in encoder.named_parameters())


@pytest.mark.parametrize(("architecture", "ways"), [("bert", {"sdpa", "eager"}), ("deberta-v2", {"eager"})])
def test_each_attention_that_the_base_knows_is_timed_and_the_base_keeps_its_own(make_base, architecture, ways):
    encoder, tokenizer, encoded = opened(make_base(architecture))
    own = encoder.config._attn_implementation
    assert set(timing.attentions(encoder, tokenizer, encoded, bf16=False)) == ways
    assert encoder.config._attn_implementation == own
