"""What every retention on the shelf promises. Modules are found, never listed."""

import copy
import dataclasses
import re
import textwrap

import pytest
import torch
from torch import nn

from afina import features, heads, shelf
from afina.errors import ConfigError
from afina.records import Facts
from afina.sampling import General
from afina.techniques import freeze, full, lora

LABELS = ("a", "b", "c")
TEXTS = ["my card is lost", "where can i book a visit", "pain today", "please pay the bill tomorrow"]
GENERAL = ["the red one is no bill", "a doctor can pay early", "blue two three", "my visit is late today", "no test"]
LOSS = "above 0"  # how a retention that is a loss, and no distance, says so

every = pytest.mark.parametrize(
    "retention", [shelf.load("retentions", name) for name in shelf.names("retentions")], ids=lambda r: r.__name__[17:]
)
both = pytest.mark.parametrize("pooling", ["mean", "cls"])


@pytest.fixture(scope="module")
def base(make_masked_base):
    return make_masked_base("bert")


@pytest.fixture(scope="module")
def tokenizer(base):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base)


@pytest.fixture
def batch(tokenizer):
    return next(features.batches(tokenizer, features.encode(tokenizer, TEXTS, 32)))[1]


@pytest.fixture
def general(tokenizer):
    return General(tokenizer, features.encode(tokenizer, GENERAL, 32), batch=2, seed=4)


def built(base, technique=full, pooling="mean"):
    torch.manual_seed(7)
    model = heads.build(base, pooling, LABELS)
    nn.init.normal_(heads.output_layer(model).weight)
    config = technique.Config(layers=1) if technique is freeze else technique.Config()
    return technique.apply(model, config).eval()


