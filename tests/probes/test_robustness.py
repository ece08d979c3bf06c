"""What robustness finds: planted weaknesses, by their names; nothing where there is nothing; every kind of task."""

import dataclasses
import json
import types

import numpy as np
import pytest

from afina import shelf, words
from afina.errors import DataError, RecordError
from afina.objectives import classify, multilabel, regress, tag
from afina.probes import robustness
from afina.records import Row, Span, Subject, Task

LABELS = ("card", "kredit")
TASK = Task(labels=LABELS)
KINDS = {"classify": classify, "multilabel": multilabel, "regress": regress, "tag": tag}
PERTURBATIONS = {name: shelf.load("perturbations", name) for name in shelf.names("perturbations")}
FILLING = ("please", "again", "my", "really", "cannot", "today", "is", "not", "there", "waiting")


def rows(count=40):
    rng = np.random.default_rng(0)
    made = []
    for place in range(count):
        words = [*rng.permutation(FILLING)[:5], LABELS[place % 2]]
        made.append(Row(" ".join(words) + ".", LABELS[place % 2], f"test.csv:{place + 2}"))
    return tuple(made)


def by_word(texts, known=lambda text: "kredit" in text.lower()):
    """The class kredit where its word is known in the text, else card."""
    kredit = np.array([known(str(text)) for text in texts], float).reshape(-1, 1)
    return np.hstack([1 - kredit, kredit])


def subject(predict, given=None, task=TASK, **known):
    given = given or rows()
    compare = lambda asked, before, after: KINDS[task.kind].compare(asked, before, after, task, 0)  # noqa: E731
    answers = predict([row.input for row in given])
    known = {"language": "en", "perturbations": PERTURBATIONS, **known}
    return Subject(predict, given, answers, task, compare, **known)


def measured(predict, given=None, task=TASK, glossary=None, **known):
    return robustness.measure(subject(predict, given, task, **known), robustness.Config(glossary=glossary))


def drops(found, name):
    return [one.value for one in found.measures if one.name == name and one.group == "drop"]


def test_a_model_that_fails_on_capitals_has_them_named_first():
    found = measured(lambda texts: by_word(texts, lambda text: " k" in text))  # no noise touches a k that begins a word
    assert found.measures[0].name == "upper"
    assert found.measures[0].value == pytest.approx(50.0)  # all of kredit, which is half of the texts
    assert found.notes[0].startswith("upper costs most: 50.0 points")
    example = next(one for one in found.examples if one.measure == "upper")
    assert example.texts[1] == example.texts[0].upper()
    assert example.said == "kredit 1.00 became card 1.00; true: kredit"


def test_a_model_that_reads_one_word_alone_fails_where_that_word_is_misspelt_the_more_the_stronger_the_noise():
    found = measured(by_word)
    lines = [one for one in found.measures if one.name == "keyboard"]
    assert [one.strength for one in lines] == [1, 2, 4]
    assert 0 < lines[0].value < lines[1].value < lines[2].value
    assert drops(found, "upper") == drops(found, "spaces") == [0.0]


def test_answers_that_never_change_keep_a_score_of_one_with_doubt():
    found = measured(lambda texts: np.tile([0.3, 0.7], (len(texts), 1)))
    assert found.score.name == "answers_kept"
    assert (found.score.value, found.score.high) == (1.0, 1.0)
    assert 0.85 < found.score.low < 1
    changes = [one for one in found.measures if one.group == "drop"]
    assert len(changes) > 15
    assert all(one.value == 0 and one.low < 0 < one.high for one in changes)
    assert found.notes[0].startswith("No change costs more than its doubt")


def test_the_score_by_hand():
    more = lambda text, config, rng: text + "x" * config.count  # noqa: E731
    shout = lambda text, config, rng: text.upper() if text == "b" else None  # noqa: E731
    own = {
        "typo": types.SimpleNamespace(Config=PERTURBATIONS["typo"].Config, change=more),
        "upper": types.SimpleNamespace(Config=PERTURBATIONS["upper"].Config, change=shout),
        "lower": PERTURBATIONS["lower"],
    }
    given = (Row("a", "card", "f:1"), Row("b", "card", "f:2"))
    predict = lambda texts: by_word(texts, lambda text: text in ("axxxx", "B"))  # noqa: E731
    found = measured(predict, given, perturbations=own)
    # a: typo stays at two strengths of three, upper does not fit. b: typo stays at all, upper does not
    assert found.score.value == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert {one.name: one.rows for one in found.measures} == {"typo": 2, "upper": 1}
    assert found.notes[1] == "Nothing to change in these texts for lower."


