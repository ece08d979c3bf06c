import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afina import store
from afina.errors import ConfigError, MachineError, RecordError
from afina.records import Score

SCORE = Score("accuracy", 0.5, 0.4, 0.6)


def test_a_record_is_made_once_and_read_the_second_time(tmp_path):
    made = []
    make = lambda: made.append(1) or SCORE  # noqa: E731
    first = store.keep(tmp_path, "x", Score, {"a": 1}, make)
    second = store.keep(tmp_path, "x", Score, {"a": 1}, make)
    assert (first.made, second.made, second.record, len(made)) == (True, False, SCORE, 1)
    assert second.seconds == first.seconds


def test_a_record_is_made_anew_when_its_inputs_change(tmp_path):
    store.keep(tmp_path, "x", Score, {"a": 1}, lambda: SCORE)
    assert store.keep(tmp_path, "x", Score, {"a": 2}, lambda: SCORE).made


@pytest.mark.parametrize("content", ["", "{", "[]", '{"inputs": 3}', "\x00\x01"])
def test_a_damaged_record_is_made_anew_and_never_a_traceback(tmp_path, content):
    kept = store.keep(tmp_path, "x", Score, 1, lambda: SCORE)
    (tmp_path / "records" / "x.json").write_text(content)
    assert store.keep(tmp_path, "x", Score, 1, lambda: SCORE).made
    assert kept.made


def test_reading_a_missing_or_damaged_record_says_what_to_do(tmp_path):
    with pytest.raises(RecordError, match="no finished run"):
        store.read_record(tmp_path, "train", Score)
    with pytest.raises(RecordError, match="there is no run folder"):
        store.read_record(tmp_path / "nowhere", "train", Score)
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "train.json").write_text("{")
    with pytest.raises(RecordError, match="damaged"):
        store.read_record(tmp_path, "train", Score)


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4))
def test_a_fingerprint_depends_on_content_and_not_on_order(content):
    turned = dict(reversed(content.items()))
    assert store.fingerprint(content) == store.fingerprint(turned)
    assert store.fingerprint(content) != store.fingerprint({**content, "another key": 1})


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "model"
    with pytest.raises(ValueError, match="boom"), store.whole_folder(target) as temporary:
        (temporary / "half").write_text("x")
        raise ValueError("boom")
    assert list(tmp_path.iterdir()) == []
    with store.whole_folder(target) as temporary:
        (temporary / "a").write_text("1")
    with store.whole_folder(target) as temporary:
        (temporary / "b").write_text("2")
    assert [path.name for path in target.iterdir()] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_seal_holds_until_one_byte_changes(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b").write_bytes(b"abc")
    assert store.damage(tmp_path) == "it was not finished"
    store.seal(tmp_path)
    assert store.damage(tmp_path) is None
    with store.lock(tmp_path):
        store.seal(tmp_path)
    assert store.damage(tmp_path) is None
    (tmp_path / "a").write_bytes(b"0123456780")
    assert store.damage(tmp_path) == "a was altered"
    (tmp_path / "a").unlink()
    assert store.damage(tmp_path) == "a is missing"
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / "deep" / "c").write_bytes(b"")
    assert store.damage(tmp_path) == "deep/c was added"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 3}', '{"a": {"bytes": 10}}', "null", "\x00"])
def test_a_damaged_manifest_is_a_damage_and_never_a_traceback(tmp_path, content):
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / store.SEAL).write_text(content)
    assert store.damage(tmp_path) == "it was not finished"


def test_what_a_killed_process_left_half_written_is_swept_away_and_nothing_else(tmp_path):
    program = """
        import os, sys
        from pathlib import Path
        from afina import store
        folder = Path(sys.argv[1])
        os.replace = lambda old, new: os.kill(os.getpid(), 9)
        if sys.argv[2] == "folder":
            with store.whole_folder(folder / "model") as temporary:
                (temporary / "half").write_text("x")
        store.write_text(folder / "records" / "plan.json", "{}")
    """
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "corpus.json").write_text("{}")
    (tmp_path / ".identity").write_text("{}")
    for kind in ("folder", "file"):
        command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path), kind]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    left = [path for path in tmp_path.rglob("*.aside")]
    assert {path.parent for path in left} == {tmp_path, tmp_path / "records"}
    store.sweep(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        ".identity", "records", "records/corpus.json",
    ]  # fmt: skip


