import dataclasses
import math
import os
import signal
import threading
from types import SimpleNamespace

import pytest
import torch
from trainings import RECIPE, model_of, recipe, rows_of, weights

from afina import features, fitting, sampling, watching
from afina.errors import Interrupted, MachineError
from afina.records import silent
from afina.retentions import kl, l2, replay
from afina.sampling import General


@pytest.fixture(scope="module")
def tokenizer(tiny_bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bert)


@pytest.fixture(scope="module")
def rows(tokenizer):
    return rows_of(tokenizer)


@pytest.fixture(autouse=True)
def no_collecting(monkeypatch):
    """Trainer collects garbage as it begins, which takes longer than these trainings."""
    monkeypatch.setattr("accelerate.utils.memory.gc", SimpleNamespace(collect=int))


@pytest.fixture(scope="module")
def fit(tiny_bert, tokenizer, rows):
    """A function that trains a tiny model; returns it and what happened."""

    def train(folder, options=RECIPE, holdouts=None, tell=silent, prepare=lambda model: None):
        model = model_of(tiny_bert)
        prepare(model)
        fitted = fitting.fit(model, tokenizer, (rows, holdouts or {"dev": rows}), options, folder, tell)
        return model, fitted

    return train


@pytest.fixture(scope="module")
def straight(fit, tmp_path_factory):
    """A training that nothing disturbed."""
    return fit(tmp_path_factory.mktemp("straight"))


def test_it_learns_what_can_be_learned(straight):
    _, fitted = straight
    assert fitted.curve[-1].dev_accuracy == 1.0
    assert fitted.curve[-1].loss < fitted.curve[0].loss
    assert fitted.stopped == ""


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(fit, straight, tmp_path):
    assert torch.equal(weights(fit(tmp_path / "a")[0]), weights(straight[0]))
    assert not torch.equal(weights(fit(tmp_path / "b", recipe(seed=6))[0]), weights(straight[0]))


def test_rows_of_like_length_are_trained_together(tiny_bert, tokenizer, tmp_path):
    texts = [f"{word} {'card ' * length}" for length in (3, 20) for word in ("my", "the", "a", "red")]
    rows = [{**ids, "labels": n % 2} for n, ids in enumerate(features.encode(tokenizer, texts, 32))]
    model, spreads = model_of(tiny_bert), []

    def look(module, args, kwargs):
        if torch.is_grad_enabled():
            spreads.append(kwargs["attention_mask"].sum(1).unique().numel())

    model.register_forward_pre_hook(look, with_kwargs=True)
    fitting.fit(model, tokenizer, (rows, {"dev": rows}), RECIPE, tmp_path, silent)
    assert spreads == [1] * 6


class Disturbed(watching.Watch):
    """A signal arrives while step `at` is at work."""

    at, number = 0, signal.SIGTERM

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step + 1 == self.at:
            os.kill(os.getpid(), self.number)


@pytest.fixture
def disturb(monkeypatch):
    """A function that lets a signal arrive at a step of the next training."""

    def at(step, number=signal.SIGTERM):
        kind = type("Watch", (Disturbed,), {"at": step, "number": number})
        monkeypatch.setattr(fitting, "Watch", kind)

    yield at
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("step", "number", "code"), [(6, signal.SIGINT, 130), (6, signal.SIGTERM, 143), (8, signal.SIGTERM, 143),
                                 (12, signal.SIGTERM, 143)],
)  # fmt: skip
def test_a_signal_finishes_the_step_saves_and_the_resumed_run_is_bit_identical(
    fit, straight, tmp_path, disturb, step, number, code
):
    """Step 8 is the last of a pass, where a look is due; 12 is the last of all."""
    assert threading.current_thread() is threading.main_thread()
    disturb(step, number)
    with pytest.raises(Interrupted) as caught:
        fit(tmp_path)
    assert caught.value.exit_code == code
    assert (tmp_path / f"checkpoint-{step}").is_dir()
    disturb(0)
    resumed, fitted = fit(tmp_path)
    assert torch.equal(weights(resumed), weights(straight[0]))
    assert fitted == straight[1]


