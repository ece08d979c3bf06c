"""Each formula by hand, or against a second way of computing it."""

import copy
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from afina import features, heads
from afina.errors import ConfigError
from afina.retentions import distill, kl, l2, replay
from afina.sampling import General
from afina.techniques import full, lora


class Body(nn.Module):
    """Answers its own weights as the logits of every text."""

    def __init__(self, *weights):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights))
        self.device = torch.device("cpu")

    def forward(self, input_ids, **inputs):
        return self.weights.expand(len(input_ids), -1)


class Tokenizer:
    model_input_names = ("input_ids",)

    def pad(self, rows, return_tensors):
        return {"input_ids": torch.tensor([row["input_ids"] for row in rows])}


GENERAL = General(Tokenizer(), [{"input_ids": [1]}], batch=3, seed=0)


def model_of(body):
    return SimpleNamespace(base_model=body)


def test_kl_with_temperature_is_the_value_worked_by_hand():
    """Old logits (0, 2 ln 3) over T = 2 say (1/4, 3/4), new ones (0, 0) say (1/2, 1/2)."""
    body = Body(0.0, 0.0)
    start = {"weights": torch.tensor([0.0, 2 * math.log(3)])}
    state = kl.State(kl.Config(weight=0.5, temperature=2.0), start, GENERAL, lambda answer, batch: answer, False)
    batch = {"input_ids": torch.tensor([[1], [2]]), "labels": torch.tensor([0, 1])}
    nats = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    held = kl.penalty(model_of(body), batch, body(batch["input_ids"]), state, 0)
    assert held.item() == pytest.approx(0.5 * 2**2 * (nats + nats), rel=1e-6)


def test_kl_of_labels_that_do_not_exclude_each_other_is_the_sum_over_the_labels():
    """Two labels with old odds of 1 to 3 and 3 to 1, new ones of 1 to 1: twice the same divergence."""
    body = Body(0.0, 0.0)
    start = {"weights": torch.tensor([-math.log(3), math.log(3)])}
    state = kl.State(kl.Config(weight=1.0, temperature=1.0), start, GENERAL, lambda answer, batch: answer, True)
    batch = {"input_ids": torch.tensor([[1], [2]])}
    nats = 2 * (0.25 * math.log(0.5) + 0.75 * math.log(1.5))
    held = kl.penalty(model_of(body), batch, body(batch["input_ids"]), state, 0)
    assert held.item() == pytest.approx(nats + nats, rel=1e-6)


def test_kl_leaves_padding_out_of_its_mean():
    answers = torch.tensor([[[0.0, 0.0], [5.0, -5.0]]])  # one text, its second token is padding
    state = kl.State(kl.Config(temperature=1.0), {}, GENERAL, lambda answer, batch: answer, False)
    body = lambda **inputs: torch.tensor([[[0.0, math.log(3)], [-5.0, 5.0]]])  # noqa: E731
    texts = {"attention_mask": torch.tensor([[1, 0]])}
    old_answers = SimpleNamespace(as_it_was=lambda body, start, texts: body(**texts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kl, "features", old_answers)
        apart = kl._apart(body, texts, answers, state)
    assert apart.item() == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5), rel=1e-6)


def test_l2_is_half_the_squared_distance_from_the_start():
    body = Body(1.0, 2.0)
    state = l2.begin(model_of(body), l2.Config(weight=0.1))
    with torch.no_grad():
        body.weights += torch.tensor([3.0, -4.0])
    held = l2.penalty(model_of(body), None, None, state, 0)
    held.backward()
    assert held.item() == pytest.approx(0.1 / 2 * 25)
    torch.testing.assert_close(body.weights.grad, 0.1 * torch.tensor([3.0, -4.0]))


def test_l2_of_a_body_that_is_not_trained_is_nothing():
    body = Body(1.0).requires_grad_(False)
    state = l2.begin(model_of(body), l2.Config())
    assert l2.penalty(model_of(body), None, None, state, 0).item() == 0


@pytest.fixture
def tokenizer(tiny_bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bert)


@pytest.fixture
def texts(tokenizer):
    encoded = features.encode(tokenizer, ["my card is lost", "book a visit today", "no", "the red one"], 32)
    return next(features.batches(tokenizer, encoded))[1]


def general_of(tokenizer, *texts):
    return General(tokenizer, features.encode(tokenizer, texts, 32), batch=len(texts), seed=1)


def shaken(model):
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn_like(parameter)
    return model


