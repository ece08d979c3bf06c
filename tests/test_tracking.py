"""Sending to trackers: what is missing is told before, what fails is a sentence, and nothing is sent unasked."""

import json

import processes
import pytest
import stories

from afina import config, finished, identity, pipeline, shelf, tracking
from afina.errors import ConfigError, MachineError, MissingExtra, RecordError


@pytest.fixture
def folder(tmp_path):
    return stories.on_disk(tmp_path / "runs" / "bank")


@pytest.fixture
def refusing(monkeypatch):
    """A tracker whose server cannot be reached."""

    def send(run):
        raise OSError("no route to postgresql://ana:hunter2@db.example/mlflow\nmore of it")

    monkeypatch.setattr(shelf.load("trackers", "mlflow"), "send", send)


def test_a_tracker_that_fails_is_a_sentence_without_the_password_and_the_next_one_is_asked(
    folder, refusing, monkeypatch
):
    monkeypatch.setattr(shelf.load("trackers", "wandb"), "send", lambda run: f"seen {run.name}")
    failed, sent = tracking.send(folder, ["mlflow", "wandb"])
    assert not failed.done
    assert failed.said == "not sent: OSError: no route to postgresql://...@db.example/mlflow"
    assert sent == tracking.Sent("wandb", True, "seen bank")
    with pytest.raises(MachineError, match="not sent to mlflow"):
        tracking.gate([failed, sent])


def test_a_missing_package_is_told_with_what_to_type(monkeypatch):
    monkeypatch.setattr(shelf.load("trackers", "wandb"), "NEEDS", ("json", "no_such_package"))
    with pytest.raises(MissingExtra) as caught:
        tracking.check(["wandb"])
    assert "no-such-package" in caught.value.found
    assert caught.value.fix == "pip install 'afina[wandb]'"


def test_a_run_is_told_so_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf.load("trackers", "wandb"), "NEEDS", ("no_such_package",))
    options = config.build(
        {"train_file": str(tmp_path / "absent.csv"), "trackers": "wandb", "out": str(tmp_path / "r")}
    )
    with pytest.raises(MissingExtra):
        pipeline.run(options)
    assert not (tmp_path / "r").exists()


def test_trackers_are_off_unless_asked_for_and_a_misspelt_one_is_told_the_nearest():
    assert config.build({}).trackers == ()
    assert config.build({}, ["trackers=mlflow,wandb"]).trackers == ("mlflow", "wandb")
    assert config.build({"trackers": ["mlflow"]}).trackers == ("mlflow",)
    with pytest.raises(ConfigError) as caught:
        config.build({}, ["trackers=mlfow"])
    assert "'mlflow'" in caught.value.fix


def test_a_run_that_is_not_finished_is_no_run_to_send(tmp_path):
    with pytest.raises(RecordError):
        tracking.send(tmp_path / "nowhere", [])


def test_what_would_be_sent_is_shown_and_sent_nowhere(folder):
    done = processes.copied("-m", "afina.cli", "track", folder, "--json", cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["metrics"] == finished.of_run(folder).metrics
    assert "evaluate/accuracy" in done.stdout
    assert {path.name for path in folder.parent.iterdir()} == {"bank"}
    assert stories.ROW_TEXT not in done.stdout


def test_the_command_says_what_failed_and_ends_with_1(folder, refusing):
    done = processes.copied("-m", "afina.cli", "track", folder, "mlflow", cwd=folder.parent)
    if "pip install" in done.stderr:
        pytest.skip("the extra mlflow is not installed")
    assert done.returncode == 1
    assert "mlflow: not sent: OSError: no route" in done.stdout
    assert "error: not sent to mlflow" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_a_run_whose_tracker_fails_is_a_finished_run_that_says_so(folder, refusing, monkeypatch, tmp_path):
    monkeypatch.setattr(tracking, "check", lambda names: None)  # the package need not be here
    monkeypatch.setattr(pipeline, "_stages", lambda *ignored: "finished")
    monkeypatch.setattr(identity, "same_run", lambda *ignored: None)
    data = tmp_path / "notes.csv"
    data.write_text("text,label\n")
    said = []
    for asked, expected in (("mlflow", ["mlflow"]), ("", [])):
        options = config.build({"train_file": str(data), "trackers": [asked] if asked else [], "out": str(folder)})
        assert pipeline.run(options, said.append) == "finished"
        assert [event.stage for event in said] == expected
        said.clear()
