"""Scores against scikit-learn and SciPy, and heads against scikit-learn's."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, matthews_corrcoef

from afina import crossfit

RNG = np.random.default_rng(0)
ONES = np.ones((1, 60))


def known(kind, truth):
    return crossfit.Known("task", tuple(map(str, range(len(truth)))), (), truth, kind)


@pytest.mark.parametrize(
    ("kind", "theirs"),
    [("classes", accuracy_score), ("uneven", matthews_corrcoef), ("scores", lambda a, b: spearmanr(a, b).statistic)],
)
def test_scores_are_what_other_libraries_say_of_the_rows_and_of_a_resample(kind, theirs):
    truth = RNG.integers(0, 6, 60) / 2 if kind == "scores" else RNG.integers(0, 2, 60)
    said = np.where(RNG.random(60) < 0.6, truth, truth[::-1])
    drawn = RNG.integers(0, 60, 60)
    weights = np.vstack([ONES, np.bincount(drawn, minlength=60)])
    found = crossfit.scores(known(kind, truth), [said], weights)[:, 0]
    assert found == pytest.approx([theirs(truth, said), theirs(truth[drawn], said[drawn])])


def test_the_ridge_is_that_of_scikit_learn_with_the_penalty_that_errs_least_on_rows_left_out():
    x, asked = RNG.normal(size=(25, 40)), RNG.normal(size=(7, 40))
    wanted = x[:, :1] + RNG.normal(size=(25, 1))
    middle, spread = x.mean(0), x.std(0) + 1e-6
    scaled = (x - middle) / spread

    def error(penalty):
        """Each row left out by hand, from the same scaling."""
        models = [Ridge(alpha=penalty * 25).fit(np.delete(scaled, n, 0), np.delete(wanted, n, 0)) for n in range(25)]
        return sum(float((model.predict(scaled[n : n + 1]) - wanted[n]).item() ** 2) for n, model in enumerate(models))

    best = min(crossfit.probing.PENALTIES, key=error)
    theirs = Ridge(alpha=best * 25).fit(scaled, wanted).predict((asked - middle) / spread)
    assert crossfit.ridge(x, wanted, asked)[:, 0] == pytest.approx(theirs.reshape(-1), rel=1e-6)


@pytest.mark.parametrize("kind", ["uneven", "scores", "classes"])
def test_a_body_that_knows_nothing_of_a_task_is_at_chance_and_not_below_it(kind):
    found = []
    for _ in range(15):
        truth = RNG.normal(size=60) if kind == "scores" else (RNG.random(60) < 0.7).astype(int)
        task = known(kind, truth)
        said = crossfit.answers(task, dict(zip(task.first, RNG.normal(size=(60, 20)), strict=True)))
        found.append(crossfit.scores(task, [said], ONES)[0, 0])
    assert np.mean(found) == pytest.approx(0.7 if kind == "classes" else 0, abs=0.1)


def test_a_task_that_is_in_the_vectors_is_found_for_single_texts_and_pairs():
    truth = RNG.integers(0, 3, 90)
    vectors = np.eye(3)[truth] + 0.2 * RNG.normal(size=(90, 3))
    task = crossfit.Known("mnli", tuple(map(str, range(90))), tuple("abc"[one] for one in truth), truth)
    of_text = {**dict(zip(task.first, vectors, strict=True)), **{"abc"[n]: np.roll(np.eye(3)[n], 1) for n in range(3)}}
    assert (crossfit.answers(task, of_text) == truth).mean() > 0.9
