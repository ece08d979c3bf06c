import pytest

from afina.columns import detect, kind
from afina.errors import AfinaError, ConfigError, DataError
from afina.records import Table


def table(header, *rows, lists=()):
    columns = tuple(header.split(","))
    return Table("rows.csv", columns, tuple(rows), tuple(range(2, len(rows) + 2)), lists=lists)


def messages(number):
    return f"a rather long message about matter number {number}"


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        ("id,Text,Label", "Text", "Label"),
        ("label,sentence,id", "sentence", "label"),
        ("utterance,x,intent", "utterance", "intent"),
        ("x,Mensaje,Categoría", "Mensaje", "Categoría"),
        ("x,texto,clase", "texto", "clase"),
        ("title,body,topic", "body", "topic"),
        ("text,label,fine_label", "text", "label"),
        ("label_text,text,label", "text", "label"),
    ],
)
def test_usual_names_decide_first(header, text, label):
    found = detect(table(header, ("1", "2", "3"), ("4", "5", "6")), None, None, None)
    assert (found.text, found.label, found.pair) == (text, label, None)
    assert found.why == f"text: {text!r} by its name; label: {label!r} by its name, 2 values in 2 rows"


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        ("text_a,text_b,label", ("text_a", "text_b")),
        ("idx,sentence1,sentence2,label", ("sentence1", "sentence2")),
        ("Premise,Hypothesis,label", ("Premise", "Hypothesis")),
        ("question1,question2,label", ("question1", "question2")),
        ("query,document,label", ("query", "document")),
        ("texto_a,texto_b,etiqueta", ("texto_a", "texto_b")),
    ],
)
def test_two_texts_are_known_by_their_names(header, pair):
    found = detect(table(header, tuple("abcd"[: header.count(",") + 1])), None, None, None)
    assert (found.text, found.pair) == pair


def test_a_named_text_column_is_taken_alone_even_where_a_pair_could_be():
    found = detect(table("text_a,text_b,label", ("a", "b", "c")), "text_b", None, None)
    assert (found.text, found.pair) == ("text_b", None)


def test_what_the_user_named_is_said():
    found = detect(table("a,b,c", ("a", "b", "c")), "a", "b", "c")
    assert found.why == "text: 'a' as asked; second text: 'b' as asked; label: 'c' as asked"


def test_other_names_are_decided_by_counting():
    rows = [(str(n), messages(n), ("pos", "neg", "odd")[n % 3], "en") for n in range(30)]
    found = detect(table("key,what they said,judgement,tongue", *rows), None, None, None)
    assert (found.text, found.label) == ("what they said", "judgement")
    assert "8 words a row" in found.why
    assert "3 values in 30 rows" in found.why


def test_a_named_column_that_is_missing_is_answered_with_those_there():
    with pytest.raises(DataError, match=r"no column 'mesage'") as caught:
        detect(table("message,intent", ("a", "b")), "mesage", None, None)
    assert caught.value.fix == "did you mean 'message'? the columns are 'message', 'intent'"


def test_one_column_is_refused():
    with pytest.raises(DataError, match="has one column, 'text'"):
        detect(table("text", ("a",)), None, None, None)


def test_two_candidates_for_the_label_are_a_question_to_the_user():
    rows = [(messages(n), "ab"[n % 2], "xyz"[n % 3]) for n in range(30)]
    with pytest.raises(DataError, match=r"may be the label: 'one' \(2 values\), 'other' \(3 values\)"):
        detect(table("text,one,other", *rows), None, None, None)


def test_no_candidate_for_the_label_is_refused_with_the_columns_there():
    rows = [(messages(n), f"key{n}") for n in range(30)]
    with pytest.raises(DataError, match="beside the text there is: 'key'"):
        detect(table("text,key", *rows), None, None, None)


def test_no_candidate_for_the_text_is_refused():
    with pytest.raises(DataError, match="looks like a text"):
        detect(table("a,label", ("1", "x"), ("2", "y")), None, None, None)


def test_a_first_line_that_is_a_row_is_noticed():
    rows = [(messages(n), ("pos", "neg")[n % 2]) for n in range(30)]
    with pytest.raises(DataError, match="looks like a row and not like column names: 'pos'"):
        detect(table("some first message,pos", *rows), None, None, None)


def kind_of(made, task=None):
    found, chosen = kind(made, detect(made, None, None, None, task), task)
    return found, chosen.label, chosen.why.rpartition("; ")[2]


def test_a_column_of_lists_beside_a_label_is_passed_over():
    assert kind_of(table("text,tags,label", ("a", "[]", "x"), lists=("tags",)))[:2] == ("classify", "label")


def test_many_fractions_are_a_score_and_few_are_classes():
    scored = table("text,score", *((messages(n), f"{n / 7:.3f}") for n in range(30)))
    assert kind_of(scored) == ("regress", "score", "task: regress, for 'score' holds numbers")
    stars = table("text,stars", *((messages(n), f"{(n % 9 + 1) / 2}") for n in range(30)))
    assert kind_of(stars)[0] == "classify"
    assert kind_of(stars, "regress") == ("regress", "stars", "task: regress as asked")


def test_a_named_task_looks_for_its_own_columns_first():
    both = table("text,label,score", ("a", "x", "1.5"), ("b", "y", "2"))
    assert kind_of(both)[:2] == ("classify", "label")
    assert kind_of(both, "regress")[:2] == ("regress", "score")


def test_an_unknown_task_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="no 'regres'") as caught:
        kind_of(table("text,label", ("a", "x")), "regres")
    assert caught.value.fix == "write 'regress'"


def test_a_task_that_cannot_read_the_column_is_refused():
    with pytest.raises(DataError, match="holds lists, classify reads the other"):
        kind_of(table("text,labels", ("a", '["x"]'), lists=("labels",)), "classify")


SPANS = '[{"start": 0, "end": 1, "label": "x"}]'


def test_lists_of_spans_are_a_task_by_word_and_it_reads_no_pairs():
    found = table("text,spans", ("a b", SPANS), lists=("spans",))
    assert kind_of(found) == ("tag", "spans", "task: tag, for 'spans' holds spans")
    both = table("text,label,spans", ("a b", "x", SPANS), lists=("spans",))
    assert kind_of(both)[:2] == ("classify", "label")
    assert kind_of(both, "tag")[:2] == ("tag", "spans")
    with pytest.raises(ConfigError, match="tag reads single texts"):
        kind_of(table("text_a,text_b,spans", ("a", "b", SPANS), lists=("spans",)))


def test_a_label_column_of_nothing_is_refused():
    with pytest.raises(DataError, match=r"no row of rows\.csv has a label"):
        kind_of(table("text,label", ("a", ""), ("b", "NaN")))


@pytest.mark.parametrize("names", [("text", None, "text"), ("text", "text", None), ("text", "label", "label")])
def test_one_column_cannot_be_two_things(names):
    with pytest.raises(ConfigError, match="is to be two things"):
        detect(table("text,label", ("a", "b")), *names)


def test_every_refusal_says_what_to_do():
    with pytest.raises(AfinaError) as caught:
        detect(table("text", ("a",)), None, None, None)
    assert caught.value.fix