def test_a_curve_whose_points_are_means_of_five_steps_goes_on_in_the_middle_of_one(fit, tmp_path, disturb, monkeypatch):
    """Regression: Trainer forgets the losses since its last log line when it is resumed."""
    real = fitting._arguments
    monkeypatch.setattr(fitting, "_arguments", lambda *given: dataclasses.replace(real(*given), logging_steps=5))
    _, straight = fit(tmp_path / "a")
    disturb(7)
    with pytest.raises(Interrupted):
        fit(tmp_path / "b")
    disturb(0)
    _, resumed = fit(tmp_path / "b")
    assert [point.step for point in straight.curve] == [5, 8, 10, 12]
    assert resumed == straight


def test_a_finished_training_asked_for_again_ends_at_once_with_the_same_weights(fit, straight, tmp_path):
    fit(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again, fitted = fit(tmp_path)
    assert torch.equal(weights(again), weights(straight[0]))
    assert fitted == straight[1]
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_run_of_part_of_a_pass_takes_no_step_more_when_it_is_resumed_at_its_end(fit, tmp_path, disturb):
    options = recipe(epochs=1.5)  # six steps
    straight, fitted = fit(tmp_path / "a", options)
    disturb(6)
    with pytest.raises(Interrupted):
        fit(tmp_path / "b", options)
    disturb(0)
    resumed, again = fit(tmp_path / "b", options)
    assert fitted.curve[-1].step == 6
    assert again == fitted
    assert torch.equal(weights(resumed), weights(straight))


def test_every_set_is_looked_at_every_few_steps_and_the_first_decides(fit, rows, tmp_path):
    wrong = [{**row, "labels": 1 - row["labels"]} for row in rows[:10]]
    _, fitted = fit(tmp_path, recipe(eval_steps=5), {"dev": rows, "turned": wrong})
    assert [(look.name, look.step) for look in fitted.looks] == [
        (name, step) for step in (5, 10, 12) for name in ("dev", "turned")
    ]
    dev, turned = ([look for look in fitted.looks if look.name == name] for name in ("dev", "turned"))
    assert {look.rows for look in dev} == {16}
    assert {look.rows for look in turned} == {10}
    assert all(look.low <= look.score <= look.high for look in fitted.looks)
    first = max(dev, key=lambda look: look.score)  # the earliest of equal ones
    assert fitted.best_step == first.step
    assert turned[-1].score < 0.5
    assert [point.step for point in fitted.curve if point.dev_accuracy is not None] == [5, 10, 12]


def test_more_sets_and_more_looks_change_nothing_of_the_training(fit, rows, straight, tmp_path):
    some = {"dev": rows, "few": rows[:3], "more": rows[3:]}
    _, often = fit(tmp_path, recipe(eval_steps=1), some)
    after = {look.step: look.loss for look in often.looks if look.name == "dev"}
    assert {look.step: look.loss for look in straight[1].looks}.items() <= after.items()


def test_the_weights_are_those_of_the_best_look(fit, rows, tokenizer, tmp_path):
    """Judged by rows with the labels turned round, the earliest look is the best one: training only makes it worse."""
    turned = [{**row, "labels": 1 - row["labels"]} for row in rows]
    model, fitted = fit(tmp_path, recipe(eval_steps=2), {"dev": turned})
    scores = [look.score for look in fitted.looks]
    assert scores[-1] == 0.0 < max(scores)
    assert fitted.best_step < 12
    bare = [{key: value for key, value in row.items() if key not in ("labels", "where")} for row in turned]
    right = sum(
        int(model.eval()(**batch).logits.argmax(1)[place]) == turned[row]["labels"]
        for places, batch in features.batches(tokenizer, bare)
        for place, row in enumerate(places)
    )
    assert right / len(turned) == max(scores)


def test_patience_ends_a_training_that_gains_nothing_and_says_so(fit, rows, straight, tmp_path, disturb):
    options = recipe(epochs=10, eval_steps=2, patience=2)
    turned = {"dev": [{**row, "labels": 1 - row["labels"]} for row in rows]}
    model, fitted = fit(tmp_path / "a", options, turned)
    steps = [look.step for look in fitted.looks]
    assert steps[-1] == fitted.best_step + 4 < 40
    assert fitted.stopped == f"2 looks without a gain on dev after step {fitted.best_step}"
    disturb(steps[-1] - 1)  # the count of looks survives the resume
    with pytest.raises(Interrupted):
        fit(tmp_path / "b", options, turned)
    disturb(steps[-1])
    with pytest.raises(Interrupted):
        fit(tmp_path / "b", options, turned)
    disturb(0)
    resumed, again = fit(tmp_path / "b", options, turned)
    assert again == fitted
    assert torch.equal(weights(resumed), weights(model))


def test_a_loss_that_is_no_number_stops_the_run_and_names_step_and_rows(fit, tmp_path):
    def spoil(model):
        model.head.bias.data[0] = math.inf

    with pytest.raises(MachineError, match=r"the loss is nan, at step 1 with the batch notes.csv:\d+, \d+, \d+, \d+\n"):
        fit(tmp_path, prepare=spoil)


def test_a_gradient_that_is_no_number_stops_the_run_before_it_spoils_the_weights(fit, tmp_path):
    def spoil(model):
        model.head.weight.register_hook(lambda gradient: gradient * math.nan)
        spoilt.append(model)

    spoilt = []
    with pytest.raises(MachineError, match=r"the gradient's norm is nan, at step 1 with the batch notes.csv:"):
        fit(tmp_path, prepare=spoil)
    assert torch.isfinite(weights(spoilt[0])).all()


def test_rows_without_a_place_are_named_by_their_number(tiny_bert, tokenizer, rows, tmp_path):
    model = model_of(tiny_bert)
    model.head.bias.data[0] = math.nan
    bare = [{key: value for key, value in row.items() if key != "where"} for row in rows]
    with pytest.raises(MachineError, match=r"with the batch row:\d+, \d+, \d+, \d+\n"):
        fitting.fit(model, tokenizer, (bare, {"dev": bare}), RECIPE, tmp_path, silent)


@pytest.mark.parametrize("rate", [1e3, 10.0])
def test_a_training_at_an_absurd_rate_stops_within_fifty_steps(fit, tmp_path, rate):
    with pytest.raises(MachineError, match="step") as caught:
        fit(tmp_path, recipe(rate=rate, head_rate=rate, epochs=40))
    assert int(caught.value.found.partition("at step ")[2].partition(" ")[0]) < 50
    assert "lower the rates" in caught.value.fix


def test_a_hold_out_loss_that_is_no_number_names_the_set(fit, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting.judging.Losses, "add", lambda judge, loss: None)
    monkeypatch.setattr(fitting._Trainer, "_clip_grad_norm", lambda trainer, model: 0.0)

    def spoil(model):
        model.head.bias.data[0] = math.nan

    with pytest.raises(MachineError, match="the loss on dev is nan at step 4"):
        fit(tmp_path, prepare=spoil)


def test_accumulation_does_not_scale_the_loss(tiny_bert, tokenizer, rows, tmp_path):
    """Regression: Trainer multiplies loss and gradient by the accumulation steps unless the model says otherwise."""
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    losses = {}
    for accumulation in (1, 4):
        model = model_of(tiny_bert).eval()
        arguments = TrainingArguments(
            output_dir=str(tmp_path), per_device_train_batch_size=16 // accumulation, learning_rate=0.0, max_steps=1,
            gradient_accumulation_steps=accumulation, use_cpu=True, logging_steps=1, report_to="none",
            save_strategy="no", disable_tqdm=True, remove_unused_columns=False, train_sampling_strategy="sequential",
        )  # fmt: skip
        trainer = Trainer(model, arguments, DataCollatorWithPadding(tokenizer), sampling.Rows(rows))
        trainer.train()
        losses[accumulation] = trainer.state.log_history[0]["loss"]
    assert losses[4] == pytest.approx(losses[1], rel=0.05)


def test_the_rate_of_every_group_in_each_step_is_in_the_curve(straight):
    shares = [0, 1 / 2, 1, 9 / 10, 8 / 10]  # two steps of warm-up, then a line to 0 in the ten that are left
    assert [point.step for point in straight[1].curve] == list(range(1, 13))
    for share, point in zip(shares, straight[1].curve, strict=False):
        assert point.rates == pytest.approx({"body": 1e-3 * share, "head": 1e-2 * share})


@pytest.mark.parametrize(("dropout", "same"), [(False, True), (True, False)])
def test_dropout_is_off_while_training_unless_asked_for(tiny_bert, tokenizer, rows, tmp_path, dropout, same):
    model = model_of(tiny_bert)
    torch.nn.init.normal_(model.head.weight)
    bare = [{key: value for key, value in row.items() if key not in ("labels", "where")} for row in rows[:4]]
    places, batch = next(features.batches(tokenizer, bare))
    labels = torch.tensor([rows[place]["labels"] for place in places])
    expected = model.eval()(**batch, labels=labels).loss.item()
    options = recipe(epochs=1, rate=1e-9, head_rate=1e-9, dropout=dropout)
    fitted = fitting.fit(model, tokenizer, (rows[:4], {"dev": rows}), options, tmp_path / "c", silent)
    assert (fitted.curve[0].loss == pytest.approx(expected, rel=1e-5)) is same


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_a_model_trained_on_an_accelerator_comes_back_to_where_it_was(fit, tmp_path):
    model, _ = fit(tmp_path)
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}


