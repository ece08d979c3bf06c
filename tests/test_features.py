import pytest
import torch
from torch import nn

from afina import features, heads
from afina.techniques import freeze, full

TEXTS = ["my card is lost", "book a visit today please", "no"]


@pytest.fixture
def batch(tiny_bert):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    return next(features.batches(tokenizer, features.encode(tokenizer, TEXTS, 32)))[1]


def test_watching_sees_the_answer_with_its_gradient_and_leaves_no_hook(tiny_bert, batch):
    model = heads.build(tiny_bert, "mean", ("a", "b"))
    torch.nn.init.normal_(model.head.weight)
    with features.watching(model.encoder) as seen:
        logits = model(**batch).logits
    (answer,) = seen
    torch.testing.assert_close(model.head(torch.nn.functional.normalize(features.mean_vectors(answer, batch))), logits)
    answer.last_hidden_state.sum().backward()
    assert model.encoder.embeddings.word_embeddings.weight.grad is not None
    model(**batch)
    assert len(seen) == 1


def test_the_body_answers_as_it_was_without_dropout_and_without_a_gradient(tiny_bert, batch):
    body = full.apply(heads.build(tiny_bert, "mean", ("a", "b")), full.Config()).encoder
    expected = body.eval()(**batch).last_hidden_state.detach()
    values = features.trained_values(body)
    with torch.no_grad():
        for parameter in body.parameters():
            parameter += 1
    moved = {name: p.clone() for name, p in body.named_parameters()}
    old = features.as_it_was(body.train(), values, batch).last_hidden_state
    assert torch.equal(old, expected)
    assert not old.requires_grad
    assert all(torch.equal(p, moved[name]) for name, p in body.named_parameters())
    assert all(module.training for module in body.modules())


def test_only_what_is_trained_is_copied(tiny_bert):
    model = freeze.apply(heads.build(tiny_bert, "mean", ("a", "b")), freeze.Config(layers=1))
    values = features.trained_values(model.encoder)
    assert values
    assert all(name.startswith(("encoder.layer.1.", "pooler.")) for name in values)


def test_batches_go_to_the_device_that_the_model_is_on(tiny_bert):
    """Regression: after training on an accelerator the next look at the model gave it inputs in main memory."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    encoded = features.encode(tokenizer, ["my card is lost", "book a visit"], 16)
    places = set()

    def read(batch):
        places.update(values.device.type for values in batch.values())
        return torch.arange(2.0)[:, None]

    values = features.collect(nn.Linear(1, 1, device="meta"), tokenizer, encoded, read)
    assert places == {"meta"}
    assert sorted(values[:, 0].tolist()) == [0.0, 1.0]
