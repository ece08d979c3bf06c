"""Depths against the model itself: no hidden state depends on what stands deeper than it."""

import pytest
import torch

from afina import bases, depths, heads
from afina.errors import ConfigError
from afina.techniques import lora


@pytest.mark.parametrize("architecture", bases.ARCHITECTURES)
@pytest.mark.parametrize("technique", ["none", "lora"])
def test_a_layers_answer_depends_on_no_parameter_above_it_and_on_its_own(architecture, technique, make_base):
    model = heads.build(make_base(architecture), "mean", ("a", "b"))
    if technique == "lora":
        lora.apply(model, lora.Config())
    model.eval().requires_grad_(True)
    depth, layers, shared = depths.of(model), depths.count(model), architecture == "albert"
    assert layers == (1 if shared else 2)
    assert depths.shared(model) == shared
    ids = torch.tensor([[2, 5, 6, 7, 3]])
    states = model.base_model(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True)
    for place in range(layers + 1):
        model.zero_grad()
        states.hidden_states[place].pow(3).sum().backward(retain_graph=True)
        moved = {depth[name] for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert max(moved) == place
        assert 0 in moved


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_head_is_deepest_and_a_pooler_stands_with_the_top_layer(tiny_bert, pooling):
    model = heads.build(tiny_bert, pooling, ("a", "b"))
    depth = depths.of(model)
    assert {name for name, d in depth.items() if d == 3} == {name for name, _ in heads.head_parameters(model)}
    assert {d for name, d in depth.items() if "pooler" in name} == {2}
    assert {d for name, d in depth.items() if "embeddings" in name} == {0}


def test_tables_that_every_layer_reads_stand_with_the_embeddings(make_base):
    depth = depths.of(heads.build(make_base("mpnet"), "mean", ("a", "b")))
    assert {d for name, d in depth.items() if "relative_attention_bias" in name} == {0}


def test_a_body_without_a_list_of_layers_is_refused_with_what_works(tiny_bert):
    model = heads.build(tiny_bert, "mean", ("a", "b"))
    model.encoder.config.num_hidden_layers = 5
    with pytest.raises(ConfigError, match="list of 5 layers") as caught:
        depths.of(model)
    assert depths.shared(model)
    assert "flat" in caught.value.fix