def test_a_model_trained_in_bf16_answers_in_fp32_afterwards(fit, tiny_bert, tokenizer, rows, tmp_path):
    model, _ = fit(tmp_path, recipe(bf16=True))
    again = model_of(tiny_bert)
    again.load_state_dict(model.state_dict())
    bare = [{key: value for key, value in row.items() if key not in ("labels", "where")} for row in rows]
    batch = next(features.batches(tokenizer, bare))[1]
    assert torch.equal(model.eval()(**batch).logits, again.eval()(**batch).logits)


def holding(retention, folder, tokenizer, weight=1.0):
    """RECIPE with a retention on general text."""
    texts = [f"the {color} one is {word}" for color in ("red", "blue", "green") for word in ("late", "early", "lost")]
    general = General(tokenizer, features.encode(tokenizer, texts, 32), batch=4, seed=5)

    def begin(model):
        state = retention.begin(model, retention.Config(weight=weight), general, folder)
        return lambda model, batch, answer, step: retention.penalty(model, batch, answer, state, step)

    return dataclasses.replace(RECIPE, retention=begin, dropout=True)  # whose draws must be resumed too


@pytest.mark.parametrize("retention", [kl, replay, l2], ids=lambda r: r.__name__[17:])
def test_a_run_with_retention_is_resumed_bit_for_bit(make_masked_base, tokenizer, rows, tmp_path, disturb, retention):
    base = make_masked_base("bert")
    options = holding(retention, base, tokenizer)
    straight = model_of(base)
    fitted = fitting.fit(straight, tokenizer, (rows, {"dev": rows}), options, tmp_path / "a", silent)
    assert all(0 < point.penalty < point.loss for point in fitted.curve if point.step > 2)  # warm-up begins at rate 0
    disturb(6)
    with pytest.raises(Interrupted):
        fitting.fit(model_of(base), tokenizer, (rows, {"dev": rows}), options, tmp_path / "b", silent)
    disturb(0)
    resumed = model_of(base)
    again = fitting.fit(resumed, tokenizer, (rows, {"dev": rows}), options, tmp_path / "b", silent)
    assert torch.equal(weights(resumed), weights(straight))
    assert again == fitted


