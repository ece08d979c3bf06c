"""Each fault is planted in a model of a few lines, and the measure of its name finds it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from afina import agreeing, shelf, words
from afina.errors import AfinaError
from afina.objectives import classify
from afina.probes.consistency import Config, measure
from afina.records import Row, Subject, Task

TASK = Task(labels=("calm", "pain"))
MANY = Task("multilabel", ("animal", "dog"), "sigmoid", (0.5, 0.5))
ROWS = tuple(
    Row(f"the patient {n} is {'in pain' if n % 2 else 'at home'} now.", TASK.labels[n % 2], f"test.csv:{n + 2}")
    for n in range(40)
)
EDITS = {name: shelf.load("perturbations", name) for name in ("spaces", "punctuation", "contract", "negate")}


def softmax(pain):
    p = np.clip(np.array(pain, np.float64), 0, 1)
    return np.stack([1 - p, p], axis=1)


def sound(texts):
    """Knows pain, and that a negation takes it away."""
    return softmax([0.9 if "pain" in text and "n't" not in text and " not " not in text else 0.1 for text in texts])


def deaf(texts):
    """Does not hear a negation."""
    return softmax([0.9 if "pain" in text else 0.1 for text in texts])


def leaking(texts):
    """Reads the padding: the shorter a text is than the longest of its batch, the surer it is of pain."""
    padding = max(map(len, texts)) - np.array([len(text) for text in texts])
    return softmax(sound(texts)[:, 1] + 0.0005 * padding)


def subject(predict=sound, rows=ROWS, task=TASK, **known):
    compare = lambda own, before, after: classify.compare(own, before, after, task, 0)  # noqa: E731
    return Subject(predict, rows, predict([row.input for row in rows]), task, compare, **known)


def named(dimension, name):
    return next(one for one in dimension.measures if one.name == name)


def test_a_sound_model_agrees_with_itself_everywhere():
    found = measure(subject(perturbations=EDITS), Config(negated=("pain",)))
    assert found.score.value == 1
    assert found.score.low > 0.9
    assert all(one.value == 1 for one in found.measures if one.group != "negation" or one.remark != "no verdict")
    assert found.notes == ("all 140 checks agree",)  # 40 in batches, padded and edited each, and 20 in pain negated
    assert "0 of 40 answers differ" in named(found, "alone and in a batch").remark
    negated = [one for one in found.examples if one.measure == "answer changes when negated"]
    assert len(negated) == 3
    assert all("pain 0.90 -> calm 0.90" in one.said for one in negated)


def test_padding_that_is_read_is_found():
    found = measure(subject(leaking), Config())
    assert named(found, "alone and beside a long text").value < 0.1
    assert found.score.value < 0.6
    assert found.examples[0].texts[0] in {row.text for row in ROWS}


def test_last_bits_are_no_fault():
    trembling = lambda texts: sound(texts) + np.array([1, -1]) * 1e-5 * len(texts) / 40  # noqa: E731
    found = measure(subject(trembling), Config())
    assert named(found, "alone and in a batch").value == 1


def test_a_smaller_file_may_differ_and_an_export_may_not():
    other = lambda texts: softmax(["1" in text for text in texts])  # noqa: E731
    opened = {"none": lambda: sound, "int8_dynamic": lambda: other, "torch": lambda: other}
    found = measure(subject(other, variant="int8_dynamic", opened=opened), Config())
    assert named(found, "fp32 and int8_dynamic").value < 0.9
    assert named(found, "before and after export").value < 0.1
    fine = measure(subject(other, variant="int8_dynamic", opened={**opened, "torch": lambda: sound}), Config())
    assert named(fine, "fp32 and int8_dynamic").value < 0.9
    assert fine.score.value == 1


def test_a_model_that_does_not_hear_negation_is_found_where_labels_are_named():
    found = measure(subject(deaf, perturbations=EDITS), Config(negated=("pain",)))
    assert named(found, "label is given up when negated").value == 0
    assert named(found, "label is given up when negated").rows == 20  # every second row is in pain
    assert "20 of 20 do not agree" in " ".join(found.notes)
    assert found.score.value < 1
    without = measure(subject(deaf, perturbations=EDITS), Config())
    assert named(without, "answer changes when negated").value == 0
    assert not without.examples
    assert without.score.value == 1  # no verdict


def test_labels_are_named_with_or_without_spaces():
    assert Config(negated="urgent, billing ,x").negated == Config(negated=["urgent", "billing", "x"]).negated


def test_texts_that_mean_the_same_are_counted_by_groups_and_by_pairs(tmp_path):
    groups = [["pain", "it hurts", "pain here"], ["at home", "home"], ["calm", "at rest", "easy"], ["pains", "pain!"]]
    path = tmp_path / "groups.jsonl"
    path.write_text("\n".join(map(json.dumps, groups)))
    found = measure(subject(), Config(groups=str(path)))
    assert named(found, "texts that mean the same").value == 3 / 4
    assert named(found, "texts that mean the same, by pairs").value == 6 / 8  # two of the first three differ
    assert ("pain", "it hurts") in [example.texts for example in found.examples]


PAIRS = tuple(Row(a, "calm", f"t:{n}", b) for n, (a, b) in enumerate((f"a{n}", f"b{n} pain") for n in range(20)))


def first_only(texts):
    return sound([first for first, _ in texts])


def test_pairs_are_exchanged_where_train_holds_them_both_ways_with_one_label():
    both = (*PAIRS, *(replace(row, text=row.pair, pair=row.text) for row in PAIRS))
    found = measure(subject(first_only, PAIRS, train=both), Config())
    assert named(found, "texts of a pair exchanged").value == 0
    other_label = (*both[:-1], replace(both[-1], label="pain"))
    asked = {one.name for one in measure(subject(first_only, PAIRS, train=other_label), Config()).measures}
    assert "texts of a pair exchanged" not in asked
    told = measure(subject(first_only, PAIRS), Config(symmetric=True))
    assert named(told, "texts of a pair exchanged").rows == 20


def test_a_child_that_is_surer_than_its_parent_is_found():
    def predict(texts):
        return np.array([[0.6, 0.9] if "pain" in text else [0.9, 0.6] if "1" in text else [0.1, 0.2] for text in texts])

    rows = tuple(Row(row.text, "", row.where, labels=()) for row in ROWS)
    found = measure(subject(predict, rows, MANY), Config(hierarchy={"dog": "animal"}))
    one = named(found, "parent as probable as its child")
    assert one.rows == 20 + sum("1" in row.text and "pain" not in row.text for row in ROWS)  # where dog is given
    assert one.value == pytest.approx(1 - 20 / one.rows)
    assert "dog 0.90, animal 0.60" in found.examples[-1].said


def test_contradictions_of_the_training_data_are_shown_with_their_places():
    train = (Row("No Pain", "calm", "a.csv:2"), Row("no  pain", "pain", "a.csv:9"), *(2 * (Row("x", "calm", "a:3"),)))
    found = measure(subject(train=train), Config())
    one = named(found, "repeated texts of train and dev with one label")
    assert (one.value, one.rows) == (0.5, 2)
    assert found.examples[-1].said == "calm at a.csv:2; pain at a.csv:9"
    assert found.score.value == 1  # not the model's


@pytest.mark.parametrize(
    "config",
    [Config(negated=("pian",)), Config(hierarchy={"pain": "calm"}), Config(symmetric=True), Config(groups="none.yaml")],
)
def test_what_cannot_be_asked_of_this_model_is_told(config):
    with pytest.raises(AfinaError):
        measure(subject(), config)


@pytest.mark.parametrize("wrong", [np.nan, 2.0])
def test_answers_that_are_no_probabilities_are_told(wrong):
    broken = lambda texts: np.full((len(texts), 2), wrong)  # noqa: E731
    with pytest.raises(AfinaError, match="no probabilities"):
        measure(replace(subject(), predict=broken), Config())


def test_words_and_scores_are_looked_at_too():
    def by_word(texts):
        found = np.empty(len(texts), dtype=object)
        for place, text in enumerate(texts):
            found[place] = softmax([0.9] * len(words.words(text)))
        return found

    rows = tuple(Row(row.text, "", row.where, spans=()) for row in ROWS)
    tagged = measure(subject(by_word, rows, Task("tag", ("O", "B-x"), per="word"), perturbations=EDITS), Config())
    assert tagged.score.value == 1
    assert "by word" in tagged.notes[-1]

    def length(texts):
        return np.array([[float(len(text))] for text in texts])

    for step, share in ((10.0, 1.0), (0.1, 0.0)):  # standard deviations of 115 and 1.15; an edit moves it by one or two
        rows = tuple(Row(row.text, "", row.where, value=step * n) for n, row in enumerate(ROWS))
        scored = measure(subject(length, rows, Task("regress", ("score",), "none"), perturbations=EDITS), Config())
        assert named(scored, "edits that keep the meaning").value == share
        assert named(scored, "answer changes when negated").value == 1 - share


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.7, 0.95])
def test_the_interval_of_checks_that_fail_together_covers(share):
    rng, covered = np.random.default_rng(0), 0
    for draw in range(200):  # 150 texts with one to four checks; half of a text's checks go with its first
        counts = rng.integers(1, 5, 150)
        own = rng.random(150) < share
        hits = sum((counts > n) & np.where(rng.random(150) < 0.5, own, rng.random(150) < share) for n in range(4))
        found = agreeing.ratio("share", hits, counts, draw)
        covered += found.low <= share <= found.high
    assert 0.90 <= covered / 200 <= 0.98
