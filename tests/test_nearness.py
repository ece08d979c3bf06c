"""Groups of near copies: all rows that a chain of near copies joins, and no other."""

import random
from itertools import combinations, pairwise

from afina import nearness
from afina.records import Row


def row(place, text):
    return Row(text, "a", f"t:{place}")


def test_copies_of_a_copy_are_of_its_group_and_rows_without_any_are_not_named():
    text = " ".join(f"w{chr(97 + n)}" for n in range(16))
    chain = [
        text,
        f"{text} wx",
        f"{text} wx wy",
        f"{text} wx wy wz",
    ]  # the last nearly copies the second, not the first
    rows = [row(0, "quite another text of some words"), *(row(place, one) for place, one in enumerate(chain, 1))]
    assert nearness.groups(rows) == {f"t:{place}": "t:1" for place in range(1, 5)}
    assert list(nearness.copies(rows)) == [(2, 1), (4, 3)]
    assert nearness.groups([]) == {}


def test_groups_are_those_that_comparing_every_pair_makes():
    rng = random.Random(0)
    words = [f"w{chr(97 + n)}" for n in range(12)]
    texts = [" ".join(rng.choices(words, k=14)) for _ in range(40)]
    for _ in range(2):
        texts += [f"{text} {rng.choice(words)}" for text in texts[-20:]]
    rng.shuffle(texts)

    def shingles(text):
        split = text.split()
        return set(split) | set(pairwise(split))

    group = {place: {place} for place in range(len(texts))}
    for (one, text), (two, other) in combinations(enumerate(texts), 2):
        a, b = shingles(text), shingles(other)
        if len(a & b) / len(a | b) >= 0.9:
            joined = group[one] | group[two]
            group.update(dict.fromkeys(joined, joined))
    expected = {f"t:{place}": f"t:{min(own)}" for place, own in group.items() if len(own) > 1}
    assert nearness.groups([row(place, text) for place, text in enumerate(texts)]) == expected
    assert len(expected) > 20
