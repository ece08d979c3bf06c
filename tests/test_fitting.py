import dataclasses
import math
import os
import signal
import threading

import pytest
import torch

from afina import features, fitting, heads
from afina.errors import Interrupted, MachineError
from afina.records import silent
from afina.retentions import kl, l2, replay
from afina.sampling import General
from afina.techniques import full

LABELS = ("lost", "visit")
RECIPE = fitting.Recipe(
    epochs=3, batch=4, rate=1e-3, head_rate=1e-2, warmup_steps=2, weight_decay=0.01, bf16=False, dropout=False, seed=5
)


@pytest.fixture
def tokenizer(tiny_bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bert)


@pytest.fixture
def rows(tokenizer):
    texts = [f"my card is lost {word}" for word in ("today", "please", "no", "my", "the", "a", "red", "blue")]
    texts += [f"book a visit {word}" for word in ("today", "please", "no", "my", "the", "a", "red", "blue")]
    encoded = features.encode(tokenizer, texts, 32)
    return [{**ids, "labels": int(place >= 8)} for place, ids in enumerate(encoded)]


def model_of(folder):
    torch.manual_seed(3)
    return full.apply(heads.build(folder, "mean", LABELS), full.Config())


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_it_learns_what_can_be_learned_and_deletes_its_checkpoints(tiny_bert, tokenizer, rows, tmp_path):
    model = model_of(tiny_bert)
    fitted = fitting.fit(model, tokenizer, (rows, rows), RECIPE, tmp_path / "c", silent)
    assert fitted.curve[-1].dev_accuracy == 1.0
    assert fitted.curve[-1].loss < fitted.curve[0].loss
    assert not (tmp_path / "c").exists()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny_bert, tokenizer, rows, tmp_path):
    results = []
    for seed in (5, 5, 6):
        model = model_of(tiny_bert)
        recipe = fitting.Recipe(**{**{f: getattr(RECIPE, f) for f in RECIPE.__slots__}, "seed": seed})
        fitting.fit(model, tokenizer, (rows, rows), recipe, tmp_path / "c", silent)
        results.append(weights(model))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def interrupt_at(step, number):
    def tell(event):
        pass

    class Stop(fitting._Watch):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == step:
                os.kill(os.getpid(), number)

    return Stop, tell


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_saves_and_the_resumed_run_is_bit_identical(
    tiny_bert, tokenizer, rows, tmp_path, monkeypatch, number, code
):
    assert threading.current_thread() is threading.main_thread()
    straight = model_of(tiny_bert)
    fitting.fit(straight, tokenizer, (rows, rows), RECIPE, tmp_path / "a", silent)
    stop, tell = interrupt_at(5, number)
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "_Watch", stop)
        with pytest.raises(Interrupted) as caught:
            fitting.fit(model_of(tiny_bert), tokenizer, (rows, rows), RECIPE, tmp_path / "b", tell)
    assert caught.value.exit_code == code
    assert (tmp_path / "b" / "checkpoint-6").is_dir()
    resumed = model_of(tiny_bert)
    fitting.fit(resumed, tokenizer, (rows, rows), RECIPE, tmp_path / "b", silent)
    assert torch.equal(weights(resumed), weights(straight))


