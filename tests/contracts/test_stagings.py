"""What every staging on the shelf promises. Modules are found, never listed."""

from itertools import pairwise

import pytest

from afina import heads, shelf
from afina.records import Event
from afina.staging import Staged
from afina.techniques import full

every = pytest.mark.parametrize(
    "staging", [shelf.load("stagings", name) for name in shelf.names("stagings")], ids=lambda s: s.__name__[15:]
)


@every
@pytest.mark.parametrize("layers", [1, 2, 6, 12, 24])
@pytest.mark.parametrize("at_once", [1, 2, 5, 100])
def test_stages_go_one_way_and_each_trains_other_depths_but_always_the_head(staging, layers, at_once):
    edges = staging.edges(layers, staging.Config(layers=at_once))
    assert len(edges) >= 2
    assert len(set(edges)) == len(edges)
    assert list(edges) in (sorted(edges), sorted(edges, reverse=True))
    assert all(0 <= edge <= layers for edge in edges)
    assert 0 in edges
    assert all(abs(one - other) <= at_once for one, other in pairwise(edges))


@every
def test_it_names_its_source_and_forbids_unknown_options(staging):
    assert "Source:" in staging.__doc__
    for wrong in ({"nonsense": 1}, {"by": "whim"}, {"share": 0}, {"patience": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            staging.Config(**wrong)


@every
@pytest.mark.parametrize("by", ["share", "gradient_norm"])
def test_a_plain_trainer_goes_through_its_stages(staging, by, tiny_bert, tmp_path):
    from transformers import Trainer, TrainingArguments

    model = full.apply(heads.build(tiny_bert, "cls", ("a", "b")), full.Config())
    said: list[Event] = []
    staged = Staged(staging.edges, staging.Config(by=by, window=1, patience=1, threshold=0.9), said.append)
    rows = [{"input_ids": [2, 5 + n, 6, 3], "attention_mask": [1] * 4, "labels": n % 2} for n in range(4)]
    arguments = TrainingArguments(
        str(tmp_path), max_steps=12, use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True
    )
    Trainer(model, arguments, train_dataset=rows, callbacks=[staged]).train()
    assert [change.number for change in staged.changes] == [1, 2]
    assert [event.step for event in said] == [change.step for change in staged.changes]
    assert all(p.requires_grad for p in model.parameters())  # as the technique had left it
