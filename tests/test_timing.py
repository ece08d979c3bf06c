import pytest
from transformers import AutoModel, AutoTokenizer

from afina import features, timing


def opened(folder):
    encoder, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    return encoder, tokenizer, features.encode(tokenizer, ["my card is lost", "book a visit"] * 20, 32)


def test_a_timed_step_changes_no_weight_and_leaves_no_gradient(tiny_bert):
    encoder, tokenizer, encoded = opened(tiny_bert)
    before = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    assert all(seconds > 0 for seconds in timing.steps(encoder, tokenizer, encoded, dropout=True).values())
    assert timing.forward(encoder, tokenizer, encoded) > 0
    assert all((p == before[name]).all() and p.grad is None for name, p in encoder.named_parameters())


@pytest.mark.parametrize(("architecture", "ways"), [("bert", {"sdpa", "eager"}), ("deberta-v2", {"eager"})])
def test_each_attention_is_timed_in_each_precision_and_the_base_keeps_its_own(make_base, architecture, ways):
    encoder, tokenizer, encoded = opened(make_base(architecture))
    own = encoder.config._attn_implementation
    precisions = {"fp32", "bf16"} if timing.has_bf16() else {"fp32"}
    found = timing.steps(encoder, tokenizer, encoded, dropout=False)
    assert set(found) == {(way, precision) for way in ways for precision in precisions}
    assert encoder.config._attn_implementation == own