def test_a_damaged_checkpoint_is_set_aside_and_the_result_is_the_same(
    tiny_bert, tokenizer, rows, tmp_path, monkeypatch
):
    straight = model_of(tiny_bert)
    fitting.fit(straight, tokenizer, (rows, rows), RECIPE, tmp_path / "a", silent)
    stop, tell = interrupt_at(9, signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "_Watch", stop)
        with pytest.raises(Interrupted):
            fitting.fit(model_of(tiny_bert), tokenizer, (rows, rows), RECIPE, tmp_path / "b", tell)
    newest = tmp_path / "b" / "checkpoint-10"
    damaged = bytearray((newest / "optimizer.pt").read_bytes())
    damaged[len(damaged) // 2] ^= 255
    (newest / "optimizer.pt").write_bytes(damaged)
    said = []
    resumed = model_of(tiny_bert)
    fitting.fit(resumed, tokenizer, (rows, rows), RECIPE, tmp_path / "b", lambda event: said.append(event.text))
    assert any("optimizer.pt was altered" in text for text in said)
    assert torch.equal(weights(resumed), weights(straight))


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
        trainer = Trainer(model, arguments, DataCollatorWithPadding(tokenizer), fitting._Rows(rows))
        trainer.train()
        losses[accumulation] = trainer.state.log_history[0]["loss"]
    assert losses[4] == pytest.approx(losses[1], rel=0.05)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_step(tiny_bert, tokenizer, rows, tmp_path):
    model = model_of(tiny_bert)
    model.head.bias.data[0] = math.inf
    with pytest.raises(MachineError, match="step 1"):
        fitting.fit(model, tokenizer, (rows, rows), RECIPE, tmp_path / "c", silent)


def test_the_rate_of_every_group_in_each_step_is_in_the_curve(tiny_bert, tokenizer, rows, tmp_path):
    fitted = fitting.fit(model_of(tiny_bert), tokenizer, (rows, rows), RECIPE, tmp_path / "c", silent)
    shares = [0, 1 / 2, 1, 9 / 10, 8 / 10]  # two steps of warm-up, then a line to 0 in the ten that are left
    assert [point.step for point in fitted.curve] == list(range(1, 13))
    for share, point in zip(shares, fitted.curve, strict=False):
        assert point.rates == pytest.approx({"body": 1e-3 * share, "head": 1e-2 * share})


@pytest.mark.parametrize(("dropout", "same"), [(False, True), (True, False)])
def test_dropout_is_off_while_training_unless_asked_for(tiny_bert, tokenizer, rows, tmp_path, dropout, same):
    model = model_of(tiny_bert)
    torch.nn.init.normal_(model.head.weight)
    batch = next(features.batches(tokenizer, [{k: v for k, v in row.items() if k != "labels"} for row in rows[:4]]))
    labels = torch.tensor([rows[place]["labels"] for place in batch[0]])
    expected = model.eval()(**batch[1], labels=labels).loss.item()
    changes = {"epochs": 1, "rate": 1e-9, "head_rate": 1e-9, "dropout": dropout}
    recipe = fitting.Recipe(**{**{f: getattr(RECIPE, f) for f in RECIPE.__slots__}, **changes})
    fitted = fitting.fit(model, tokenizer, (rows[:4], rows), recipe, tmp_path / "c", silent)
    assert (fitted.curve[0].loss == pytest.approx(expected, rel=1e-5)) is same


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_a_model_trained_on_an_accelerator_comes_back_to_where_it_was(tiny_bert, tokenizer, rows, tmp_path):
    model = model_of(tiny_bert)
    fitting.fit(model, tokenizer, (rows, rows), RECIPE, tmp_path / "c", silent)
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}


def test_a_model_trained_in_bf16_answers_in_fp32_afterwards(tiny_bert, tokenizer, rows, tmp_path):
    model = model_of(tiny_bert)
    recipe = fitting.Recipe(**{**{f: getattr(RECIPE, f) for f in RECIPE.__slots__}, "bf16": True})
    fitting.fit(model, tokenizer, (rows, rows), recipe, tmp_path / "c", silent)
    again = model_of(tiny_bert)
    again.load_state_dict(model.state_dict())
    batch = next(features.batches(tokenizer, [{k: v for k, v in row.items() if k != "labels"} for row in rows]))[1]
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
def test_a_run_with_retention_is_resumed_bit_for_bit(
    make_masked_base, tokenizer, rows, tmp_path, monkeypatch, retention
):
    base = make_masked_base("bert")
    recipe = holding(retention, base, tokenizer)
    straight = model_of(base)
    fitted = fitting.fit(straight, tokenizer, (rows, rows), recipe, tmp_path / "a", silent)
    assert all(0 < point.penalty < point.loss for point in fitted.curve if point.step > 2)  # warm-up begins at rate 0
    stop, tell = interrupt_at(5, signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "_Watch", stop)
        with pytest.raises(Interrupted):
            fitting.fit(model_of(base), tokenizer, (rows, rows), recipe, tmp_path / "b", tell)
    resumed = model_of(base)
    fitting.fit(resumed, tokenizer, (rows, rows), recipe, tmp_path / "b", silent)
    assert torch.equal(weights(resumed), weights(straight))


def test_the_penalty_is_in_the_training_loss_and_not_in_that_of_dev(tiny_bert, tokenizer, rows, tmp_path):
    model = model_of(tiny_bert)
    recipe = holding(l2, tiny_bert, tokenizer, weight=5.0)
    fitted = fitting.fit(model, tokenizer, (rows, rows), dataclasses.replace(recipe, epochs=1), tmp_path / "c", silent)
    last = fitted.curve[-1]
    batch = next(features.batches(tokenizer, [{k: v for k, v in row.items() if k != "labels"} for row in rows]))
    labels = torch.tensor([rows[place]["labels"] for place in batch[0]])
    assert last.dev_loss == pytest.approx(model.eval()(**batch[1], labels=labels).loss.item(), rel=1e-4)
    assert last.penalty > 0
