import copy
import dataclasses
import gzip
import json

import pytest
from test_plan import choice, corpus_of, planned, profile_of

from afina import adapting, bases, choosing, shelf
from afina.config import TrainOptions
from afina.errors import ConfigError, DataError
from afina.records import Columns, Corpus, Row, Settings

SETTINGS = Settings("full", "mean", {}, 1e-4, 1e-2, 3.0, 32, 48, 0, 0.01, "fp32", "sdpa", True)
SENTENCES = [f"my card number {number} is lost" for number in range(30)]


def reading(name, test=(), columns=None):
    rows = tuple(Row(text, "a", f"test.csv:{n}") for n, text in enumerate(test))
    corpus = Corpus("x", columns or Columns("text", "label"), ("a",), (), (), rows, "", (), ())
    return adapting.read(dataclasses.replace(SETTINGS, adapt_file=str(name)), corpus)


def texts(rows):
    return [row.text for row in rows]


def test_a_text_file_holds_a_text_a_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(SENTENCES))
    rows, findings = reading(path)
    assert (texts(rows), rows[2].where, findings) == (SENTENCES, "a.txt:3", ())


def test_with_blank_lines_a_text_is_what_stands_between_them(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n\n \n".join(f"{one}\nand  gone" for one in SENTENCES))
    rows, _ = reading(path)
    assert texts(rows) == [f"{one} and  gone" for one in SENTENCES]
    assert rows[1].where == "a.txt:5"


def test_a_folder_gives_all_its_text_files_and_says_which_could_not_be_read(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("\n".join(SENTENCES[15:]))
    (tmp_path / "a.txt").write_text("\n".join(SENTENCES[:15]))
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "notes.csv").write_text("text,label\nnot read,1\n")
    rows, findings = reading(tmp_path)
    assert texts(rows) == SENTENCES
    assert rows[-1].where == "sub/b.txt:15"
    assert [(one.action, one.count, one.where) for one in findings] == [
        ("removed", 1, ("empty.txt: empty.txt is empty",))
    ]


@pytest.mark.parametrize(
    ("column", "columns"), [("text", None), ("clause", Columns("clause", "label")), ("words", None)]
)
def test_a_table_gives_the_column_of_the_task_or_the_one_that_looks_like_a_text(tmp_path, column, columns):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"id": n, column: text}) for n, text in enumerate(SENTENCES)))
    assert texts(reading(path, columns=columns)[0]) == SENTENCES


def test_train_stands_for_both_texts_of_each_training_row():
    train = tuple(Row(text, "a", f"t.csv:{n}", f"{text} again") for n, text in enumerate(SENTENCES))
    corpus = Corpus("x", Columns("text", "label"), ("a",), train, (), (), "", (), ())
    settings = dataclasses.replace(SETTINGS, adapt_file="train")
    assert len(adapting.read(settings, corpus)[0]) == 60
    assert adapting.sha256(settings) == {}


def test_rows_of_the_test_split_are_left_out_and_counted_and_copies_are_read_once(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join([*SENTENCES, SENTENCES[3].upper()]))
    rows, findings = reading(path, test=(SENTENCES[7], f"  {SENTENCES[8].title()}", "something else"))
    assert texts(rows) == SENTENCES[:7] + SENTENCES[9:]
    assert [(one.check, one.count, one.where) for one in findings] == [("leakage", 2, ("a.txt:8", "a.txt:9"))]


def test_rows_of_the_test_split_are_known_with_their_markup_too(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join([*SENTENCES, "<p>terms &amp; conditions</p>"]))
    rows, findings = reading(path, test=("terms & conditions",))
    assert texts(rows) == SENTENCES
    assert [(one.check, one.count) for one in findings] == [("markup", 1), ("markup", 1), ("leakage", 1)]


def test_lines_that_are_not_utf8_are_read_all_the_same_and_counted(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\n".join(SENTENCES).encode() + "\nmañana más".encode("latin-1") + b"\nnul\x00 inside")
    rows, findings = reading(path)
    assert texts(rows)[-2:] == ["mañana más", "nul inside"]
    assert [(one.check, one.count) for one in findings] == [("encoding", 1), ("characters", 1)]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\n".join(b"same" for _ in range(99)), "1 different texts"), (b"", "is empty"), (b"\x89PNG\r\n", "a picture"),
     ("\n".join(SENTENCES[:19]).encode(), "19 different texts")],
)  # fmt: skip
def test_texts_that_are_too_few_or_no_texts_are_an_error_with_a_fix(tmp_path, content, said):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        reading(path)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("name", "content", "fix"),
    [("a.txt", b"", "one a line"), ("a.csv", b"text\n", "one a line"), ("a.txt", b"\x01\x02" * 99, "plain text"),
     ("a.csv", b"\x01\x02" * 99, "CSV"), ("a.txt.gz", gzip.compress(b"\x01\x02" * 99, mtime=0), "plain text")],
)  # fmt: skip
def test_what_is_said_of_a_useless_file_fits_its_kind(tmp_path, name, content, fix):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        reading(path)
    assert fix in caught.value.fix


