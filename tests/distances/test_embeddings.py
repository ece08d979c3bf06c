"""Embeddings: against the exact kernel, and growing with the share of another domain."""

import numpy as np
import pytest

from afina.distances import embeddings
from afina.records import Sample

RNG = np.random.default_rng(0)
GENERAL = RNG.normal(size=(400, 16))


def sample(vectors: np.ndarray) -> Sample:
    return Sample(tuple({} for _ in vectors), {}, vectors.astype(np.float32))


def exact(x: np.ndarray, y: np.ndarray) -> float:
    """Gretton et al. 2012, equation 3, with loops that leave i = j out."""
    reference = y[: embeddings.MEDIAN_OF]
    width = np.median([((a - b) ** 2).sum() for i, a in enumerate(reference) for b in reference[:i]])
    kernel = lambda a, b: np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / width)  # noqa: E731
    within = [kernel(a, a)[~np.eye(len(a), dtype=bool)].mean() for a in (x, y)]
    return float(sum(within) - 2 * kernel(x, y).mean())


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_random_features_agree_with_the_exact_kernel(shift):
    x = RNG.normal(size=(300, 16)) + shift
    expected = exact(x, GENERAL)
    assert embeddings.measure(sample(x), sample(GENERAL), 0).value == pytest.approx(expected, abs=0.004 + expected / 20)


def test_two_samples_of_one_distribution_are_0_apart_within_the_interval():
    found = embeddings.measure(sample(RNG.normal(size=(400, 16))), sample(GENERAL), 0)
    assert abs(found.value) < 0.005
    assert abs(found.zero) < 0.01
    assert found.low < 0 < found.high


def test_the_distance_grows_with_the_share_of_another_domain():
    base, other = RNG.normal(size=(400, 16)), RNG.normal(size=(400, 16)) + 1.5
    values = []
    for share in (0, 0.05, 0.1, 0.2, 0.5, 1):
        swapped = int(400 * share)
        mixed = np.concatenate([other[:swapped], base[swapped:]])
        values.append(embeddings.measure(sample(mixed), sample(GENERAL), 0).value)
    assert values == sorted(values)
    assert values[-1] > 10 * values[2]


def test_a_difference_in_spread_alone_is_seen():
    wide = embeddings.measure(sample(3 * RNG.normal(size=(400, 16))), sample(GENERAL), 0)
    assert wide.low > 0.05


def test_the_scale_of_the_base_does_not_matter():
    x = RNG.normal(size=(200, 16)) + 1
    plain = embeddings.measure(sample(x), sample(GENERAL), 0).value
    assert embeddings.measure(sample(100 * x), sample(100 * GENERAL), 0).value == pytest.approx(plain, rel=1e-3)


def test_a_reference_of_one_repeated_text_gives_a_finite_answer():
    one = np.ones((50, 16))
    assert embeddings.measure(sample(one), sample(one), 0).value == pytest.approx(0, abs=1e-9)
    assert 0 < embeddings.measure(sample(GENERAL), sample(one), 0).value <= 2


def test_six_hundred_texts_take_well_under_a_second():
    import time

    rows = sample(RNG.normal(size=(600, 384)))
    began = time.process_time()
    embeddings.measure(rows, rows, 0)
    assert time.process_time() - began < 2  # 0.3 s alone
