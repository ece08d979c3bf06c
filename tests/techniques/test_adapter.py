import copy

import pytest
import torch
from torch import nn

from afina import heads
from afina.errors import ConfigError
from afina.techniques import adapter

BOTH_HIDDEN_SIZES = {"bert": 4, "albert": 2, "distilbert": 4, "modernbert": 4, "deberta-v2": 4, "mpnet": 4}


def applied(folder, **options):
    torch.manual_seed(0)
    return adapter.apply(heads.build(folder, "mean", ("a", "b")), adapter.Config(**options)).eval()


@pytest.mark.parametrize(("architecture", "count"), BOTH_HIDDEN_SIZES.items())
def test_houlsby_puts_two_in_each_layer_pfeiffer_one_and_shared_layers_share_theirs(make_base, architecture, count):
    for kind, expected in (("houlsby", count), ("pfeiffer", count // 2)):
        model = applied(make_base(architecture), kind=kind)
        assert sum(hasattr(module, "adapter") for module in model.modules()) == expected


def test_the_answer_of_a_layer_is_its_own_plus_up_gelu_down_of_it(tiny_bert):
    layer = applied(tiny_bert, size=3).encoder.encoder.layer[0].output.dense
    down, _, up = layer.adapter
    nn.init.normal_(up.weight)
    nn.init.normal_(up.bias)
    x = torch.randn(5, layer.in_features)
    h = x @ layer.weight.T + layer.bias
    bottleneck = nn.functional.gelu(h @ down.weight.T + down.bias)
    assert bottleneck.shape == (5, 3)
    torch.testing.assert_close(layer(x), h + bottleneck @ up.weight.T + up.bias)


def test_a_copy_of_the_model_has_adapters_of_its_own(tiny_bert):
    model = applied(tiny_bert)
    other = copy.deepcopy(model)
    nn.init.normal_(other.encoder.encoder.layer[0].output.dense.adapter[2].bias)
    ids = torch.tensor([[2, 5, 6, 3]])
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    assert not torch.allclose(model.embed(**batch), other.embed(**batch))


def test_an_architecture_whose_places_are_not_known_is_refused_with_those_that_are(tiny_bert):
    model = heads.build(tiny_bert, "mean", ("a", "b"))
    model.config.model_type = "t5"
    with pytest.raises(ConfigError, match="'t5'") as caught:
        adapter.apply(model, adapter.Config())
    assert "roberta" in caught.value.fix