@torch.no_grad()
def moved(model):
    torch.manual_seed(1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter += 0.1 * torch.randn_like(parameter)
    return model


def penalty(retention, model, batch, state, step=0):
    with features.watching(model.base_model) as seen:
        model(**batch)
    return retention.penalty(model, batch, seen[-1], state, step)


@every
@both
@pytest.mark.parametrize("technique", [full, freeze, lora])
def test_it_is_nothing_before_the_first_step_and_something_after(retention, pooling, technique, base, batch, general):
    model = built(base, technique, pooling)
    state = retention.begin(model, retention.Config(), general, base)
    before = penalty(retention, model, batch, state).item()
    after = penalty(retention, moved(model), batch, state).item()
    assert (abs(before) < 1e-6) != (LOSS in retention.__doc__)
    assert abs(after - before) > 1e-6
    assert after > 0


@every
def test_its_gradient_reaches_trained_parameters_of_the_body_and_nothing_else(retention, base, batch, general):
    model = built(base, freeze)
    state = retention.begin(model, retention.Config(), general, base)
    penalty(retention, moved(model), batch, state).backward()
    reached = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert reached
    assert reached <= {name for name, p in model.named_parameters() if p.requires_grad}
    assert not reached & {name for name, _ in heads.head_parameters(model)}


@every
@pytest.mark.parametrize("technique", [full, freeze, lora])
def test_it_holds_no_second_body_and_no_more_values_than_are_trained(retention, technique, base, general):
    model = built(base, technique)
    state = retention.begin(model, retention.Config(), general, base)
    trained = sum(p.numel() for p in model.base_model.parameters() if p.requires_grad)
    parts = [getattr(state, field.name) for field in dataclasses.fields(state)]
    held = sum(values.numel() for part in parts if isinstance(part, dict) for values in part.values())
    assert held <= trained
    inside = [type(m).__name__ for part in parts if isinstance(part, nn.Module) for m in part.modules()]
    assert "BertModel" not in inside
    assert "BertLayer" not in inside


@every
def test_it_leaves_the_model_as_it_was(retention, base, batch, general):
    model = built(base, lora).train()
    model.base_model.get_base_model().embeddings.eval()
    state = retention.begin(model, retention.Config(), general, base)
    before = copy.deepcopy(model.state_dict()), [m.training for m in model.modules()]
    penalty(retention, model, batch, state)
    assert all(torch.equal(value, before[0][name]) for name, value in model.state_dict().items())
    assert [m.training for m in model.modules()] == before[1]
    assert not any(m._forward_hooks for m in model.modules())


@every
def test_made_again_it_says_the_same_of_the_same_step_to_the_last_bit(retention, base, batch, general):
    results = []
    for _ in range(2):
        model = built(base)
        state = retention.begin(model, retention.Config(), general, base)
        moved(model)
        results.append([penalty(retention, model, batch, state, step).item() for step in (0, 1, 7)])
    assert results[0] == results[1]


@every
def test_twice_the_weight_is_twice_the_penalty(retention, base, batch, general):
    results = []
    for weight in (0.3, 0.6):
        model = built(base)
        state = retention.begin(model, retention.Config(weight=weight), general, base)
        results.append(penalty(retention, moved(model), batch, state).item())
    assert results[1] == pytest.approx(2 * results[0], rel=1e-5)


@every
def test_on_a_base_without_a_masked_language_head_it_works_or_says_what_to_use(retention, tiny_bert, batch, general):
    model = built(tiny_bert)
    if LOSS in retention.__doc__:
        with pytest.raises(ConfigError) as caught:
            retention.begin(model, retention.Config(), general, tiny_bert)
        assert "retention=" in caught.value.fix
    else:
        state = retention.begin(model, retention.Config(), general, tiny_bert)
        assert abs(penalty(retention, model, batch, state).item()) < 1e-6


@every
def test_the_example_in_its_docstring_holds_the_body_under_a_plain_trainer(retention, base, batch, general, tmp_path):
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    rows = [{name: ids[place] for name, ids in batch.items()} | {"labels": place % 3} for place in range(len(TEXTS))]
    arguments = TrainingArguments(
        output_dir=str(tmp_path), per_device_train_batch_size=4, learning_rate=5e-3, max_steps=12, use_cpu=True,
        save_strategy="no", report_to="none", disable_tqdm=True, remove_unused_columns=False,
    )  # fmt: skip
    left = []
    for example in (True, False):
        model = built(base)
        kind = Trainer
        if example:
            name = retention.__name__.rpartition(".")[2]
            known = {"model": model, "general": general, "folder": base, "features": features, "Trainer": Trainer}
            code = textwrap.dedent(retention.__doc__.partition("plain Trainer:\n")[2])
            known[name] = retention
            exec(re.sub(r"Config\(.*?\)", "Config(weight=30.0)", code), known)  # noqa: S102  (its own example)
            kind = known["Keeping"]
        state = retention.begin(model, retention.Config(), general, base)
        kind(model, arguments, DataCollatorWithPadding(general.tokenizer), rows).train()
        left.append(penalty(retention, model.eval(), batch, state).item())
    assert left[0] < left[1]


@every
def test_it_says_whether_it_reads_general_text(retention, base, batch, general):
    model = built(base)
    if retention.READS:
        with pytest.raises(AttributeError):
            penalty(retention, model, batch, retention.begin(model, retention.Config(), None, base))
    else:
        penalty(retention, model, batch, retention.begin(model, retention.Config(), None, base))


@every
def test_it_counts_its_cost(retention):
    facts = Facts(
        rows=1000, classes=5, rows_per_class=200, tokens=12, layers=6, hidden=384, parameters=22_000_000,
        body_parameters=11_000_000, seconds_per_row=0.001, probe=0.8, majority=0.3,
    )  # fmt: skip
    seconds, memory = retention.adds(facts, 1000, 0.5, 0)
    assert 0 <= seconds <= 4 * facts.seconds_per_row
    assert memory > 0
    assert retention.adds(facts, 1000, 1.0, 0)[0] >= seconds
    assert retention.adds(facts, 1000, 0.5, 10_000_000)[1] >= memory


@every
def test_it_names_cost_and_source_and_forbids_unknown_options(retention):
    assert "Cost" in retention.__doc__
    assert "Source:" in retention.__doc__
    with pytest.raises(ValueError, match="nonsense"):
        retention.Config(nonsense=1)


@every
def test_a_model_that_reads_two_texts_apart_can_be_kept_too(base, tokenizer, general, retention):
    model = built(base, pooling="siamese")
    encoded = features.encode(tokenizer, list(zip(TEXTS, reversed(TEXTS), strict=True)), 32, siamese=True)
    inputs = next(features.batches(tokenizer, encoded))[1]
    state = retention.begin(model, retention.Config(), general, base)
    with features.watching(model.base_model) as seen:
        model(**inputs)
    first = retention.penalty(model, inputs, seen[-1], state, 0)
    assert torch.isfinite(first)
    assert LOSS in (retention.__doc__ or "") or first.item() == pytest.approx(0, abs=1e-5)