def test_what_is_cut_is_told_but_not_counted():
    found = measured(by_word, perturbations={name: PERTURBATIONS[name] for name in ("shorten", "upper")})
    assert [one.name for one in found.measures] == ["upper", "shorten", "shorten"]
    assert drops(found, "shorten")[1] > 20
    assert found.score.value == 1.0


def test_a_glossary_is_gone_through_both_ways(tmp_path):
    path = tmp_path / "terms.csv"
    path.write_text("long,short\nborrowed money,kredit\nnothing of the kind,nok\n", encoding="utf-8")
    found = measured(by_word, glossary=str(path))
    assert drops(found, "to_long") == [100.0]
    assert drops(found, "to_short") == []
    assert found.notes[1].startswith("Nothing to change in these texts for")
    assert "to_short" in found.notes[1]  # no text has a long form
    assert "robustness_glossary" not in " ".join(found.notes)
    with pytest.raises(DataError, match=r"nothing\.csv"):
        measured(by_word, glossary=str(tmp_path / "nothing.csv"))


def paraphrased(tmp_path, groups):
    path = tmp_path / "paraphrases.jsonl"
    path.write_text("\n".join(json.dumps(group, ensure_ascii=False) for group in groups), encoding="utf-8")
    return robustness.Config(paraphrases=str(path))


def test_a_model_that_answers_paraphrases_otherwise_is_found(tmp_path):
    given = rows()
    groups = [[row.text, "someone owes the bank"] for row in given if row.label == "kredit"]
    config = paraphrased(tmp_path, [*groups, ["nobody asks this", "nor this"]])
    found = robustness.measure(subject(by_word, given), config)
    one = next(one for one in found.measures if one.name == "paraphrase")
    assert (one.value, one.rows, one.group, one.unit) == (100.0, 20, "drop", "points")
    assert one.remark == "20 of 40 texts changed, 0.0% of their answers stay"
    assert found.measures[0].name == "paraphrase"
    assert found.notes[0].startswith("paraphrase costs most: 100.0 points")
    assert "Paraphrases: 20 of 40 texts asked have some; 1 of 21 lists of the file hold no text that was asked" in (
        " ".join(found.notes)
    )
    example = next(one for one in found.examples if one.measure == "paraphrase")
    assert example.said == "kredit 1.00 became card 1.00; true: kredit"
    assert example.texts[1] == "someone owes the bank"
    without = robustness.measure(subject(by_word, given), robustness.Config())
    assert found.score.value < without.score.value
    assert "robustness_paraphrases=FILE" in " ".join(without.notes)
    assert "robustness_paraphrases" not in " ".join(found.notes)


def test_paraphrases_of_one_text_count_once_with_their_mean(tmp_path):
    given = (Row("a kredit", "kredit", "f:1"), Row("b kredit", "kredit", "f:2"), Row("c", "card", "f:3"))
    groups = [["A  Kredit", "loan one", "kredit two", "loan three"], ["owe b", "b kredit"]]
    found = robustness.measure(subject(by_word, given, perturbations={}), paraphrased(tmp_path, groups))
    (one,) = found.measures
    assert one.rows == 2
    # first ones: both lost; second: none of one; third: lost of one
    assert one.value == pytest.approx((2 * 100 + 0 + 100) / 4)
    assert found.score.value == pytest.approx((1 / 3 + 0) / 2)
    assert one.low < one.value < one.high


def test_texts_with_paraphrases_are_not_left_out_where_only_some_are_changed(tmp_path):
    given = rows(60)
    config = paraphrased(tmp_path, [[row.text, "x kredit"] for row in given[-5:]])
    found = robustness.measure(subject(by_word, given), config.model_copy(update={"rows": 10}))
    assert next(one for one in found.measures if one.name == "paraphrase").rows == 5
    assert next(one for one in found.measures if one.name == "upper").rows == 10


