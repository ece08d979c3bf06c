import math

import pytest
import torch

from afina import heads
from afina.errors import ConfigError
from afina.techniques import lora

WRAPPED = {
    "albert": {"query", "value"}, "bert": {"query", "value"}, "deberta-v2": {"query_proj", "value_proj"},
    "distilbert": {"q_lin", "v_lin"}, "electra": {"query", "value"}, "modernbert": {"Wqkv"}, "mpnet": {"q", "v"},
    "roberta": {"query", "value"}, "xlm-roberta": {"query", "value"},
}  # fmt: skip


def applied(folder, **options):
    torch.manual_seed(0)
    return lora.apply(heads.build(folder, "mean", ("a", "b")), lora.Config(**options))


@pytest.mark.parametrize("architecture", WRAPPED)
def test_each_architecture_has_its_queries_and_values_wrapped(make_base, architecture):
    names = [name for name, _ in applied(make_base(architecture)).named_parameters() if "lora_A" in name]
    assert {name.split(".")[-4] for name in names} == WRAPPED[architecture]


def test_named_targets_take_the_place_of_the_usual_ones(tiny_bert):
    names = {name for name, p in applied(tiny_bert, targets="key, dense").named_parameters() if "lora_A" in name}
    assert {name.split(".")[-4] for name in names} == {"key", "dense"}


def test_a_target_that_is_not_there_is_refused_with_those_that_are(tiny_bert):
    with pytest.raises(ConfigError, match="named q_proj") as caught:
        applied(tiny_bert, targets="q_proj,value")
    assert "query, value" in caught.value.fix


@pytest.mark.parametrize(("rslora", "factor"), [(False, 16 / 4), (True, 16 / math.sqrt(4))])
def test_the_merged_change_is_the_factor_times_b_times_a(tiny_bert, rslora, factor):
    model = applied(tiny_bert, r=4, alpha=16, rslora=rslora)
    layer = model.encoder.base_model.model.encoder.layer[0].attention.self.query
    a, b = layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight
    torch.nn.init.normal_(b)
    expected = layer.base_layer.weight.detach() + factor * b.detach() @ a
    merged = lora.merge(model).encoder.encoder.layer[0].attention.self.query.weight
    torch.testing.assert_close(merged, expected)


def test_dora_keeps_the_lengths_of_the_rows_while_only_directions_are_changed(tiny_bert):
    model = applied(tiny_bert, r=4, dora=True)
    layer = model.encoder.base_model.model.encoder.layer[0].attention.self.query
    before = layer.base_layer.weight.detach().norm(dim=1)
    torch.nn.init.normal_(layer.lora_B["default"].weight)
    merged = lora.merge(model).encoder.encoder.layer[0].attention.self.query.weight.detach()
    torch.testing.assert_close(merged.norm(dim=1), before)
