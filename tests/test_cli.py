"""The command line as a person or a script uses it: a real process, its output and its exit code."""

import csv
import gzip
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import processes
import pytest
from endpoints import Reply, serving

from afina import inference, pipeline, planfile, screen, shelf, store  # noqa: F401  (copied with this process)
from afina.errors import ConfigError
from afina.records import Plan

ADD_ENDINGS = ("today", "please", "tomorrow", "early", "late", "thanks", "no", "yes", "red", "blue", "green", "one")
KINDS = {
    "lost": ("my card is lost", "where is my card", "i lost the card"),
    "visit": ("can i book a visit", "book the doctor", "when can i visit"),
    "bill": ("pay the bill", "my bill is late", "where can i pay"),
}


ASKED = ("epochs=3", "lr=1e-3", "probes=calibration,consistency")  # the other probes take their time


def afina(*words, cwd, start=processes.copied):
    """Run the program; a traceback is always a failure."""
    done = start("-m", "afina.cli", *words, cwd=cwd)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr[-2000:]
    return done


def write(path: Path, rows, header=("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def messages(count=150, seed=0):
    rng = random.Random(seed)
    rows = set()
    while len(rows) < count:
        label = rng.choice(list(KINDS))
        rows.add((f"{rng.choice(KINDS[label])} {' '.join(rng.choices(ADD_ENDINGS, k=3))}", label))
    return sorted(rows)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    """What every command imports is there before this process is copied."""
    for name in ("readers", "cleaners", "objectives"):
        for module in shelf.names(name):
            shelf.load(name, module)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_bert):
    """One whole run on a tiny base, shared by the tests that look at it."""
    cwd = tmp_path_factory.mktemp("whole")
    data = write(cwd / "notes.csv", messages())
    done = afina("run", data, "--model", tiny_bert, "--out", "run", *ASKED, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return cwd, done


def test_a_run_ends_with_one_json_document_that_scripts_rely_on(finished):
    _, done = finished
    summary = json.loads(done.stdout.splitlines()[-1])
    known = "run task technique rows test baselines int8 dimensions beside seconds suspects"
    assert set(summary) == set(known.split(" "))
    assert set(summary["dimensions"]) == {"calibration", "consistency"}
    assert set(summary["rows"]) == {"train", "dev", "test"}
    assert set(summary["test"]["accuracy"]) == {"value", "low", "high"}
    assert {"majority", "tfidf", "probe"} == set(summary["baselines"])
    low_high = {"drop_low", "drop_high", "agreement_low", "agreement_high"}
    assert set(summary["int8"]) == {"ratio", "drop_points", "agreement", "rung", *low_high}
    assert set(summary["seconds"]) == {"corpus", "profile", "plan", "train", "evaluate", "compress", "probe"}


def test_a_run_learns_what_is_there_to_learn(finished):
    summary = json.loads(finished[1].stdout.splitlines()[-1])
    assert summary["test"]["accuracy"]["value"] > 0.8 > summary["baselines"]["majority"]["accuracy"]


def test_a_run_leaves_the_folder_that_the_readme_promises(finished):
    run = finished[0] / "run"
    there = {path.name for path in run.iterdir()}
    promised = {"run.yaml", "plan.yaml", "model", "onnx", "records", "report.html", "report.json", "README.md"}
    assert promised | {"manifest.json"} <= there
    assert "checkpoints" not in there
    assert store.damage(run) is None
    assert date.fromisoformat(json.loads((run / "report.json").read_text())["date"])
    names = {path.suffix for path in run.rglob("*") if path.is_file()}
    assert not names & {".bin", ".pt", ".pth", ".pkl", ".pickle"}


def test_nothing_that_ships_names_a_place_on_this_machine(finished):
    run = finished[0] / "run"
    shipped = [*(run / "model").rglob("*"), *(run / "onnx").rglob("*"), run / "report.html", run / "README.md"]
    shipped += [run / "report.json"]
    for path in shipped:
        if path.is_file():
            assert str(finished[0]).encode() not in path.read_bytes(), path
            assert str(Path(sys.prefix)).encode() not in path.read_bytes(), path


def test_no_text_of_the_data_stands_in_what_is_printed_or_reported(finished):
    run, done = finished[0] / "run", finished[1]
    texts = [text for text, _ in messages()]
    for shown in (done.stdout, (run / "report.html").read_text(), (run / "README.md").read_text()):
        assert not any(text in shown for text in texts)


def test_the_model_folder_loads_in_transformers_or_sentence_transformers_and_agrees(finished):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    run = finished[0] / "run"
    labels = json.loads((run / "onnx" / "labels.json").read_text())["labels"]
    texts = [text for text, _ in messages()][:20]
    theirs = sentence_transformers.SentenceTransformer(str(run / "model"), device="cpu").encode(texts).argmax(1)
    write(finished[0] / "some.csv", [[text] for text in texts], header=["text"])
    afina("predict", "run", "some.csv", "--out", "out.csv", cwd=finished[0])
    with (finished[0] / "out.csv").open() as file:
        ours = [row["predicted"] for row in csv.DictReader(file)]
    agree = sum(labels[place] == label for place, label in zip(theirs, ours, strict=True))
    assert agree >= 19


def test_the_same_command_again_from_any_folder_reads_what_is_done(finished, tiny_bert):
    cwd, _ = finished
    began = time.monotonic()
    done = afina("run", "notes.csv", "--model", tiny_bert, "--out", "run", *ASKED, cwd=cwd)
    assert done.returncode == 0
    assert done.stdout.count("is done already") == 7
    assert time.monotonic() - began < 30


def test_predict_labels_a_file_without_torch_and_keeps_its_columns(finished):
    cwd, _ = finished
    write(cwd / "new.csv", [("7", "my card is lost early"), ("8", "pay the bill red")], header=["id", "text"])
    program = "import sys\nsys.argv = ['afina', 'predict', 'run', 'new.csv', '--json']\nfrom afina.cli import main\n"
    program += "main()\nassert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["rows"] == 2
    with (cwd / "new-predicted.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["predicted"]) for row in rows] == [("7", "lost"), ("8", "bill")]
    assert all(0 < float(row["probability"]) <= 1 for row in rows)


def test_evaluate_scores_a_labelled_file_and_counts_unknown_labels_as_errors(finished):
    cwd, _ = finished
    write(cwd / "labelled.csv", [("my card is lost early", "lost"), ("pay the bill red", "unheard of")])
    done = afina("evaluate", "run", "labelled.csv", "--json", cwd=cwd)
    assert json.loads(done.stdout.splitlines()[-1])["accuracy"]["value"] == 0.5


def test_what_predict_leaves_out_and_changes_is_said(finished):
    cwd, _ = finished
    (cwd / "odd.csv").write_text("id,text\n=1+1,my card is lost early\ntoo,many,fields\n-5,pay the bill red\n")
    done = afina("predict", "run", "odd.csv", cwd=cwd)
    assert "odd.csv:3: 3 fields instead of 2" in done.stdout
    assert "1 cells begin with" in done.stdout
    with (cwd / "odd-predicted.csv").open(encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["'=1+1", "-5"]
    again = afina("predict", "run", "odd-predicted.csv", cwd=cwd)
    assert (again.returncode, "'predicted' already" in again.stderr) == (1, True)
    over = afina("predict", "run", "odd.csv", "--out", "odd.csv", cwd=cwd)
    assert (over.returncode, "another file" in over.stderr) == (1, True)
    assert "too,many,fields" in (cwd / "odd.csv").read_text()


def test_evaluate_repairs_a_file_as_a_test_file_is_and_says_so(finished):
    cwd, _ = finished
    odd = [("my card is lost early", "LOST"), ("", "bill"), ("pay", "odd one")]
    write(cwd / "repaired.csv", [*odd, *messages()[:5]])
    done = afina("evaluate", "run", "repaired.csv", "--json", cwd=cwd)
    assert json.loads(done.stdout.splitlines()[-1])["accuracy"]["value"] > 0.5
    for said in ("'LOST' read as 'lost'", "1 rows have no text", "'odd one'", "rows were in the training data"):
        assert said in done.stdout


SUITE = """\
suite: desk
lexicons: {ending: [today, please, tomorrow, thanks]}
tests:
  - {id: lost, type: MFT, capability: words, template: "where is my card {ending}", expect: {label: LABEL}}
  - {id: haste, type: INV, capability: noise, texts: test, perturb: [upper, punctuation], expect: {same_label: true},
     severity: minor}
"""


def test_a_suite_is_put_to_a_finished_run_and_exit_code_3_says_that_a_gate_failed(finished):
    cwd, run = finished
    (cwd / "bad.yaml").write_text(SUITE.replace("LABEL", "gone"))
    (cwd / "labels.yaml").write_text("gone: [visit, bill]\n")
    options = ("--labels", "labels.yaml", "--against", "run", "--json")
    failed = afina("checklist", "bad.yaml", "--model", "run", *options, cwd=cwd)
    assert failed.returncode == 3
    assert "lost (100%, at most 10%)" in failed.stderr
    assert '"where is my card today": lost' in failed.stdout
    assert "no case changed between the two runs" in failed.stdout
    told = json.loads(failed.stdout.splitlines()[-1])
    assert told["gates_failed"] == ["lost"]
    assert [test["cases"] for test in told["tests"]] == [4, json.loads(run.stdout.splitlines()[-1])["rows"]["test"]]
    assert len(told["sha256"]) == 64


def test_a_suite_that_does_not_fit_a_run_says_why(finished):
    folder = finished[0] / "run"
    with pytest.raises(
        ConfigError, match="asks about 'urgent', 'routine', which the model lacks: it has 'bill', 'lost'"
    ):
        inference.behave("medicine", folder, None, None)
    pairs = finished[0] / "pairs.yaml"
    pairs.write_text(SUITE.replace("LABEL", "lost").replace("expect:", "pair: same, expect:", 1))
    with pytest.raises(ConfigError, match="run answers single texts, and desk has pairs of texts"):
        inference.behave(str(pairs), folder, None, None)
    pairs.write_text(SUITE.replace("LABEL", "lost"))
    found, flips = inference.behave(str(pairs), folder, None, None)
    assert (found.broken, flips) == ((), None)


@pytest.mark.slow
def test_a_shipped_suite_does_without_labels_that_are_none(finished):
    cwd, _ = finished
    (cwd / "none.yaml").write_text("obligation: null\npermission: null\nprohibition: null\n")
    done = afina("checklist", "law", "--model", "run", "--labels", "none.yaml", "--json", cwd=cwd)
    assert done.returncode in (0, 3), done.stderr
    tests = json.loads(done.stdout.splitlines()[-1])["tests"]
    assert {"MFT", "DIR"} <= {test["kind"] for test in tests if test["skipped"]}
    assert sum(test["kind"] == "INV" and not test["skipped"] for test in tests) >= 20
    assert "the model has no obligation" in done.stdout


def test_the_next_command_that_is_named_has_the_same_options(tmp_path):
    write(tmp_path / "my notes.csv", messages(60), header=("text", "my label"))
    done = afina("check", "my notes.csv", "seed=3", "--label", "my label", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "next: afina run 'my notes.csv' --label 'my label' seed=3"


def test_plan_prints_choices_with_reasons_and_trains_nothing(finished, tiny_bert):
    cwd, _ = finished
    done = afina("plan", "notes.csv", "--model", tiny_bert, "--out", "planned", "--json", cwd=cwd)
    plan = json.loads(done.stdout.splitlines()[-1])
    assert set(plan) == {"choices", "estimates", "notes"}
    assert all(set(choice) == {"name", "value", "why", "evidence", "refused", "source"} for choice in plan["choices"])
    assert all(choice["why"] for choice in plan["choices"])
    assert {"trainable", "memory", "disk", "seconds"} <= set(plan["estimates"])
    assert not (cwd / "planned" / "model").exists()
    told = afina("plan", "notes.csv", "--model", tiny_bert, "--out", "planned", "--explain", cwd=cwd).stdout
    for line in ("You have ", "technique=", "not lora: ", "source: ", "I expect "):
        assert line in told


@pytest.mark.slow
def test_an_edited_plan_is_followed_and_stays_and_auto_gives_it_back(finished, tiny_bert):
    cwd, _ = finished
    command = ("plan", "notes.csv", "--model", tiny_bert, "--out", "edited", "--json")
    path = cwd / "edited" / "plan.yaml"

    def planned():
        choices = json.loads(afina(*command, cwd=cwd).stdout.splitlines()[-1])["choices"]
        return next((choice["value"], choice["why"]) for choice in choices if choice["name"] == "num_train_epochs")

    before = planned()
    path.write_text(path.read_text().replace(f"num_train_epochs\n  value: {before[0]}", "num_train_epochs\n  value: 7"))
    assert planned() == (7, "set by the user")
    assert planned() == (7, "set by the user")
    path.write_text(path.read_text().replace("num_train_epochs\n  value: 7.0", "num_train_epochs\n  value: auto"))
    assert planned() == before


def test_a_folder_of_another_run_is_refused_and_stays_as_it_is(finished, tiny_bert):
    cwd, _ = finished
    before = (cwd / "run" / "manifest.json").read_text()
    write(cwd / "other.csv", messages(seed=9))
    done = afina("run", "other.csv", "--model", tiny_bert, "--out", "run", cwd=cwd)
    assert (done.returncode, "--out" in done.stderr) == (1, True)
    assert (cwd / "run" / "manifest.json").read_text() == before
    (cwd / "mine").mkdir()
    (cwd / "mine" / "thesis.txt").write_text("x")
    assert afina("run", "other.csv", "--model", tiny_bert, "--out", "mine", cwd=cwd).returncode == 1
    assert [path.name for path in (cwd / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.slow
def test_a_file_that_was_refused_can_be_mended_and_used_with_the_same_folder(tmp_path, tiny_bert):
    words = ("plan", "notes.csv", "--model", tiny_bert, "--out", "run")
    assert afina(*words, cwd=tmp_path).returncode == 1
    write(tmp_path / "notes.csv", [("one", "x"), ("two", "x")])
    assert afina(*words, cwd=tmp_path).returncode == 1
    write(tmp_path / "notes.csv", messages(60))
    assert afina(*words, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "content", ["choices: [1]\n", "choices: {a: 1}\n", "choices: [{name: technique}]\n", "choices: 3\n"]
)
def test_a_plan_that_lost_its_form_is_refused(tmp_path, content):
    (tmp_path / "plan.yaml").write_text(content)
    with pytest.raises(ConfigError, match="choices"):
        planfile.lines(tmp_path / "plan.yaml")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_by_a_signal_the_same_command_goes_on_and_ends_with_the_same_weights(tmp_path, tiny_bert, number, code):
    data = write(tmp_path / "notes.csv", messages(400))
    words = ["run", data, "--model", tiny_bert, "epochs=30", "lr=1e-3", "precision=fp32"]
    assert afina(*words, "--out", "straight", cwd=tmp_path).returncode == 0
    command = [sys.executable, "-m", "afina.cli", *map(str, words), "--out", "stopped"]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "epoch" not in (line := child.stdout.readline()):
        assert line, child.stderr.read()
    child.send_signal(number)
    _, errors = child.communicate(timeout=120)
    assert child.returncode == code, errors
    assert "the same command goes on" in errors
    done = afina(*words, "--out", "stopped", cwd=tmp_path)
    assert "going on from step" in done.stdout
    one, two = (tmp_path / name / "model" / "model.safetensors" for name in ("straight", "stopped"))
    assert one.read_bytes() == two.read_bytes()


BAD = {
    "an empty file": (b"", "empty"),
    "a header only": (b"text,label\n", "no row"),
    "one class": (b"text,label\na b,x\nc d,x\ne f,x\n", "class"),
    "an unclosed quote": (b'text,label\n"a b,x\nc d,y\n', "quote"),
    "garbage": (bytes(range(256)) * 20, ""),
    "one score for all": (b"text,score\n" + b"".join(b"words %d,3\n" % i for i in range(60)), "class"),
}


@pytest.mark.parametrize(("content", "word"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_file_that_cannot_be_used_is_one_error_with_a_fix_and_exit_code_1(tmp_path, content, word, command):
    (tmp_path / "bad.csv").write_bytes(content)
    done = afina(command, "bad.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1
    assert "fix:" in done.stderr
    assert word in done.stderr.lower()


WORDS = {
    "a missing file": (["run", "nothing.csv"], 1, "nothing.csv"),
    "an unknown ending": (["check", "notes.xyz"], 1, ".xyz"),
    "an unknown key": (["run", "notes.csv", "learnig_rate=1"], 1, "learning_rate"),
    "a value of the wrong type": (["run", "notes.csv", "epochs=many"], 1, "num_train_epochs"),
    "an unknown technique": (["plan", "notes.csv", "technique=loar"], 1, "lora"),
    "an unknown shelf": (["list", "technique"], 1, "techniques"),
    "an unknown command": (["rnu", "notes.csv"], 2, "rnu"),
    "an unknown option": (["run", "notes.csv", "--modle", "x"], 2, "--modle"),
    "no model there": (["run", "notes.csv", "--model", "./nowhere"], 1, "nowhere"),
    "a missing column": (["check", "notes.csv", "--text", "txt"], 1, "text"),
    "no run there": (["predict", "nowhere", "notes.csv"], 1, "nowhere"),
    "a run file that is missing": (["run", "run.yaml"], 1, "afina init"),
}


@pytest.mark.parametrize(("words", "code", "said"), WORDS.values(), ids=WORDS)
def test_a_wrong_word_is_one_error_with_what_to_type_instead(tmp_path, words, code, said):
    write(tmp_path / "notes.csv", messages(60))
    (tmp_path / "notes.xyz").write_text("x")
    done = afina(*words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_repairs_are_counted_and_said(tmp_path):
    rows = [
        *messages(60),
        ("my card is lost", "Lost "),
        ("", "bill"),
        ("pay the bill", ""),
        ("pay\x00 the bill", "bill"),
    ]
    write(tmp_path / "notes.csv", rows)
    done = afina("check", "notes.csv", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    findings = json.loads(done.stdout.splitlines()[-1])["findings"]
    assert {finding["check"] for finding in findings} >= {"labels", "empty", "characters"}
    assert all(finding["count"] > 0 and finding["fix"] for finding in findings)
    assert "notes.csv:" in done.stdout


def test_init_writes_a_run_file_that_check_accepts(tmp_path):
    done = afina("init", "--json", cwd=tmp_path)
    assert json.loads(done.stdout.splitlines()[-1]) == {"out": "run.yaml"}
    assert afina("init", cwd=tmp_path).returncode == 1
    write(tmp_path / "data.csv", messages(60))
    assert afina("check", "run.yaml", cwd=tmp_path).returncode == 0


def test_doctor_and_list_answer_with_json_on_the_last_line(tmp_path):
    facts = json.loads(afina("doctor", "--json", cwd=tmp_path).stdout.splitlines()[-1])
    assert {"versions", "processor features", "devices", "disk", "missing"} <= set(facts)
    shelves = json.loads(afina("list", "--json", cwd=tmp_path).stdout.splitlines()[-1])
    assert "techniques" in shelves
    assert "lora" in json.loads(afina("list", "techniques", "--json", cwd=tmp_path).stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_full_disk_stops_the_run_with_a_fix_and_what_was_done_stays(tmp_path, tiny_bert):
    data = write(tmp_path / "notes.csv", messages())
    program = "import resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    program += "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
    program += (
        f"sys.argv = ['afina', 'run', {str(data)!r}, '--model', {str(tiny_bert)!r}, '--out', 'run', 'epochs=1']\n"
    )
    program += "from afina.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert (done.returncode, "fix:" in done.stderr) == (1, True)
    assert (tmp_path / "run" / "records" / "plan.json").is_file()
    done = afina("run", data, "--model", tiny_bert, "--out", "run", "epochs=1", "probes=none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is done already") >= 3


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "tsv"])
def test_other_formats_go_the_whole_way_through_check(tmp_path, ending):
    rows = messages(60)
    if ending == "tsv":
        content = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows)
    else:
        content = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    data = content.encode()
    (tmp_path / f"notes.{ending}").write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    done = afina("check", f"notes.{ending}", "--json", cwd=tmp_path)
    assert sum(json.loads(done.stdout.splitlines()[-1])["rows"].values()) == 60


@pytest.mark.slow
def test_two_runs_of_lora_on_one_base_are_combined_and_of_two_bases_are_not(make_base, tmp_path):
    """The second task tells by another word of the same texts."""
    other = [(text, "hurry" if "today" in text else "wait") for text, _ in messages(seed=1)]
    for name, rows, base in (("kind", messages(), 0), ("speed", other, 0), ("far", messages(), 3)):
        data = write(tmp_path / f"{name}.csv", rows)
        words = ("technique=lora", "pooling=mean", "epochs=8", "lr=1e-2", "max_drop_points=100", "probes=none")
        done = afina("run", data, "--model", make_base("bert", base), "--out", name, *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    done = afina("combine", "kind", "speed", "--out", "both", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert made["tasks"] == ["kind", "speed"]
    assert min(score["value"] for score in made["alone"]) > 0.8
    assert f"chosen: {made['chosen']['method']}" in done.stdout
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"base", "combined.json", "merged", "tasks"}
    folded = tmp_path / "both" / "base" / "model.safetensors"
    before, third = folded.read_bytes(), [(text, "pay" if "bill" in text else "other") for text, _ in messages(seed=2)]
    data, words = (
        write(tmp_path / "third.csv", third),
        ("technique=lora", "epochs=8", "lr=1e-2", "max_drop_points=100", "probes=none"),
    )
    done = afina("run", data, "--model", "both", "--out", "third", "--json", *words, cwd=tmp_path)
    assert json.loads(done.stdout.splitlines()[-1])["test"]["accuracy"]["value"] > 0.8
    stands_on = store.read_record(tmp_path / "third", "plan", Plan).base
    assert stands_on.name == "both (kind and speed merged)"
    assert stands_on.sha256 == store.sha256(folded) == made["merged"]
    assert json.loads((tmp_path / "third" / "adapter" / "adapter.json").read_text())["base"] == made["merged"]
    assert folded.read_bytes() == before  # the combination stays frozen under the new task
    assert (tmp_path / "third" / "adapter" / "adapter_model.safetensors").stat().st_size < len(before) / 4
    refused = afina("combine", "kind", "far", "--out", "none", cwd=tmp_path)
    assert refused.returncode == 1
    assert "another base" in refused.stderr
    assert not (tmp_path / "none").exists()
    shutil.rmtree(tmp_path / "both")  # the run has the merge in it
    evaluated = afina("evaluate", "third", data, "--json", cwd=tmp_path)
    assert evaluated.returncode == 0, evaluated.stderr
    assert afina("predict", "third", data, "--out", "said.csv", cwd=tmp_path).returncode == 0
    assert len((tmp_path / "said.csv").read_text().splitlines()) == len(third) + 1


@pytest.mark.slow
def test_a_run_that_is_asked_to_adapts_first_and_trains_from_the_adapted_base(tmp_path, tiny_bert):
    import torch
    from transformers import AutoModel

    data, run = write(tmp_path / "notes.csv", messages()), tmp_path / "run"
    texts = [" ".join((text, ending)) for text, _ in messages(100, seed=9) for ending in ("please", "today")]
    (tmp_path / "texts.txt").write_text("\n".join([*texts, *(text for text, _ in messages()[:20])]))
    own = ("adapt_steps=30", "adapt_learning_rate=3e-3", "--json")
    command = ("run", data, "--model", tiny_bert, "--out", "run", *own)
    first = afina(*command, "technique=head_only", "adapt_file=texts.txt", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    adapted = json.loads(first.stdout.splitlines()[-1])["adapted"]
    assert adapted["after"] < adapted["before"]
    assert "texts to adapt to are rows of dev or test" in first.stdout
    assert "adapted to texts of the domain (texts.txt" in (run / "report.html").read_text()
    folders = (run / "model", run / "adapted", tiny_bert)
    tuned, now, before = (AutoModel.from_pretrained(folder).state_dict() for folder in folders)
    assert all(torch.equal(tuned[name], now[name]) for name in now)  # head_only leaves the body as it got it
    assert not any(torch.equal(now[name], before[name]) for name in before if "layer" in name)

    second = afina(*command, "technique=full", "epochs=1", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert re.search(r"adapt +is done already", second.stdout)
    wrong = afina(*command, "adapt_file=none", cwd=tmp_path)
    assert wrong.returncode == 1
    assert "adapt_steps has no meaning without adapt_file" in wrong.stderr
    last = afina(*command[:6], "adapt_file=none", cwd=tmp_path)  # the steps were said before, for what is off now
    assert last.returncode == 0, last.stderr
    assert not (run / "adapted").exists()
    assert not (run / "records" / "adapt.json").exists()


@pytest.mark.slow
def test_a_run_that_is_asked_to_learns_new_tokens_first_and_trains_from_the_grown_base(tmp_path, tiny_bert):
    from transformers import AutoTokenizer

    odd = {"bill": "billpayvisit", "doctor": "doctorpaintest", "card": "cardlosttoday"}  # which the tiny base breaks
    rows = [(" ".join(odd.get(word, word) for word in text.split()), label) for text, label in messages()]
    run = tmp_path / "run"
    command = ("run", write(tmp_path / "notes.csv", rows), "--model", tiny_bert, "--out", "run", "epochs=1", "--json")
    first = afina(*command, "new_tokens=3", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    said = json.loads(first.stdout.splitlines()[-1])["prepared"]
    assert said["new_tokens"] >= 1
    assert said["tokens_a_word"]["after"] < said["tokens_a_word"]["before"]
    sizes = [len(AutoTokenizer.from_pretrained(folder)) for folder in (tiny_bert, run / "prepared", run / "model")]
    assert sizes[1] == sizes[2] == sizes[0] + said["new_tokens"]
    assert "became tokens of the base" in (run / "report.html").read_text()
    write(tmp_path / "some.csv", [[text] for text, _ in rows[:5]], header=["text"])
    assert afina("predict", "run", "some.csv", "--out", "out.csv", cwd=tmp_path).returncode == 0

    second = afina(*command, "new_tokens=3", "learning_rate=1e-3", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert re.search(r"prepare +is done already", second.stdout)
    last = afina(*command, "new_tokens=0", cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert not (run / "prepared").exists()
    assert not (run / "records" / "prepare.json").exists()


@pytest.mark.slow
def test_a_run_that_is_asked_to_has_a_model_write_rows_and_forgets_them_when_it_is_not(tmp_path, make_masked_base):
    run, base = tmp_path / "run", make_masked_base("bert")
    notes = write(tmp_path / "notes.csv", messages())
    command = ("run", notes, "--model", base, "--out", "run", "epochs=1", "--json")
    first = afina(*command, "augmentation=fill_mask", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    made = json.loads((run / "records" / "augment.json").read_text())["record"]
    assert made["asked"] == len(made["rows"]) + sum(made["rejected"].values()) > 0
    corpus = json.loads((run / "records" / "corpus.json").read_text())["record"]
    assert {row["label"] for row in made["rows"]} <= set(corpus["labels"])
    assert "augment" in json.loads((run / "report.json").read_text())["seconds"]

    second = afina(*command, "augmentation=fill_mask", "learning_rate=1e-3", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert re.search(r"augment +is done already", second.stdout)
    last = afina(*command, "augmentation=none", cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert not (run / "records" / "augment.json").exists()


@pytest.mark.slow
def test_a_run_that_is_asked_to_balances_its_training_rows_and_nothing_else(tmp_path, tiny_bert):
    rows = messages()
    rare = min(KINDS)
    rows = [row for place, row in enumerate(rows) if row[1] != rare or place % 3 == 0]
    run = tmp_path / "run"
    command = ("run", write(tmp_path / "notes.csv", rows), "--model", tiny_bert, "--out", "run", "epochs=1", "--json")
    first = afina(*command, "balancing=semantic", "balancing_share=1", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    said = json.loads(first.stdout.splitlines()[-1])
    made = said["balanced"]
    assert set(made["after"].values()) == {max(made["before"].values())}
    assert made["before"][rare] < made["after"][rare]
    assert sum(made["before"].values()) == said["rows"]["train"]
    record = json.loads((run / "records" / "balance.json").read_text())["record"]
    added = sum(made["after"].values()) - said["rows"]["train"]
    assert len(record["added"]) == added
    steps = [look["step"] for look in json.loads((run / "records" / "train.json").read_text())["record"]["looks"]]
    assert max(steps) == -(-sum(made["after"].values()) // 32) > -(-said["rows"]["train"] // 32)  # all of them are seen
    page = (run / "report.html").read_text()
    assert f"{said['rows']['train']:,} training rows became" in page
    assert json.loads((run / "report.json").read_text())["data"]["rows"] == said["rows"]

    second = afina(*command, "balancing=semantic", "balancing_share=1", "learning_rate=1e-3", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert re.search(r"balance +is done already", second.stdout)
    third = afina(*command, "balancing=none", "balancing_share=1", cwd=tmp_path)
    assert third.returncode == 1
    assert "balancing_share has no meaning without balancing" in third.stderr
    (run / "plan.yaml").unlink()
    last = afina(*command, cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert "balanced" not in json.loads(last.stdout.splitlines()[-1])
    assert not (run / "records" / "balance.json").exists()


@pytest.mark.slow
def test_a_run_that_is_killed_while_an_endpoint_writes_rows_pays_for_no_row_twice(tmp_path, tiny_bert):
    pytest.importorskip("openai", reason="the package openai is not installed")

    def anew(number, asked):
        words = asked["messages"][-1]["content"].removeprefix("<text>").removesuffix("</text>").split()
        return Reply(" ".join(reversed(words)), seconds=0.05)

    notes = write(tmp_path / "notes.csv", messages())
    with serving(anew) as server:
        command = ["run", notes, "--model", tiny_bert, "--out", "run", "epochs=1", "augmentation=paraphrase"]
        command += [f"augment_endpoint={server.address}", "augment_model=m", "augment_requests=30"]
        words = [sys.executable, "-m", "afina.cli", *map(str, command)]
        with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
            while len(server.asked) < 10 and killed.poll() is None:
                time.sleep(0.01)
            killed.kill()
        assert not (tmp_path / "run" / "records" / "augment.json").exists()
        time.sleep(0.2)
        before, kept = len(server.asked), len(list((tmp_path / "run" / "answers").glob("*.json")))
        assert 10 <= before < 30
        assert before - 4 <= kept <= before
        done = afina(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert len(server.asked) == before + 30 - kept
    made = json.loads((tmp_path / "run" / "records" / "augment.json").read_text())["record"]
    assert (made["asked"], made["requests"], made["cached"]) == (30, 30, kept)
    assert "30 requests" in made["stopped"]


def test_memory_that_runs_out_is_one_error_with_a_fix(capsys):
    import torch

    from afina import cli

    with pytest.raises(RuntimeError) as torchs:
        torch.empty(10**15)
    for error in (MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), torchs.value):
        with pytest.raises(SystemExit) as stopped:
            cli._usage(error)
        assert stopped.value.code == 1
        assert "per_device_train_batch_size" in capsys.readouterr().err
    assert cli._usage(RuntimeError("something else")) is None


def test_a_finished_run_is_probed_again_with_examples_and_one_json_document(finished):
    cwd, _ = finished
    done = afina("probe", "run", "probes=robustness", "robustness_rows=20", "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [one["probe"] for one in found["dimensions"]] == ["robustness"]
    assert found["variant"] == "int8_dynamic"
    assert "answers kept" in done.stdout
    wrong = afina("probe", "run", "probes=robustnes", cwd=cwd)
    assert (wrong.returncode, "'robustness'" in wrong.stderr) == (1, True)
    assert afina("probe", "nowhere", cwd=cwd).returncode == 1


def test_a_language_model_says_test_texts_in_other_words_and_robustness_reads_them(finished):
    cwd, _ = finished

    def answer(number, asked):
        text = asked["messages"][-1]["content"].removeprefix("<text>").removesuffix("</text>")
        return Reply("" if number == 0 else f"{text} and hello {number}")

    words = ("paraphrase", "run", "augment_model=m", "--out", "other.jsonl", "--texts", "5", "--each", "2")
    with serving(answer) as server:
        done = afina(*words, f"augment_endpoint={server.address}", "--json", cwd=cwd)
        assert done.returncode == 0, done.stderr
        again = afina(*words, f"augment_endpoint={server.address}", cwd=cwd)
        assert (again.returncode, len(server.asked)) == (1, 10)
        assert "other.jsonl is there already" in again.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {"texts": 5, "paraphrases": 9, "requests": 10, "rejected": {"empty": 1}}.items() <= found.items()
    lists = [json.loads(line) for line in (cwd / "other.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(map(len, lists)) == [2, 3, 3, 3, 3]
    probed = afina("probe", "run", "probes=robustness", "robustness_paraphrases=other.jsonl", "--json", cwd=cwd)
    (robustness,) = json.loads(probed.stdout.splitlines()[-1])["dimensions"]
    assert next(one for one in robustness["measures"] if one["name"] == "paraphrase")["rows"] == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "needs an OpenAI-compatible endpoint"),
        (("augment_endpoint=http://127.0.0.1:9/v1",), "needs a model"),
        (("augment_endpoint=http://127.0.0.1:9/v1", "augment_model=m", "epochs=3"), "num_train_epochs has nothing"),
    ],
)
def test_what_writes_no_paraphrases_is_told(finished, words, said):
    done = afina("paraphrase", "run", *words, cwd=finished[0])
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


@pytest.mark.slow
def test_a_finished_run_is_probed_in_every_dimension_in_process_and_out_of_it(finished):
    cwd, _ = finished
    done = afina("probe", "run", f"probes={','.join(shelf.names('probes'))}", "efficiency_seconds=3", "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    found = {one["probe"]: one for one in json.loads(done.stdout.splitlines()[-1])["dimensions"]}
    assert set(found) == set(shelf.names("probes"))
    assert not any(one["skipped"] for one in found.values())
    assert {"peak memory", "loading"} <= {one["group"] for one in found["efficiency"]["measures"]}
    assert len([one for one in found["forgetting"]["measures"] if one["name"] == "cka"]) > 1


@pytest.mark.slow
def test_a_run_is_held_beside_a_champion_in_its_report_and_another_champion_trains_nothing(finished, tiny_bert):
    cwd, _ = finished
    asked = ("epochs=1", "lr=1e-3", "probes=calibration")
    done = afina("run", "notes.csv", "--model", tiny_bert, "--out", "second", *asked, "champion=run", cwd=cwd)
    assert done.returncode == 0, done.stderr
    page = (cwd / "second" / "compare.html").read_text(encoding="utf-8")
    assert "Calibration" in page
    assert "Accuracy" in page
    told = json.loads((cwd / "second" / "report.json").read_text(encoding="utf-8"))["beside"]
    (score,) = [one for one in told["dimensions"] if one["probe"] == "compress"]
    assert told["runs"] == ["second", "run"]
    assert score["gain"]["low"] <= score["gain"]["value"] <= score["gain"]["high"]
    assert score["base"]["value"] > 0
    assert "champion: run" in (cwd / "second" / "report.html").read_text(encoding="utf-8")
    records = {path.name: path.stat().st_mtime_ns for path in (cwd / "second" / "records").iterdir()}
    again = afina("run", "notes.csv", "--model", tiny_bert, "--out", "second", *asked, cwd=cwd)
    assert again.returncode == 0, again.stderr
    kept = {path.name: path.stat().st_mtime_ns for path in (cwd / "second" / "records").iterdir()}
    assert kept == {name: made for name, made in records.items() if name != "compare.json"}
    assert not (cwd / "second" / "compare.html").exists()
    assert "hampion" not in (cwd / "second" / "report.html").read_text(encoding="utf-8")
    none = afina("run", "notes.csv", "--model", tiny_bert, "--out", "third", "champion=nowhere", cwd=cwd)
    assert (none.returncode, "nowhere" in none.stderr) == (1, True)
