"""Spans in a text: what the contract needs to know of it, and what only this kind has."""

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afina import counting, iob, shelf, spansets
from afina.errors import ConfigError
from afina.objectives import tag
from afina.records import Row, Span, Task

WORDS = ("today", "please", "no", "my", "the", "a", "is", "when")
KINDS = {"color": ("red", "blue", "green"), "number": ("one two", "two three", "three")}
TASK = Task("tag", ("O", "B-x", "I-x", "B-y", "I-y"), "softmax", per="word")
LENGTH = 7  # words of each made text
UNREADABLE = {"spans": (Span(0, 9999, "color"),)}


def rows(count, seed=0):
    """Colours are one word, numbers one or two; all texts have as many words."""
    rng = random.Random(seed)
    made = []
    for line in range(1, count + 1):
        parts, spans = [], []
        kinds = [rng.choice((None, "color", "number")) for _ in range(2)]
        for kind in (None, kinds[0], None, kinds[1]):
            text = rng.choice(KINDS[kind]) if kind else rng.choice(WORDS)
            start = sum(len(part) + 1 for part in parts)
            parts.append(text)
            if kind:
                spans.append(Span(start, start + len(text), kind))
        while len(" ".join(parts).split(" ")) < LENGTH:
            parts.append(rng.choice(WORDS))
        made.append(Row(" ".join(parts), "", f"rows.jsonl:{line}", spans=tuple(spans)))
    return tuple(made)


