"""Markup goes where it is markup, and stays where it is meant."""

import time

import pytest

from afina.cleaners import characters, markup
from afina.cleaning import as_trained
from afina.records import Row, Span


def cleaned(text, pair=None):
    result, findings = markup.clean({"train": (Row(text, "a", "t:2", pair),)})
    (row,) = result["train"]
    return row.text if pair is None else (row.text, row.pair), {one.problem.partition("have ")[2] for one in findings}


ENTITIES, TAGS, LINKS = "HTML entities such as &amp;", "HTML tags", "Markdown links"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Stop &amp; Shop", "Stop & Shop"),
        ("i &lt;3 you &#39;till&#x2019; then", "i <3 you 'till’ then"),
        ("a&nbsp;b&shy;c&#7;d", "a bcd"),
        ("&amp;amp;amp;lt;3", "<3"),
    ],
)
def test_entities_become_what_they_mean(text, after):
    assert cleaned(text) == (after, {ENTITIES})


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("<p>My <b>card</b> is lost.</p><p>Help!</p>", "My card is lost.\nHelp!"),
        ("one<br/>two<BR>three", "one\ntwo\nthree"),
        ('<div class="x"><a href="http://a.b">here</a></div>', "here"),
        ("<style>p {color: red}</style><p>text</p><!-- no -->", "text"),
    ],
)
def test_tags_of_a_page_go_and_their_text_stays(text, after):
    assert cleaned(text) == (after, {TAGS})


def test_a_link_becomes_its_text_and_its_address():
    assert cleaned("see [our terms](https://a.b/c) now") == ("see our terms https://a.b/c now", {LINKS})
    assert cleaned('![logo](https://a.b/c.png "Logo")') == ("logo https://a.b/c.png", {LINKS})


@pytest.mark.parametrize(
    "text",
    [
        "x < y and y > z, 3<5, i <3 u, a->b",
        "@GENE$ inhibits @CHEMICAL$",
        "<e1>a flu</e1> causes <e2>fever</e2>",
        "<< p53 >> binds [[ MDM2 ]] and <b>ATM</b>",
        "a human-followable link (an HTML <a> anchor tag)",
        "News Corp <NCP.AX> fell, <b>Brambles</b> rose",
        "why does `<b>bold</b>` not work in ```<p>a</p>```",
        "&lt;b&gt;bold&lt;/b&gt; is how to write it",
        "Cost of R&Dt; AT&T; fish & chips; &undefined;",
        "increase of [Ca(2+)](i) induced, see [1](2)",
        "see https://a.b/?x=1&y=2 and www.c.d/e_f",
        "<br>",
        "",
    ],
)
def test_what_may_be_meant_stays(text):
    assert cleaned(text) == (text, set())


def test_both_texts_of_a_pair_are_repaired():
    assert cleaned("a &amp; b", "c<br>d") == (("a & b", "c\nd"), {ENTITIES, TAGS})


def test_texts_with_spans_pass_as_they_are():
    row = Row("Stop &amp; Shop", "", "t:2", spans=(Span(0, 4, "x"),))
    assert markup.clean({"train": (row,)}) == ({"train": (row,)}, ())


def test_a_hostile_text_costs_no_more_than_its_length():
    texts = [
        "<b>" * 100_000,
        "<!--" * 100_000,
        "[" * 300_000,
        "&amp;" * 100_000,
        "[a](http://" * 50_000,
        "<b " * 99_999,
    ]
    began = time.process_time()
    for text in texts:
        cleaned(text)
    assert time.process_time() - began < 2


def test_characters_without_width_go_and_those_that_join_letters_stay():
    def repaired(text):
        return characters.clean({"train": (Row(text, "a", "t:2"),)})[0]["train"][0].text

    assert repaired("ex\xadample \u200b5.\u2060\u200f") == "example 5."
    assert repaired("می\u200cخواهم 👩\u200d💻") == "می\u200cخواهم 👩\u200d💻"


def test_a_finished_model_is_asked_about_texts_as_it_was_trained_on_them():
    assert as_trained(["a &amp; b", "\x00c"]) == ["a & b", "c"]
    assert as_trained([("a<br>b", "c"), ("d", "&lt;3")]) == [("a\nb", "c"), ("d", "<3")]
