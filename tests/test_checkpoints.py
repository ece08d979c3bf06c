"""Damaged, half-written and full-disk checkpoints. What a kill at any moment does is in test_crashes.py."""

import json
import os
import shutil
import signal
from types import SimpleNamespace

import pytest
import torch
from trainings import model_of, recipe, rows_of, weights

from afina import checkpoints, fitting, store, watching
from afina.errors import MachineError
from afina.records import silent

OPTIONS = recipe(epochs=2.5)  # ten steps; checkpoints at 4 and 8


@pytest.fixture(scope="module")
def training(tiny_bert):
    """A function that trains in a folder, going on from what is there; returns the model and all that was said."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    rows, said = rows_of(tokenizer), []

    def train(folder, options=OPTIONS):
        model = model_of(tiny_bert)
        said.clear()
        fitting.fit(model, tokenizer, (rows, {"dev": rows}), options, folder, lambda event: said.append(event.text))
        return model, list(said)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accelerate.utils.memory.gc", SimpleNamespace(collect=int))  # Trainer's, at every beginning
        yield train


@pytest.fixture(scope="module")
def straight(training, tmp_path_factory):
    return weights(training(tmp_path_factory.mktemp("straight"))[0])


@pytest.fixture(scope="module")
def stopped(training, tmp_path_factory):
    """A folder with checkpoint-4 and checkpoint-8, as a training left it that was killed at step 9."""
    folder = tmp_path_factory.mktemp("stopped")

    class Watch(fitting.Watch):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == 9:
                raise KeyboardInterrupt

        def on_step_end(self, args, state, control, **kwargs):
            super().on_step_end(args, state, control, **kwargs)
            control.should_save = state.global_step % 4 == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "Watch", Watch)
        with pytest.raises(KeyboardInterrupt):
            training(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-4", "checkpoint-8"]
    return folder


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 255 for byte in content[middle : middle + 64])
    path.write_bytes(content)


def remove(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def empty(folder):
    for path in folder.iterdir():
        path.unlink()


# The eleven that a plain Trainer dies of, or silently trains on from with other weights.
DAMAGES = {
    "log missing": (remove("trainer_state.json"), "trainer_state.json is missing"),
    "log cut": (lambda folder: cut(folder / "trainer_state.json"), "trainer_state.json was altered"),
    "optimizer missing": (remove("optimizer.pt"), "optimizer.pt is missing"),
    "scheduler missing": (remove("scheduler.pt"), "scheduler.pt is missing"),
    "all states missing": (remove("optimizer.pt", "scheduler.pt", "rng_state.pth"), "optimizer.pt is missing"),
    "random states missing": (remove("rng_state.pth"), "rng_state.pth is missing"),
    "weights cut": (lambda folder: cut(folder / "model.safetensors"), "model.safetensors was altered"),
    "optimizer cut": (lambda folder: cut(folder / "optimizer.pt"), "optimizer.pt was altered"),
    "bits of the weights flipped": (lambda folder: flip(folder / "model.safetensors"), "model.safetensors was altered"),
    "bits of the optimizer flipped": (lambda folder: flip(folder / "optimizer.pt"), "optimizer.pt was altered"),
    "an empty folder": (empty, "it was not finished"),
}


def test_the_resumed_run_has_the_same_weights_bit_for_bit(training, stopped, straight, tmp_path):
    shutil.copytree(stopped, tmp_path / "c")
    model, said = training(tmp_path / "c")
    assert "going on from step 8" in said
    assert torch.equal(weights(model), straight)


@pytest.mark.parametrize(("harm", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_set_aside_with_the_reason_and_the_one_before_gives_the_same_weights(
    training, stopped, straight, tmp_path, harm, reason
):
    folder = tmp_path / "c"
    shutil.copytree(stopped, folder)
    harm(folder / "checkpoint-8")
    model, said = training(folder)
    assert f"checkpoint-8 is not used: {reason}" in said
    assert "going on from step 4" in said
    assert (folder / "damaged" / "checkpoint-8").is_dir()
    assert torch.equal(weights(model), straight)


def test_a_flip_anywhere_in_any_file_is_seen(stopped, tmp_path):
    for name in sorted(path.name for path in (stopped / "checkpoint-8").iterdir()):
        size = (stopped / "checkpoint-8" / name).stat().st_size
        for place in {size * part // 20 for part in range(20)}:
            folder = tmp_path / "c"
            shutil.copytree(stopped / "checkpoint-8", folder)
            with (folder / name).open("r+b") as file:
                file.seek(place)
                byte = file.read(1)[0]
                file.seek(place)
                file.write(bytes([byte ^ 16]))
            assert store.damage(folder) is not None, (name, place)
            shutil.rmtree(folder)


def test_where_every_checkpoint_is_damaged_the_run_begins_again_and_ends_the_same(
    training, stopped, straight, tmp_path
):
    folder = tmp_path / "c"
    shutil.copytree(stopped, folder)
    for path in folder.iterdir():
        flip(path / "model.safetensors")
    model, said = training(folder)
    assert not any("going on" in text for text in said)
    assert torch.equal(weights(model), straight)


def test_other_folders_are_left_alone_and_half_written_ones_are_deleted(tmp_path):
    for name in ("checkpoint-x", "notes", ".checkpoint-3.abc.aside"):
        (tmp_path / name).mkdir()
    assert checkpoints.newest(tmp_path, silent) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-x", "notes"]


def write(folder, step, text):
    with checkpoints.written(folder, step) as aside:
        (aside / checkpoints.WEIGHTS).write_text(text)


def test_a_checkpoint_appears_whole_the_newest_two_stay_and_a_failed_one_leaves_no_trace(tmp_path):
    for step in (9, 10, 100):
        write(tmp_path, step, "x")
        assert store.damage(tmp_path / f"checkpoint-{step}") is None
    with pytest.raises(OSError, match="boom"), checkpoints.written(tmp_path, 101) as aside:
        (aside / "half").write_text("x")
        assert not (tmp_path / "checkpoint-101").exists()
        raise OSError("boom")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-100"]


def test_the_last_whole_checkpoint_is_never_deleted(tmp_path):
    """However many damaged ones stand beside it, higher numbers among them."""
    for step in (4, 8, 12, 20):
        (tmp_path / f"checkpoint-{step}").mkdir()
    write(tmp_path, 16, "whole")
    assert checkpoints.newest(tmp_path, silent) == tmp_path / "checkpoint-16"


def test_the_best_weights_travel_with_each_checkpoint_and_a_damage_while_training_is_said(training, tmp_path):
    """Ten looks, the best one early: later checkpoints hold both."""
    folder = tmp_path / "c"
    training(folder, recipe(epochs=3, eval_steps=1))
    newest = folder / "checkpoint-12"
    state = json.loads((newest / "trainer_state.json").read_text())
    best = state["stateful_callbacks"]["Watch"]["attributes"]["best"]["step"]
    assert best < 12
    assert checkpoints.best_weights(folder) == newest / checkpoints.BEST
    flip(newest / checkpoints.BEST)
    with pytest.raises(MachineError, match=r"best.safetensors was altered"):
        checkpoints.best_weights(folder)
    shutil.rmtree(folder)
    with pytest.raises(MachineError, match="no checkpoint is left"):
        checkpoints.best_weights(folder)


def test_a_full_disk_in_the_middle_of_a_checkpoint_leaves_the_one_before_and_a_rerun_resumes(
    training, stopped, straight, tmp_path, tiny_bert
):
    """The limit is set in a child process, below the size of the optimizer's file."""
    folder = tmp_path / "c"
    shutil.copytree(stopped, folder)
    size = (folder / "checkpoint-8" / "optimizer.pt").stat().st_size
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))
        watching.SECONDS_BETWEEN_SAVES = 0.0  # the last one has no optimizer
        try:
            training(folder)
            os.write(writer, b"no error")
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    said = os.read(reader, 10_000).decode()
    os.close(reader)
    os.waitpid(child, 0)
    assert said.startswith("MachineError")
    assert "cannot write" in said
    assert "checkpoint-9: the" in said
    assert "run again; nothing is lost" in said
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-4", "checkpoint-8"]
    assert [store.damage(path) for path in folder.iterdir()] == [None, None]
    model, said = training(folder)
    assert "going on from step 8" in said
    assert torch.equal(weights(model), straight)


def test_only_checkpoints_of_the_same_plan_are_gone_on_from(tmp_path):
    """Regression: after Ctrl-C and an edited plan, training went on with the old rates, or failed on other weights."""
    said = []
    own = checkpoints.own(tmp_path, (1e-4, 0), said.append)
    (own / "checkpoint-3").mkdir(parents=True)
    assert (checkpoints.own(tmp_path, (1e-4, 0), said.append), said) == (own, [])
    other = checkpoints.own(tmp_path, (5e-2, 0), said.append)
    assert (other == own, own.exists(), len(said)) == (False, False, 1)