def test_a_table_without_texts_says_how_to_name_the_column(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("one,two\n" + "1,2\n" * 30)
    with pytest.raises(DataError, match="looks like a text") as caught:
        reading(path)
    assert "'text'" in caught.value.fix


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


@pytest.mark.parametrize(("name", "said"), [("nowhere.txt", "there is no file"), ("folder", "holds no texts")])
def test_files_that_are_not_there_are_told_before_anything_is_measured(opened, tmp_path, name, said):
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=said):
        adapting.choices(TrainOptions(adapt_file=str(tmp_path / name)), opened)


def test_a_base_without_a_mask_cannot_be_adapted(opened):
    class Without:
        mask_token_id = None

    with pytest.raises(ConfigError, match="no mask token"):
        adapting.choices(TrainOptions(adapt_file="train"), dataclasses.replace(opened, tokenizer=Without()))


@pytest.mark.parametrize("option", [{"adapt_steps": 3}, {"adapt_learning_rate": 1e-4, "adapt_file": "none"}])
def test_an_option_without_texts_is_refused(opened, option):
    with pytest.raises(ConfigError, match="no meaning without adapt_file"):
        adapting.choices(TrainOptions(**option), opened)


def test_a_plan_that_finds_another_precision_faster_does_not_adapt_anew(opened):
    """Regression: timings vary, and so did a finished adapting's inputs."""
    asked = [
        adapting.asked(dataclasses.replace(SETTINGS, precision=one, learning_rate=1.0)) for one in ("fp32", "bf16")
    ]
    assert asked[0] == asked[1] == adapting.asked(SETTINGS)
    assert adapting.asked(dataclasses.replace(SETTINGS, adapt_steps=7)) != asked[0]


def test_the_plan_has_a_line_for_it_with_its_reason_and_counts_its_cost(opened):
    bare, asked = planned(opened), planned(opened, adapt_file="train", adapt_steps=7)
    assert (choice(bare, "adapt_file").value, bare.settings.adapt_steps) == ("none", None)
    assert "too few to learn a language from" in choice(bare, "adapt_file").why
    assert (choice(asked, "adapt_file").why, asked.settings.adapt_steps) == ("set by the user", 7)
    assert asked.estimates["disk"] > bare.estimates["disk"]
    assert adapting.adds(asked.settings, asked.facts)[0] > 0 == adapting.adds(bare.settings, bare.facts)[0]


@pytest.mark.parametrize(
    ("distance", "rows", "said"),
    [(0.02, 10**6, "as near as general text"), (0.2, 1000, "too few"), (0.2, 10**6, "it may pay")],
)
def test_whether_adapting_may_pay_is_said_from_distance_tokens_and_time(opened, distance, rows, said):
    facts = dataclasses.replace(planned(opened).facts, rows=rows, tokens=9.0, seconds_per_row=0.001)
    made = adapting.weighed(profile_of(corpus_of(10), distance), facts, 0.05, TrainOptions(), corpus_of(10))
    assert made.value == "none"
    assert said in made.why
    assert made.evidence["tokens of the training texts, about"] == 9 * rows
    assert made.evidence["seconds of these steps, about"] == round(3 * 300 * 16 * 128 / 9 * 0.001)
    assert made.evidence["distance"] == distance


def test_texts_that_are_named_are_weighed_by_their_words_and_against_the_time_limit(opened, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(SENTENCES))
    made = planned(opened, adapt_file=str(path), adapt_steps=10, time_limit=3600)
    evidence = choice(made, "adapt_file").evidence
    assert evidence["words in adapt_file"] == 6 * len(SENTENCES)
    assert evidence["tokens that 10 steps read"] == 10 * 16 * 128
    seconds = adapting.adds(made.settings, made.facts)[0]
    assert evidence["seconds of these steps, about"] == round(seconds)
    assert evidence["share of time_limit"] == round(seconds / 3600, 2)
    with pytest.raises(ConfigError, match="nothing keeps within the limits") as caught:
        planned(opened, adapt_file=str(path), adapt_steps=10**6, time_limit=5)
    assert "time_limit=" in caught.value.fix


def asked(**options):
    return TrainOptions(adapt_file="train", **options)


