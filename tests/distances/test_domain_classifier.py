"""Domain classifier: hand-worked errors, scikit-learn's left-out answers, and what a perfect score is worth."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from afina.distances import domain_classifier
from afina.metrics import wilson
from afina.records import Sample

RNG = np.random.default_rng(0)
GENERAL = RNG.normal(size=(200, 12))


def sample(vectors: np.ndarray) -> Sample:
    return Sample(tuple({} for _ in vectors), {}, vectors.astype(np.float32))


@pytest.mark.parametrize(("error", "expected"), [(0.5, 0.0), (0.25, 1.0), (0.0, 2.0)])
def test_the_distance_is_2_less_4_errors(error, expected):
    assert domain_classifier._distance(1 - error) == expected


def test_its_answers_are_those_of_scikit_learn_with_each_text_left_out():
    here, general = RNG.normal(size=(12, 5)) + 0.5, RNG.normal(size=(12, 5))
    both, side = np.concatenate([here, general]), np.repeat([1.0, -1.0], 12)
    standard = (both - both.mean(0)) / (both.std(0) + 1e-6)
    answers = cross_val_predict(Ridge(alpha=domain_classifier.PENALTY * 24), standard, side, cv=LeaveOneOut())
    assert (domain_classifier._right(here, general).ravel() == (answers * side > 0)).all()


def test_the_share_of_known_texts_is_said_and_the_larger_side_weighs_no_more():
    found = domain_classifier.measure(sample(RNG.normal(size=(300, 12)) + 3), sample(GENERAL), 0)
    assert found.rows == 200
    assert "knows 100% of the texts" in found.means
    assert found.value == pytest.approx(2)


def test_to_be_right_every_time_is_no_certainty_for_few_texts():
    found = domain_classifier.measure(sample(RNG.normal(size=(40, 12)) + 5), sample(GENERAL), 0)
    assert found.value == found.high == 2
    assert found.low == pytest.approx(4 * wilson(80, 80)[0] - 2)
    assert 1.7 < found.low < 1.9


def test_samples_of_one_distribution_are_a_guess():
    draw = lambda: RNG.normal(size=(100, 12))  # noqa: E731
    found = [domain_classifier.measure(sample(draw()), sample(draw()), 0) for _ in range(8)]
    assert abs(np.mean([one.value for one in found])) < 0.25  # each is off by 0.17 by chance
    assert abs(np.mean([one.zero for one in found])) < 0.4
    assert sum(one.low < 0 < one.high for one in found) >= 4


def test_two_clouds_around_one_middle_are_not_told_apart_by_a_plane():
    found = domain_classifier.measure(sample(4 * RNG.normal(size=(200, 12))), sample(GENERAL), 0)
    assert found.value < 0.6
