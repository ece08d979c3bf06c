import numpy as np
import pytest

from afina import probing


def data(rows=60, width=5, classes=3, seed=0, shares=None):
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, rows, p=shares)
    return rng.normal(size=(rows, width)) + 1.5 * rng.normal(size=(classes, width))[labels], labels


def by_hand(x, targets, penalty):
    """Leave-one-out the slow way: one ridge fit for each row left out, on features standardised once."""
    x = (x - x.mean(0)) / (x.std(0) + 1e-6)
    said = np.empty(targets.shape)
    for row in range(len(x)):
        rest = np.arange(len(x)) != row
        design = np.c_[np.ones(rest.sum()), x[rest]]
        ridge = np.diag([0.0, *[penalty * len(x)] * x.shape[1]])
        weights = np.linalg.solve(design.T @ design + ridge, design.T @ targets[rest])
        said[row] = np.r_[1, x[row]] @ weights
    return said


@pytest.mark.parametrize("seed", range(5))
def test_the_closed_form_equals_leaving_out_each_row_in_turn(seed, monkeypatch):
    x, labels = data(seed=seed, shares=(0.7, 0.2, 0.1))
    for penalty in (0.01, 1.0, 30.0):
        monkeypatch.setattr(probing, "PENALTIES", np.array([penalty]))
        (answers,) = probing.held_out(x, np.eye(3)[labels])
        np.testing.assert_allclose(answers, by_hand(x, np.eye(3)[labels], penalty), atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_logistic_head_answers_as_scikit_learn_does(classes):
    from sklearn.linear_model import LogisticRegression

    x, labels = data(200, classes=classes)
    weights, biases = probing.logistic(x, labels, classes, 10.0)
    logits = x @ weights.T + biases
    theirs = LogisticRegression(C=10.0, max_iter=300).fit(x, labels).predict_proba(x)
    ours = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_class_without_rows_is_never_the_answer():
    x, labels = data(100, classes=3)
    weights, biases = probing.logistic(x, labels, 5, 10.0)
    assert (x @ weights.T + biases).argmax(1).max() <= 2


def test_the_strength_is_chosen_on_rows_of_all_classes_even_where_the_file_is_sorted(monkeypatch):
    x, labels = data(400, classes=4)
    order, own, seen = np.argsort(labels), probing.logistic, []
    monkeypatch.setattr(probing, "logistic", lambda x, y, *rest: seen.append(set(y.tolist())) or own(x, y, *rest))
    probing.choose_strength((x[order], labels[order]), (x, labels), 4, rows=100)
    assert seen == [{0, 1, 2, 3}] * len(probing.STRENGTHS)


def test_without_dev_the_strength_is_not_the_one_that_fits_its_own_rows_best():
    x, labels = data(40, width=30)
    assert probing.choose_strength((x, labels), (x, labels), 3) == max(probing.STRENGTHS)  # what must not happen
    assert probing.choose_strength((x, labels), None, 3) == probing.ALONE


def test_without_dev_the_penalty_of_a_ridge_is_chosen_by_rows_that_it_was_not_fitted_to():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 60))
    y = x[:, :1] + 3 * rng.normal(size=(40, 1))
    weights, _ = probing.ridge((x, y), None)
    own, _ = probing.ridge((x, y), (x, y))
    fresh = rng.normal(size=(2000, 60))
    errors = [float(np.square(fresh @ head.T - fresh[:, :1]).mean()) for head in (weights, own)]
    assert errors[0] < 0.6 * errors[1]


def test_the_labels_logistic_heads_are_those_of_scikit_learn_one_by_one():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 8)).astype(np.float32)
    wanted = (x @ rng.normal(size=(8, 3)) + rng.normal(size=(150, 3)) > 0.5).astype(np.float32)
    weights, biases = probing.logistic_labels(x, wanted, 3.0)
    for place in range(3):
        theirs = LogisticRegression(C=3.0, max_iter=500, tol=1e-8).fit(x, wanted[:, place])
        np.testing.assert_allclose(weights[place], theirs.coef_[0], atol=2e-3)
        assert biases[place] == pytest.approx(theirs.intercept_[0], abs=2e-3)


def test_ridge_is_that_of_scikit_learn_and_takes_the_penalty_that_is_best_on_dev():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(120, 10)) + 5, rng.normal(size=(120, 2))
    y = x @ rng.normal(size=(10, 2)) + noise - 3
    weights, biases = probing.ridge((x[:80], y[:80]), (x[80:], y[80:]))
    spread = np.square(x[:80] - x[:80].mean(0)).sum() / 10
    errors = {}
    for penalty in probing.PENALTIES:
        theirs = Ridge(alpha=penalty * spread).fit(x[:80], y[:80])
        errors[np.square(theirs.predict(x[80:]) - y[80:]).mean()] = theirs
    best = errors[min(errors)]
    np.testing.assert_allclose(weights, best.coef_, atol=1e-4)
    np.testing.assert_allclose(biases, best.intercept_, atol=1e-4)
