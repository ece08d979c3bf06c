"""Coherence by hand: a judge of a few lines, models of a few lines, and what is no judge."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from afina import baselines, bases, entailing, samples
from afina.config import CorpusOptions
from afina.errors import ConfigError, RecordError
from afina.objectives import classify
from afina.records import Judge, Row, Subject, Task
from afina.stages import corpus

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
TASK = Task(labels=("card", "loan"))
ROWS = tuple(
    Row(f"{verb} my {word} {n // 2}", word, f"t.csv:{n + 2}")
    for n, (verb, word) in enumerate(
        [(verb, word) for word in TASK.labels for _ in range(10) for verb in ("lost", "miss")]
    )
)  # "lost my card 3" and "miss my card 3" are each other's neighbours


@pytest.fixture
def folder(tmp_path):
    return plain(tmp_path / "nli", ["entailment", "neutral", "contradiction"])


def plain(folder, labels, made="BertForSequenceClassification"):
    folder.mkdir()
    content = {"architectures": [made], "id2label": {str(n): name for n, name in enumerate(labels)}}
    (folder / "config.json").write_text(json.dumps(content))
    return folder


def onehot(loans):
    p = np.array(loans, float)
    return np.stack([1 - p, p], axis=1)


def sound(texts):
    return onehot(["loan" in text for text in texts])


def moody(texts):
    """Answers otherwise where somebody misses a card below 5."""
    return onehot(["loan" in text or ("miss" in text and int(text.split()[3]) < 5) for text in texts])


def always(pairs):
    return np.ones(len(pairs))


def number(pairs):
    """The same thing and the same number is the same meaning; half sure of the same thing alone."""
    rest = [(one.split()[1:], other.split()[1:]) for one, other in pairs]
    return np.array([0.9 if one == other else 0.1 for one, other in rest])


def subject(predict=sound, judged=number, rows=ROWS, task=TASK, **known):
    compare = lambda own, before, after: classify.compare(own, before, after, task, 0)  # noqa: E731
    judge = lambda _: Judge("nli", "accuracy 0.90 on 100 rows of test", judged)  # noqa: E731
    return Subject(predict, rows, predict([row.input for row in rows]), task, compare, judge=judge, **known)


def named(found, name):
    return next(one for one in found.measures if one.name == name)


def test_texts_of_one_meaning_that_are_answered_differently_lower_coherence_and_are_shown(folder):
    fine = entailing.coherence(subject(), folder, [])
    assert named(fine, "coherence of neighbouring texts").value == 1
    assert not fine.examples
    found = entailing.coherence(subject(moody), folder, [])
    one = named(found, "coherence of neighbouring texts")
    assert one.rows == 20  # each text has its number in common with one other
    assert one.value == pytest.approx(15 / 20)
    assert one.low < 15 / 20 < one.high
    assert one.remark == "20 of 20 pairs judged the same"
    assert [example.measure for example in found.examples] == 3 * ["coherence of neighbouring texts"]
    assert found.examples[0].said == "card 1.00 -> loan 1.00; judged the same with 0.90; true: card"
    assert named(found, "coherence of their true labels").value == 1
    assert named(found, "texts of two labels judged the same").value == 0
    assert "judged by nli: accuracy 0.90 on 100 rows of test; it calls the same 100% of neighbouring" in found.note


def test_a_pair_counts_as_surely_as_it_means_the_same_in_the_less_sure_direction(folder):
    rows = (
        Row("a b c", "card", "t:2"),
        Row("b c d", "card", "t:3"),
        Row("x y z", "card", "t:4"),
        Row("y z w", "loan", "t:5"),
    )
    chances = {("a b c", "b c d"): 0.8, ("b c d", "a b c"): 0.6, ("x y z", "y z w"): 0.9, ("y z w", "x y z"): 0.2}
    judged = lambda pairs: np.array([chances.get(pair, 0.0) for pair in pairs])  # noqa: E731
    predict = lambda texts: onehot(["w" in text for text in texts])  # noqa: E731
    one = named(entailing.coherence(subject(predict, judged, rows), folder, []), "coherence of neighbouring texts")
    assert one.value == pytest.approx(0.6 / (0.6 + 0.2))
    assert one.remark == "1 of 2 pairs judged the same"


def test_texts_of_one_label_are_shown_before_those_that_only_the_judge_calls_the_same(folder):
    rows = (
        Row("a b c", "card", "t:2"),
        Row("b c d", "loan", "t:3"),
        Row("x y z", "card", "t:4"),
        Row("y z w", "card", "t:5"),
    )
    judged = lambda pairs: np.array([0.9 if "b" in one and "b" in other else 0.6 for one, other in pairs])  # noqa: E731
    predict = lambda texts: onehot(["w" in text or "d" in text for text in texts])  # noqa: E731
    found = entailing.coherence(subject(predict, judged, rows), folder, [])
    assert [one.said.partition("; true: ")[2] for one in found.examples] == ["card", "card and loan"]


def test_a_judge_that_always_says_entailment_gives_the_plain_agreement_of_pairs(folder):
    found = entailing.coherence(subject(moody, always), folder, [])
    answers = {row.text: moody([row.text]).argmax() for row in ROWS}
    pairs = [(ROWS[n].text, ROWS[n + 1].text) for n in range(0, 40, 2)]
    plain_agreement = np.mean([answers[one] == answers[other] for one, other in pairs])
    assert named(found, "coherence of neighbouring texts").value == pytest.approx(plain_agreement)
    assert named(found, "texts of two labels judged the same").value == 1  # which tells what the judge is worth


def test_edits_are_asked_and_tell_whether_the_judge_knows_the_same_when_it_sees_it(folder):
    edits = [(row.text, row.text.upper(), row.text + " 9 9") for row in ROWS]
    found = entailing.coherence(subject(), folder, edits)
    assert named(found, "coherence of edited texts").value == 1
    assert named(found, "edited texts judged the same").value == 0  # the last change, by which this judge is misled


def test_texts_that_are_there_twice_are_no_neighbours_of_themselves(folder):
    twice = (*ROWS, *(replace(row, text=row.text.upper()) for row in ROWS))
    assert named(entailing.coherence(subject(rows=twice), folder, []), "coherence of neighbouring texts").rows == 20


def test_texts_that_all_hang_together_are_as_good_as_one(folder):
    rows = tuple(
        Row(f"lost my card {letter}", "card", f"t:{n}") for n, letter in enumerate(["a a", "a b", "a c", "a d"])
    )
    half = lambda texts: onehot(["c" in text[12:] for text in texts])  # noqa: E731
    one = named(entailing.coherence(subject(half, always, rows), folder, []), "coherence of neighbouring texts")
    assert 0.5 < one.value < 1
    assert one.high - one.low > 0.7


def test_nothing_is_said_of_pairs_words_or_where_no_judge_can_be_opened(folder):
    paired = tuple(replace(row, pair="b") for row in ROWS)
    predict = lambda texts: onehot([0] * len(texts))  # noqa: E731
    for one in (subject(predict, rows=paired), replace(subject(), judge=None), subject(rows=ROWS[:1])):
        found = entailing.coherence(one, folder, [])
        assert found.note.startswith("coherence is not measured: ")
        assert not found.measures


def test_a_judge_that_gives_no_pair_a_chance_leaves_no_number(folder):
    found = entailing.coherence(subject(judged=lambda pairs: np.zeros(len(pairs))), folder, [])
    assert {one.group for one in found.measures} == {entailing.JUDGE}


@pytest.mark.parametrize("answer", [np.full(1, 0.5), None, np.nan, 2.0])
def test_a_judge_that_answers_no_chances_is_told(folder, answer):
    judged = lambda pairs: answer if np.ndim(answer) else np.full(len(pairs), answer, float)  # noqa: E731
    with pytest.raises(RecordError, match="nli, asked what follows"):
        entailing.coherence(subject(judged=judged), folder, [])


def test_the_label_is_found_among_its_opposites(tmp_path):
    assert entailing.label(plain(tmp_path / "a", ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"])) == 2
    assert entailing.label(plain(tmp_path / "b", ["not_entailment", "entailment"])) == 1
    assert entailing.label(plain(tmp_path / "c", ["non-entailment", "LABEL: entails"])) == 1


def run(folder, labels=("entailment", "not_entailment"), kind="classify", pair="hypothesis"):
    (folder / "onnx").mkdir(parents=True)
    (folder / "records").mkdir()
    (folder / "onnx" / "labels.json").write_text(json.dumps({"labels": labels, "pair": True}))  # whatever it read
    corpus = {"record": {"kind": kind, "columns": {"text": "premise", "label": "label", "pair": pair}}}
    (folder / "records" / "corpus.json").write_text(json.dumps(corpus))
    return folder


def test_what_is_no_model_of_entailment_is_told_with_what_to_give(tmp_path):
    (tmp_path / "empty").mkdir()
    broken = plain(tmp_path / "broken", [])
    (broken / "config.json").write_text("{")
    cut = run(tmp_path / "cut")
    (cut / "records" / "corpus.json").unlink()
    for wrong, said in (
        (tmp_path / "none", "there is no folder"),
        (tmp_path / "empty", "holds no model"),
        (broken, "no whole run or model"),
        (cut, "no whole run or model"),
        (plain(tmp_path / "lm", ["entailment", "x"], "BertForMaskedLM"), "BertForMaskedLM, which has no head"),
        (plain(tmp_path / "other", ["positive", "negative"]), "of its labels positive, negative not one says it"),
        (run(tmp_path / "single", pair=None), "something else than pairs"),
        (run(tmp_path / "many", kind="multilabel"), "something else than pairs"),
        (run(tmp_path / "similar", ("equivalent", "other")), "not one says it"),
    ):
        with pytest.raises(ConfigError, match=said) as caught:
            entailing.label(wrong)
        assert caught.value.fix
    assert entailing.label(run(tmp_path / "fine")) == 0


def test_what_decides_the_answers_of_a_judge_is_known(tmp_path, folder):
    (folder / "model.safetensors").write_bytes(b"")
    assert {path.name for path in entailing.files(folder)} == {"config.json", "model.safetensors"}
    assert entailing.files(run(tmp_path / "run")) == (tmp_path / "run" / "onnx" / "labels.json",)
    assert entailing.files(Path("nowhere")) == (Path("nowhere"),)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.7, 0.95])
def test_the_interval_of_coherence_covers(share):
    """Some 200 pairs of 300 points and their nearest; what disagrees is a text, and so all the pairs that it is in."""
    rng, covered = np.random.default_rng(0), 0
    for draw in range(200):
        points = rng.normal(size=(300, 6))
        apart = np.linalg.norm(points[:, None] - points, axis=2) + np.diag(np.full(300, np.inf))
        right = rng.random(300) < np.sqrt(share)  # two texts agree where both are right, for each wrong one is another
        drawn = {tuple(sorted((one, other))) for one, other in enumerate(apart.argmin(1).tolist())}
        pairs = [entailing.Pair((str(one), str(other)), (right[one], right[other])) for one, other in sorted(drawn)]
        same = np.array([bool(pair.answers[0] and pair.answers[1]) for pair in pairs])
        (one,) = entailing._weighed("x", rng.beta(1, 2, len(pairs)), same, pairs, draw)
        covered += one.low <= share <= one.high
    assert 0.90 <= covered / 200 <= 0.98


@pytest.mark.slow
def test_a_weak_judge_of_real_texts_finds_a_good_model_as_coherent_as_the_true_labels(folder):
    """banking77 answered by a linear model of words and judged by a linear head for RTE on vectors of the bundled base.

    With the answers of half of the texts shuffled, the same judge sees it, weak as it is.
    """
    if not (DATA / "rte").is_dir() or not (DATA / "banking77").is_dir():
        pytest.skip("rte and banking77 are not on this machine: set AFINA_DATA")
    embed = samples.embedder(bases.open_base("bundled"))

    def seen(pairs):
        one, other = (embed([pair[side] for pair in pairs]) for side in (0, 1))
        one, other = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (one, other))
        return np.concatenate([abs(one - other), one * other], axis=1)

    rte = corpus.read(CorpusOptions(train_file=str(DATA / "rte" / "train.csv")), 0).train[:600]
    head = LogisticRegression(max_iter=1000, C=10).fit(seen([row.input for row in rte]), [row.label for row in rte])
    files = {f"{split}_file": str(DATA / "banking77" / f"{split}.csv") for split in ("train", "test")}
    bank = corpus.read(CorpusOptions(**files), 0)
    rng = np.random.default_rng(0)
    rows = tuple(bank.test[place] for place in rng.permutation(len(bank.test))[:500])
    answers = baselines.tfidf(bank.train, bank.labels, rows)
    place = head.classes_.tolist().index("entailment")
    asked = subject(
        lambda texts: answers, lambda pairs: head.predict_proba(seen(pairs))[:, place], rows, Task(labels=bank.labels)
    )
    judged = entailing.coherence(asked, folder, [])
    model, truth = named(judged, "coherence of neighbouring texts"), named(judged, "coherence of their true labels")
    assert model.rows == 300
    assert model.value == pytest.approx(truth.value, abs=0.1)
    shuffled = np.where(rng.random(500)[:, None] < 0.5, answers, answers[rng.permutation(500)])
    faulty = named(entailing.coherence(replace(asked, answers=shuffled), folder, []), "coherence of neighbouring texts")
    assert faulty.high < model.low