def test_paraphrases_of_pairs_are_pairs_and_spans_have_none(tmp_path):
    given = tuple(dataclasses.replace(row, pair="b") for row in rows())
    predict = lambda pairs: by_word([" ".join(pair) for pair in pairs])  # noqa: E731
    found = robustness.measure(subject(predict, given), paraphrased(tmp_path, [[[given[1].text, "b"], ["loan", "b"]]]))
    assert drops(found, "paraphrase") == [100.0]
    tagged = tuple(Row(row.text, "", row.where, spans=()) for row in rows())

    def tags(texts):
        found = np.empty(len(texts), dtype=object)
        for place, text in enumerate(texts):
            found[place] = np.tile([1.0, 0.0], (len(words.words(text)), 1))
        return found

    asked = subject(tags, tagged, Task("tag", ("O", "B-x"), per="word"))
    found = robustness.measure(asked, paraphrased(tmp_path, [[tagged[0].text, "x"]]))
    assert drops(found, "paraphrase") == []
    assert "Paraphrases were not asked" in " ".join(found.notes)


@pytest.mark.slow
def test_the_interval_of_paraphrases_that_fail_together_covers():
    """100 texts with one to four paraphrases, half of which share their text's luck; a fifth of all is lost."""
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        given = tuple(Row(f"t{n} kredit", "kredit", f"f:{n}") for n in range(100))
        places = np.repeat(np.arange(100), rng.integers(1, 5, 100))
        own = rng.random(100) < 0.2
        lost = np.where(rng.random(len(places)) < 0.5, own[places], rng.random(len(places)) < 0.2).astype(float)
        after = np.stack([lost, 1 - lost], axis=1)
        asked = subject(by_word, given)
        _, low, high = robustness._drop(asked, given, asked.answers, places, after)
        covered += low <= 20 <= high
    assert covered / 300 > 0.90


def test_only_changed_texts_count():
    given = (*(Row(f"{place} {place}", "card", f"a:{place}") for place in range(10)), *rows(20))
    found = measured(lambda texts: by_word(texts, lambda text: "kredit" in text), given)
    upper = next(one for one in found.measures if one.name == "upper")
    assert (upper.rows, upper.remark) == (20, "20 of 30 texts changed, 50.0% of their answers stay")
    example = next(one for one in found.examples if one.measure == "upper")
    assert (example.where, example.said) == ("test.csv:3", "kredit 1.00 became card 1.00; true: kredit")


def test_no_more_texts_are_asked_than_allowed_each_once_and_always_the_same():
    asked = []

    def predict(texts):
        asked.append(list(texts))
        return by_word(texts)

    one = robustness.measure(subject(predict), robustness.Config(rows=10))
    assert len(asked) == 2  # the rows as they are, and all changes together
    assert len(asked[1]) == len(set(asked[1]))
    assert max(measure.rows for measure in one.measures) == 10
    assert robustness.measure(subject(predict), robustness.Config(rows=10)) == one


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (lambda texts: np.full((len(texts), 2), np.nan), "are no probabilities"),
        (lambda texts: np.zeros((len(texts), 3)), r"answers \(\d+, 3\), not \(\d+, 2\)"),
        (lambda texts: np.zeros((1, 2)), r"answers \(1, 2\), not"),
        (lambda texts: np.full((len(texts), 2), "card"), "something else than an array"),
        (lambda texts: None, "something else than an array"),
    ],
)
def test_answers_that_are_none_are_an_error_that_says_what_to_do(answer, match):
    good = subject(by_word)
    with pytest.raises(RecordError, match=match) as caught:
        robustness.measure(dataclasses.replace(good, predict=answer), robustness.Config())
    assert caught.value.fix


def test_texts_without_letters_are_skipped_with_a_reason():
    found = measured(by_word, (Row("…", "card", "a:1"),), perturbations={"upper": PERTURBATIONS["upper"]})
    assert "no change that keeps the meaning" in found.skipped


def test_pairs_are_changed_in_both_their_texts():
    given = tuple(dataclasses.replace(row, pair="and the kredit") for row in rows())
    seen = []

    def predict(pairs):
        seen.extend(pairs)
        return by_word([" ".join(pair) for pair in pairs], lambda text: "kredit" in text.split(" and the ")[0])

    found = measured(predict, given)
    assert drops(found, "upper") == [50.0]
    assert (given[0].text.upper(), "AND THE KREDIT") in seen


def test_labels_are_compared_as_sets():
    task = Task("multilabel", LABELS, "sigmoid", (0.5, 0.5))
    given = tuple(Row(row.text, "", row.where, labels=(row.label,)) for row in rows())
    found = measured(lambda texts: by_word(texts, lambda text: "kredit" in text), given, task)
    upper = next(one for one in found.measures if one.name == "upper")
    assert upper.value == pytest.approx(50.0)
    assert upper.low < 50 < upper.high
    assert "50.0% of their answers stay" in upper.remark
    punctuation = next(one for one in found.measures if one.name == "punctuation")
    assert punctuation.value == 0 and punctuation.low < 0 < punctuation.high  # noqa: PT018


