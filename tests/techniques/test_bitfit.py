import pytest

from afina import heads
from afina.errors import ConfigError
from afina.techniques import bitfit


def test_the_biases_of_every_part_of_the_body_are_trained_and_no_matrix_is(tiny_bert):
    model = bitfit.apply(heads.build(tiny_bert, "mean", ("a", "b")), bitfit.Config())
    body = {name for name, p in model.encoder.named_parameters() if p.requires_grad}
    layer = ("attention.self.query", "attention.output.LayerNorm", "intermediate.dense", "output.LayerNorm")
    assert {f"encoder.layer.1.{part}.bias" for part in layer} | {"embeddings.LayerNorm.bias"} <= body
    assert all(name.endswith("bias") for name in body)


def test_a_body_without_biases_is_refused_with_what_can_be_used(make_base):
    with pytest.raises(ConfigError, match="has none") as caught:
        bitfit.apply(heads.build(make_base("modernbert"), "mean", ("a", "b")), bitfit.Config())
    assert "lora" in caught.value.fix
