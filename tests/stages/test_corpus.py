import gzip
import json
import random
from contextlib import suppress

import pytest

from afina import shelf, splits
from afina.cleaners import near_duplicates
from afina.cleaning import NEEDED, as_trained, of_test
from afina.config import CorpusOptions
from afina.errors import AfinaError, ConfigError, DataError
from afina.records import Corpus, Row, from_json, to_json
from afina.sameness import key
from afina.stages.corpus import read


def lines(n=40, classes=("card", "refund")):
    return [(f"message number {i} about it", classes[i % len(classes)]) for i in range(n)]


@pytest.fixture
def made(tmp_path):
    """A function that writes rows or raw content under a name, and reads the corpus of these files."""

    def make(train, seed=0, **others):
        files = {"train": train, **{name: others.pop(name) for name in ("dev", "test") if name in others}}
        options = {}
        for split, content in files.items():
            path = tmp_path / others.get(f"{split}_name", f"{split}.csv")
            if isinstance(content, list):
                content = "text,label\n" + "".join(f"{text},{label}\n" for text, label in content)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            options[f"{split}_file"] = str(path)
        options |= {
            name: value
            for name, value in others.items()
            if name.endswith(("_column", "_share", "_separator", "task", "cleaners"))
        }
        return read(CorpusOptions(**options), seed)

    return make


def said(corpus, check):
    return [finding for finding in corpus.findings if finding.check == check]


# ------------------------------------------------------------------ splits


def test_one_file_becomes_three_splits(made):
    corpus = made(lines(700))
    assert (len(corpus.train), len(corpus.dev), len(corpus.test)) == (504, 56, 140)
    assert corpus.split == (
        "train.csv: 700 rows; dev: 56 of them, stratified, seed 0; test: 140 of them, stratified, seed 0"
    )
    assert len({key(row) for row in corpus.train + corpus.dev + corpus.test}) == 700


def test_with_a_test_file_only_dev_is_cut(made):
    corpus = made(lines(500), test=[("a new text", "card"), ("and one more", "refund")])
    assert (len(corpus.train), len(corpus.dev), len(corpus.test)) == (450, 50, 2)
    assert corpus.split == "train.csv: 500 rows; dev: 50 of them, stratified, seed 0; test.csv: 2 rows"


def test_rows_too_few_for_a_dev_that_tells_anything_are_all_trained_on_unless_a_share_is_asked_for(made):
    few = made(lines(494), test=[("a new text", "card"), ("and one more", "refund")])
    assert (len(few.train), few.dev, few.choosing) == (494, (), few.train)
    assert few.split == "train.csv: 494 rows; dev: none of its own; test.csv: 2 rows"
    assert [finding.count for finding in said(few, "split")] == [2, 494]
    asked = made(lines(400), dev_share=0.1)
    assert (len(asked.train), len(asked.dev), asked.choosing) == (288, 32, asked.dev)


def test_where_thresholds_are_chosen_on_dev_it_is_cut_from_few_rows_too(made):
    rows = "".join(json.dumps({"text": f"t{n}", "labels": ["x", "y"][: n % 3]}) + "\n" for n in range(60))
    assert len(made(rows, train_name="train.jsonl").dev) == 5


def test_given_splits_stay_as_they_are(made):
    corpus = made(lines(40), dev=[("dev one", "card"), ("dev two", "refund")], test=[("test one", "card")])
    assert [row.text for row in corpus.dev] == ["dev one", "dev two"]
    assert len(corpus.train) == 40


def test_the_seed_decides_the_cut_and_nothing_else_does(made):
    assert made(lines(100)) == made(lines(100))
    assert made(lines(100)).test != made(lines(100), seed=1).test


def test_copies_never_straddle_a_cut(made):
    rows = lines(60) + [(text.upper(), label) for text, label in lines(60)]
    corpus = made(rows)
    assert len(corpus.train) + len(corpus.dev) + len(corpus.test) == 60