def test_a_full_disk_is_an_error_with_a_fix_and_leaves_the_old_file(tmp_path):
    program = f"""
        import resource
        from pathlib import Path
        from afina import store
        from afina.errors import MachineError
        path = Path({str(tmp_path)!r}) / "x.json"
        store.write_text(path, "old")
        import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            store.write_text(path, "new" * 1000)
        except MachineError as error:
            print(error)
        assert path.read_text() == "old"
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert "cannot write" in done.stdout
    assert "fix:" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_two_writers_of_one_folder_the_second_is_told_who_owns_it(tmp_path):
    with store.lock(tmp_path), pytest.raises(ConfigError, match=str(os.getpid())), store.lock(tmp_path):
        pass
    with store.lock(tmp_path):
        pass


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_file_where_the_run_folder_should_be_is_an_error_with_a_fix(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="--out"), store.lock(tmp_path / place):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_the_lock_of_a_killed_owner_is_taken_over(tmp_path):
    program = "import sys, time\nfrom pathlib import Path\nfrom afina import store\n"
    program += "with store.lock(Path(sys.argv[1])):\n    print('locked', flush=True)\n    time.sleep(60)\n"
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "locked\n"
    with pytest.raises(ConfigError, match="is being written"), store.lock(tmp_path):
        pass
    child.send_signal(signal.SIGKILL)
    child.communicate()
    with store.lock(tmp_path):
        owner = json.loads((tmp_path / store.LOCK).read_text())
    assert owner["pid"] == os.getpid()


COMPETE = """
import multiprocessing, sys
from pathlib import Path
from afina import store
from afina.errors import ConfigError

context = multiprocessing.get_context("fork")
ready, results = context.Barrier(20), context.Queue()

def compete(folder):
    ready.wait()
    try:
        with store.lock(folder):
            results.put("won")
            ready.wait()  # nobody leaves before all have tried
    except ConfigError as error:
        results.put(error.found)
        ready.wait()

for folder in map(Path, sys.argv[1:]):
    processes = [context.Process(target=compete, args=(folder,)) for _ in range(20)]
    for process in processes:
        process.start()
    print(*(results.get(timeout=60) for _ in processes), sep="\\n")
    for process in processes:
        process.join()
"""  # a program of its own: to copy all that the tests have imported twenty times takes seconds


@pytest.mark.parametrize("left", ["nothing", "a dead owner's lock"])
def test_of_twenty_processes_at_once_exactly_one_gets_the_folder(tmp_path, left):
    folders = [tmp_path / str(attempt) for attempt in range(3)]
    for folder in folders if left != "nothing" else ():
        folder.mkdir()
        (folder / store.LOCK).write_text(json.dumps({"pid": 2**22 + 1, "host": "here"}))
    done = subprocess.run([sys.executable, "-c", COMPETE, *folders], capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    for place, folder in enumerate(folders):
        own = answers[20 * place : 20 * place + 20]
        assert own.count("won") == 1
        assert sum("is being written by" in answer for answer in own) == 19
        assert not (folder / store.LOCK).exists()


def _hammer(folder, inside, most, rounds):
    for _ in range(rounds):
        try:
            with store.lock(folder):
                with inside.get_lock():
                    inside.value += 1
                    most.value = max(most.value, inside.value)
                time.sleep(0.0005)
                with inside.get_lock():
                    inside.value -= 1
        except ConfigError:
            pass


def test_with_owners_that_come_and_go_there_is_never_more_than_one(tmp_path):
    """The moment to get wrong is the one in which an owner leaves and deletes the file that another has just opened."""
    context = multiprocessing.get_context("fork")
    inside, most = context.Value("i", 0), context.Value("i", 0)
    processes = [context.Process(target=_hammer, args=(tmp_path, inside, most, 150)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert most.value == 1


def test_a_read_only_place_is_an_error_with_a_fix(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(MachineError, match="--out"):
        store.write_text(tmp_path / "x", "y")