def test_distill_is_two_minus_two_cosines_of_the_mean_vectors(tiny_bert, tokenizer):
    general = general_of(tokenizer, "my card is lost today", "the red one")
    model = full.apply(heads.build(tiny_bert, "mean", ("a", "b")), full.Config()).eval()
    old = copy.deepcopy(model)
    state = distill.begin(model, distill.Config(weight=0.7), general)
    shaken(model)
    batch = dict(tokenizer.pad(list(general.rows), return_tensors="pt"))
    cosines = (model.embed(**batch) * old.embed(**batch)).sum(-1)  # of unit vectors
    held = distill.penalty(model, None, None, state, 0)
    assert held.item() == pytest.approx(0.7 * (2 - 2 * cosines).mean().item(), rel=1e-4)


def test_where_an_adapter_is_trained_the_old_answers_are_those_with_the_adapter_switched_off(tiny_bert, texts):
    model = lora.apply(heads.build(tiny_bert, "mean", ("a", "b")), lora.Config()).train()
    start = features.trained_values(model.base_model)
    shaken(model)
    old = features.as_it_was(model.base_model, start, texts).last_hidden_state
    with torch.no_grad(), model.encoder.disable_adapter():
        assert torch.equal(old, model.eval().encoder(**texts).last_hidden_state)
    assert sum(values.numel() for values in start.values()) < 0.2 * sum(p.numel() for p in model.parameters())


def test_kl_through_the_probe_is_that_of_the_old_model_against_the_old_head_on_the_new_body(
    tiny_bert, tokenizer, texts
):
    """A second implementation: a whole copy of the model, and scipy's relative entropy."""
    from scipy.special import rel_entr, softmax

    model = full.apply(heads.build(tiny_bert, "cls", ("a", "b", "c")), full.Config()).eval()
    old = copy.deepcopy(model)
    general = general_of(tokenizer, "my card is lost today", "the red one", "pay")
    state = kl.begin(model, kl.Config(weight=1.0, temperature=3.0), general, tiny_bert)
    shaken(model)
    with features.watching(model.bert) as seen:
        model(**texts)
    held = kl.penalty(model, texts, seen[-1], state, 0).item()
    model.classifier.load_state_dict(old.classifier.state_dict())  # the head that is trained is not what is kept
    total = 0.0
    for batch in (texts, dict(tokenizer.pad(list(general.rows), return_tensors="pt"))):
        p, q = (softmax(m(**batch).logits.detach().double().numpy() / 3.0, -1) for m in (old, model))
        total += 9.0 * rel_entr(p, q).sum(-1).mean()
    assert held == pytest.approx(total, rel=1e-3)


def test_kl_has_nothing_to_hold_in_a_head_of_one_number(tiny_bert, tokenizer):
    model = heads.build(tiny_bert, "mean", ("score",))
    with pytest.raises(ConfigError, match="one output"):
        kl.begin(model, kl.Config(), general_of(tokenizer, "pay"), tiny_bert)


def test_kl_takes_the_kind_of_the_labels_from_the_model(tiny_bert, tokenizer):
    model, general = heads.build(tiny_bert, "cls", ("a",)), general_of(tokenizer, "pay")
    model.config.problem_type = "multi_label_classification"
    assert kl.begin(model, kl.Config(), general, tiny_bert).each
    model = heads.build(tiny_bert, "cls", ("a", "b"))
    assert not kl.begin(model, kl.Config(), general, tiny_bert).each


def test_replay_is_the_masked_language_loss_of_the_base_itself(make_masked_base):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    folder = make_masked_base("bert")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    general = general_of(tokenizer, "my card is lost today", "where can i book a visit", "pay")
    model = heads.build(folder, "mean", ("a", "b")).eval()
    state = replay.begin(model, replay.Config(weight=0.2), general, folder)
    batch = replay.general_batch(general, 4)
    chosen = replay._chosen(batch["input_ids"], general, 4)
    labels = batch["input_ids"].masked_fill(~chosen, -100)
    batch["input_ids"] = batch["input_ids"].masked_fill(chosen, tokenizer.mask_token_id)
    whole = AutoModelForMaskedLM.from_pretrained(folder).eval()
    held = replay.penalty(model, None, None, state, 4)
    assert held.item() == pytest.approx(0.2 * whole(**batch, labels=labels).loss.item(), rel=1e-5)


def test_replay_masks_about_a_seventh_of_the_tokens_never_a_special_one_and_the_same_at_the_same_step(tokenizer):
    general = general_of(tokenizer, "pay")
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, 60, (200, 40)))
    chosen = replay._chosen(ids, general, 3)
    ordinary = ~torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    assert chosen[ordinary].float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert not chosen[~ordinary].any()
    assert torch.equal(chosen, replay._chosen(ids, general, 3))
    assert not torch.equal(chosen, replay._chosen(ids, general, 4))


def test_replay_of_the_shortest_text_still_masks_one_token(tokenizer):
    general = general_of(tokenizer, "pay")
    ids = torch.tensor([general.rows[0]["input_ids"]])
    assert all(replay._chosen(ids, general, step).sum() == 1 for step in range(20))