def test_near_copies_never_straddle_a_cut_and_rows_without_any_are_cut_as_ever(made):
    """Regression: of 60 test rows 54 had a near copy in train."""
    rng = random.Random(0)
    words = "card loan till online shop letter money sent lost found paid bill month year bank desk".split()
    texts = [" ".join(rng.choices(words, k=16)) for _ in range(210)]
    rows = [(text, ("card", "refund")[n % 2]) for n, text in enumerate(texts)]
    rows += [(f"{text} today", label) for text, label in rows[:150]]
    corpus = made(rows, dev_share=0.2)
    parts = {"test": corpus.test, "dev": corpus.dev, "train": corpus.train}
    between = [
        one.problem for one in near_duplicates.clean(parts)[1] if "of train nearly copy another" not in one.problem
    ]
    assert between == []
    assert [len(part) for part in parts.values()] == pytest.approx([72, 58, 230], abs=2)
    assert [one.count for one in said(corpus, "split") if "near copies" in one.problem] == [300]
    whole = sorted(corpus.train + corpus.dev + corpus.test, key=lambda row: int(row.where.partition(":")[2]))
    assert len(whole) == 360
    plain = splits.cut(whole, 0.2, 0)[1]  # which knows of no near copies
    alone = {f"train.csv:{line}" for line in range(152, 212)}
    assert {row.where for row in corpus.test} & alone == {row.where for row in plain} & alone


def test_ten_rows_make_small_splits_and_say_so(made):
    corpus = made(lines(10), dev_share=0.1)
    assert (len(corpus.train), len(corpus.dev), len(corpus.test)) == (6, 2, 2)
    assert [finding.count for finding in said(corpus, "split")] == [2, 2]


def test_three_rows_are_too_few(made):
    with pytest.raises(DataError, match="too few"):
        made(lines(3))


@pytest.mark.parametrize(
    ("rows", "words", "fix"),
    [
        (
            [("a", 104), ("b", 96)],
            ("96 removed", "103 exact", "1 of 200 rows is left", "one class only, 'a'"),
            "classes",
        ),
        ([("a", 100), ("b", 100)], ("more than one label, 200 removed", "0 of 200 rows are left"), "text one label"),
        ([("a", 150)], ("149 rows of train are copies", "1 of 150 rows is left", "one class only"), "classes"),
    ],
)
def test_one_repeated_line_is_told_by_what_was_removed_before_too_little_was_left(made, rows, words, fix):
    with pytest.raises(DataError) as error:
        made([("my card is lost", label) for label, times in rows for _ in range(times)])
    assert all(word in error.value.found for word in words)
    assert error.value.found.index(words[0]) < error.value.found.index(words[1])
    assert fix in error.value.fix
    assert "afina check" not in error.value.fix


def test_two_repeated_lines_are_told_to_be_copies(made):
    with pytest.raises(DataError, match=r"98 rows of train are copies.* 2 of 100 rows are left: 2 rows in 2 classes"):
        made([("my card is lost", "card"), ("i want my money back", "refund")] * 50)


# ------------------------------------------------------------------ cleaners that are left out

SOILED = [(f"<b>message</b> number {i} about it", ("card", "refund")[i % 2]) for i in range(40)] * 2 + [("", "card")]


def test_only_the_cleaners_that_are_named_run_and_those_that_are_needed(made):
    whole, few, bare = (made(SOILED, cleaners=names) for names in (None, ("markup",), ()))
    checks = [{one.check for one in corpus.findings} - {"split"} for corpus in (whole, few, bare)]
    assert checks == [{"markup", "empty", "duplicates"}, {"markup", "empty"}, {"empty"}]
    assert [len(one.train + one.dev + one.test) for one in (whole, few, bare)] == [40, 80, 80]
    assert "<b>" in bare.train[0].text
    assert (whole.cleaners, few.cleaners, bare.cleaners) == (None, ("markup",), ())


def test_a_model_is_asked_as_it_was_trained_whatever_was_left_out():
    asked = ["a &amp; b", "\x00c"]
    assert as_trained(asked) == ["a & b", "c"]
    assert as_trained(asked, ("duplicates",)) == as_trained(asked, ()) == ["a &amp; b", "c"]
    rows = (Row("a &amp; b", "card", "t:1"), Row("c", "card", "t:2"))
    assert of_test(rows, rows, ())[0][0].text == "a &amp; b"


