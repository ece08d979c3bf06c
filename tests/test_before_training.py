"""What training starts from: made once, made anew where the rows changed, forgotten where nobody asks for it."""

import dataclasses

import pytest
import tiny

from afina import bases, before_training
from afina.keeper import Keeper
from afina.records import Columns, Corpus, silent


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


@pytest.fixture(scope="module")
def corpus():
    rows = tiny.rows(40, 1, "train")
    rare = [row for row in rows if row.label == "money"][:3]
    train = (*(row for row in rows if row.label != "money"), *rare)
    return Corpus("tiny", Columns("text", "label"), tiny.LABELS, train, rows[:5], rows[:5], "", (), ())


@pytest.fixture(scope="module")
def plan(corpus, opened):
    return tiny.plan_of(corpus, opened, balancing="semantic", balancing_share=1.0)


def ready(folder, corpus, plan, opened):
    keep = Keeper(folder, silent)
    keep.digests.append("of the corpus")
    return before_training.make_ready(keep, corpus, plan, opened, 0), keep


def test_what_was_not_asked_for_is_not_made_and_its_record_is_deleted(tmp_path, corpus, plan, opened):
    ready(tmp_path, corpus, plan, opened)
    assert (tmp_path / "records" / "balance.json").is_file()
    plain = dataclasses.replace(plan, settings=dataclasses.replace(plan.settings, balancing="none"))
    made, keep = ready(tmp_path, corpus, plain, opened)
    assert made.rows is corpus
    assert made.base is opened
    assert (made.prepared, made.balanced, made.adapted) == (None, None, None)
    assert not (tmp_path / "records" / "balance.json").exists()
    assert keep.seconds == {}


def test_added_rows_are_read_again_and_made_anew_for_other_rows(tmp_path, corpus, plan, opened, monkeypatch):
    from afina.stages import balance

    made, _ = ready(tmp_path, corpus, plan, opened)
    assert len(made.rows.train) == sum(made.balanced.after.values()) > len(corpus.train)
    calls = []
    own = balance.balance
    monkeypatch.setattr(balance, "balance", lambda *given: calls.append(1) or own(*given))
    assert ready(tmp_path, corpus, plan, opened)[0].balanced == made.balanced
    assert calls == []
    fewer = dataclasses.replace(corpus, train=corpus.train[1:])  # the keeper's digest of the corpus being the same
    other, _ = ready(tmp_path, fewer, plan, opened)
    assert calls == [1]
    assert sum(other.balanced.before.values()) == len(fewer.train)
