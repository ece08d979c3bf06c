"""The machine of stages, by hand: what it has seen decides, and nothing else."""

import json
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from afina.records import Seen, Stage, from_json, to_json
from afina.triggers import Trigger, advance


def run(trigger, values, last=3, epoch=10, stage=None, first=1, steps=None):
    """The stage after each of the values, seen at steps `first`, `first` + 1, ..."""
    stage, found = stage or Stage(), []
    steps = steps or len(values)
    for step, value in enumerate(values, first):
        stage = advance(stage, Seen(step, steps, step / epoch, value), last, trigger)
        found.append(stage)
    return found


def test_by_epoch_a_stage_ends_with_each_pass_until_the_last():
    found = run(Trigger(by="epoch"), [0.0] * 9, last=2, epoch=3)
    assert [stage.number for stage in found] == [0, 0, 1, 1, 1, 2, 2, 2, 2]
    assert [(change.step, change.number) for change in found[-1].changes] == [(3, 1), (6, 2)]
    assert found[-1].changes[0].why == "1 passes are done"


def test_by_share_the_last_stage_begins_at_the_share():
    found = run(Trigger(by="share", share=0.6), [0.0] * 10, last=3)
    assert [stage.number for stage in found] == [0, 1, 1, 2, 2, 3, 3, 3, 3, 3]  # 0.2, 0.4 and 0.6 of ten steps


def test_by_loss_a_stage_ends_after_so_many_windows_without_a_lower_mean():
    trigger = Trigger(by="loss", window=2, patience=2, threshold=0.1)
    #        means: 3.0        2.0       1.9: not 10% lower    1.85: nor this -> stage 1;     then all begins anew
    values = [4.0, 2.0, 2.5, 1.5, 2.0, 1.8, 1.9, 1.8, 9.0, 9.0, 8.0, 8.0]
    found = run(trigger, values)
    assert [stage.number for stage in found] == [0] * 7 + [1] * 5
    assert (found[5].best, found[5].waited, found[6].total, found[6].steps) == (2.0, 1, 1.9, 1)
    assert (found[7].best, found[7].waited, found[7].steps) == (None, 0, 0)
    assert (found[11].best, found[11].waited) == (8.0, 0)
    assert found[7].changes[0].step == 8
    assert "loss was 2 and did not fall in 4 steps" in found[7].changes[0].why


def test_a_number_that_keeps_falling_ends_no_stage():
    found = run(Trigger(by="gradient_norm", window=1, patience=1, threshold=0.05), [0.9**n for n in range(50)])
    assert found[-1].number == 0


def test_after_the_last_stage_nothing_changes():
    trigger = Trigger(by="loss", window=1, patience=1)
    found = run(trigger, [1.0] * 20, last=2)
    assert found[-1].number == 2
    assert len(found[-1].changes) == 2
    assert found[-1] == found[5]


@given(
    st.lists(st.floats(0.01, 10), min_size=2, max_size=40),
    st.integers(0, 40),
    st.sampled_from(["epoch", "share", "loss", "gradient_norm"]),
)
def test_stored_as_json_and_read_back_anywhere_it_goes_on_as_if_it_had_not_stopped(values, cut, by):
    trigger = Trigger(by=by, window=3, patience=1, threshold=0.2)
    cut = min(cut, len(values) - 1)
    straight = run(trigger, values, epoch=7)
    before = straight[cut - 1] if cut else Stage()
    stored = from_json(Stage, json.dumps(asdict(before)))
    resumed = run(trigger, values[cut:], epoch=7, stage=stored, first=cut + 1, steps=len(values))
    assert resumed == straight[cut:]
    assert from_json(Stage, to_json(before)) == before
