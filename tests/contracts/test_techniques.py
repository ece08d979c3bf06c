"""What every technique on the shelf promises. Modules are found, never listed."""

import copy

import pytest
import torch

from afina import features, heads, shelf
from afina.records import Facts, Verdict

LABELS = ("a", "b", "c")
TEXTS = ["my card is lost", "where can i book a visit", "pain today", "please pay the bill tomorrow"]

every = pytest.mark.parametrize(
    "technique", [shelf.load("techniques", name) for name in shelf.names("techniques")], ids=lambda t: t.__name__[18:]
)
both = pytest.mark.parametrize("pooling", ["mean", "cls"])


@pytest.fixture
def tokenizer(tiny_bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bert)


@pytest.fixture
def batch(tokenizer):
    return next(features.batches(tokenizer, features.encode(tokenizer, TEXTS, 32)))[1]


def built(folder, pooling):
    torch.manual_seed(7)
    model = heads.build(folder, pooling, LABELS)
    torch.nn.init.normal_(heads.output_layer(model).weight)
    return model.eval()


def trained(model, batch, steps=3):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    for _ in range(steps):
        model(**batch, labels=torch.tensor([0, 1, 2, 0])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


@every
@both
def test_starts_where_the_pretrained_model_was(technique, pooling, tiny_bert, batch):
    model = built(tiny_bert, pooling)
    before = model(**batch).logits.detach().clone()
    after = technique.apply(model, technique.Config()).eval()(**batch).logits
    torch.testing.assert_close(after, before)


@every
@both
def test_training_changes_only_what_it_said_it_would(technique, pooling, tiny_bert, batch):
    model = technique.apply(built(tiny_bert, pooling), technique.Config())
    frozen = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
    open_ones = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    trained(model, batch)
    now = dict(model.named_parameters())
    assert all(torch.equal(now[name], value) for name, value in frozen.items())
    assert any(not torch.equal(now[name], value) for name, value in open_ones.items())


@every
@both
def test_the_head_is_always_trained(technique, pooling, tiny_bert):
    model = technique.apply(built(tiny_bert, pooling), technique.Config())
    assert all(parameter.requires_grad for _, parameter in heads.head_parameters(model))


@every
@both
def test_merged_model_has_the_original_parameters_and_the_same_answers(technique, pooling, tiny_bert, batch):
    original = {name for name, _ in built(tiny_bert, pooling).named_parameters()}
    model = trained(technique.apply(built(tiny_bert, pooling), technique.Config()), batch).eval()
    before = model(**batch).logits.detach().clone()
    merged = technique.merge(model)
    assert {name for name, _ in merged.named_parameters()} == original
    torch.testing.assert_close(merged(**batch).logits, before, atol=1e-5, rtol=1e-4)


@every
@both
def test_saved_and_read_back_the_merged_model_gives_the_same_logits(
    technique, pooling, tiny_bert, batch, tokenizer, tmp_path
):
    model = trained(technique.apply(built(tiny_bert, pooling), technique.Config()), batch).eval()
    merged = technique.merge(model)
    expected = copy.deepcopy(merged(**batch).logits.detach())
    heads.save(merged, tokenizer, tmp_path, 32)
    torch.testing.assert_close(heads.load(tmp_path)(**batch).logits, expected)


@every
def test_it_judges_itself_with_a_sourced_sentence(technique):
    facts = Facts(
        rows=1000, classes=5, rows_per_class=200, tokens=12, layers=6, hidden=384, parameters=22_000_000,
        body_parameters=11_000_000, seconds_per_row=0.001, probe=0.8, majority=0.3,
    )  # fmt: skip
    verdict = technique.suits(facts, technique.Config())
    assert isinstance(verdict, Verdict)
    assert 0 < verdict.trainable <= 1.01 * facts.parameters
    assert verdict.memory > 0
    assert verdict.seconds_per_row > 0
    assert "(" in verdict.why


@every
def test_it_names_its_source_and_forbids_unknown_options(technique):
    assert "Source:" in technique.__doc__
    with pytest.raises(ValueError, match="nonsense"):
        technique.Config(nonsense=1)