def test_the_penalty_is_in_the_training_loss_and_not_in_that_of_dev(tiny_bert, tokenizer, rows, tmp_path):
    model = model_of(tiny_bert)
    options = dataclasses.replace(holding(l2, tiny_bert, tokenizer, weight=5.0), epochs=1)
    fitted = fitting.fit(model, tokenizer, (rows, {"dev": rows}), options, tmp_path, silent)
    last = fitted.curve[-1]
    bare = [{key: value for key, value in row.items() if key not in ("labels", "where")} for row in rows]
    places, batch = next(features.batches(tokenizer, bare))
    labels = torch.tensor([rows[place]["labels"] for place in places])
    assert last.dev_loss == pytest.approx(model.eval()(**batch, labels=labels).loss.item(), rel=1e-4)
    assert last.penalty > 0


def growing(model):
    """A penalty that says nothing of the model and grows with the step."""
    return lambda model, batch, answer, step: torch.tensor(3.0 * step)


def test_a_great_penalty_is_not_taken_for_a_training_that_diverges(fit, tmp_path):
    """The weights are compared without decay, which a retention asks for on tokens that do not occur too."""
    model, fitted = fit(tmp_path / "a", recipe(retention=growing, weight_decay=0.0))
    assert fitted.curve[-1].penalty == 33.0
    without, _ = fit(tmp_path / "b", recipe(weight_decay=0.0))
    assert torch.allclose(weights(model), weights(without), atol=1e-6)