def test_cleaners_without_which_no_row_can_be_read_are_on_the_shelf_and_named_to_the_user():
    said = CorpusOptions.model_fields["cleaners"].description
    assert all(name in shelf.names("cleaners") and name in said for name in NEEDED)


# ------------------------------------------------------------------ the record


def test_the_record_names_its_files_its_columns_and_survives_json(made, tmp_path):
    corpus = made(lines(40))
    assert corpus.name == tmp_path.name
    assert corpus.sources[0].file == "train.csv"
    assert len(corpus.sources[0].sha256) == 64
    assert corpus.sources[0].rows == 40
    assert corpus.columns.why.startswith("text: 'text' by its name; label: 'label' by its name, 2 values")
    assert corpus.train[0].where.startswith("train.csv:")
    assert from_json(Corpus, to_json(corpus)) == corpus
    assert str(tmp_path) not in to_json(corpus)


def test_a_corpus_is_named_after_its_file(made):
    assert made(lines(40), train_name="tickets.csv").name == "tickets"


def test_number_labels_are_sorted_by_size(made):
    assert made(lines(200, ("10", "9", "-1", "2.0"))).labels == ("-1", "2", "9", "10")
    assert made(lines(200, ("b", "10", "9"))).labels == ("10", "9", "b")


def test_a_pair_of_texts_is_read_as_one_input(made):
    rows = "".join(f"one {n},two {n},{'yn'[n % 2]}\n" for n in range(40))
    corpus = made("premise,hypothesis,label\n" + rows)
    assert corpus.train[0].input == (corpus.train[0].text, corpus.train[0].pair)


# ------------------------------------------------------------------ bad input, each with its own words

GOOD = "text,label\n" + "".join(f"{text},{label}\n" for text, label in lines(40))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        ("text,label\n", "a header line and no row"),
        ("text,label\n" + "a text,card\n" * 9, "one class only, 'card'"),
        ("text,label\n" + "".join(f"a text {n},\n" for n in range(9)), "no row of train.csv has a label"),
        ("text,label\n" + "".join(f"a text {n},l{n}\n" for n in range(9)), "9 different labels in 9 rows"),
        ("text\nonly texts\n", "has one column"),
        (GOOD + '"unclosed,card\n', r"train\.csv:42: a quote opens here"),
        ("text,label\n" + "nan,card\nnull,refund\n", "no row of train.csv is left after cleaning"),
    ],
)
def test_a_file_of_which_no_classifier_can_be_made_is_refused(made, content, problem):
    with pytest.raises(DataError, match=problem) as caught:
        made(content)
    assert caught.value.fix


def test_an_unknown_ending_is_answered_with_the_known_ones(made):
    with pytest.raises(DataError, match=r"ending that cannot be read: \.xlsx") as caught:
        made("a", train_name="rows.xlsx")
    assert ".csv" in caught.value.fix
    assert ".parquet" in caught.value.fix
    with pytest.raises(DataError, match=r"did you mean \.jsonl\?"):
        made("a", train_name="rows.jsonll")


def test_a_missing_file_and_no_file_are_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read(CorpusOptions(train_file=str(tmp_path / "rows.csv")), 0)
    with pytest.raises(DataError, match="there is no file"):
        read(CorpusOptions(train_file=str(tmp_path / "rows")), 0)
    with pytest.raises(DataError, match="there is no file"):
        read(CorpusOptions(train_file="~nobody-of-this-name/rows.csv"), 0)
    with pytest.raises(DataError, match="is a folder"):
        read(CorpusOptions(train_file=str(tmp_path)), 0)
    with pytest.raises(ConfigError, match="no file with rows is named"):
        read(CorpusOptions(), 0)


def test_one_file_for_two_splits_is_refused(made, tmp_path):
    (tmp_path / "train.csv").write_text(GOOD)
    with pytest.raises(DataError, match="cannot be read"):
        read(CorpusOptions(train_file=str(tmp_path / "train.csv"), test_file="bad\0name.csv"), 0)
    with pytest.raises(ConfigError, match="is named for train and for test"):
        read(CorpusOptions(train_file=str(tmp_path / "train.csv"), test_file=str(tmp_path / "train.csv")), 0)


