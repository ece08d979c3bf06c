"""What is written offline, read back with the vendor's own reader; and the dashboard's JSON."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import stories

from afina.trackers import wandb as tracker

absent = [name for name in tracker.NEEDS if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def written(run):
    """The folder, after the run was sent twice without a key."""
    before = dict(os.environ)
    assert not {name for name in before if name.startswith("WANDB_")}
    for _ in range(2):
        said = tracker.send(run)
        assert dict(os.environ) == before
    (folder,) = (run.folder.parent / "wandb").glob("offline-run-*")
    assert said == f"written offline; 'wandb sync {folder}' sends it"
    return folder


def test_what_was_sent_before_is_there_until_the_new_one_is_written(run, monkeypatch, tmp_path):
    earlier = tmp_path / "wandb" / f"offline-run-20260101_000000-{run.id[:32]}"
    newer = earlier.with_name(f"offline-run-20260102_000000-{run.id[:32]}")
    earlier.mkdir(parents=True)
    again = replace(run, folder=tmp_path / "bank")
    monkeypatch.setattr(tracker, "_put", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tracker.send(again)
    assert earlier.is_dir()
    monkeypatch.setattr(tracker, "_put", lambda *_: newer.mkdir() or (newer, "", "", ""))
    tracker.send(again)
    assert list(newer.parent.iterdir()) == [newer]


@pytest.fixture(scope="module")
def records(written):
    """Every record of the file, by `wandb leet inspect`."""
    (file,) = written.glob("*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_reader_finds_settings_hashes_scores_and_curves(records, run):
    (about,) = (one["run"] for one in records if one["type"] == "run")
    config = about["config"]["update"]
    assert (about["project"], about["display_name"], about["run_id"]) == ("afina", "bank", run.id[:32])
    assert config["technique"] == "freeze"
    assert flat(config)["sha256.train.csv"] == "ab" * 32
    history = [one["history"]["item"] for one in records if one["type"] == "history"]
    assert history[-1]["evaluate/accuracy"] == 0.938
    assert history[-1]["dimensions/typo_resistance"] == 0.91
    assert history[-1]["seconds/train"] == 2.0
    loss = {one["_step"]: one["train/loss"] for one in history if "train/loss" in one}
    assert loss == pytest.approx(dict(run.curves["train/loss"]))
    assert set(run.metrics) <= history[-1].keys()


def test_the_files_are_there_and_no_text_of_a_row_no_place_and_no_machine_is(records, written, run):
    (artifact,) = (one["artifact"] for one in records if one["type"] == "artifact")
    assert {one["path"] for one in artifact["manifest"]["contents"]} == set(run.files)
    for path in written.parent.rglob("*"):
        if path.is_file() and path.suffix != ".log":
            content = path.read_bytes()
            assert stories.ROW_TEXT.encode() not in content, path
            assert b"/home/me" not in content, path
    (about,) = (one["run"] for one in records if one["type"] == "run")
    assert not about.get("host")
    assert not {one["type"] for one in records} & {"stats", "output", "output_raw", "environment"}


def test_the_dashboard_has_a_chart_for_each_dimension_and_each_curve(run):
    spec = json.loads(tracker.dashboard(run, "ana")._to_model().model_dump_json(by_alias=True))
    assert (spec["entity"], spec["project"], spec["displayName"]) == ("ana", "afina", "afina: all dimensions")
    sections = {one["name"]: one for one in spec["spec"]["section"]["panelBankConfig"]["sections"]}
    assert list(sections)[:2] == ["dimensions", "curves"]
    drawn = [panel["config"]["metrics"] for panel in sections["dimensions"]["panels"]]
    assert drawn == [[f"dimensions/{one.score.name}"] for one in run.dimensions]
    assert {panel["viewType"] for panel in sections["dimensions"]["panels"]} == {"Bar Chart"}
    lines = [panel["config"]["metrics"] for panel in sections["curves"]["panels"]]
    assert lines == [[name] for name in run.curves]
    shown = {name for one in sections.values() for panel in one["panels"] for name in panel["config"]["metrics"]}
    assert shown <= run.metrics.keys() | run.curves.keys()


@pytest.mark.parametrize(
    ("known", "mode"),
    [
        ({}, "offline"),
        ({"WANDB_API_KEY": "k"}, "online"),
        ({"WANDB_MODE": "online"}, "offline"),  # without a key it would ask for one
        ({"WANDB_API_KEY": "k", "WANDB_MODE": "offline"}, "offline"),
        ({"WANDB_MODE": "disabled"}, "disabled"),
    ],
)
def test_it_is_offline_without_a_key(known, mode, monkeypatch):
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    assert tracker._mode() == mode


def flat(nested, prefix=""):
    """The reader shows a name with dots as they stand, or as levels."""
    found = {}
    for name, value in nested.items():
        path = re.sub(r"^\.", "", f"{prefix}.{name}")
        found |= flat(value, path) if isinstance(value, dict) else {path: value}
    return found
