import dataclasses
from collections import Counter

import pytest

from afina import rounds
from afina.errors import DataError
from afina.records import Columns, Corpus, Row


def corpus_of(**sizes):
    rows = tuple(Row(f"{label} text {n}", label, f"f:{label}{n}") for label, size in sizes.items() for n in range(size))
    return Corpus("test", Columns("text", "label"), tuple(sizes), rows, (), rows[:2], "", (), ())


def test_parts_grow_within_each_other_beside_rows_that_stay_out_and_keep_the_shares_of_classes():
    corpus = corpus_of(often=540, seldom=54, rare=6)
    made, several = rounds.of(corpus, 0)
    assert not several
    assert [len(one.train) for one in made] == [101, 200, 400]  # of the rare class two rows, not one
    assert len({one.judged for one in made}) == 1
    assert (len(made[0].judged), Counter(row.label for row in made[0].train)["rare"]) == (200, 2)
    small, half, rest = ({row.where for row in one.train} for one in made)
    assert small < half < rest
    assert rest | {row.where for row in made[0].judged} == {row.where for row in corpus.train}
    assert not rest & {row.where for row in made[0].judged}


def test_few_rows_are_cut_three_times_and_each_is_judged_once_but_for_one_of_a_class():
    corpus = corpus_of(one=16, other=16, third=16)
    made, several = rounds.of(corpus, 0)
    assert several
    judged = [row for one in made for row in one.judged]
    assert [len(one.judged) for one in made] == [16, 16, 13]
    assert len(set(judged)) == len(judged) == 45
    for one in made:
        assert set(one.train) | set(one.judged) == set(corpus.train)
        assert not set(one.train) & set(one.judged)
        assert {row.label for row in one.train} == {"one", "other", "third"}


def test_the_same_seed_gives_the_same_rounds_and_another_gives_others():
    corpus = corpus_of(one=300, other=100)
    assert rounds.of(corpus, 3) == rounds.of(corpus, 3) != rounds.of(corpus, 4)


def test_no_more_rows_than_needed_judge_a_large_corpus():
    made, _ = rounds.of(corpus_of(one=3000, other=3000), 0)
    assert [len(made[-1].train), len(made[-1].judged)] == [5000, 1000]


def test_rows_too_few_to_keep_any_out_are_refused():
    with pytest.raises(DataError, match="too few"):
        rounds.of(corpus_of(one=2, other=2), 0)


def test_rows_of_dev_and_test_have_no_part():
    corpus = corpus_of(one=300, other=100)
    apart = dataclasses.replace(corpus, train=corpus.train[:-50], dev=corpus.train[-50:], test=corpus.train[-50:])
    made, _ = rounds.of(apart, 0)
    assert not {row for one in made for row in (*one.train, *one.judged)} & set(apart.dev)
