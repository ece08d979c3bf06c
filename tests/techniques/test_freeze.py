from dataclasses import replace

import pytest
import torch
from stories import make

from afina import bases, depths, heads
from afina.errors import ConfigError
from afina.techniques import freeze


def open_names(folder, **options):
    model = freeze.apply(heads.build(folder, "cls", ("a", "b")), freeze.Config(**options))
    return {name.removeprefix("bert.") for name, p in model.named_parameters() if p.requires_grad}


def layers_of(names):
    return {name.split(".")[2] for name in names if name.startswith("encoder.layer.")}


@pytest.mark.parametrize(
    ("options", "trained"),
    [
        ({"layers": 0}, {"0", "1"}),
        ({"layers": 1}, {"1"}),
        ({"layers": 2}, set()),
        ({"top": 1}, {"1"}),
        ({"top": 2}, {"0", "1"}),
    ],
)
def test_layers_are_counted_from_the_bottom_and_those_on_top_from_the_top(tiny_bert, options, trained):
    names = open_names(tiny_bert, **options)
    assert layers_of(names) == trained
    assert not any(name.startswith("embeddings") for name in names)
    assert {"classifier.weight", "classifier.bias"} <= names


def test_a_pattern_freezes_what_it_is_found_in_and_nothing_else(tiny_bert):
    everything = {
        name.removeprefix("bert.") for name, _ in heads.build(tiny_bert, "cls", ("a", "b")).named_parameters()
    }
    frozen = everything - open_names(tiny_bert, pattern=r"layer\.0\..*(key|value)")
    assert frozen == {
        f"encoder.layer.0.attention.self.{part}.{kind}" for part in ("key", "value") for kind in ("weight", "bias")
    }


def test_a_pattern_never_freezes_the_head(tiny_bert):
    assert {"classifier.weight", "classifier.bias"} <= open_names(tiny_bert, pattern=".")


def test_a_base_that_shares_one_layer_is_refused_with_what_can_be_used(make_base):
    model = heads.build(make_base("albert"), "mean", ("a", "b"))
    with pytest.raises(
        ConfigError, match="the 2 layers of AlbertModel share one set of weights: none can stay"
    ) as caught:
        freeze.apply(model, freeze.Config(layers=1))
    assert "freeze_pattern=embeddings" in caught.value.fix
    assert "lora" in caught.value.fix
    freeze.apply(model, freeze.Config(pattern="embeddings"))  # which needs no list
    assert not any(p.requires_grad for name, p in model.named_parameters() if ".embeddings." in name)


def test_inner_layers_that_are_as_many_as_the_base_is_deep_are_not_taken_for_its_layers():
    from transformers import AlbertConfig, AlbertModel

    sizes = {"hidden_size": 16, "embedding_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    body = AlbertModel(AlbertConfig(vocab_size=20, num_hidden_layers=2, inner_group_num=2, **sizes))
    with pytest.raises(ConfigError, match="share one set of weights"):
        freeze._layers(body)


@pytest.mark.parametrize("architecture", [one for one in bases.ARCHITECTURES if one != "albert"])
def test_frozen_layers_at_the_bottom_are_not_back_propagated(architecture, make_base):
    """Tables of relative positions, which every layer reads, would be a way down to the lowest."""
    model = freeze.apply(heads.build(make_base(architecture), "mean", ("a", "b")), freeze.Config(layers=1))
    ids = torch.tensor([[2, 5, 6, 3]])
    read = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "output_hidden_states": True}
    states = model.encoder(**read).hidden_states
    assert [state.requires_grad for state in states] == [False, False, True]  # after embeddings, layer 0, layer 1
    loose = {name for name, depth in depths.of(model).items() if depth == 0}
    assert loose
    assert not any(p.requires_grad for name, p in model.named_parameters() if name in loose)


def test_it_does_not_suit_a_base_whose_layers_are_one_and_counts_all_of_it_as_trained():
    facts = replace(make().plan.facts, rows_per_class=100, layers=6)
    apart, one = (freeze.suits(replace(facts, shared=shared), freeze.Config(layers=2)) for shared in (False, True))
    assert (apart.fits, one.fits) == (True, False)
    assert one.trainable > apart.trainable
    assert "share their weights" in one.why
