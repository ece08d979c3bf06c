import math

import pytest
import torch

from afina import heads
from afina.errors import ConfigError
from afina.techniques import contrastive


def test_the_loss_of_three_texts_worked_by_hand():
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    classes = torch.tensor([0, 0, 1])
    # text 0: its partner has cosine 1, the other 0: log((e^2 + e^0) / e^2) at t = 0.5; text 1 the same; text 2 is alone
    expected = math.log(1 + math.exp(-2))
    assert contrastive.loss(vectors, classes, 0.5).item() == pytest.approx(expected)


def test_lengths_do_not_count_and_a_batch_without_partners_teaches_nothing():
    vectors = torch.randn(5, 4, requires_grad=True)
    classes = torch.tensor([0, 1, 0, 1, 1])
    torch.testing.assert_close(contrastive.loss(3 * vectors, classes, 0.1), contrastive.loss(vectors, classes, 0.1))
    nothing = contrastive.loss(vectors, torch.arange(5), 0.1)
    nothing.backward()
    assert nothing.item() == 0
    assert (vectors.grad == 0).all()


def test_the_loss_falls_as_classes_come_apart():
    classes = torch.tensor([0, 0, 1, 1])
    mixed = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    apart = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert contrastive.loss(apart, classes, 0.1) < contrastive.loss(mixed, classes, 0.1)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_body_is_moved_by_the_pairs_alone_and_the_head_by_the_labels_alone(tiny_bert, pooling):
    torch.manual_seed(0)
    model = heads.build(tiny_bert, pooling, ("a", "b")).eval()
    torch.nn.init.normal_(heads.output_layer(model).weight)
    ids = torch.tensor([[2, 5, 6, 3], [2, 5, 7, 3], [2, 15, 16, 3], [2, 15, 17, 3]])
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    contrastive.apply(model, contrastive.Config())
    labels = torch.tensor([0, 0, 1, 1])
    answer = model(**batch, labels=labels)
    entropy = torch.nn.functional.cross_entropy(answer.logits, labels)
    assert answer.loss > entropy  # the contrastive part stands beside it
    bodies = {}
    for name, loss in (("both", answer.loss), ("entropy", entropy)):
        model.zero_grad()
        loss.backward(retain_graph=True)
        gradients = [p.grad for p in model.base_model.parameters() if p.grad is not None]
        bodies[name] = sum(float(g.abs().sum()) for g in gradients)
        assert heads.output_layer(model).weight.grad.abs().sum() > 0
    assert bodies["both"] > 0
    assert bodies["entropy"] == 0


@pytest.mark.parametrize("problem", sorted(set(heads.LOSSES) - {heads.SINGLE}))
def test_where_a_text_has_no_one_class_it_is_refused_with_the_reason_and_does_not_fit(tiny_bert, problem):
    with pytest.raises(ConfigError, match="no text has one class") as caught:
        contrastive.apply(heads.build(tiny_bert, "mean", ("a", "b"), problem), contrastive.Config())
    assert "technique=full" in caught.value.fix


def test_merging_gives_the_model_its_own_loss_back(tiny_bert):
    model = heads.build(tiny_bert, "mean", ("a", "b"))
    ids = torch.tensor([[2, 5, 6, 3], [2, 5, 7, 3]])
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.tensor([0, 0])}
    model.eval()
    before = model(**batch).loss
    contrastive.apply(model, contrastive.Config())
    torch.testing.assert_close(contrastive.merge(model)(**batch).loss, before)
