"""Files of old tasks: read by their own columns, and refused with what to type next."""

import json

import pytest

from afina.config import CorpusOptions
from afina.errors import ConfigError, DataError
from afina.records import Corpus, from_json, to_json
from afina.stages.corpus import read

TRAIN = "text,label\n" + "".join(f"message number {n} about it,{'card' if n % 2 else 'refund'}\n" for n in range(40))
ROWS = [(f"an old text {n}", "loan" if n % 3 else "visa") for n in range(33)]


@pytest.fixture
def reading(tmp_path):
    """A function that reads forty rows beside one old task in a file of this content."""

    def make(content, name="old", ending="csv", **options):
        (tmp_path / "train.csv").write_text(TRAIN)
        (tmp_path / f"old.{ending}").write_text(content)
        files = {"train_file": str(tmp_path / "train.csv"), "old_tasks": {name: str(tmp_path / f"old.{ending}")}}
        return read(CorpusOptions(**{**files, **options}), 0)

    return make


def table(rows, header="text,label"):
    return f"{header}\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows)


def test_an_old_task_has_labels_and_columns_of_its_own_and_changes_no_split(reading, tmp_path):
    corpus = reading(table([(label, text) for text, label in ROWS], "what,sentence").replace("what", "class"))
    alone = read(CorpusOptions(train_file=str(tmp_path / "train.csv")), 0)
    assert (corpus.train, corpus.dev, corpus.test, corpus.labels) == (alone.train, alone.dev, alone.test, alone.labels)
    task = corpus.old_tasks["old"]
    assert task.kind == "classify"
    assert [(row.text, row.label, row.where) for row in task.rows[:2]] == [
        ("an old text 0", "visa", "old.csv:2"), ("an old text 1", "loan", "old.csv:3"),
    ]  # fmt: skip
    assert corpus.split.endswith("; old.csv: 33 rows, watched as the old task old")
    assert [source.file for source in corpus.sources] == ["train.csv", "old.csv"]
    assert from_json(Corpus, to_json(corpus)) == corpus


def test_columns_that_are_named_for_train_are_the_old_task_s_where_it_has_them(reading):
    both = table([(text, label, "x y z") for text, label in ROWS], "text,label,note")
    train = {"text_column": "text", "label_column": "label"}
    assert {row.label for row in reading(both, **train).old_tasks["old"].rows} == {"loan", "visa"}
    other = table(ROWS, "query,intent")
    assert reading(other, **train).old_tasks["old"].rows[0].text == "an old text 0"


def test_pairs_and_scores_are_read(reading):
    pairs = reading(table([(f"a {n}", f"b {n}", n % 2) for n in range(30)], "text_a,text_b,label"))
    assert pairs.old_tasks["old"].rows[0].input == ("a 0", "b 0")
    scores = reading(table([(f"a text {n}", n / 7) for n in range(60)], "text,score"))
    assert scores.old_tasks["old"].kind == "regress"
    assert scores.old_tasks["old"].rows[7].value == 1.0


def test_rows_without_text_or_label_and_copies_are_left_out_and_the_split_says_how_many_stay(reading):
    corpus = reading(table([*ROWS, ROWS[0], ("", "loan"), ("no label", "")]))
    assert [row.where for row in corpus.old_tasks["old"].rows] == [f"old.csv:{n + 2}" for n in range(33)]
    assert "old.csv: 36 rows, 33 after cleaning" in corpus.split
    assert any("old.csv" in place for finding in corpus.findings for place in finding.where)


@pytest.mark.parametrize(
    ("content", "found", "fix"),
    [
        (table(ROWS[:29]), "has 29 different rows in old.csv, which are too few", "give 30 or more; or leave old out"),
        (table([ROWS[0]] * 40), "has 1 different rows", "give 30 or more"),
        (table([(text, "loan") for text, _ in ROWS]), "has one label only in old.csv, 'loan'", "at least two labels"),
        (table([("", "loan")] * 40), "has 0 different rows", "give 30 or more"),
        (table([(text, n) for n, (text, _) in enumerate(ROWS)], "text,id"), "looks like a label", "call its columns"),
        (table([(text,) for text, _ in ROWS], "text"), "has one column", "call its columns text"),
        (table([(text, "") for text, _ in ROWS]), "no row of old.csv has a label", "or leave old out of old_tasks"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_what_to_do(reading, content, found, fix):
    with pytest.raises(DataError, match=found) as caught:
        reading(content)
    assert "the old task old" in caught.value.found
    assert fix in caught.value.fix


def test_lists_of_labels_and_spans_are_no_old_task(reading):
    lists = "".join(json.dumps({"text": f"a text {n}", "labels": ["a", "b"]}) + "\n" for n in range(40))
    with pytest.raises(DataError, match=r"one of multilabel by its column 'labels' in old\.jsonl: only classes"):
        reading(lists, ending="jsonl")


def test_a_file_that_is_not_there_or_is_train_s_is_refused(reading, tmp_path):
    reading(table(ROWS))
    train = str(tmp_path / "train.csv")
    with pytest.raises(DataError, match=r"gone\.csv"):
        read(CorpusOptions(train_file=train, old_tasks={"old": str(tmp_path / "gone.csv")}), 0)
    with pytest.raises(ConfigError, match="named for train and for old") as caught:
        read(CorpusOptions(train_file=train, old_tasks={"old": train}), 0)
    assert caught.value.fix == "leave old out of old_tasks"


@pytest.mark.parametrize("name", ["dev", "test", "train", "", "a b", "../x", "eval/1"])
def test_a_name_that_an_old_task_cannot_have_is_refused(reading, name):
    with pytest.raises(ConfigError, match="cannot be the name"):
        reading(table(ROWS), name)


def test_one_name_is_not_for_a_hold_out_set_and_an_old_task(reading, tmp_path):
    with pytest.raises(ConfigError, match="old is named as a hold-out set and as an old task"):
        reading(table(ROWS), holdouts={"old": str(tmp_path / "train.csv")})


def test_labels_that_train_lacks_in_a_hold_out_set_are_answered_with_old_tasks(reading, tmp_path):
    (tmp_path / "other.csv").write_text(table(ROWS))
    with pytest.raises(DataError, match="labels that train lacks") as caught:
        reading(table(ROWS), holdouts={"other": str(tmp_path / "other.csv")})
    assert "old_tasks={other: FILE}" in caught.value.fix
