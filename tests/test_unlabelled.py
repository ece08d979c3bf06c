"""Unlabelled texts in bounded memory; what is read of files of every kind stands in tests/stages/test_adapting.py."""

import dataclasses
import random
import subprocess
import sys

import pytest

from afina import unlabelled
from afina.errors import DataError
from afina.records import Columns, Corpus, Row


def corpus_of(*test):
    rows = tuple(Row(text, "a", f"test.csv:{n}") for n, text in enumerate(test))
    return Corpus("x", Columns("text", "label"), ("a",), (), (), rows, "", (), ())


def written(path, texts):
    path.write_text("\n".join(texts), encoding="utf-8")
    return str(path)


def test_of_more_texts_than_are_wanted_a_random_few_are_kept_in_their_order_and_that_is_said(tmp_path):
    texts = [f"text number {n} of all" for n in range(500)]
    name = written(tmp_path / "a.txt", texts)
    rows, (finding,) = unlabelled.read(name, corpus_of(), 100, 0)
    places = [texts.index(row.text) for row in rows]
    assert len(places) == 100
    assert places == sorted(places)
    assert 180 < sum(places) / 100 < 320  # 250 is the middle, 14 the standard error
    assert (finding.check, finding.count) == ("sample", 500)
    assert finding.problem == "500 texts were read and 100 different ones of them kept, drawn at random"
    assert unlabelled.read(name, corpus_of(), 100, 0)[0] == rows
    assert unlabelled.read(name, corpus_of(), 100, 1)[0] != rows


def test_copies_change_nothing_of_what_is_drawn_and_rows_of_test_are_never_in_it(tmp_path):
    texts = [f"text number {n} of all" for n in range(500)]
    plain, _ = unlabelled.read(written(tmp_path / "a.txt", texts), corpus_of(), 100, 0)
    copies = [text.upper() for text in texts[:300]] * 3
    rng = random.Random(0)
    rng.shuffle(copies)
    doubled, _ = unlabelled.read(written(tmp_path / "a.txt", [*texts, *copies]), corpus_of(), 100, 0)
    assert doubled == plain
    tested, findings = unlabelled.read(written(tmp_path / "a.txt", texts), corpus_of(plain[0].text), 100, 0)
    assert len(tested) == 100
    assert len({row.text for row in tested} & {row.text for row in plain}) == 99
    assert [one.check for one in findings] == ["leakage", "sample"]


def test_texts_are_repaired_as_those_of_the_corpus_are(tmp_path):
    name = written(tmp_path / "a.txt", [f"a <b>word</b> number {n}\x00" for n in range(30)])
    corpus = dataclasses.replace(corpus_of("a <b>word</b> number 7"), cleaners=("leakage",))
    rows, _ = unlabelled.read(name, corpus, 100, 0)
    assert (rows[0].text, len(rows)) == ("a <b>word</b> number 0", 29)


def test_findings_of_many_lines_are_counted_together(tmp_path):
    lines = [f"a <b>word</b> number {n}" for n in range(2500)]
    rows, findings = unlabelled.read(written(tmp_path / "a.txt", lines), corpus_of(), 5000, 0)
    assert rows[-1].text == "a word number 2499"
    (finding,) = findings
    assert (finding.count, finding.problem) == (2500, "2,500 rows have HTML tags")
    assert finding.where == tuple(f"a.txt:{line}" for line in range(1, 6))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\n\n"])
def test_lines_are_those_of_the_whole_text_in_every_encoding(tmp_path, encoding, ends):
    texts = [f"línea número {n}" for n in range(30)]
    (tmp_path / "a.txt").write_bytes(ends.join(texts).encode(encoding))
    rows, findings = unlabelled.read(str(tmp_path / "a.txt"), corpus_of(), 100, 0)
    assert [row.text for row in rows] == texts
    assert [one.count for one in findings] == ([30] if encoding == "cp1252" else [])


def test_a_text_that_breaks_off_in_a_wide_encoding_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_bytes("one text a line\n".encode("utf-16") * 30 + b"x")
    with pytest.raises(DataError, match="breaks off"):
        unlabelled.read(str(tmp_path / "a.txt"), corpus_of(), 100, 0)


MEASURED = """
import resource, sys
from afina import unlabelled
from afina.records import Columns, Corpus
nothing = Corpus("x", Columns("text", "label"), ("a",), (), (), (), "", (), ())
unlabelled.read(sys.argv[1], nothing, 100, 0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(unlabelled.read(sys.argv[2], nothing, 6800, 0)[0]) == 6800
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_the_memory_of_a_long_file_is_that_of_what_is_kept(tmp_path):
    """300,000 lines are 16 MB on disk and some 120 MB as rows; 6,800 of them are 3 MB."""
    with (tmp_path / "a.txt").open("w") as file:
        file.writelines(f"this is one of many short lines, its number is {n}\n" for n in range(300_000))
    few = written(tmp_path / "b.txt", [f"some text {n}" for n in range(30)])
    command = [sys.executable, "-c", MEASURED, few, str(tmp_path / "a.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 12e6  # on Linux it counts in KiB