def test_a_missing_column_is_answered_with_those_there(made):
    with pytest.raises(DataError, match="no column 'lable'") as caught:
        made(GOOD, label_column="lable")
    assert "did you mean 'label'" in caught.value.fix
    with pytest.raises(DataError, match=r"test\.csv has no column 'label'"):
        made(GOOD, test="text,other\na,b\n")


def test_a_test_file_without_labels_is_refused(made):
    with pytest.raises(DataError, match=r"no row of test\.csv has a label"):
        made(GOOD, test="text,label\na,\nb,\n")


def test_a_test_file_left_empty_by_cleaning_is_refused(made):
    with pytest.raises(DataError, match="no row of test is left"):
        made(GOOD, test="text,label\n,card\n")


def listed(lists, word="text"):
    return "".join(json.dumps({"text": f"{word} {n}", "labels": one}) + "\n" for n, one in enumerate(lists))


def test_lists_of_labels_are_a_task_of_their_own_and_a_row_may_have_none(made):
    corpus = made(listed([["b", "a"], [], ["a"], ["b", "b"], [2]] * 12), train_name="train.jsonl")
    assert (corpus.kind, corpus.labels) == ("multilabel", ("2", "a", "b"))
    assert corpus.columns.why.endswith("task: multilabel, for 'labels' holds lists")
    everything = {row.text: row for row in corpus.train + corpus.dev + corpus.test}
    assert [everything[f"text {n}"].labels for n in range(5)] == [("a", "b"), (), ("a",), ("b",), ("2",)]
    assert len(everything) == 60
    assert from_json(Corpus, to_json(corpus)) == corpus


def test_labels_in_one_cell_are_parted_where_the_sign_between_them_is_named(made):
    rows = "".join(f"text {n},{('a; b', '', 'b')[n % 3]}\n" for n in range(60))
    corpus = made("text,labels\n" + rows, label_separator=";")
    assert (corpus.kind, corpus.labels, corpus.columns.separator) == ("multilabel", ("a", "b"), ";")
    assert {row.labels for row in corpus.train} == {("a", "b"), (), ("b",)}
    assert made("text,labels\n" + rows).labels == ("a; b", "b")


def test_empty_lists_everywhere_and_the_same_labels_everywhere_are_refused(made):
    with pytest.raises(DataError, match="has any label: every list is empty"):
        made(listed([[]] * 40), train_name="train.jsonl")
    with pytest.raises(DataError, match="the same labels: a, b"):
        made(listed([["a", "b"]] * 40), train_name="train.jsonl")


def test_what_is_no_list_of_labels_is_left_out_and_its_line_is_said(made):
    corpus = made(listed([["a"], ["b"]] * 20) + listed(["a", [["x"]], None, [{"x": 1}]]), train_name="train.jsonl",
                  task="multilabel")  # fmt: skip
    assert said(corpus, "multilabel")[0].where == (
        "train.jsonl:41: 'a' is no list of labels", "train.jsonl:42: '[[\"x\"]]' is no list of labels",
        "train.jsonl:44: '[{\"x\": 1}]' is no list of labels",
    )  # fmt: skip
    assert said(corpus, "empty")[0].where == ("train.jsonl:43",)
    with pytest.raises(DataError, match="holds neither labels nor spans"):
        made(listed([[{"x": 1}]] * 40), train_name="train.jsonl")


def test_spellings_of_one_label_in_lists_become_one(made):
    corpus = made(listed([["Card", "lost "], ["card"], ["card", "Lost"], []] * 12), train_name="train.jsonl")
    assert corpus.labels == ("Lost", "card")
    assert {row.labels for row in corpus.train} == {("Lost", "card"), ("card",), ()}


