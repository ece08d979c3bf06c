"""Public data sets and their known faults; skipped where the data does not lie beside the project."""

import os
import random
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from afina.config import CorpusOptions
from afina.sameness import key
from afina.stages.corpus import read

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[3] / "shared" / "data"))


def said(corpus, check):
    return [finding for finding in corpus.findings if finding.check == check]


@cache
def real(name, **options):
    folder = DATA / name
    if not folder.exists():
        pytest.skip(f"the data set {name} is not beside the project")
    files = {split: folder / f"{split}.csv" for split in ("train", "dev", "test")}
    there = {f"{split}_file": str(path) for split, path in files.items() if path.exists()}
    return read(CorpusOptions(**there, **options), 0)


@pytest.mark.parametrize(
    ("name", "held_out", "rows"),
    [
        ("banking77", "test", 7),
        ("acl_arc", "test", 52),
        ("trec", "test", 11),
        ("cola", "dev", 16),
        ("clinc150", "test", 2),
    ],
)
def test_known_leaks_are_found_to_the_row(name, held_out, rows):
    corpus = real(name)
    assert f"{rows} rows of {held_out} are also in train" in [finding.problem for finding in said(corpus, "leakage")]
    held = {key(row) for row in (corpus.test if held_out == "test" else corpus.dev)}
    assert not held & {key(row) for row in corpus.train}


@pytest.mark.parametrize(("name", "texts"), [("cola", 14), ("chemprot", 65), ("scicite", 3)])
def test_known_contradictions_are_found_to_the_text(name, texts):
    found = said(real(name), "contradictions")
    assert sum(int(finding.problem.split()[0]) for finding in found) == texts


def test_published_test_sets_keep_their_size():
    assert len(real("banking77").test) == 3080
    assert len(real("acl_arc").test) == 139


def test_lost_letters_of_the_financial_phrases_are_counted():
    assert [finding.count for finding in said(real("financial_phrasebank"), "characters")] == [84]


def test_the_score_of_similar_sentences_is_a_task_of_its_own():
    corpus = real("stsb_en")
    assert (corpus.kind, corpus.columns.label, len(corpus.test)) == ("regress", "score", 1379)
    assert {row.label for row in corpus.train} == {""}
    assert min(row.value for row in corpus.train) == 0.0
    assert max(row.value for row in corpus.train) == 5.0


def test_the_coarse_label_of_the_questions_is_chosen():
    assert real("trec").columns.label == "label"
    assert len(real("trec", label_column="fine_label").labels) > 40


def test_slips_planted_in_77_real_labels_are_asked_about(tmp_path):
    corpus = real("banking77")
    dice = random.Random(0)
    planted = 0
    content = "text,label\n"
    for number, row in enumerate(corpus.train):
        label = row.label
        if dice.random() < 0.02:
            place = dice.randrange(len(label))
            label = label[:place] + label[place + 1 :]
            planted += 1
        content += f"text number {number},{label}\n"
    (tmp_path / "train.csv").write_text(content)
    again = read(CorpusOptions(train_file=str(tmp_path / "train.csv")), 0)
    (finding,) = said(again, "label_typos")
    assert 0.95 * planted <= finding.count <= planted
    assert said(corpus, "label_typos") == []


def test_checking_a_real_corpus_takes_less_than_two_seconds_and_loads_no_torch():
    if not (DATA / "banking77").exists():
        pytest.skip("the data set banking77 is not beside the project")
    files = f"train_file={str(DATA / 'banking77' / 'train.csv')!r}, test_file={str(DATA / 'banking77' / 'test.csv')!r}"
    code = f"""
import sys, time
from afina.config import CorpusOptions
from afina.stages.corpus import read
read(CorpusOptions({files}), 0)
heavy = {{"torch", "pandas", "sklearn", "pyarrow", "transformers"}} & set(sys.modules)
print(time.process_time())
sys.exit(str(heavy) if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 2  # seconds of the processor, for other work may go on on this machine


def test_near_copies_are_named_across_splits_and_all_rows_stay():
    corpus = real("banking77")
    near = {one.problem.split(";")[0]: (one.action, one.count) for one in said(corpus, "near_duplicates")}
    assert near == {
        "46 rows of train nearly copy another": ("kept", 46),
        "32 rows of train nearly copy one of test": ("kept", 32),
    }


@pytest.mark.parametrize("name", ["chemprot", "acl_arc", "scicite"])
def test_marks_brackets_and_signs_of_real_texts_are_no_markup(name):
    assert said(real(name), "markup") == []
