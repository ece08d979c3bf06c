"""The report: built from records made by hand, read back as a browser, a hub and a program would."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from stories import CASES

from afina import loading, report, shelf, wording
from afina.records import (
    Adapted,
    Augmented,
    Balanced,
    Choice,
    Compared,
    Comparison,
    Dimension,
    Example,
    Fertility,
    Finding,
    Measure,
    Point,
    Prepared,
    Probes,
    Row,
    Score,
    Source,
    StageChange,
    Suspect,
    Task,
    from_json,
)
from afina.story import Story, Twin, twin

VOID = {"meta", "rect", "path", "circle", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Fails where tags do not pair up; keeps what a test asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module", params=CASES)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Story]:
    folder = tmp_path_factory.mktemp("runs") / request.param
    report.write(folder, CASES[request.param])
    return folder, CASES[request.param]


def test_the_page_is_well_formed_and_brings_everything_with_it(written):
    text = (written[0] / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img", "link", "iframe", "object", "form", "base"})
    for _, attrs in page.tags:
        assert not any(name.startswith("on") or name == "src" for name in attrs)
        assert (attrs.get("href") or "#").startswith("#")
    assert "url(" not in text
    assert "http:" not in text
    assert "https:" not in text
    assert "default-src 'none'" in text


def test_every_section_and_its_link_are_there_and_headings_are_in_order(written):
    page = Page((written[0] / "report.html").read_text(encoding="utf-8"))
    ids = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert ids == [
        "data",
        "distance",
        "layers",
        "plan",
        "training",
        "result",
        "calibration",
        "compression",
        "mistakes",
        "time",
        "next",
        "made",
    ]
    assert [attrs["href"] for tag, attrs in page.tags if tag == "a"] == [f"#{name}" for name in ids]
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_figure_is_well_formed_xml_with_a_title_and_a_description(written):
    found = re.findall(r"<svg.*?</svg>", (written[0] / "report.html").read_text(encoding="utf-8"), re.S)
    assert len(found) >= 9
    for svg in found:
        root = ElementTree.fromstring(svg)  # noqa: S314  (our own)
        assert [child.tag for child in root][:2] == ["title", "desc"]
        assert root.get("role") == "img"


def test_no_text_of_the_rows_and_no_path_of_this_machine_is_written(written):
    for name in ("report.html", "README.md", "report.json"):
        text = (written[0] / name).read_text(encoding="utf-8")
        assert "xylophone" not in text
        assert "/home/me" not in text
        assert str(written[0].parent) not in text


def test_the_twin_is_the_records(written):
    folder, story = written
    back = from_json(Twin, (folder / "report.json").read_text(encoding="utf-8"))
    assert back == twin(story)
    assert back.evaluation == story.evaluation
    assert back.data.rows == {
        "train": len(story.corpus.train),
        "dev": len(story.corpus.dev),
        "test": len(story.corpus.test),
    }


def test_the_card_opens_with_yaml_that_a_hub_reads(written):
    folder, story = written
    text = (folder / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert head["pipeline_tag"] == "text-classification"
    (result,) = head["model-index"][0]["results"]
    assert result["dataset"]["split"] == story.evaluation.split
    assert [metric["value"] for metric in result["metrics"]] == [score.value for score in story.evaluation.scores]


def test_the_same_story_is_the_same_report_to_the_byte_and_says_its_date(tmp_path):
    for name in ("one", "two"):
        report.write(tmp_path / name / "run", replace(CASES["two"], date="2026-05-01"))
    for name in (report.PAGE, report.CARD, report.TWIN):
        assert (tmp_path / "one" / "run" / name).read_bytes() == (tmp_path / "two" / "run" / name).read_bytes()
    assert "afina report, 2026-05-01" in (tmp_path / "one" / "run" / report.PAGE).read_text(encoding="utf-8")


def test_what_the_small_model_lost_is_told_with_its_doubt(written):
    page, card = ((written[0] / name).read_text(encoding="utf-8") for name in (report.PAGE, report.CARD))
    assert "−0.10 [−0.40, +0.20] points of accuracy" in page
    assert "98.8% [98.3%, 99.3%] of its answers there are those of the full model" in page
    assert "98.8%\n[98.3%, 99.3%] of its answers" in card


def test_the_loss_is_drawn_in_the_unit_of_its_kind(tmp_path):
    story = CASES["two"]
    score = Task("regress", ("value",), "none")
    report.write(tmp_path, story)
    assert "Loss in nats." in (tmp_path / report.PAGE).read_text(encoding="utf-8")
    corpus, trained = replace(story.corpus, kind="regress"), replace(story.trained, task=score)
    report.write(tmp_path, replace(story, corpus=corpus, trained=trained))
    page = (tmp_path / report.PAGE).read_text(encoding="utf-8")
    assert "Loss in squared standard deviations" in page
    assert "nats" not in page


def test_hostile_labels_stay_text(tmp_path):
    report.write(tmp_path, CASES["hostile"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "<script" not in card
    assert "<img" not in card
    assert re.search(r"(?<!\\)[\[\]]\(?javascript", card) is None
    tables = [block.splitlines() for block in card.split("\n\n") if block.startswith("|")]
    assert len(tables) == 3
    for lines in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_hostile_names_of_run_data_and_files_stay_text(tmp_path):
    story = CASES["two"]
    name = "x'; rm -rf ~ #<b>\n---\nlicense: evil"
    corpus = replace(story.corpus, name=name, sources=(Source("/home/me/<i>.csv", "00", 1),), split="<u>split</u>")
    report.write(tmp_path / "a $(b) <c>", replace(story, corpus=corpus, seconds={"<s>": 1.0}))
    page = (tmp_path / "a $(b) <c>" / "report.html").read_text(encoding="utf-8")
    assert not {"b", "i", "u", "s"} & {tag for tag, _ in Page(page).tags}
    assert "afina predict &#39;a $(b) &lt;c&gt;&#39; FILE" in page
    card = (tmp_path / "a $(b) <c>" / "README.md").read_text(encoding="utf-8")
    assert "license" not in yaml.safe_load(card.split("\n---\n")[0].removeprefix("---\n"))
    assert "afina predict 'a $(b) <c>' FILE" in card


def test_the_verdict_says_it_in_one_breath():
    assert report.verdict(twin(CASES["two"])) == (
        "bank: 2 classes, 6 training rows. Accuracy 0.938 [0.929, 0.946] on 3,080 unseen test rows; the best baseline, "
        "frozen probe, reaches 0.916; the INT8 dynamic model is 3.99x smaller and loses 0.1 points."
    )


def test_the_verdict_hides_nothing_when_the_run_went_badly():
    story = CASES["untested"]
    better = {"tfidf": (Score("accuracy", 0.95, 0.94, 0.96),)}
    whole = replace(story.compressed, rung="none", ratio=1.0, drop_points=0.0)
    bad = report.verdict(twin(replace(story, evaluation=replace(story.evaluation, baselines=better), compressed=whole)))
    assert "on 3,080 dev rows" in bad
    assert "unseen" not in bad
    assert "TF-IDF, does as well or better: 0.950" in bad
    assert "the full-size one is taken" in bad


def test_the_page_says_which_model_was_kept(tmp_path):
    story = CASES["two"]
    kept = {
        "marks step 780": story.trained,
        "What the technique freeze trained was not kept: no look beat": fallen(story.trained),
        "in one go, without steps": replace(story.trained, best_step=0, curve=()),
    }
    for words, trained in kept.items():
        report.write(tmp_path, replace(story, trained=trained))
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert [said in page for said in kept] == [said == words for said in kept]


def fallen(trained):
    """The same training, in vain."""
    why = "no look beat the linear head on dev (0.350 against 0.650): the frozen body with that head is kept"
    return replace(trained, technique="head_only", trainable=770, best_step=0, untuned=why)


def test_the_card_names_the_technique_and_the_count_of_the_model_that_was_kept(tmp_path):
    story = CASES["two"]
    report.write(tmp_path, replace(story, trained=fallen(story.trained)))
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "with the technique head only: 770 of 22,742,861 parameters were trained." in card
    assert "What the technique freeze trained was not kept: no look beat the linear head on dev" in card
    report.write(tmp_path, story)
    assert "was not kept" not in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_of_many_mistakes_the_page_shows_the_surest_and_says_how_many_the_twin_holds(tmp_path):
    story = CASES["two"]
    mistakes = tuple((f"test.csv:{n}", "loan", "card", n / 100) for n in range(50))
    report.write(tmp_path, replace(story, evaluation=replace(story.evaluation, mistakes=mistakes)))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "20 of 50 that are in report.json" in page
    assert ("test.csv:49<" in page, "test.csv:29<" in page) == (True, False)


def test_labels_that_look_wrong_are_listed_with_their_place_and_both_labels(tmp_path):
    story = CASES["two"]
    many = tuple(Suspect(f"train.csv:{n}", "loan", "card", 0.9, 0.01) for n in range(50))
    report.write(tmp_path, replace(story, trained=replace(story.trained, suspects=many)))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "For 50 rows" in page
    assert ("train.csv:19<" in page, "train.csv:20<" in page) == (True, False)
    report.write(tmp_path, replace(story, trained=replace(story.trained, suspects=())))
    assert "look wrong" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_lengths_are_drawn_with_what_is_cut(tmp_path):
    story = CASES["two"]  # 3 of the 233 rows of its lengths have more than the 48 tokens that are read
    profile = replace(story.profile, rows=233)
    word = replace(story.trained, task=replace(story.trained.task, per="word"))
    windows = replace(story.trained, task=replace(story.trained.task, long_texts="window"))
    for changed, said in (
        (
            replace(story, profile=profile),
            "48 tokens that are read at once: 1.3% of the training rows are longer and cut",
        ),
        (replace(story, profile=profile, trained=word), "are longer and read in several windows"),
        (replace(story, profile=profile, trained=windows), "are longer and read in several windows"),
        (replace(story, profile=replace(profile, lengths={9: 233})), "no training row is longer"),
    ):
        report.write(tmp_path, changed)
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert said in page
        assert "Training rows by tokens" in page


def test_the_card_says_that_markup_was_taken_out(tmp_path):
    story = CASES["two"]
    for findings, said in (
        (story.corpus.findings, False),
        ((Finding("markup", "7 rows have HTML tags", "repaired", "nothing", 7),), True),
    ):
        report.write(tmp_path, replace(story, corpus=replace(story.corpus, findings=findings)))
        assert ("tags and links of web pages" in (tmp_path / "README.md").read_text(encoding="utf-8")) == said


def test_what_the_checks_did_is_added_up_and_classes_stand_by_split(tmp_path):
    report.write(tmp_path, CASES["two"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Rows removed: 212; repaired: 0; named and kept as they are: 3." in page
    assert "Rows of each class by split" in page
    assert ">40 + 1 + 1<" in page  # of one class: train, dev, test


def test_numbers_that_are_missing_do_not_break_the_page(tmp_path):
    story = CASES["two"]
    nothing = replace(story.evaluation, scores=(), classes=(), confusion=(), reliability=(), baselines={}, mistakes=())
    bare = replace(
        story, evaluation=nothing, trained=replace(story.trained, curve=(), dev=()),
        plan=replace(story.plan, layers=()),
        compressed=replace(story.compressed, variants=(), scores=()),
        profile=replace(story.profile, distances=()), seconds={},
    )  # fmt: skip
    report.write(tmp_path, bare)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    Page(text)
    assert "None on these rows." in text


def test_every_group_has_a_line_of_rates_and_stages_are_marked_and_told(tmp_path):
    story = CASES["two"]
    names = ("embeddings", *(f"layer {n}" for n in range(1, 7)), "head")
    curve = tuple(Point(step, 1.0, {n: 1e-4 / (i + 1) for i, n in enumerate(names)}) for step in range(10, 400, 10))
    stages = (StageChange(100, 1, "the loss <b>fell</b>"), StageChange(200, 2, "2 passes are done"))
    report.write(tmp_path, replace(story, trained=replace(story.trained, curve=curve, stages=stages)))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    Page(page)
    body, head = (
        re.search(rf"<svg[^>]*><title>{t}.*?</svg>", page, re.S).group() for t in ("Learning rates", "Learning rate of")
    )
    assert all(f">{name}</text>" in body for name in names[:-1])
    assert ">head</text>" in head
    assert body.count('class="line a"') == 2 * 7  # a line and its key
    assert body.count('class="turn"') == 2
    assert "the loss &lt;b&gt;fell&lt;/b&gt;" in page
    assert '<li value="3">from step 200: 2 passes are done</li>' in page


def test_a_retention_has_its_part_of_the_loss_drawn_and_its_general_file_loses_its_folder(tmp_path):
    story = CASES["two"]
    settings = replace(story.plan.settings, retention="kl", general_file="/home/someone/general.txt")
    choices = (*story.plan.choices, Choice("general_file", settings.general_file, "set by the user"))
    curve = tuple(Point(step, 1.0, {"head": 1e-2}, penalty=0.25) for step in range(10, 100, 10))
    told = replace(
        story,
        plan=replace(story.plan, settings=settings, choices=choices),
        trained=replace(story.trained, curve=curve),
    )
    report.write(tmp_path, told)
    written = "".join((tmp_path / name).read_text(encoding="utf-8") for name in (report.PAGE, report.CARD, report.TWIN))
    assert "general.txt" in written
    assert "someone" not in written
    assert "of it, retention" in (tmp_path / report.PAGE).read_text(encoding="utf-8")


def test_new_tokens_are_told_with_what_they_save_and_the_first_of_them(tmp_path):
    made = Prepared("prepared", ("brom", "<oides>", "ömie"), 2900, Fertility(1200, 1.5, 1.25, (1800, 1500)), "weighted")
    report.write(tmp_path, replace(CASES["two"], prepared=made))
    page = (tmp_path / report.PAGE).read_text(encoding="utf-8")
    Page(page)
    said = ("3 words and parts of words became tokens", "2,900 texts", "1,200 words of dev", "ömie", "&lt;oides&gt;")
    assert all(one in page for one in (*said, "1.50 tokens a word before, 1.25 after (16.7% fewer)"))
    elsewhere = replace(made, general=Fertility(5000, 1.25, 1.24, (6000, 5900)))
    report.write(tmp_path, replace(CASES["two"], prepared=elsewhere))
    assert "fewer); on general text 1.25 before, 1.24 after" in (tmp_path / report.PAGE).read_text(encoding="utf-8")
    report.write(tmp_path, replace(CASES["two"], prepared=replace(made, tokens=(), folder="")))
    assert "No new token was worth the memory of its row" in (tmp_path / report.PAGE).read_text(encoding="utf-8")
    marked = replace(made, tokens=(), marks=("[A]", "<<"))
    for one, said in (
        (marked, "Special tokens: <code>[A]</code>, <code>&lt;&lt;</code>: on the"),
        (
            replace(marked, tokens=("brom",), given=1),
            "2,900 texts, 1 of them from the glossary; special tokens: <code>[A]",
        ),
    ):
        report.write(tmp_path, replace(CASES["two"], prepared=one))
        assert said in (tmp_path / report.PAGE).read_text(encoding="utf-8")


def test_written_rows_are_told_with_and_without_and_their_texts_are_left_out(tmp_path):
    row = Row("xylophone that a model wrote", "a", "paraphrase:1", origin="paraphrase of a.csv:2")
    scores = Score("accuracy", 0.81, 0.78, 0.84), Score("accuracy", 0.83, 0.8, 0.86), Score("gain", 0.02, 0.01, 0.03)
    made = Augmented(
        "paraphrase", 9, {"another <b>class</b>": 8}, (row,), (0.4, 0.995), 0.8, "dev", *scores, True, 11, 4200, 3,
        "another question could pass the cap of 4,200 tokens",
    )  # fmt: skip
    report.write(tmp_path, replace(CASES["two"], augmented=made))
    page = (tmp_path / report.PAGE).read_text(encoding="utf-8")
    Page(page)
    assert "1 of 9 rows written by paraphrase passed the checks" in page
    assert "0.810 [0.780, 0.840] without them, 0.830 [0.800, 0.860] with them" in page
    assert "11 requests and 4,200 tokens, 3 of the answers paid for before. Another question could pass" in page
    assert "another &lt;b&gt;class&lt;/b&gt;" in page
    assert "xylophone" not in "".join((tmp_path / n).read_text(encoding="utf-8") for n in (report.PAGE, report.TWIN))
    report.write(tmp_path, replace(CASES["two"], augmented=replace(made, used=False)))
    assert "so they lose, and are left out" in (tmp_path / report.PAGE).read_text(encoding="utf-8")
    report.write(tmp_path, replace(CASES["two"], augmented=replace(made, rows=(), rejected={"empty": 9}, used=False)))
    assert "0 of 9 rows written by paraphrase passed the checks." in (tmp_path / report.PAGE).read_text(
        encoding="utf-8"
    )


def test_dimensions_are_drawn_and_told_with_places_of_examples_and_without_their_texts(tmp_path):
    measures = tuple(Measure("typo", n, n - 1, n + 1, "points", 9, "drop", n, along="letters") for n in (1.0, 2.0, 4.0))
    own = Example("typo", "test.csv:7", ("secret words", "secret wrods"), "<b>loan</b> became card")
    suite = Example("denied", "", ("She has no pain.",), "urgent; wanted: routine")
    found = Dimension(
        "robustness", Score("answers_kept", 0.8, 0.7, 0.9), "share", True, measures, (own, suite), ("why",)
    )
    skipped = Dimension("forgetting", skipped="its body cannot be read")
    probes = Probes(9, "int8_dynamic", (found, skipped))
    beside = Comparison(("new",), (Compared("robustness", "answers_kept", "share", True, (found.score,)),))
    report.write(tmp_path, replace(CASES["two"], probes=probes, beside=beside))
    names = (report.PAGE, report.TWIN, report.CARD)
    page, twin, card = ((tmp_path / name).read_text(encoding="utf-8") for name in names)
    Page(page)
    for shown in ("0.800 [0.700, 0.900]", "its body cannot be read", "test.csv:7", "urgent; wanted"):
        assert shown in page
    assert 'href="#dimensions"' in page
    assert "<b>loan</b>" not in page
    assert "| Robustness (answers that stay; more is better) | 0.800" in card
    assert "hampion" not in page + card
    for text in (page, twin, card):
        assert "secret" not in text
        assert "She has no pain" not in text  # a suite may have been given the user's own texts


def test_a_champion_stands_in_the_picture_the_table_the_card_and_the_twin_with_the_same_numbers(tmp_path):
    scores = Score("served_accuracy", 0.9, 0.88, 0.92), Score("served_accuracy", 0.812, 0.79, 0.83)
    one = Compared("compress", "served_accuracy", "share", True, scores, 0, base=Score("accuracy", 0.7, 0.66, 0.74))
    beside = Comparison(("new", "<b>old</b>|x"), (one,), ("The champion <i>was</i> never probed.",))
    report.write(tmp_path, replace(CASES["two"], beside=beside))
    page, card = ((tmp_path / name).read_text(encoding="utf-8") for name in (report.PAGE, report.CARD))
    section = page[page.index('<section id="dimensions"') :].partition("</section>")[0]
    picture, _, table = section.partition("</figure>")
    for part in (picture, table, card):
        for number in ("0.900 [0.880, 0.920]", "0.812 [0.790, 0.830]", "0.700 [0.660, 0.740]"):
            assert number.replace("[", "\\[").replace("]", "\\]") in part if part is card else number in part
        assert "<b>" not in part
    assert "Better than the champion in accuracy." in section
    assert "Better than the champion in accuracy." in card
    assert "&lt;i&gt;was&lt;/i&gt;" in section
    rows = card[card.index("| dimension") :].partition("\n\n")[0].splitlines()
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [6, 6, 6]
    back = from_json(Twin, (tmp_path / report.TWIN).read_text(encoding="utf-8"))
    assert back.beside == beside


def test_added_rows_are_told_by_class_and_their_places_are_left_out(tmp_path):
    labels = CASES["hostile"].corpus.labels
    before = {label: 100 - place for place, label in enumerate(labels)}
    after, clusters = {**before, labels[-1]: 150, labels[-2]: 150}, {labels[-1]: 4, labels[-2]: 1}
    made = Balanced("semantic", before, after, clusters, (54321, 54321, 7), 1.5)
    report.write(tmp_path, replace(CASES["hostile"], balanced=made))
    page = (tmp_path / report.PAGE).read_text(encoding="utf-8")
    Page(page)
    rows = page[page.index("groups of like texts") :].partition("</table>")[0]
    numbers = re.findall(r'<td class="n">(\d+)</td>', rows)
    assert numbers == [f"{n}" for n in (before[labels[-1]], 150, 4, before[labels[-2]], 150, 1)]  # the rarest first
    assert "54321" not in "".join((tmp_path / name).read_text(encoding="utf-8") for name in (report.PAGE, report.TWIN))
    report.write(tmp_path, replace(CASES["two"], balanced=Balanced("random", {"a": 5}, {"a": 5}, {}, ())))
    page = (tmp_path / report.PAGE).read_text(encoding="utf-8")
    assert "No class is rarer than balancing wants, so 5 rows stayed as they were." in page


def test_adapting_is_told_with_its_gain_and_its_texts_lose_their_folder(tmp_path):
    story = CASES["two"]
    scores = (
        Score("perplexity", 31.4, 30.0, 33.0),
        Score("perplexity", 12.7, 12.0, 13.0),
        Score("gain", 0.9, 0.8, 1.0),
    )
    made = Adapted("adapted", "/home/someone/texts.txt", 2900, 40, 300, 250, *scores, (), (), "", 400, True)
    glossary, words = "/home/someone/terms.csv", "/home/someone/words.csv"
    settings = replace(story.plan.settings, adapt_file=made.source, glossary_file=glossary, frequency_file=words)
    files = {"adapt_file": made.source, "glossary_file": glossary, "frequency_file": words}
    choices = (*story.plan.choices, *(Choice(key, file, "set by the user") for key, file in files.items()))
    plan = replace(story.plan, settings=settings, choices=choices)
    report.write(tmp_path, replace(story, plan=plan, adapted=made))
    page = (tmp_path / report.PAGE).read_text(encoding="utf-8")
    Page(page)
    assert all(said in page for said in ("31.4", "12.7", "texts.txt: 400 texts", "A head for masked words"))
    written = "".join((tmp_path / name).read_text(encoding="utf-8") for name in (report.PAGE, report.CARD, report.TWIN))
    assert "someone" not in written
    assert "terms of the domain" not in page
    assert "which trains" not in page
    made = replace(made, best_step=0, terms=1234, technique="lora", trainable=252_858)
    report.write(tmp_path, replace(story, plan=plan, adapted=made))
    page = (tmp_path / report.PAGE).read_text(encoding="utf-8")
    assert "nothing was gained" in page
    assert "1,234 terms of the domain more often than others" in page
    assert "with lora, which trains 252,858 numbers, for 300 steps" in page


def test_the_model_that_wrote_rows_loses_its_folder_and_the_endpoint_its_address(tmp_path):
    story = CASES["two"]
    named = {"augment_model": "/home/someone/model", "augment_endpoint": "http://someone.local:8000/v1"}
    settings = replace(story.plan.settings, augmentation="paraphrase", **named)
    choices = (*story.plan.choices, *(Choice(key, value, "set by the user") for key, value in named.items()))
    report.write(tmp_path, replace(story, plan=replace(story.plan, settings=settings, choices=choices)))
    written = "".join((tmp_path / name).read_text(encoding="utf-8") for name in (report.PAGE, report.CARD, report.TWIN))
    assert "someone" not in written
    assert "an endpoint" in written


def test_paths_lose_their_folders_and_hub_names_do_not():
    names = ("/a/b", "~/b", "C:\\a\\b", "org/name", "bundled")
    assert [wording.portable(name) for name in names] == ["b", "b", "b", "org/name", "bundled"]


@pytest.mark.parametrize("layout", loading.LOADING)
@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize("kind", shelf.names("objectives"))
def test_the_code_that_is_shown_compiles(layout, pair, kind):
    use = shelf.load("objectives", kind).USE.format(thresholds=[0.5])
    compile(loading.code(layout, 'mo"del', pair, use), "shown", "exec")


def test_every_hold_out_set_has_a_line_with_a_band_and_an_early_stop_is_said(tmp_path):
    report.write(tmp_path, CASES["two"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    (figure,) = re.findall(r"<svg[^>]*><title>Score while training.*?</svg>", page, re.S)
    assert [f">accuracy, {name}</text>" in figure for name in ("dev", "old_task", "long_texts")] == [True] * 3
    assert figure.count('class="band') == 3
    assert "Training stopped early: 3 looks without a gain on dev after step 780." in page


def test_the_card_of_a_model_that_reads_long_texts_in_windows_says_so(tmp_path):
    story = next(iter(CASES.values()))
    task = replace(story.trained.task, long_texts="window")
    report.write(tmp_path, replace(story, trained=replace(story.trained, task=task)))
    limits = (tmp_path / "README.md").read_text(encoding="utf-8").partition("## Limits")[2]
    assert "are read in windows that overlap by a quarter; the largest logit among them" in limits
    assert "are cut" not in limits
