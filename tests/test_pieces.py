from collections import Counter

from afina import pieces


def test_words_are_counted_once_a_stretch_and_each_tenth_stretch_is_held_out():
    texts = ["a " * 199 + "b"] * 9 + ["c " * 200] + ["d"]
    learned, held = pieces.count(texts, str.split)
    assert learned.uses == Counter(a=199 * 9, b=9, d=1)
    assert learned.stretches == Counter(a=9, b=9, d=1)
    assert held.uses == Counter(c=200)
    assert held.stretches == Counter(c=1)
    assert pieces.together(learned, held).uses == Counter(a=199 * 9, b=9, c=200, d=1)


def test_a_stretch_goes_over_the_borders_of_texts_and_a_text_over_those_of_stretches():
    one, _ = pieces.count(["a b"] * 150, str.split)
    other, _ = pieces.count(["a b " * 150], str.split)
    assert one == other
    assert one.stretches == Counter(a=2, b=2)


def test_memory_is_bounded_on_an_endless_stream_and_frequent_words_stay():
    texts = (f"often w{number} x{number}" for number in range(20_000))
    learned, held = pieces.count(texts, str.split, most=1000)
    assert len(learned.uses) <= 1000 + 3
    assert len(held.uses) <= 1000 + 3
    assert learned.uses["often"] + held.uses["often"] == 20_000
    assert learned.stretches.keys() == learned.uses.keys()


def test_texts_are_read_one_at_a_time():
    seen = []

    def stream():
        for number in range(5):
            assert len(seen) == number
            yield "a"

    pieces.count(stream(), lambda text: seen.append(text) or [text])


def test_nothing_and_junk_have_counts_too():
    assert pieces.count([], str.split)[0].uses == {}
    assert pieces.count(["x" * 1_000_000, "\x00\ufffd"], str.split)[0].uses == {"\x00\ufffd": 1}


def test_a_token_is_added_while_it_saves_a_larger_share_than_its_row_costs():
    tokens = [1000, 900, 850, 845, 844]
    assert pieces.how_many(tokens, 0.0) == 4
    assert pieces.how_many(tokens, 0.002) == 3
    assert pieces.how_many(tokens, 0.01) == 2
    assert pieces.how_many(tokens, 0.06) == 1
    assert pieces.how_many(tokens, 0.2) == 0
    assert pieces.how_many([0, 0], 0.1) == 0