def test_the_plan_says_what_of_the_base_is_trained_what_others_would_and_why_some_cannot(opened):
    line = choice(planned(opened, adapt_file="train"), "adapt_technique")
    assert line.value == "full"
    assert line.refused.keys() == {*shelf.names("techniques")} - {"full"}
    counted = {name: int(said.partition(" numbers")[0].replace(",", "")) for name, said in line.refused.items()
               if " numbers, merged" in said}  # fmt: skip
    merges = {name for name in line.refused if shelf.load("techniques", name).NATURE.merges}
    assert {"lora", "bitfit"} <= counted.keys() <= merges
    assert all(0 < counted[name] < line.evidence["numbers trained"] for name in ("lora", "bitfit"))
    asked_for = planned(opened, adapt_file="train", adapt_technique="lora")
    line = choice(asked_for, "adapt_technique")
    assert (line.why, asked_for.settings.adapt_technique) == ("set by the user", "lora")
    assert line.evidence == {"numbers trained": counted["lora"]}


@pytest.mark.parametrize(
    ("technique", "architecture", "said"),
    [(name, "bert", "no plain base" if not shelf.load("techniques", name).NATURE.merges else "its loss is of labels")
     for name in shelf.names("techniques")
     if not shelf.load("techniques", name).NATURE.merges or shelf.load("techniques", name).NATURE.own_loss]
    + [("head_only", "bert", "trains nothing"), ("freeze", "bert", "trains nothing"),
       ("bitfit", "modernbert", "has none"), ("freeze", "albert", "share one set")],
)  # fmt: skip
def test_a_technique_that_cannot_adapt_this_base_is_refused_with_the_plan(make_base, technique, architecture, said):
    base = bases.open_base(str(make_base(architecture)))
    with pytest.raises(ConfigError, match=f"adapt_technique={technique} .*{said}") as caught:
        planned(base, adapt_file="train", adapt_technique=technique)
    assert "full, lora, or leave adapt_technique out" in caught.value.fix
    assert technique not in caught.value.fix


def test_a_technique_without_texts_or_of_no_such_name_is_refused(opened):
    with pytest.raises(ConfigError, match="adapt_technique has no meaning without adapt_file"):
        planned(opened, adapt_technique="lora")
    with pytest.raises(ConfigError, match="no 'lorra' in techniques"):
        TrainOptions(adapt_technique="lorra")


def deeper(opened):
    """The base with a third layer, of which freeze keeps two: the plan needs its shape alone."""
    config = copy.deepcopy(opened.config)
    config.num_hidden_layers = 3
    return dataclasses.replace(opened, config=config)


def test_rate_time_and_memory_on_disk_follow_the_technique_and_another_one_adapts_anew(opened):
    whole, part = (planned(opened, adapt_file="train", adapt_technique=name) for name in ("full", "lora"))
    assert (whole.settings.adapt_learning_rate, part.settings.adapt_learning_rate) == (1e-4, 5e-3)
    rates = {one.name: one.value for one in adapting.choices(asked(adapt_technique="freeze"), deeper(opened))}
    assert rates["adapt_learning_rate"] == choosing.rate("freeze")[0]
    facts = whole.facts
    (seconds, stored), (fewer, less) = (adapting.adds(made.settings, facts) for made in (whole, part))
    assert seconds == pytest.approx(3 * 300 * 16 * 128 / facts.tokens * facts.seconds_per_row)
    assert stored == pytest.approx(36 * facts.parameters, rel=0.01)
    assert (fewer < seconds, less < stored) == (True, True)
    unsaid, other = (dataclasses.replace(whole.settings, adapt_technique=name) for name in (None, "lora"))
    assert adapting.asked(whole.settings) == adapting.asked(unsaid) != adapting.asked(other)


@pytest.mark.parametrize(("technique", "trains"), [("full", True), ("lora", True), ("bitfit", False)])
def test_rows_of_new_tokens_that_adapting_leaves_alone_are_told_where_the_task_leaves_them_too(
    opened, technique, trains
):
    given = {"special_tokens": "A", "technique": "bitfit", "adapt_file": "train"}
    made = planned(opened, adapt_technique=technique, **given)
    assert ("rows of new tokens" in choice(made, "special_tokens").evidence) != trains