def test_a_label_in_lists_that_train_lacks_leaves_dev_and_stays_in_test(made):
    new, newer = (listed([["a"], ["a", "unheard"]], word) for word in ("new", "newer"))
    corpus = made(listed([["a"], ["b"], []] * 12), test=new, dev=newer, train_name="train.jsonl",
                  test_name="test.jsonl", dev_name="dev.jsonl")  # fmt: skip
    assert [row.labels for row in corpus.test] == [("a",), ("a", "unheard")]
    assert [row.labels for row in corpus.dev] == [("a",)]
    assert {finding.action for finding in said(corpus, "rare")} == {"kept", "removed"}


def spanned(*spans):
    rows = [{"text": f"card {n} is red", "spans": [{"start": 0, "end": 4, "label": "x"}] * (n % 2)} for n in range(40)]
    rows += [{"text": "my card", "spans": list(one)} for one in spans]
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_spans_are_read_and_those_outside_the_text_are_left_out_with_their_line(made):
    corpus = made(
        spanned([{"start": 3, "end": 8, "label": "x"}], [{"start": 3, "label": "x"}]), train_name="train.jsonl"
    )
    assert (corpus.kind, corpus.labels) == ("tag", ("O", "B-x", "I-x"))
    (finding,) = said(corpus, "tag")
    assert (finding.count, finding.action) == (2, "removed")
    assert finding.where == (
        "train.jsonl:41: the span 3 to 8 is not inside the text of 7 characters",
        'train.jsonl:42: {"start": 3, "label": "x"} has no whole start, whole end and label',
    )
    assert from_json(Corpus, to_json(corpus)) == corpus


def test_every_part_of_a_cut_has_rows_with_spans_and_rows_without(made):
    corpus = made(spanned(), train_name="train.jsonl", dev_share=0.1)
    for rows in (corpus.train, corpus.dev, corpus.test):
        assert {bool(row.spans) for row in rows} == {True, False}


def test_a_conll_file_is_a_task_by_word_and_broken_tags_are_repaired_with_their_line(made):
    sentences = "".join(
        f"card\t{'O' if n % 3 else 'B-x'}\nnumber\tO\n{n}\t{'O' if n % 2 else 'I-x'}\n\n" for n in range(40)
    )
    corpus = made(sentences, train_name="train.conll")
    assert (corpus.kind, corpus.labels) == ("tag", ("O", "B-x", "I-x"))
    assert said(corpus, "conll")[0].where[0] == "train.conll:3: I-x"
    assert said(corpus, "conll")[0].count == 20
    assert {row.where for row in corpus.train + corpus.dev + corpus.test} == {
        f"train.conll:{4 * n + 1}" for n in range(40)
    }


def test_a_file_without_any_span_is_refused(made):
    with pytest.raises(DataError, match=r"no row of train\.conll has any span"):
        made("".join(f"card\tO\n{n}\tO\n\n" for n in range(40)), train_name="train.conll", task="tag")


def test_one_text_with_two_lists_is_a_contradiction(made):
    corpus = made(listed([["a"], ["b"], []] * 12) + listed([["a"]]) + '{"text": "TEXT 1", "labels": ["a", "b"]}\n',
                  train_name="train.jsonl")  # fmt: skip
    assert said(corpus, "duplicates")[0].count == 1
    assert said(corpus, "contradictions")[0].count == 2


SCORED = "text,score\n" + "".join(f"text {n},{n / 7:.3f}\n" for n in range(60))


def test_a_column_of_many_fractions_is_a_task_of_its_own_and_that_is_said(made):
    corpus = made(SCORED)
    assert (corpus.kind, corpus.labels) == ("regress", ("value",))
    assert corpus.columns.why.endswith("task: regress, for 'score' holds numbers")
    assert {row.label for row in corpus.train} == {""}
    assert all(row.value == round(int(row.text.split()[1]) / 7, 3) for row in corpus.train)
    assert from_json(Corpus, to_json(corpus)) == corpus


def test_a_score_that_is_no_number_is_left_out_and_its_line_is_said(made):
    corpus = made(SCORED + 'one,"3,8"\ntwo,n/a\nthree,\nfour,1e999\n')
    (finding,) = said(corpus, "regress")
    assert (finding.count, finding.action) == (3, "removed")
    assert finding.where == (
        "train.csv:62: '3,8' is no number", "train.csv:63: 'n/a' is no number", "train.csv:65: '1e999' is no number",
    )  # fmt: skip
    assert said(corpus, "empty")[0].where == ("train.csv:64",)


