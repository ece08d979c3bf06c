"""What every rate policy on the shelf promises, for every known architecture. Modules are found, never listed."""

import functools

import pytest
import torch

from afina import bases, grouping, heads, shelf
from afina.techniques import full, lora

LABELS = ("a", "b", "c")
HEAD_RATE, DECAY = 1e-2, 0.03
LORA_TARGETS = {"deberta": ("in_proj",)}

every = pytest.mark.parametrize(
    "policy", [shelf.load("rates", name) for name in shelf.names("rates")], ids=lambda p: p.__name__[12:]
)
architectures = pytest.mark.parametrize("architecture", bases.ARCHITECTURES)


def built(folder, pooling="mean", technique=full, **options):
    return technique.apply(heads.build(folder, pooling, LABELS), technique.Config(**options))


shared = functools.cache(built)  # to be looked at only


def small(policy):
    """Its defaults, or as many rates as two layers, or ALBERT's one, have room for."""
    return policy.Config(rates=(1e-5, 5e-5)) if "rates" in policy.Config.model_fields else policy.Config()


def grouped(policy, model):
    return policy.groups(model, small(policy), HEAD_RATE, DECAY)


@every
@architectures
@pytest.mark.parametrize("technique", [full, lora])
def test_every_trainable_parameter_is_in_exactly_one_group(policy, architecture, technique, make_base):
    for pooling in ("mean", "cls"):
        model = shared(make_base(architecture), pooling, technique)
        found = [id(p) for group in grouped(policy, model) for p in group["params"]]
        assert sorted(found) == sorted(id(p) for p in model.parameters() if p.requires_grad)


@every
def test_biases_and_norms_and_the_head_are_not_decayed_and_all_else_is(policy, tiny_bert):
    model = built(tiny_bert, "cls")
    decay = {id(p): group["weight_decay"] for group in grouped(policy, model) for p in group["params"]}
    for name, parameter in model.named_parameters():
        spared = parameter.ndim <= 1 or name.startswith("classifier")
        assert decay[id(parameter)] == (0.0 if spared else DECAY), name
        assert spared == ("bias" in name or "LayerNorm" in name or name.startswith("classifier"))


@every
def test_the_head_has_its_own_rate_and_the_body_rises_with_depth_to_the_peak(policy, make_base):
    model = built(make_base("bert"))
    rates = grouping.rates(grouped(policy, model))
    body = [rate for name, rate in rates.items() if name != "head"]
    assert rates["head"] == HEAD_RATE
    assert body == sorted(body)
    assert max(body) == max(getattr(small(policy), "rates", [getattr(small(policy), "rate", 0)]))


@every
def test_names_are_unique_and_no_group_is_empty(policy, tiny_bert):
    groups = grouped(policy, built(tiny_bert, technique=lora))
    names = [group["name"] for group in groups]
    assert len(set(names)) == len(names)
    assert all(group["params"] for group in groups)


@every
def test_a_plain_optimizer_of_torch_and_a_plain_trainer_take_the_groups(policy, tiny_bert, tmp_path):
    from transformers import Trainer, TrainingArguments

    model = built(tiny_bert, "cls")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(grouped(policy, model))
    rows = [{"input_ids": [2, 5 + n, 6, 3], "attention_mask": [1] * 4, "labels": n % 3} for n in range(4)]
    arguments = TrainingArguments(
        str(tmp_path), max_steps=2, use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True,
        lr_scheduler_type="constant",
    )  # fmt: skip
    Trainer(model, arguments, train_dataset=rows, optimizers=(optimizer, None)).train()
    assert any(not torch.equal(p, before[name]) for name, p in model.base_model.named_parameters(prefix="bert"))


@every
def test_it_names_its_source_and_forbids_unknown_options_and_rates_that_cannot_be(policy):
    assert "Source:" in policy.__doc__
    field = next(name for name in ("rate", "rates") if name in policy.Config.model_fields)
    for bad in (0, -1e-5, float("nan")):
        with pytest.raises(ValueError, match=field):
            policy.Config(**{field: (bad,) if field == "rates" else bad})
    with pytest.raises(ValueError, match="nonsense"):
        policy.Config(nonsense=1)
