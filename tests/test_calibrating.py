"""Scores by hand and by scikit-learn, the temperature by a grid, and promises that are kept in simulation."""

import numpy as np
import pytest

from afina import calibrating, metrics


def softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def drawn(rows, temperature, seed, classes=4):
    """Probabilities, and truth drawn from what they are at a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (rows, classes))
    p = softmax(logits)
    true = softmax(logits / temperature)
    picked = (true.cumsum(1) > rng.random((rows, 1))).argmax(1)
    return p, np.eye(classes)[picked]


def both(rows, temperature, seed, labels=5):
    """The same for labels by themselves."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (rows, labels))
    truth = rng.random((rows, labels)) < 1 / (1 + np.exp(-logits / temperature))
    return 1 / (1 + np.exp(-logits)), truth.astype(float)


def test_scores_of_classes_are_those_that_evaluation_gives():
    p, truth = drawn(200, 2.0, 0)
    truth[:5] = 0  # a class that training never saw
    places = np.where(truth.any(1), truth.argmax(1), -1)
    wanted = {score.name: score.value for score in metrics.scores(places, p)}
    for score in calibrating.scores(p, truth, True, 0):
        assert score.value == pytest.approx(wanted[score.name])


def test_scores_of_labels_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    p, truth = both(100, 2.0, 0)
    found = {score.name: score.value for score in calibrating.scores(p, truth, False, 0)}
    assert found["brier"] == pytest.approx(sklearn.brier_score_loss(truth.ravel(), p.ravel()))
    assert found["log_loss"] == pytest.approx(sklearn.log_loss(truth.ravel(), p.ravel()))
    # by hand: of four labels at 0.9 two hold, so 0.4 of half; of four at 0.1 none, so 0.1 of half
    ece = calibrating.scores(np.array([[0.9, 0.1]] * 4), np.array([[1.0, 0], [1, 0], [0, 0], [0, 0]]), False, 0)[0]
    assert ece.value == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)


def test_a_temperature_by_hand():
    # logits ln 4 and 0; at T = 2 they are ln 2 and 0
    assert calibrating.tempered(np.array([[0.8, 0.2]]), 2.0, True) == pytest.approx(np.array([[2 / 3, 1 / 3]]))
    assert calibrating.tempered(np.array([[0.8]]), 2.0, False) == pytest.approx(np.array([[2 / 3]]))
    assert calibrating.tempered(np.array([[1.0, 0.0]]), 3.0, True).sum() == pytest.approx(1)


@pytest.mark.parametrize(("draw", "kind"), [(drawn, True), (both, False)])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_planted_temperature_is_found_and_a_finer_grid_finds_no_better(draw, kind, temperature):
    p, truth = draw(1500, temperature, 1)
    found = calibrating.fit(p, truth, kind, 0)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(temperature, rel=0.1)
    loss = lambda t: calibrating.losses(calibrating.tempered(p, t, kind), truth, kind).mean()  # noqa: E731
    assert min(map(loss, np.linspace(0.9, 1.1, 101) * found.value)) >= loss(found.value) - 1e-6


def test_tempering_takes_the_overconfidence_away():
    p, truth = drawn(2000, 3.0, 2)
    before = calibrating.scores(p, truth, True, 0)[0]
    after = calibrating.scores(calibrating.tempered(p, 3.0, True), truth, True, 0)[0]
    assert before.value > 0.2 > 5 * after.value
    lucky = calibrating.chance(calibrating.tempered(p, 3.0, True), True, 0)
    assert lucky.low <= after.value <= lucky.high < before.low


def test_chance_is_what_a_perfect_model_has():
    p, _ = drawn(300, 1.0, 0)
    lucky = calibrating.chance(p, True, 0)
    eces = [calibrating.scores(p, drawn(300, 1.0, 0)[1], True, 0)[0].value]
    rng = np.random.default_rng(5)
    for _ in range(200):
        truth = np.eye(4)[(p.cumsum(1) > rng.random((300, 1))).argmax(1)]
        sure, came = calibrating.cells(p, truth, True)
        eces.append(sum(n / 300 * abs(a - c) for c, a, n in metrics.binned(sure[:, 0], came[:, 0] > 0)))
    assert np.mean(eces) == pytest.approx(lucky.value, rel=0.1)
    assert 0.9 <= np.mean([lucky.low <= one <= lucky.high for one in eces]) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("draw", "kind", "rows"), [(drawn, True, 100), (drawn, True, 400), (both, False, 100)])
def test_the_interval_of_a_temperature_holds_the_truth_95_times_in_100(draw, kind, rows):
    held = 0
    for seed in range(150):
        found = calibrating.fit(*draw(rows, 2.0, seed), kind, seed)
        held += found.low <= 2.0 <= found.high
    assert 0.90 <= held / 150 <= 0.98


@pytest.mark.parametrize("promise", [0.9, 0.95])
@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_a_promise_is_kept_19_times_in_20(promise, slope):
    """Confidence is uniform; right with a chance that rises with it from promise - slope / 10, or is just below it."""
    rng = np.random.default_rng(0)
    broken = found = 0
    for _ in range(400):
        sure = rng.random(300)
        chance = np.clip(promise - 0.1 * slope - 1e-6 + slope * 0.19 * sure, 0, 1)
        cut = calibrating.threshold(sure, rng.random(300) < chance, promise)
        if cut is None:
            continue
        found += 1
        grid = np.linspace(cut, 1, 200)
        broken += np.clip(promise - 0.1 * slope - 1e-6 + slope * 0.19 * grid, 0, 1).mean() < promise
    assert broken / 400 <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5
    assert found > 0


def test_a_threshold_that_only_looks_at_the_share_would_break_its_promise():
    """The fault that the test above must see: the loosest cut with so large a share right, tested by nothing."""
    rng = np.random.default_rng(0)
    broken = 0
    for _ in range(400):
        sure = rng.random(300)
        right = rng.random(300) < 0.9 - 1e-6  # never as good as promised
        order = np.argsort(-sure)
        broken += ((right[order].cumsum() / np.arange(1, 301))[29:] >= 0.9).any()
    assert broken / 400 > 0.5


def test_a_threshold_by_hand():
    sure, right = np.linspace(1, 0, 200), np.ones(200, bool)
    right[150:] = False
    assert calibrating.threshold(sure, right, 0.9) == sure[149]  # with 10 wrong of 160: P(Bin(160, 0.1) <= 10) = 6%
    assert calibrating.threshold(sure[:28], right[:28], 0.9) is None  # 29 without a mistake are needed
    assert calibrating.threshold(sure, ~right, 0.9) is None
    assert calibrating.threshold(np.ones(100), np.ones(100, bool), 0.95) == 1.0  # all as sure: all or none