def test_words_for_scores_and_one_score_for_all_are_refused(made):
    with pytest.raises(DataError, match=r"train\.csv:2: 'card' is no number; 0 .* no row of train\.csv is left"):
        made(GOOD, task="regress")
    with pytest.raises(DataError, match=r"every score in train\.csv is 3"):
        made("text,score\n" + "".join(f"text {n},3\n" for n in range(60)), task="regress")


def test_scores_are_cut_so_that_every_part_has_low_and_high_ones(made):
    corpus = made("text,score\n" + "".join(f"text {n},{n / 7:.3f}\n" for n in range(800)))
    for rows in (corpus.train, corpus.dev, corpus.test):
        fifths = [sum(32 * k <= row.value * 7 / 5 < 32 * (k + 1) for row in rows) / len(rows) for k in range(5)]
        assert max(fifths) < 0.23


def test_one_text_with_two_scores_is_kept_twice_and_a_copy_once(made):
    corpus = made(SCORED + "text 3,9.5\nTEXT 4,0.571\n")
    assert said(corpus, "contradictions") == []
    assert said(corpus, "duplicates")[0].count == 1


def test_ragged_rows_broken_lines_and_wrong_bytes_are_said(made):
    corpus = made(GOOD.encode() + b"too,many,fields\ncaf\xe9 con leche,card\n")
    assert said(corpus, "csv")[0].where == ("train.csv:42: 3 fields instead of 2",)
    assert said(corpus, "encoding")[0].where == ("train.csv:43",)
    rows = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in lines())
    corpus = made(rows + '{"text": \n', train_name="train.jsonl")
    assert said(corpus, "jsonl")[0].where[0].startswith("train.jsonl:41: broken JSON")


def test_missing_labels_and_control_characters_are_said(made):
    corpus = made(GOOD + "no label here,NaN\na NUL\0 in a sentence,card\n\0\0\0\0,card\n")
    assert (said(corpus, "empty")[0].action, said(corpus, "empty")[0].where) == ("removed", ("train.csv:42",))
    assert said(corpus, "characters")[0].where == ("train.csv:43",)
    assert said(corpus, "binary")[0].where == ("train.csv:44",)


def test_labels_that_differ_in_case_become_one_class(made):
    corpus = made(GOOD + "one more text, CARD \n")
    assert corpus.labels == ("card", "refund")
    assert said(corpus, "labels")[0].count == 1


def test_a_test_label_that_train_lacks_stays_and_counts_as_an_error(made):
    corpus = made(GOOD, test="text,label\nnew,card\nnewer,unheard\n")
    assert [row.label for row in corpus.test] == ["card", "unheard"]
    assert "unheard" not in corpus.labels
    assert "counts as an error" in said(corpus, "rare")[0].problem


def test_a_class_with_one_row_stays_in_train(made):
    corpus = made(GOOD + "a lonely text,lonely\n")
    assert "lonely" in {row.label for row in corpus.train}
    assert said(corpus, "rare")[0].action == "kept"


def test_a_gzipped_corpus_is_the_same_corpus(made):
    plain, packed = made(GOOD), made(gzip.compress(GOOD.encode()), train_name="train.csv.gz")
    assert [row.text for row in plain.train] == [row.text for row in packed.train]
    assert plain.name == packed.name


def test_no_content_whatever_raises_anything_but_a_deliberate_error(made):
    dice = random.Random(0)
    for _ in range(80):
        content = bytearray(GOOD.encode())
        for _ in range(dice.randrange(1, 9)):
            content[dice.randrange(len(content))] = dice.choice(b'",;\n\r\t|\0\xff\xfe\x1f[{ a1')
        with suppress(AfinaError):
            made(bytes(content[: dice.randrange(1, len(content))]))


# ------------------------------------------------------------------ hold-out sets


