"""Runs side by side: who is best, where nobody can say, and the page."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import processes
import pytest
import stories
from test_finished import PROBES

from afina import comparison
from afina.errors import ConfigError, RecordError
from afina.records import Probes, Score


def run(folder, accuracy=(0.938, 0.929, 0.946), probes=PROBES, case="two"):
    story = stories.CASES[case]
    scores = (Score("accuracy", *accuracy), *story.evaluation.scores[1:])
    return stories.on_disk(folder, replace(story, evaluation=replace(story.evaluation, scores=scores)), probes)


@pytest.fixture
def two(tmp_path):
    """The second is surely better at the task; the first alone was probed."""
    return run(tmp_path / "old"), run(tmp_path / "new<b>", (0.97, 0.96, 0.98), None)


def by_name(record):
    return {one.name: one for one in record.dimensions}


def test_a_dimension_is_a_row_in_the_order_of_the_house_and_a_run_without_it_has_a_gap(two):
    record = comparison.compare(two)
    assert record.runs == ("old", "new<b>")
    named = ["accuracy", "served_accuracy", "typo_resistance", "size", "latency", "training_time"]
    assert [one.name for one in record.dimensions] == named
    assert by_name(record)["typo_resistance"].scores[1] is None
    backwards = comparison.compare(two[::-1])
    assert [one.name for one in backwards.dimensions] == named


def test_the_best_is_marked_only_where_intervals_do_not_overlap(two):
    known = by_name(comparison.compare(two))
    assert known["accuracy"].best == 1
    assert known["served_accuracy"].best is None  # the same in both
    assert known["typo_resistance"].best is None  # one run alone
    assert known["latency"].best is None  # measured once, without an interval


def test_runs_that_overlap_have_no_best(tmp_path):
    pair = run(tmp_path / "a"), run(tmp_path / "b", (0.947, 0.94, 0.954))
    assert by_name(comparison.compare(pair))["accuracy"].best is None


def test_a_smaller_file_is_better_whatever_the_rows(tmp_path):
    small = stories.CASES["pairs"]
    variants = tuple(replace(one, bytes=one.bytes // 2) for one in small.compressed.variants)
    small = replace(small, compressed=replace(small.compressed, variants=variants))
    record = comparison.compare([run(tmp_path / "a"), stories.on_disk(tmp_path / "b", small)])
    assert by_name(record)["size"].best == 1


def test_a_file_that_is_smaller_by_a_hair_reads_the_same_and_is_not_called_better(tmp_path):
    story = stories.CASES["two"]
    variants = tuple(replace(one, bytes=one.bytes - 9) for one in story.compressed.variants)
    story = replace(story, compressed=replace(story.compressed, variants=variants))
    record = comparison.compare([run(tmp_path / "a"), stories.on_disk(tmp_path / "b", story)])
    assert by_name(record)["size"].best is None


def test_scores_of_different_rows_name_no_best_and_say_so(tmp_path):
    record = comparison.compare([run(tmp_path / "a"), run(tmp_path / "b", (0.99, 0.98, 1.0), case="pairs")])
    assert by_name(record)["accuracy"].best is None
    assert "different rows" in record.notes[0]


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    record = comparison.compare([run(tmp_path / "monday" / "bank"), run(tmp_path / "tuesday" / "bank")])
    assert record.runs == ("monday/bank", "tuesday/bank")


def test_probes_in_another_unit_are_no_number_of_that_row(tmp_path):
    odd = Probes(5, "none", (replace(PROBES.dimensions[0], unit="points"),))
    record = comparison.compare([run(tmp_path / "a"), run(tmp_path / "b", probes=odd)])
    assert [one is None for one in by_name(record)["typo_resistance"].scores] == [False, True]


def test_one_run_or_the_same_twice_or_none_finished_is_an_error(two, tmp_path):
    for folders in ([two[0]], [two[0], two[0]], [two[0], two[0].parent / "." / "old", two[1]]):
        with pytest.raises(ConfigError, match=r"one run alone|named twice"):
            comparison.compare(folders)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match="no finished run"):
        comparison.compare([two[0], tmp_path / "empty"])


def test_the_page_is_whole_has_no_script_and_draws_every_dimension(two):
    text = comparison.page(comparison.compare(two))
    root = ElementTree.fromstring(text[text.index("<main>") : text.index("</main>") + 7])  # noqa: S314  (our own)
    assert len(list(root.iter("svg"))) == 6
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert "new<b>" not in text
    assert "new&lt;b&gt;" in text
    assert stories.ROW_TEXT not in text
    assert "0.970 (0.960 to 0.980) *" in text
    assert "22.8 MB" in text


def test_the_command_shows_the_table_writes_the_page_and_ends_with_json(two, tmp_path):
    done = processes.copied("-m", "afina.cli", "compare", *two, "--html", tmp_path / "c.html", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    known = {one["name"]: one for one in told["dimensions"]}
    assert known["accuracy"]["best"] == "new<b>"
    assert known["accuracy"]["scores"]["old"] == {"value": 0.938, "low": 0.929, "high": 0.946}
    assert known["latency"]["scores"]["old"] == {"value": 2.1, "low": None, "high": None}
    assert "Typo resistance" in done.stdout
    assert (tmp_path / "c.html").read_text().startswith("<!doctype html>")
    one = processes.copied("-m", "afina.cli", "compare", two[0], cwd=tmp_path)
    assert one.returncode == 1
    assert "fix: name two or more" in one.stderr
