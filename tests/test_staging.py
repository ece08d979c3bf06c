"""The callback in a whole fit: what moves when, what the optimizer keeps, and a run that was stopped."""

import dataclasses
import os
import signal

import pytest
import torch

from afina import depths, features, fitting, heads, recipes, watching
from afina.errors import ConfigError, Interrupted
from afina.recipes import Policy
from afina.records import silent
from afina.staging import Staged
from afina.stagings import gradual_unfreezing
from afina.techniques import full, lora

LABELS = ("lost", "visit")
RECIPE = recipes.Recipe(
    epochs=4, batch=4, rate=1e-3, head_rate=1e-2, warmup_steps=0, weight_decay=0.01, bf16=False, dropout=False, seed=5,
    rates=Policy("layerwise", {"rate": 1e-3, "factor": 0.5}), schedule=Policy("triangular2", {"cycles": 2}),
)  # fmt: skip


@pytest.fixture
def tokenizer(tiny_bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bert)


@pytest.fixture
def rows(tokenizer):
    words = ("today", "please", "no", "my", "the", "a", "red", "blue")
    texts = [f"{start} {word}" for start in ("my card is lost", "book a visit") for word in words]
    encoded = features.encode(tokenizer, texts, 32)
    return [{**ids, "labels": int(place >= 8)} for place, ids in enumerate(encoded)]


def model_of(folder, technique=full):
    torch.manual_seed(3)
    return technique.apply(heads.build(folder, "mean", LABELS), technique.Config())


def with_staging(name, **options):
    return dataclasses.replace(RECIPE, staging=Policy(name, options))


def moved(model, before):
    """The depths of which some parameter is not what it was."""
    depth = depths.of(model)
    return {depth[name] for name, p in model.named_parameters() if not torch.equal(p, before[name])}


class Spy(watching.Watch):
    """Looks at the model after every step, and sends itself a signal before one."""

    stop_at = -1

    def on_train_begin(self, args, state, control, **kwargs):
        super().on_train_begin(args, state, control, **kwargs)
        model = kwargs["model"]
        self.before = {name: p.detach().clone() for name, p in model.named_parameters()}
        Spy.seen, Spy.memory = [], []

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_step_end(self, args, state, control, **kwargs):
        super().on_step_end(args, state, control, **kwargs)
        model, memory, depth = kwargs["model"], kwargs["optimizer"].state, depths.of(kwargs["model"])
        Spy.seen.append(moved(model, self.before))
        self.before = {name: p.detach().clone() for name, p in model.named_parameters()}
        updates = {depth[name]: int(memory[p]["step"]) for name, p in model.named_parameters() if p in memory}
        Spy.memory.append(updates)


def fit(monkeypatch, model, tokenizer, rows, recipe, folder, stop_at=-1):
    monkeypatch.setattr(fitting, "Watch", Spy)
    monkeypatch.setattr(Spy, "stop_at", stop_at)
    return fitting.fit(model, tokenizer, (rows, {"dev": rows}), recipe, folder, silent)


def test_unfreezing_moves_the_top_first_and_every_depth_learns_from_its_own_stage_on(
    tiny_bert, tokenizer, rows, tmp_path, monkeypatch
):
    recipe = with_staging("gradual_unfreezing", by="epoch")
    fitted = fit(monkeypatch, model_of(tiny_bert), tokenizer, rows, recipe, tmp_path / "c")
    assert Spy.seen[1:4] == [{2, 3}] * 3  # the head and the top layer; four steps an epoch
    assert Spy.seen[4:8] == [{1, 2, 3}] * 4
    assert Spy.seen[8:] == [{0, 1, 2, 3}] * 8
    assert Spy.memory[-1] == {0: 8, 1: 12, 2: 16, 3: 16}  # the memory of what was open was kept
    assert [(change.step, change.number) for change in fitted.stages] == [(4, 1), (8, 2)]