@pytest.fixture
def watched(tmp_path):
    """A function that reads forty rows beside one hold-out set of these rows."""

    def make(content, name="old", train=None):
        for file, rows in (("train", train or lines(40)), ("old", content)):
            (tmp_path / f"{file}.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
        return read(
            CorpusOptions(train_file=str(tmp_path / "train.csv"), holdouts={name: str(tmp_path / "old.csv")}), 0
        )

    return make


def test_a_hold_out_set_is_read_beside_the_splits_and_changes_none_of_them(watched, tmp_path):
    corpus = watched([("an old text", "card"), ("message number 3 about it", "refund"), ("another", " CARD")])
    alone = read(CorpusOptions(train_file=str(tmp_path / "train.csv")), 0)
    assert (corpus.train, corpus.dev, corpus.test) == (alone.train, alone.dev, alone.test)
    assert [(row.label, row.where) for row in corpus.holdouts["old"]] == [
        ("card", "old.csv:2"), ("refund", "old.csv:3"), ("card", "old.csv:4"),
    ]  # fmt: skip
    assert corpus.split.endswith("; old.csv: 3 rows, watched as old")
    assert from_json(Corpus, to_json(corpus)) == corpus


def test_a_hold_out_set_with_labels_that_train_lacks_is_refused_and_they_are_named(watched):
    with pytest.raises(
        DataError, match=r"2 rows of the hold-out set old .* 'loan', 'visa'; the first is old.csv:3"
    ) as e:
        watched([("fine", "card"), ("not", "visa"), ("nor this", "loan")])
    assert "take these rows out" in e.value.fix


def test_a_hold_out_set_without_a_row_that_can_be_scored_is_refused(watched):
    with pytest.raises(DataError, match=r"no row of old\.csv is left"):
        watched([("", "card")])


@pytest.mark.parametrize("name", ["dev", "test", "train", "", "a b", "../x", "eval/1", "1st", "x" * 40])
def test_a_name_that_a_hold_out_set_cannot_have_is_refused(watched, name):
    with pytest.raises(ConfigError, match="cannot be the name"):
        watched([("fine", "card")], name)


def test_a_hold_out_set_that_is_the_training_file_is_refused(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("text,label\na,x\nb,y\n")
    with pytest.raises(ConfigError, match="named for train and for old") as caught:
        read(CorpusOptions(train_file=str(path), holdouts={"old": str(path)}), 0)
    assert caught.value.fix == "leave old out of holdouts"


def test_hold_out_sets_of_lists_and_of_scores_are_read_as_train_is(tmp_path):
    def watched_in(name, train, old):
        for file, content in ((f"train.{name}", train), (f"old.{name}", old)):
            (tmp_path / file).write_text(content)
        files = {"train_file": str(tmp_path / f"train.{name}"), "holdouts": {"old": str(tmp_path / f"old.{name}")}}
        return read(CorpusOptions(**files), 0).holdouts["old"]

    lists = listed([["a"], ["b"], []] * 12)
    assert [row.labels for row in watched_in("jsonl", lists, listed([["b", "a"], []], "old"))] == [("a", "b"), ()]
    with pytest.raises(DataError, match=r"1 rows of the hold-out set old .* 'c'; the first is old\.jsonl:2"):
        watched_in("jsonl", lists, listed([["a"], ["a", "c"]], "old"))
    assert [row.value for row in watched_in("csv", SCORED, "text,score\nold,99.5\n")] == [99.5]


def test_rows_that_come_after_the_training_are_repaired_whatever_the_kind(made):
    lists = made(listed([["card"], ["lost"], []] * 12), train_name="train.jsonl").train
    given = (Row("new", "", "f:1", labels=("CARD", "odd")), Row("", "", "f:2", labels=()), Row("no", "", "f:3"))
    rows, findings = of_test(given, lists)
    assert [row.labels for row in rows] == [("card", "odd")]
    assert {finding.check for finding in findings} == {"labels", "empty", "rare"}
    scores = made(SCORED).train
    given = (scores[0], Row("new", "", "f:1", value=2.5), Row("no", "", "f:2"))
    rows, findings = of_test(given, scores)
    assert [row.value for row in rows] == [scores[0].value, 2.5]
    assert [finding.check for finding in findings] == ["empty", "leakage"]
