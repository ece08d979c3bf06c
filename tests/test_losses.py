"""Weighed and focal losses against hand-worked numbers and the library's own."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from afina import losses
from afina.losses import Config

WANTED = np.array([0, 0, 0, 1])
WEIGHINGS = ("none", "balanced", "effective")
TABLE = np.array([[1, 0], [1, 0], [1, 1], [0, 0]], dtype=np.float32)


def some(shape=(6, 2)):
    torch.manual_seed(0)
    return torch.randn(shape, dtype=torch.float64) * 2


def test_balanced_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    theirs = compute_class_weight("balanced", classes=np.array([0, 1]), y=WANTED)
    np.testing.assert_allclose(losses.class_weights(WANTED, 2, "balanced"), theirs)
    yes, no = losses.label_weights(TABLE, "balanced")
    for place in range(2):
        theirs = compute_class_weight("balanced", classes=np.array([0, 1]), y=TABLE[:, place])
        np.testing.assert_allclose([no[place], yes[place]], theirs)


def test_effective_weights_by_hand(monkeypatch):
    """b = 0.5, 3 rows and 1: effective 1.75 and 1; 1/1.75 and 1/1, times 4 / (3/1.75 + 1/1)."""
    monkeypatch.setattr(losses, "BETA", 0.5)
    factor = 4 / (3 / 1.75 + 1)
    np.testing.assert_allclose(losses.class_weights(WANTED, 3, "effective"), [factor / 1.75, factor, 0])
    yes, no = losses.label_weights(np.array([[1, 1], [0, 1], [0, 0], [0, 0]]), "effective")
    np.testing.assert_allclose([no, yes], [[factor / 1.75, 1], [factor, 1]])


def test_effective_weights_have_the_papers_ratios():
    """A second way: the number of new rows by the paper's own recursion E(n) = 1 + b E(n - 1)."""
    counts = (4, 10, 1642)
    found = losses.class_weights(np.repeat(np.arange(3), counts), 3, "effective")
    expected = []
    for count in counts:
        new = 0.0
        for _ in range(count):
            new = 1 + losses.BETA * new
        expected.append(1 / new)
    np.testing.assert_allclose(found / found[0], np.array(expected) / expected[0])


@pytest.mark.parametrize("weighing", WEIGHINGS)
def test_a_row_weighs_1_on_average_and_a_rare_one_no_less_than_a_common_one(weighing):
    wanted = np.repeat([0, 1, 3], [900, 90, 10])
    weights = losses.class_weights(wanted, 4, weighing)
    assert weights[wanted].mean() == pytest.approx(1)
    assert weights[0] <= weights[1] <= weights[3]
    assert weights[2] == 0
    table = np.eye(4)[wanted]  # nobody has the third label
    yes, no = losses.label_weights(table, weighing)
    np.testing.assert_allclose(np.where(table > 0, yes, no).mean(0), 1)
    assert np.isfinite([yes, no]).all()


def test_with_a_beta_of_nearly_0_and_1_effective_weights_are_none_and_balanced(monkeypatch):
    wanted = np.repeat([0, 1], [30, 10])
    for beta, weighing in ((1e-9, "none"), (1 - 1e-9, "balanced")):
        monkeypatch.setattr(losses, "BETA", beta)
        found = losses.class_weights(wanted, 2, "effective")
        np.testing.assert_allclose(found, losses.class_weights(wanted, 2, weighing), rtol=1e-6)


@pytest.mark.parametrize("weighing", WEIGHINGS)
def test_without_focus_the_losses_are_the_librarys(weighing):
    config, logits = Config(class_weights=weighing), some()
    truth = torch.tensor([0, 1, 1, 0, 1, 1])
    weights = torch.from_numpy(losses.class_weights(WANTED, 2, weighing)).float().double()
    expected = functional.cross_entropy(logits, truth, weight=weights)
    torch.testing.assert_close(losses.of_classes(config, WANTED, 2)(logits, truth), expected)
    table = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (6, 2))).double()
    yes, no = (torch.from_numpy(one).float().double() for one in losses.label_weights(TABLE, weighing))
    each = torch.where(table > 0, yes, no)
    expected = functional.binary_cross_entropy_with_logits(logits, table, weight=each)
    torch.testing.assert_close(losses.of_labels(config, TABLE)(logits, table), expected)


def test_focal_losses_by_hand():
    """p = 0.9 and 0.6 of the true class, g = 2: ((0.1)^2 ln(1/0.9) + (0.4)^2 ln(1/0.6)) / 2."""
    expected = (0.01 * math.log(1 / 0.9) + 0.16 * math.log(1 / 0.6)) / 2
    focal = Config(loss="focal")
    logits = torch.tensor([[0.9, 0.1], [0.4, 0.6]]).log()
    assert losses.of_classes(focal, WANTED, 2)(logits, torch.tensor([0, 1])).item() == pytest.approx(expected)
    logits = torch.tensor([[math.log(9.0)], [math.log(2 / 3)]])
    truth = torch.tensor([[1.0], [0.0]])
    assert losses.of_labels(focal, TABLE[:, :1])(logits, truth).item() == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(4, 3), (4, 2)])
def test_gradients_are_those_of_finite_differences(shape):
    config = Config(class_weights="balanced", loss="focal", focal_gamma=1.5)
    logits = some(shape).requires_grad_(True)
    own = losses.of_classes(config, np.array([0, 1, 2, 0, 0]), 3), torch.tensor([0, 1, 2, 0])
    if shape[1] == 2:
        own = losses.of_labels(config, TABLE), torch.from_numpy(TABLE).double()
    assert torch.autograd.gradcheck(lambda x: own[0](x, own[1]), (logits,), atol=1e-4)


def test_sure_and_right_answers_have_no_loss_and_no_broken_gradient():
    for loss, truth in (
        (losses.of_classes(Config(loss="focal"), WANTED, 2), torch.tensor([0, 0])),
        (losses.of_labels(Config(loss="focal"), TABLE), torch.tensor([[1.0, 0.0]] * 2)),
    ):
        logits = torch.tensor([[200.0, -200.0]] * 2, requires_grad=True)
        value = loss(logits, truth)
        value.backward()
        assert value.item() == 0.0
        assert torch.isfinite(logits.grad).all()
