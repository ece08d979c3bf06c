"""Two bodies fine-tuned again: equal fits, time shared by hand-worked numbers, and what was forgotten is found."""

import copy
import itertools
import math

import numpy as np
import pytest
import tiny
import torch

from afina import glue, heads, refitting
from afina.errors import RecordError
from afina.records import Body
from afina.refitting import Job


def known(name="sst2", rows=90, second=False):
    """Whether a text is of health: told by words that the tiny model was trained on."""
    drawn = [row for row in tiny.rows(3 * rows, 7, "glue") if row.label != "travel"][:rows]
    texts = tuple(row.text for row in drawn)
    truth = np.array([row.label == "health" for row in drawn], int)
    return glue.known(name, texts, texts[::-1] if second else (), truth * 5.0 if name == "stsb_en" else truth)


def job(name, step, rows=16_000, opening=0.0, asked=0):
    text = ("a",)
    return Job(glue.known(name, text * rows, (), np.zeros(rows)), glue.known(name, text * asked, (), np.zeros(asked)),
               step, opening)  # fmt: skip


@pytest.fixture
def opens(tiny_bert):
    return tiny.copies(tiny_bert)


def test_a_body_that_forgot_is_worse_after_the_same_steps_and_one_that_did_not_is_the_same(opens):
    knows, _ = opens
    (worse,), _ = refitting.both([known(rows=72)], opens, 600, 0)
    right = [float((said == worse.asked.truth).mean()) for said in worse.said]
    assert right[0] > right[1] + 0.2
    (same,), _ = refitting.both([known(rows=30)], (knows, knows), 600, 0)
    assert np.array_equal(*same.said)


@pytest.mark.parametrize(("name", "second"), [("stsb_en", True), ("cola", False), ("mrpc", True)])
def test_every_kind_of_task_is_answered_in_its_own_form(opens, name, second):
    trained, asked = refitting.apart(known(name, 60, second))
    said = refitting.answers(opens[0](), trained, asked, 2, 0)
    assert said.shape == (20,)
    assert (set(said) <= {0, 1}) == (name != "stsb_en")


def test_a_fit_is_the_same_twice_changes_every_layer_and_no_other_copy(opens):
    trained, asked = refitting.apart(known())
    bodies = [opens[0]() for _ in range(3)]
    said = [refitting.answers(body, trained, asked, 3, 0) for body in bodies[:2]]
    assert np.array_equal(*said)
    one, other, untouched = (body.model.state_dict() for body in bodies)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not any(torch.equal(one[name], untouched[name]) for name in one if "attention.self.value.weight" in name)


def test_rows_that_are_asked_are_never_trained_on_nor_are_their_copies():
    task = glue.known("rte", ("a", "b", "c", "a", "a", "d"), ("x", "x", "y", "x", "z", "w"), np.arange(6))
    trained, asked = refitting.apart(task)
    assert (asked.first, asked.second, asked.truth.tolist()) == (("a", "b"), ("x", "x"), [0, 1])
    assert (trained.first, trained.second, trained.truth.tolist()) == (("c", "a", "d"), ("y", "z", "w"), [2, 4, 5])


def test_every_pass_shows_each_row_once_in_another_order():
    order = refitting._order(known(rows=50), 8, 0)
    first, second = (np.concatenate(one) for one in (order[:4], order[4:]))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first.tolist() != second.tolist()
    assert [len(batch) for batch in order[:4]] == [13, 13, 12, 12]


def test_each_task_has_the_same_time_and_what_a_small_one_leaves_goes_to_the_others():
    jobs = [job("sst2", 1.0), job("cola", 2.0), job("wnli", 1.0, rows=160)]  # wnli has 30 steps in three passes
    left, head = 200 - (160 / 48 + 30), 400 / 48  # steps' worth of seconds; what the head's rows cost
    sst2 = int(left / 2 - head)  # 75
    cola = int((left - head - sst2 - 2 * head) / 2)  # 33
    steps = refitting.planned(jobs, 200)
    assert steps == {"wnli": 30, "sst2": sst2, "cola": cola}
    assert sum(one.seconds(steps[one.asked.name]) for one in jobs) <= 200