def test_terms_are_sought_only_where_that_is_asked_for(opened, tmp_path):
    path = tmp_path / "glossary.csv"
    path.write_text("term\nlost card\n")
    named = {one.name: one.value for one in adapting.choices(asked(), opened)}
    assert named["adapt_masking"] == "uniform"
    assert "glossary_file" not in named
    assert "glossary_file" in {one.name for one in adapting.choices(asked(adapt_masking="terms"), opened)}
    with pytest.raises(ConfigError, match="no meaning without adapt_masking=terms"):
        adapting.choices(asked(frequency_file=str(path)), opened)
    for key, value in (("adapt_masking", "terms"), ("frequency_file", "words.csv")):
        with pytest.raises(ConfigError, match=f"{key} has no meaning without adapt_file"):
            adapting.choices(TrainOptions(**{key: value}), opened)


def test_the_rates_of_masking_are_lines_of_the_plan_where_they_mean_something(opened):
    def lines(**options):
        return {one.name: one.value for one in adapting.choices(asked(**options), opened)}

    assert lines()["adapt_other_rate"] == 0.15
    assert "adapt_term_rate" not in lines()
    assert lines(adapt_masking="terms")["adapt_term_rate"] == 0.8
    with pytest.raises(ConfigError, match="adapt_term_rate has no meaning without adapt_masking=terms"):
        lines(adapt_term_rate=0.5)
    with pytest.raises(ConfigError, match="adapt_other_rate has no meaning without adapt_file"):
        adapting.choices(TrainOptions(adapt_other_rate=0.2), opened)
    for wrong in (0, 1, 1.5):
        with pytest.raises(ValueError, match="adapt_other_rate"):
            TrainOptions(adapt_other_rate=wrong)
    settings = dataclasses.replace(SETTINGS, adapt_file="train")
    assert adapting.asked(settings) != adapting.asked(dataclasses.replace(settings, adapt_other_rate=0.3))


def test_a_useless_glossary_is_told_before_anything_is_measured(opened, tmp_path):
    path = tmp_path / "glossary.txt"
    path.write_text("")
    with pytest.raises(DataError, match="is empty"):
        adapting.choices(asked(adapt_masking="terms", glossary_file=str(path)), opened)
    with pytest.raises(DataError, match="there is no file"):
        adapting.choices(asked(adapt_masking="terms", frequency_file=str(tmp_path / "none.csv")), opened)


def test_terms_are_those_of_the_texts_and_of_the_glossary_whose_change_adapts_anew(tmp_path):
    path = tmp_path / "glossary.csv"
    path.write_text("term\nlost card\nCard\n")
    uniform = dataclasses.replace(SETTINGS, adapt_file="train")
    mined = dataclasses.replace(uniform, adapt_masking="terms", glossary_file="none")
    both = dataclasses.replace(mined, glossary_file=str(path))
    texts_ = [f"the stent is in place and it was not lost {number}" for number in range(30)]
    assert adapting.sought(uniform, texts_) == ((), ())
    found, findings = adapting.sought(mined, texts_)
    assert "stent" in found
    assert [one.check for one in findings] == ["terms"]
    assert {"stent", "lost card", "card"} <= set(adapting.sought(both, texts_)[0])
    assert adapting.asked(uniform) != adapting.asked(mined)
    before = adapting.sha256(both)
    path.write_text("term\nstent\n")
    assert adapting.sha256(mined) == {}
    assert adapting.sha256(dataclasses.replace(both, adapt_masking="uniform")) == {}  # which does not read it
    assert adapting.sha256(both).keys() == before.keys() == {"glossary_file"}
    assert adapting.sha256(both) != before


def test_in_another_language_the_terms_are_the_glossarys_alone(tmp_path):
    path = tmp_path / "glossary.txt"
    path.write_text("Herzinfarkt")
    mined = dataclasses.replace(SETTINGS, adapt_file="train", adapt_masking="terms", glossary_file="none")
    german = ["Der Patient hatte einen Herzinfarkt und wurde sofort operiert"] * 30
    with pytest.raises(ConfigError, match="no terms can be mined") as caught:
        adapting.sought(mined, german)
    assert "glossary_file" in caught.value.fix
    assert adapting.sought(dataclasses.replace(mined, glossary_file=str(path)), german) == (("Herzinfarkt",), ())
    words = tmp_path / "words.csv"
    words.write_text("word,count\nder,900\nund,800\neinen,300\nhatte,300\nwurde,300\nsofort,100\n" + "x,900000\n" * 2)
    found, findings = adapting.sought(dataclasses.replace(mined, frequency_file=str(words)), german)
    assert {"herzinfarkt", "patient"} <= set(found)
    assert findings == ()
    assert adapting.sha256(dataclasses.replace(mined, frequency_file=str(words))).keys() == {"frequency_file"}
    with pytest.raises(DataError, match="no terms are found"):
        adapting.sought(mined, ["the card is on it and that is what they have"] * 2)
