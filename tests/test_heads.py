import pytest
import torch
from transformers import AutoModel

from afina import heads


@pytest.mark.parametrize(("architecture", "pooler"), [("bert", "bert.pooler.dense"), ("albert", "albert.pooler")])
def test_a_pooler_that_the_checkpoint_lacks_starts_as_the_identity_whatever_the_seed(
    make_base, architecture, pooler, tmp_path
):
    AutoModel.from_pretrained(make_base(architecture), add_pooling_layer=False).save_pretrained(tmp_path)
    for seed in (1, 2):
        torch.manual_seed(seed)
        layer = heads.build(tmp_path, "cls", ("a", "b")).get_submodule(pooler)
        assert torch.equal(layer.weight, torch.eye(32))
        assert (layer.bias == 0).all()


def test_a_pooler_that_the_checkpoint_has_is_kept(tiny_bert):
    expected = AutoModel.from_pretrained(tiny_bert).pooler.dense.weight
    assert torch.equal(heads.build(tiny_bert, "cls", ("a", "b")).bert.pooler.dense.weight, expected)