def test_the_dearest_task_is_left_out_where_the_time_is_short_and_all_where_there_is_none():
    jobs = [job("sst2", 1.0), job("cola", 9.0), job("rte", 1.5)]
    assert set(refitting.planned(jobs, 100)) == {"sst2", "rte"}
    assert set(refitting.planned(jobs, 30)) == {"sst2"}
    assert refitting.planned(jobs, 10) == {}
    assert refitting.planned(jobs, math.inf)["cola"] == 3000


def test_seconds_of_a_task_are_those_of_opening_of_reading_and_of_steps():
    one = job("sst2", 3.0, opening=5.0, asked=80)
    assert one.seconds(20) == pytest.approx(5 + 3 * (80 + 400) / 48 + 60)
    assert (one.most, one.least, job("wnli", 1.0, rows=20).least) == (3000, 20, 6)


def test_where_nothing_fits_the_seconds_that_would_be_enough_are_told(opens):
    made, needed = refitting.both([known(), known("cola"), known("wnli", 30)], opens, 1e-6, 0)
    assert made == []
    assert needed["sst2"] > 0
    assert math.isnan(needed["cola"])  # the time was over before it was timed


def test_both_bodies_are_opened_anew_for_each_task_and_have_as_many_steps(opens, monkeypatch):
    asked, own = [], refitting.answers
    monkeypatch.setattr(refitting, "answers", lambda body, *rest: asked.append((id(body), rest[2])) or own(body, *rest))
    kept = []
    watched = tuple(lambda opening=opening: kept.append(opening()) or kept[-1] for opening in opens)
    made, _ = refitting.both([known(rows=30), known("cola", 30)], watched, 600, 0)
    assert len({body for body, _ in asked}) == 4
    assert [steps for _, steps in asked] == list(itertools.chain(*([one.steps] * 2 for one in made)))


def test_a_task_that_took_half_the_time_leaves_it_to_the_next_at_the_pace_that_it_had(monkeypatch):
    step = 100 / (20 + 400 / 48)  # 100 s for 20 steps and what is read
    now, jobs = [0.0], [job("sst2", step), job("cola", step)]
    monkeypatch.setattr(refitting, "clocked", lambda *_: jobs)
    monkeypatch.setattr(refitting.time, "monotonic", lambda: now[0])

    def half(body, *rest):
        now[0] += 25.0  # of each body
        return np.zeros(0)

    monkeypatch.setattr(refitting, "answers", half)
    made, needed = refitting.both([known("sst2"), known("cola")], (lambda: None, lambda: None), 101, 0)
    assert [one.asked.name for one in made] == ["cola", "sst2"]  # which 101 s had no room for, as it seemed
    assert needed == {}


def test_a_body_that_answers_no_numbers_is_told(opens):
    body = opens[0]()
    torch.nn.init.constant_(next(body.model.parameters()), math.nan)
    with pytest.raises(RecordError, match="no number"):
        refitting.answers(body, *refitting.apart(known()), 2, 0)


def test_the_head_that_a_fit_begins_with_is_better_than_chance_before_the_first_step(opens):
    trained, asked = refitting.apart(known(rows=150))
    assert (refitting.answers(opens[0](), trained, asked, 0, 0) == asked.truth).mean() > 0.8


def test_the_layers_of_a_whole_model_are_those_that_are_trained(tiny_bert):
    model = heads.build(tiny_bert, "mean", ("a", "b"))
    body = Body(model.base_model, tiny.exported(tiny_bert).tokenizer, 32)
    before = copy.deepcopy(model.head.state_dict())
    refitting.answers(body, *refitting.apart(known()), 2, 0)
    assert all(torch.equal(model.head.state_dict()[name], before[name]) for name in before)