def test_the_penalties_of_a_log_line_that_was_interrupted_are_not_forgotten(fit, tmp_path, disturb, monkeypatch):
    real = fitting._arguments

    def every_fourth_step(*given):
        arguments = real(*given)
        arguments.logging_steps = 4
        return arguments

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "_arguments", every_fourth_step)
        _, told = fit(tmp_path / "a", recipe(retention=growing))
        disturb(6)
        with pytest.raises(Interrupted):
            fit(tmp_path / "b", recipe(retention=growing))
        disturb(0)
        patch.setattr(fitting, "_arguments", every_fourth_step)
        assert fit(tmp_path / "b", recipe(retention=growing))[1] == told
    assert [point.penalty for point in told.curve if point.step % 4 == 0] == [4.5, 16.5, 28.5]


def test_what_is_seen_of_a_row_may_differ_from_pass_to_pass_and_goes_on_where_it_stopped(fit, tmp_path, disturb):
    passes = []

    def seen(row, place, epoch):
        passes.append((epoch, place))
        return {**row, "input_ids": [*row["input_ids"][:-1], 5 + (epoch * 7 + place) % 30]}

    straight, fitted = fit(tmp_path / "a", recipe(seen=seen))
    assert sorted(set(passes)) == [(epoch, place) for epoch in range(3) for place in range(16)]
    disturb(6)
    with pytest.raises(Interrupted):
        fit(tmp_path / "b", recipe(seen=seen))
    disturb(0)
    resumed, again = fit(tmp_path / "b", recipe(seen=seen))
    assert torch.equal(weights(resumed), weights(straight))
    assert again == fitted


def test_a_text_in_windows_is_one_row_of_training_and_of_looks_and_a_run_goes_on_where_it_stopped(
    tiny_bert, tokenizer, rows, straight, tmp_path, disturb
):
    other = {key: rows[9][key] for key in rows[9] if key not in ("labels", "where")}
    long = [{**rows[0], "more": [other, other]}, *rows[1:]]

    def train(folder):
        model = model_of(tiny_bert)
        return model, fitting.fit(model, tokenizer, (long, {"dev": long}), RECIPE, folder, silent)

    whole, fitted = train(tmp_path / "a")
    assert fitted.curve[-1].step == 12
    assert {look.rows for look in fitted.looks} == {16}
    assert not torch.equal(weights(whole), weights(straight[0]))
    disturb(6)
    with pytest.raises(Interrupted):
        train(tmp_path / "b")
    disturb(0)
    resumed, again = train(tmp_path / "b")
    assert torch.equal(weights(resumed), weights(whole))
    assert again == fitted
