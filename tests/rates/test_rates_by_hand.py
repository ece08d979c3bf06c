"""Rates worked by hand on a body of two layers."""

import pytest

from afina import grouping, heads
from afina.errors import ConfigError
from afina.rates import discriminative, layerwise, lora_plus
from afina.techniques import freeze, full, lora


@pytest.fixture
def model(tiny_bert):
    return full.apply(heads.build(tiny_bert, "mean", ("a", "b")), full.Config())


def test_a_layer_has_the_factor_of_the_rate_of_the_layer_above_it(model):
    groups = layerwise.groups(model, layerwise.Config(rate=1e-4, factor=0.5), 1e-2, 0.01)
    assert grouping.rates(groups) == pytest.approx(
        {"embeddings": 2.5e-5, "layer 1": 5e-5, "layer 2": 1e-4, "head": 1e-2}  # 1e-4 * 0.5 ** 2, 1, 0
    )
    assert [group["name"] for group in groups if "layer 2" in group["name"]] == ["layer 2", "layer 2, no decay"]


def test_a_factor_of_one_is_flat(model):
    groups = layerwise.groups(model, layerwise.Config(rate=1e-4, factor=1.0), 1e-2, 0.01)
    assert {group["lr"] for group in groups if group["name"] != "head"} == {1e-4}


def test_three_rates_are_bottom_middle_and_top(model):
    groups = discriminative.groups(model, discriminative.Config(), 1e-2, 0.01)
    assert grouping.rates(groups) == {"bottom": 1e-5, "middle": 3e-5, "top": 5e-5, "head": 1e-2}


def test_the_three_parts_of_a_base_model_are_as_equal_as_can_be():
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"hidden_size": 4, "num_attention_heads": 1, "intermediate_size": 4, "vocab_size": 8}
    twelve = BertForSequenceClassification(BertConfig(**sizes, num_hidden_layers=12))
    groups = discriminative.groups(twelve, discriminative.Config(), 1e-2, 0.01)
    rate = {id(p): group["lr"] for group in groups for p in group["params"]}
    found = [rate[id(layer.output.dense.weight)] for layer in twelve.bert.encoder.layer]
    assert found == [1e-5] * 4 + [3e-5] * 4 + [5e-5] * 4  # with the embeddings 5 + 4 + 4 of 13 depths
    assert rate[id(twelve.bert.embeddings.word_embeddings.weight)] == 1e-5
    assert rate[id(twelve.bert.pooler.dense.weight)] == 5e-5


def test_more_rates_than_depths_are_refused_with_the_number_there_is_room_for(model):
    with pytest.raises(ConfigError, match="4 rates") as caught:
        discriminative.groups(model, discriminative.Config(rates=(1e-5, 2e-5, 3e-5, 4e-5)), 1e-2, 0.01)
    assert "at most 3" in caught.value.fix


def test_frozen_layers_are_in_no_group(tiny_bert):
    model = freeze.apply(heads.build(tiny_bert, "mean", ("a", "b")), freeze.Config(layers=1))
    groups = layerwise.groups(model, layerwise.Config(), 1e-2, 0.01)
    assert list(grouping.rates(groups)) == ["layer 2", "head"]


def test_the_rate_of_a_group_is_0_while_all_of_it_is_frozen_and_the_body_is_its_fastest_part(model):
    groups = layerwise.groups(model, layerwise.Config(rate=1e-4, factor=0.5), 1e-2, 0.01)
    model.encoder.embeddings.requires_grad_(False)
    assert grouping.rates(groups)["embeddings"] == 0
    assert grouping.rates(groups)["layer 1"] == pytest.approx(5e-5)
    assert grouping.body_rate(grouping.rates(groups)) == pytest.approx(1e-4)
    assert grouping.body_rate({"head": 1e-2}) == 1e-2


def test_b_of_lora_learns_faster_than_a_by_the_ratio(tiny_bert):
    model = lora.apply(heads.build(tiny_bert, "mean", ("a", "b")), lora.Config())
    groups = {
        group["name"]: group for group in lora_plus.groups(model, lora_plus.Config(rate=4e-3, ratio=8), 1e-2, 0.01)
    }
    assert {name: group["lr"] for name, group in groups.items()} == {"A": 5e-4, "body": 4e-3, "head": 1e-2}
    assert all((p == 0).all() for p in groups["body"]["params"])  # B starts at 0, A does not
    assert all((p != 0).any() for p in groups["A"]["params"])
