"""The order of the stages, and what a run folder is before there is a run. No model is opened here."""

from pathlib import Path

import pytest

from afina import config, pipeline, store
from afina.errors import AfinaError, ConfigError

ROWS = "".join(f"words of text {n},{'ab'[n % 2]}\n" for n in range(40))
BAD = {"missing": None, "empty": "", "of one class": "text,label\na b,x\nc d,x\ne f,x\n"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(file="notes.csv", **more):
    return pipeline.run(config.build({"train_file": file, **more}), until="corpus")


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_file_that_cannot_be_read_leaves_no_trace(here, content):
    if content is not None:
        (here / "notes.csv").write_text(content)
    there = sorted(here.iterdir())
    with pytest.raises(AfinaError):
        read()
    assert sorted(here.iterdir()) == there
    (here / "notes.csv").write_text("text,label\n" + ROWS)
    assert read().folder == Path("runs/notes")
    assert {path.name for path in (here / "runs" / "notes").iterdir()} == {"run.yaml", ".identity", "records"}


def test_a_folder_that_was_there_stays_though_nothing_comes_of_the_run(here):
    (here / "runs" / "notes").mkdir(parents=True)
    with pytest.raises(AfinaError):
        read()
    assert (here / "runs" / "notes").is_dir()


def test_a_base_is_the_same_however_its_folder_is_written(here):
    (here / "notes.csv").write_text("text,label\n" + ROWS)
    (here / "base").mkdir()
    (here / "other").mkdir()
    read(model_name_or_path="base", output_dir="run")
    for name in ("./base", "other/../base", str(here / "base")):
        assert read(model_name_or_path=name, output_dir="run").seconds.keys() == {"corpus"}
    for name in ("other", "./nowhere", "org/base"):
        with pytest.raises(ConfigError, match="another base"):
            read(model_name_or_path=name, output_dir="run")


def test_the_folders_that_a_lock_made_and_nobody_used_are_taken_away_and_no_other(here):
    (here / "old").mkdir()
    with store.lock(here / "old" / "a" / "b"):
        pass
    assert list(here.rglob("*")) == [here / "old"]
    with store.lock(here / "old" / "a" / "b"):
        (here / "old" / "a" / "kept.txt").write_text("x")
    assert sorted(path.name for path in here.rglob("*")) == ["a", "kept.txt", "old"]


def test_a_champion_that_is_none_is_told_before_anything_is_done(here):
    (here / "notes.csv").write_text("text,label\n" + ROWS)
    for champion, said in (("runs/notes", "this run itself"), ("nowhere", "no run folder")):
        with pytest.raises(ConfigError, match=said):
            pipeline.run(config.build({"train_file": "notes.csv", "champion": champion}))
    assert not (here / "runs").exists()
