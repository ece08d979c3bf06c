import numpy as np

from afina import slips


def drawn(count, seed=0):
    return list(slips.drawn([[1, 2], [11, 12, 13], [21]], count, np.random.default_rng(seed)))


def test_each_word_gives_one_place_at_most_and_there_are_no_more_than_words():
    for seed in range(20):
        found = drawn(9, seed)
        assert sorted(place // 10 for place in found) == [0, 1, 2]
        assert len(drawn(2, seed)) == 2


def test_with_a_higher_count_the_first_places_stay_the_same():
    for seed in range(20):
        assert drawn(3, seed)[:2] == drawn(2, seed)
