"""What every distance on the shelf keeps: an interval around its value, a seed, no order, and a defined answer."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from afina import shelf
from afina.records import Distance, Sample, from_json, to_json

NAMES = shelf.names("distances")
VOCABULARY = [f"{letter * length}" for letter in "abcdefghij" for length in range(1, 9)]


def make(rows: int, seed: int, foreign: float = 0.0) -> Sample:
    """Texts of ten words from one distribution, a share from another: other words, longer, elsewhere, harder."""
    rng, hardness = np.random.default_rng(seed), np.random.default_rng((seed, 1))
    texts, vectors, nats = [], [], []
    for row in range(rows):
        other = row < foreign * rows
        words = [word for word in VOCABULARY if (len(word) > 4) == other]
        texts.append(Counter(rng.choice(words, 10).tolist()))
        vectors.append(rng.normal(size=12) + 2 * other)
        tokens = hardness.integers(8, 15)
        nats.append((tokens * hardness.gamma(9, (3 + 2 * other) / 9), tokens))
    return of(texts, np.array(vectors, np.float32), np.array(nats))


def of(texts: Sequence[Counter], vectors: np.ndarray, nats: np.ndarray) -> Sample:
    return Sample(tuple(texts), {word: len(word) // 2 for word in VOCABULARY}, vectors, nats)


def some(sample: Sample, places: Sequence[int]) -> Sample:
    return of([sample.words[n] for n in places], sample.vectors[list(places)], sample.nats[list(places)])


REFERENCE = make(200, 0)


@pytest.fixture(scope="module", params=NAMES)
def distance(request: pytest.FixtureRequest) -> ModuleType:
    return shelf.load("distances", request.param)


def test_it_says_its_unit_its_cost_its_source_and_what_it_does_not_say(distance):
    for needed in ("Unit:", "Cost", "Source:", "does not say"):
        assert needed in distance.__doc__


def test_it_answers_by_its_own_name_with_numbers_a_unit_and_a_sentence(distance):
    found = distance.measure(make(100, 1), REFERENCE, 0)
    assert distance.__name__.endswith("." + found.measure)
    assert all(math.isfinite(value) for value in (found.value, found.low, found.high, found.zero))
    assert found.rows == 100
    assert found.unit
    assert len(found.means) > 20
    assert from_json(Distance, to_json(found)) == found


@pytest.mark.parametrize("foreign", [0.0, 0.3, 1.0])
def test_the_interval_holds_the_value(distance, foreign):
    found = distance.measure(make(100, 1, foreign), REFERENCE, 0)
    assert found.low <= found.value <= found.high


def test_another_domain_is_farther_than_more_of_the_same_and_beyond_its_interval(distance):
    same, other = (distance.measure(make(150, 1, foreign), REFERENCE, 0) for foreign in (0.0, 1.0))
    assert other.low > same.high
    assert other.value > 3 * abs(other.zero)


def test_few_texts_of_the_same_domain_are_as_near_as_zero_says(distance):
    """What few texts add to a distance is taken off, or stands in `zero` as well."""
    same, other = (distance.measure(make(60, 3, foreign), REFERENCE, 0) for foreign in (0.0, 1.0))
    assert abs(same.value - same.zero) < 0.2 * (other.value - same.zero)


def test_it_grows_with_the_share_of_another_domain(distance):
    values = [distance.measure(make(200, 1, share), REFERENCE, 0).value for share in (0, 0.1, 0.2, 0.5, 1)]
    assert values == sorted(values)


def test_the_same_seed_gives_the_same_answer_and_another_one_nearly(distance):
    sample = make(150, 1, 0.5)
    found = distance.measure(sample, REFERENCE, 0)
    assert distance.measure(sample, REFERENCE, 0) == found
    assert distance.measure(sample, REFERENCE, 1).value == pytest.approx(found.value, rel=0.2, abs=0.01)


def test_the_order_of_the_texts_does_not_matter(distance):
    sample = make(100, 1, 0.5)
    shuffled = some(sample, np.random.default_rng(0).permutation(100))
    assert distance.measure(shuffled, REFERENCE, 0).value == pytest.approx(
        distance.measure(sample, REFERENCE, 0).value, rel=1e-6
    )


def test_more_texts_give_a_narrower_interval(distance):
    few, many = (distance.measure(make(rows, 1, 0.5), make(300, 0), 0) for rows in (40, 640))
    assert many.high - many.low < few.high - few.low


def test_a_corpus_of_one_repeated_text_has_a_defined_answer_without_spread_of_its_own(distance):
    sample = some(make(10, 1, 0.1), [0] * 50)  # one from elsewhere
    found = distance.measure(sample, REFERENCE, 0)
    assert math.isfinite(found.value)
    assert found.low <= found.value <= found.high
    assert found.value > distance.measure(make(50, 1), REFERENCE, 0).value


def test_thirty_texts_are_enough(distance):
    assert math.isfinite(distance.measure(make(30, 1), make(30, 2), 0).value)


def test_it_changes_nothing_that_it_is_given(distance):
    sample = make(50, 1)
    kept = replace(sample, vectors=sample.vectors.copy(), words=tuple(dict(text) for text in sample.words))
    kept = replace(kept, nats=sample.nats.copy())
    distance.measure(sample, REFERENCE, 0)
    assert (sample.vectors == kept.vectors).all()
    assert (sample.nats == kept.nats).all()
    assert all(dict(a) == b for a, b in zip(sample.words, kept.words, strict=True))