def write(folder, given_rows):
    path = folder / "rows.jsonl"
    lines = [
        {"text": row.text, "spans": [{"start": s.start, "end": s.end, "label": s.label} for s in row.spans]}
        for row in given_rows
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def perfect(given_rows, task):
    """(rows, words, tags): every text has as many words."""
    return np.float32(20) * np.eye(len(task.labels), dtype=np.float32)[np.stack(tag.targets(given_rows, task.labels))]


def answered(*tags):
    """Answers that say these tags, 0.9 sure."""
    answers = np.empty(len(tags), dtype=object)
    for place, line in enumerate(tags):
        table = np.full((len(line.split()), len(TASK.labels)), 0.025)
        table[range(len(table)), [TASK.labels.index(one) for one in line.split()]] = 0.9
        answers[place] = table
    return answers


def tagged(*tags):
    """Rows of one-letter words with these tags."""
    made = []
    for line, one in enumerate(tags, 1):
        found = iob.decode(one.split())
        text = " ".join("abcdefghij"[: len(one.split())])
        made.append(Row(text, "", f"f:{line}", spans=tuple(Span(2 * a, 2 * b - 1, label) for a, b, label in found)))
    return made


def values(given_rows, answers):
    return {score.name: score.value for score in tag.scores(given_rows, answers, TASK, 0)}


def test_scores_of_three_rows_by_hand():
    """Four spans wanted, four given: one right, one of the wrong kind, one cut short, one invented; one missed."""
    given_rows = tagged("B-x I-x O B-y", "B-x I-x O", "O B-x O")
    said = answered("B-x I-x O B-x", "B-x O O", "O O B-y")
    found = values(given_rows, said)
    assert found["precision"] == found["recall"] == found["micro_f1"] == pytest.approx(1 / 4)
    assert found["macro_f1"] == pytest.approx((2 / 6 + 0) / 2)  # x: 1 hit, 3 given, 3 wanted; y: none of 1 and 1
    assert found["word_accuracy"] == pytest.approx(6 / 10)


tags = st.sampled_from(["O", "B-x", "I-x", "B-y", "I-y"])


@given(table=st.lists(st.lists(st.tuples(tags, tags), min_size=1, max_size=6), min_size=1, max_size=6))
def test_counting_sets_of_spans_gives_the_same(table):
    truth, said = ([[pair[side] for pair in line] for line in table] for side in (0, 1))
    wanted = {(n, *span) for n, line in enumerate(truth) for span in iob.decode(line)}
    given_ = {(n, *span) for n, line in enumerate(said) for span in iob.decode(line)}
    pairs = [(spansets.found(np.array([TASK.labels.index(t) for t in one]), TASK.labels), set(iob.decode(two)))
             for one, two in zip(said, truth, strict=True)]  # fmt: skip
    micro, macro, precision, recall = counting.scores(np.ones((1, len(table))), spansets.counts(pairs, TASK.labels))[0]
    hits = len(wanted & given_)
    assert precision == pytest.approx(hits / len(given_) if given_ else 0.0)
    assert recall == pytest.approx(hits / len(wanted) if wanted else 0.0)
    assert micro == pytest.approx(2 * hits / (len(wanted) + len(given_)) if wanted or given_ else 0.0)
    by_kind = [[len({s for s in one if s[3] == kind}) for one in (wanted & given_, wanted, given_)] for kind in "xy"]
    f1 = [2 * h / (w + g) for h, w, g in by_kind if w + g]
    assert macro == pytest.approx(np.mean(f1) if f1 else 0.0)


@given(table=st.lists(st.lists(st.tuples(tags, tags), min_size=1, max_size=6), min_size=1, max_size=4))
def test_seqeval_says_the_same(table):
    seqeval = pytest.importorskip("seqeval.metrics")
    truth, said = ([[pair[side] for pair in line] for line in table] for side in (0, 1))
    pairs = [(set(iob.decode(one)), set(iob.decode(two))) for one, two in zip(said, truth, strict=True)]
    micro, macro, *_ = counting.scores(np.ones((1, len(table))), spansets.counts(pairs, TASK.labels))[0]
    assert micro == pytest.approx(seqeval.f1_score(truth, said, zero_division=0))
    if any(two or one for one, two in pairs):
        assert macro == pytest.approx(seqeval.f1_score(truth, said, average="macro", zero_division=0))


def test_a_kind_that_training_never_saw_is_missed():
    given_rows = [Row("a b", "", "f:1", spans=(Span(0, 1, "unheard"), Span(2, 3, "x")))]
    found = values(given_rows, answered("O B-x"))
    assert (found["precision"], found["recall"]) == (1.0, 0.5)
    assert tag.targets(given_rows, TASK.labels)[0].tolist() == [0, 1]


def test_a_span_within_a_word_counts_as_the_word():
    given_rows = [Row("abc-def g", "", "f:1", spans=(Span(1, 2, "x"),))]
    assert tag.targets(given_rows, TASK.labels)[0].tolist() == [1, 0, 0, 0]


def test_mistakes_name_places_and_no_text():
    given_rows = tagged("B-x I-x O", "O O B-y", "O O O")
    mistakes = tag.details(given_rows, answered("B-x O O", "O O O", "O B-y O"), TASK).mistakes
    assert sorted(one[:3] for one in mistakes) == [
        ("f:1", "x 0:3", "x 0:1"), ("f:2", "y 4:5", "(none)"), ("f:3", "(none)", "y 2:3"),
    ]  # fmt: skip


def test_spans_are_said_in_characters_of_the_text_with_their_least_sure_word():
    answers = answered("B-x I-x O O")
    answers[0][1] = [0.3, 0.1, 0.5, 0.05, 0.05]
    said, counts = tag.say(["my  card, lost"], answers, TASK)
    assert said == [{"predicted": [{"start": 0, "end": 8, "label": "x", "probability": 0.5}]}]
    assert counts == {"x": 1}


def test_spans_that_changed_are_counted():
    given_rows = tagged("B-x O O B-y", "B-x O")
    was, now = answered("B-x O O O", "B-x O"), answered("O O O B-y", "B-x I-x")
    change = tag.compare(given_rows, was, now, TASK)
    assert (change.broken, change.fixed, change.count, change.unit) == (3, 1, 3, "spans")
    assert change.agreement == 0.0
    assert change.drop_points == pytest.approx(100 * (4 / 5 - 2 / 5))


BAD = {
    "outside the text": [{"start": 3, "end": 9, "label": "x"}],
    "before the text": [{"start": -1, "end": 2, "label": "x"}],
    "upside down": [{"start": 2, "end": 2, "label": "x"}],
    "no label": [{"start": 0, "end": 2}],
    "an empty label": [{"start": 0, "end": 2, "label": " "}],
    "a fraction": [{"start": 0.5, "end": 2, "label": "x"}],
    "a truth value": [{"start": False, "end": 2, "label": "x"}],
    "a text": ["x"],
}


@pytest.mark.parametrize("spans", BAD.values(), ids=BAD)
def test_what_is_no_span_of_the_text_is_refused(spans):
    with pytest.raises(ValueError, match=r"is not inside the text of 8|has no whole start, whole end and label"):
        tag.read(Row("my cards", "", "f:1"), json.dumps(spans))


def test_spans_are_read_in_order_and_nothing_stays_nothing():
    cell = '[{"start": 3, "end": 8, "label": "y"}, {"end": 2, "start": 0, "label": " x ", "id": 7}]'
    assert tag.read(Row("my cards", "", "f:1"), cell).spans == (Span(0, 2, "x"), Span(3, 8, "y"))
    assert tag.read(Row("my cards", "", "f:1"), "[]").spans == ()
    assert tag.read(Row("my cards", "", "f:1"), "null").spans is None
    with pytest.raises(ValueError, match="is no list of spans"):
        tag.read(Row("my cards", "", "f:1"), '{"start": 0}')


@pytest.fixture(scope="module")
def long_model(tiny_bert):
    """A random head on a tiny base, with its tokenizer."""
    import torch
    from transformers import AutoTokenizer

    from afina import heads

    torch.manual_seed(0)
    model = heads.build(tiny_bert, "token", TASK.labels, None).eval()
    torch.nn.init.normal_(heads.output_layer(model).weight, std=3)
    return model, AutoTokenizer.from_pretrained(tiny_bert)


def test_no_text_is_silently_cut_and_the_window_with_most_context_answers(long_model):
    from afina.predictors import torch as predictor

    model, tokenizer = long_model
    text = " ".join(random.Random(0).choices([*WORDS, "red", "two"], k=100))
    assert len(tokenizer(text)["input_ids"]) == 102
    (answer,) = predictor.logits(model, tokenizer, 24, task=TASK)([text])
    assert answer.shape == (100, 5)
    assert (np.abs(answer).sum(1) > 0).all()
    words = text.split(" ")
    # windows of 22 words share 6: the second holds words 16 to 37 and answers for 19 to 34
    (alone,) = predictor.logits(model, tokenizer, 24, task=TASK)([" ".join(words[16:38])])
    np.testing.assert_allclose(answer[19:35], alone[3:19], atol=1e-5)
    assert np.abs(answer[17] - alone[1]).max() > 1e-3


@pytest.mark.slow
def test_the_exported_file_answers_word_by_word_as_the_model_does(long_model, tmp_path):
    from afina import export
    from afina.predictors import onnx
    from afina.predictors import torch as predictor

    model, tokenizer = long_model
    export.export(model, tokenizer, TASK, tmp_path / "onnx", 24)
    rng = random.Random(1)
    texts = [" ".join(rng.choices([*WORDS, "x-y", "¿qué?", "\u200b"], k=k)) for k in (1, 3, 24, 60, 200)] + ["", " "]
    before = predictor.logits(model, tokenizer, 24, task=TASK)(texts)
    after = onnx.logits(tmp_path / "onnx")(texts)
    assert [one.shape for one in after] == [one.shape for one in before]
    for one, two in zip(before, after, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)
    answers = onnx.load(tmp_path / "onnx")(texts[:4])
    np.testing.assert_allclose([one.sum(1).max() for one in answers], 1, atol=1e-5)
    assert onnx.task(tmp_path / "onnx") == TASK


@pytest.mark.parametrize("technique", shelf.names("techniques"))
def test_every_technique_trains_a_head_of_words_or_says_why_not(tiny_bert, technique):
    import torch
    from transformers import AutoTokenizer

    from afina import features, heads

    torch.manual_seed(0)
    tokenizer, module = AutoTokenizer.from_pretrained(tiny_bert), shelf.load("techniques", technique)
    model = heads.build(tiny_bert, "token", TASK.labels, None)
    if technique == "contrastive":
        with pytest.raises(ConfigError, match="no text has one class"):
            module.apply(model, module.Config())
        return
    model = module.apply(model, module.Config())
    batch = next(features.batches(tokenizer, features.encode(tokenizer, ["my card is red", "one two please"], 32)))[1]
    labels = torch.full(batch["input_ids"].shape, -100)
    labels[:, 1] = 1
    answer = model(**batch, labels=labels)
    assert answer.logits.shape == (*batch["input_ids"].shape, len(TASK.labels))
    answer.loss.backward()
    assert all(p.grad.abs().sum() > 0 for _, p in heads.head_parameters(model))