def test_freezing_stops_the_bottom_first_and_keeps_what_the_optimizer_knows_of_the_rest(
    tiny_bert, tokenizer, rows, tmp_path, monkeypatch
):
    recipe = with_staging("progressive_freezing", by="share", share=0.5)
    fitted = fit(monkeypatch, model_of(tiny_bert), tokenizer, rows, recipe, tmp_path / "c")
    assert Spy.seen[1:4] == [{0, 1, 2, 3}] * 3
    assert Spy.seen[4:8] == [{1, 2, 3}] * 4
    assert Spy.seen[8:] == [{2, 3}] * 8
    assert Spy.memory[-1] == {0: 4, 1: 8, 2: 16, 3: 16}
    rates = {point.step: point.rates for point in fitted.curve}
    assert rates[4]["embeddings"] > 0
    assert rates[5]["embeddings"] == 0 < rates[5]["layer 1"]
    assert rates[9]["layer 1"] == 0 < rates[9]["layer 2"]


@pytest.mark.parametrize("technique", [full, pytest.param(lora, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gradual_unfreezing", {"by": "loss", "window": 3, "patience": 1, "threshold": 0.9}),
        pytest.param("gradual_unfreezing", {"by": "share", "share": 0.7}, marks=pytest.mark.slow),
        pytest.param("progressive_freezing", {"by": "epoch"}, marks=pytest.mark.slow),
        pytest.param(
            "progressive_freezing",
            {"by": "gradient_norm", "window": 2, "patience": 1, "threshold": 0.9},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_signal_in_any_stage_and_the_resumed_run_is_in_that_stage_with_the_same_weights_and_rates(
    technique, name, options, tiny_bert, tokenizer, rows, tmp_path, monkeypatch
):
    recipe = with_staging(name, **options)
    straight = model_of(tiny_bert, technique)
    whole = fit(monkeypatch, straight, tokenizer, rows, recipe, tmp_path / "a")
    middle = whole.stages[0].step  # the step after a change is finished and saved: a window has begun, not ended
    assert len(whole.stages) == (1 if technique is lora else 2)  # LoRA has nothing in the embeddings
    with pytest.raises(Interrupted):
        fit(monkeypatch, model_of(tiny_bert, technique), tokenizer, rows, recipe, tmp_path / "b", middle)
    resumed = model_of(tiny_bert, technique)
    again = fit(monkeypatch, resumed, tokenizer, rows, recipe, tmp_path / "b")
    assert again.stages == whole.stages
    assert [(point.step, point.rates) for point in again.curve] == [(point.step, point.rates) for point in whole.curve]
    assert all(torch.equal(one, other) for one, other in zip(resumed.parameters(), straight.parameters(), strict=True))


def test_what_the_technique_has_frozen_is_never_opened(tiny_bert, tokenizer, rows, tmp_path, monkeypatch):
    model = model_of(tiny_bert, lora)
    frozen = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
    recipe = with_staging("gradual_unfreezing", by="epoch")
    fitted = fit(monkeypatch, model, tokenizer, rows, recipe, tmp_path / "c")
    now = dict(model.named_parameters())
    assert all(torch.equal(now[name], value) for name, value in frozen.items())
    assert [change.number for change in fitted.stages] == [1]  # LoRA has nothing in the embeddings: no stage of theirs


def test_a_staging_by_loss_that_is_shown_no_loss_says_so(tiny_bert, tmp_path):
    from transformers import Trainer, TrainingArguments

    model = model_of(tiny_bert)
    staged = Staged(gradual_unfreezing.edges, gradual_unfreezing.Config(by="loss"))
    rows = [{"input_ids": [2, 5, 6, 3], "attention_mask": [1] * 4, "labels": 0}] * 2
    arguments = TrainingArguments(
        str(tmp_path), max_steps=2, use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True,
        remove_unused_columns=False,
    )  # fmt: skip
    with pytest.raises(ConfigError, match="shown no loss"):
        Trainer(model, arguments, train_dataset=rows, callbacks=[staged]).train()