@pytest.mark.parametrize("high", [0.0, 1e-13], ids=["no loss", "no loss but for rounding"])
def test_texts_without_any_loss_are_no_proof_that_none_is_possible(high):
    task = Task("multilabel", LABELS, "sigmoid", (0.5, 0.5))
    given = tuple(Row(row.text, "", row.where, labels=(row.label,)) for row in rows())
    same = types.SimpleNamespace(drop_points=0.0, drop_low=0.0, drop_high=high)
    asked = dataclasses.replace(subject(by_word, given, task), compare=lambda *_: same)
    upper = next(one for one in robustness.measure(asked, robustness.Config()).measures if one.name == "upper")
    assert upper.low < -5 < 5 < upper.high  # 40 texts without a loss: Wilson's upper end is 8.8%


def test_numbers_stay_where_they_move_little():
    task = Task("regress", ("value",), "none")
    given = tuple(Row(row.text, "", row.where, value=float(place)) for place, row in enumerate(rows()))
    place = {row.text.lower(): float(number) for number, row in enumerate(given)}

    def predict(texts):
        return np.array([[place.get(text.lower(), 0.0) + (30 if text.isupper() else 0.1)] for text in texts])

    own = {name: PERTURBATIONS[name] for name in ("upper", "lower", "punctuation")}
    found = measured(predict, given, task, perturbations=own)
    remarks = {one.name: one.remark for one in found.measures}
    assert "0.0% of their answers stay" in remarks["upper"]
    assert not any(one.group == "slices" for one in found.measures)


def test_spans_are_compared_where_a_change_keeps_the_words():
    task = Task("tag", ("O", "B-thing", "I-thing"), "softmax", per="word")
    given = tuple(
        Row(f"my {word} here", "", f"a:{n}", spans=(Span(3, 7, "thing"),)) for n in range(12) for word in LABELS
    )

    def predict(texts):
        found = np.empty(len(texts), dtype=object)
        for place, text in enumerate(texts):
            found[place] = np.array([[0, 1, 0] if word in LABELS else [1, 0, 0] for word in text.split()], float)
        return found

    own = {name: PERTURBATIONS[name] for name in ("upper", "append", "typo")}
    found = measured(predict, given, task, perturbations=own)
    assert drops(found, "upper") == [pytest.approx(100.0)]
    assert "append" in found.notes[1]  # other words
    example = next(one for one in found.examples if one.measure == "upper")
    assert example.said == "thing (word 2) became nothing; true: thing (word 2)"


def test_a_class_that_is_worse_than_others_is_named():
    rng = np.random.default_rng(1)
    given = tuple(Row(" ".join(rng.permutation(FILLING)[:5]), f"c{n % 10}", f"a:{n}") for n in range(200))
    truth = {row.text: int(row.label[1]) for row in given}
    task = Task(labels=tuple(f"c{n}" for n in range(10)))

    def predict(texts):
        place = [truth.get(text, 0) for text in texts]
        return np.eye(10)[[0 if one == 7 else one for one in place]]  # seven is forgotten

    found = measured(predict, given, task, perturbations={"upper": PERTURBATIONS["upper"]})
    (worst,) = [one for one in found.measures if one.group == "slices"]
    assert (worst.name, worst.value) == ("class c7", 1.0)
    assert found.notes[-1].endswith("more errors than elsewhere in: class c7.")


@pytest.mark.slow
def test_the_interval_of_the_score_holds_what_other_texts_would_give():
    own = {name: PERTURBATIONS[name] for name in ("upper", "typo")}
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        given = tuple(Row(f"{word} number {n} seen", "card", f"a:{n}") for n, word in enumerate(["thing"] * 60))
        stays = dict(zip((str(n) for n in range(60)), rng.beta(4, 1, 60), strict=True))  # 0.8 of all in the mean

        def predict(texts, given=given, stays=stays, rng=rng):
            known = {row.text for row in given}
            moved = lambda text: text not in known and rng.random() > stays[text.split()[2]]  # noqa: E731
            return by_word(texts, moved)

        found = measured(predict, given, perturbations=own)
        covered += found.score.low <= 0.8 <= found.score.high
    assert 0.90 < covered / 300 < 0.985
