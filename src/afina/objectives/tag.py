"""Spans of a text with a label each, such as the names of drugs and diseases.

    p = softmax(logits) for each word        loss = mean over words of -ln p_true, nats
    answer: the most probable tag of each word, read as spans by the rule of conlleval (`iob`)

Spans are whole words (`words`), written as IOB2 tags. A span counts as found where its label, its first and its last
word are right; the main score is F1 over all of them (micro), and `counting` says what stands beside it. Spans of a
kind that training never saw are missed. The frozen layers are probed by ridge regression on the tags of words (F1 over
words that are not outside), the head starts from a logistic regression on words of train. Baselines: no span at all,
and the commonest tag of each word in train.

What it does not do: spans inside or across one another, parts of words, pairs of texts, transitions between tags.
Source: Sang & De Meulder 2003, W03-0419 (exact match of entities); Devlin et al. 2019, arXiv:1810.04805, 5.3.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import BaseModel

from afina import cells, counting, iob, metrics, probing, spansets, words
from afina.counting import Counts
from afina.errors import DataError
from afina.records import Change, Corpus, Details, Embed, Head, Predict, Reweighed, Row, Score, Span, Task, Text

ACTIVATION = "softmax"
PER = "word"  # what an answer is of
POOLINGS = ("token",)  # what a head may read
PROBLEM = None  # the token classification heads of Hugging Face know one
METRIC = "micro_f1"  # name of the main score
PROBED = "word F1"  # what `probe` gives
PIPELINE = "token-classification"  # the hub's name for what such a model does
LISTS = True  # whether a cell holds a list
TUNES = False  # whether anything but the weights is chosen on dev
REVIEWED = False  # whether labels that look wrong are listed
COLUMNS = ("spans", "entities", "ents", "slots", "annotations")  # usual names of its column
COUNTED = "kind of span"  # what `counts` counts
SURE = "confidence"  # what the number beside a mistake is
LOSS_UNIT = "nats"
ADDED = ("predicted",)  # columns that `say` fills
ENDING = ".jsonl"  # of the file that answers are written to
KEPT = 1000  # mistakes in the details
DRAWS = 200  # bootstrap resamples of a probed layer
NAMES = (*counting.NAMES, "word_accuracy")
USE = "print([labels[i] for i in logits[0].argmax(axis=-1).tolist()])  # a tag a token; of a word the first one counts"


class Config(BaseModel, frozen=True, extra="forbid"):
    """The loss of this kind has no options."""


# ---------------------------------------------------------------- rows


def claims(values: Sequence[str], lists: bool) -> bool:
    """Whether a column of cells looks like this kind: lists of objects, nine in ten with a start and an end."""
    found = [one for value in values for one in cells.items(value) or ()]
    spans = sum(isinstance(one, dict) and {"start", "end"} <= one.keys() for one in found)
    return lists and spans > 0 and spans >= 0.9 * len(found)


def read(row: Row, cell: str) -> Row:
    """The row with what its cell, a JSON list of spans, says. Raises ValueError for a span outside the text."""
    if cells.missing(cell):
        return row
    found = cells.items(cell)
    if found is None:
        raise ValueError(f"{cell.strip()[:40]!r} is no list of spans")
    return replace(row, spans=tuple(sorted(_span(one, len(row.text)) for one in found)))


def _span(one: Any, length: int) -> Span:
    known = isinstance(one, dict) and {"start", "end", "label"} <= one.keys() and isinstance(one["label"], str)
    if not known or not all(type(one[edge]) is int for edge in ("start", "end")) or not one["label"].strip():
        raise ValueError(f"{json.dumps(one)[:60]} has no whole start, whole end and label")
    if not 0 <= one["start"] < one["end"] <= length:
        raise ValueError(f"the span {one['start']} to {one['end']} is not inside the text of {length} characters")
    return Span(one["start"], one["end"], one["label"].strip())


def outputs(train: Sequence[Row], file: str) -> tuple[str, ...]:
    """The tags: O, then B- and I- of each label. Raises DataError where there is no span."""
    names = cells.in_order(name for row in train for name in row.names)
    if not names:
        raise DataError(f"no row of {file} has any span", "give rows with spans")
    return (iob.OUTSIDE, *(f"{mark}-{name}" for name in names for mark in "BI"))


def strata(rows: Sequence[Row]) -> list[str]:
    """What a cut into splits keeps the shares of: the rarest kind of span of each row, '' for none."""
    found = Counter(name for row in rows for name in row.names)
    return [min(row.names, key=lambda name: (found[name], name), default="") for row in rows]


def counts(rows: Sequence[Row], labels: Sequence[str]) -> dict[str, int]:
    """Rows with each kind of span."""
    found = Counter(name for row in rows for name in row.names)
    return {name: found[name] for name in spansets.kinds(labels)}


def units(train: Sequence[Row]) -> tuple[float, float]:
    """What training takes off the targets and divides them by: tags have no scale."""
    del train
    return 0.0, 1.0


# ---------------------------------------------------------------- training


def targets(rows: Sequence[Row], labels: Sequence[str]) -> np.ndarray:
    """What the loss compares with: for each row the places of its words' tags in `labels`, (words,)."""
    place = {label: index for index, label in enumerate(labels)}
    found = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        spans = sorted(span for span in spansets.wanted(row) if f"B-{span[2]}" in place)
        found[index] = np.array([place[tag] for tag in iob.encode(spans, len(words.words(row.text)))], dtype=np.int64)
    return found


def blind(train: Sequence[Row]) -> float:
    """F1 where every word is outside."""
    del train
    return 0.0


def probe(features: np.ndarray, wanted: np.ndarray, classes: int) -> tuple[float, float, float]:
    """Leave-one-out F1 of ridge regression on the vectors (m, d) of words, over words in spans, with its interval."""
    judge = probed(features, wanted, classes)
    score = metrics.bootstrap(NAMES[:1], lambda weights: judge(weights)[:, None], len(wanted), 0, DRAWS)[0]
    return score.value, min(score.low, score.value), max(score.high, score.value)


def probed(features: np.ndarray, wanted: np.ndarray, classes: int) -> Reweighed:
    """The same F1 of any resample of the words: (resamples,) for weights (resamples, m)."""
    table = np.eye(classes)[wanted]
    found = [_words_counted(answer.argmax(1), wanted) for answer in probing.held_out(features, table)]
    best = max(found, key=counting.micro_f1)
    return lambda weights: counting.scores(weights, best)[:, 0]


def _words_counted(said: np.ndarray, wanted: np.ndarray) -> Counts:
    hits = (said == wanted) & (wanted > 0)
    return Counts(*(table[:, None].astype(np.float64) for table in (hits, said > 0, wanted > 0)))


def fit_head(train: probing.Part, dev: probing.Part | None, classes: int, config: Config) -> Any:
    """Weights (tags, d) and biases (tags,) of a logistic head on the vectors of words, its strength chosen on dev."""
    del config
    strength = probing.choose_strength(train, dev, classes)
    return probing.logistic(*train, classes, strength)


def start(head: Head, train: tuple[np.ndarray, np.ndarray], classes: int, config: Config) -> Head:
    """The head that training starts from: the fitted one."""
    del train, classes, config
    return head


def loss(config: Config, wanted: np.ndarray, classes: int) -> None:
    """The model's own."""
    del config, wanted, classes


def dev_score(logits: np.ndarray, wanted: np.ndarray, labels: Sequence[str]) -> float:
    """F1 over spans of logits (n, tokens, tags) where `wanted` (n, tokens) is not negative: at the words' tokens."""
    del labels
    hits, answered, true = iob.count(logits.argmax(-1), wanted)
    return 2 * hits / max(answered + true, 1)


# ---------------------------------------------------------------- answers


def tune(dev: Sequence[Row], predict: Predict, task: Task) -> Task:
    """The same task: nothing is chosen after training."""
    del dev, predict
    return task


def scores(rows: Sequence[Row], answers: np.ndarray, task: Task, seed: int) -> tuple[Score, ...]:
    """Every score of answers with its interval, F1 over spans first; `answers` holds (words, tags) for each row."""
    found = spansets.counts(spansets.pairs(rows, answers, task), task.labels)
    own = targets(rows, task.labels)
    hits = np.array([(one.argmax(1) == tags).sum() for one, tags in zip(answers, own, strict=True)], np.float64)
    sizes = np.array([len(one) for one in answers], np.float64)

    def of(weights: np.ndarray) -> np.ndarray:
        accuracy = (weights @ hits) / np.maximum(weights @ sizes, 1)
        return np.column_stack([counting.scores(weights, found), accuracy])

    return metrics.doubted(metrics.bootstrap(NAMES, of, len(rows), seed), len(rows))


def details(rows: Sequence[Row], answers: np.ndarray, task: Task) -> Details:
    """Scores by kind of span, calibration of the words' tags, and the most confident mistakes."""
    pairs = spansets.pairs(rows, answers, task)
    chances, wanted = words.flat(answers), np.concatenate(list(targets(rows, task.labels)))
    return Details(
        classes=counting.by_kind(spansets.counts(pairs, task.labels, unseen=False), spansets.kinds(task.labels)),
        reliability=metrics.reliability(wanted, chances),
        mistakes=spansets.mistakes(rows, answers, pairs)[:KEPT],
    )


def compare(rows: Sequence[Row], before: np.ndarray, after: np.ndarray, task: Task, seed: int = 0) -> Change:
    """What became of the answers: spans broken and fixed, and the share of spans that both give (Dice)."""
    was, now = spansets.pairs(rows, before, task), spansets.pairs(rows, after, task)
    broken = fixed = 0
    for (old, true), (new, _) in zip(was, now, strict=True):
        broken += len((old & true) - new) + len(new - true - old)
        fixed += len((new & true) - old) + len(old - true - new)
    both = np.array([len(old & new) for (old, _), (new, _) in zip(was, now, strict=True)])
    first, second = spansets.counts(was, task.labels), spansets.counts(now, task.labels)
    return metrics.change(
        lambda weights: counting.became(weights, first, second, both),
        len(rows),
        seed,
        broken=broken,
        fixed=fixed,
        count=sum(len(old | true) for old, true in was),
        unit="spans",
    )


def rivals(corpus: Corpus, rows: Sequence[Row], task: Task, embed: Embed) -> dict[str, tuple[Task, np.ndarray]]:
    """What the baselines answer on `rows`."""
    del embed
    seen: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for row, tags in zip(corpus.train, targets(corpus.train, task.labels), strict=True):
        for (start, end), tag in zip(words.words(row.text), tags.tolist(), strict=True):
            seen[row.text[start:end]][tag] += 1
    often = {word: found.most_common(1)[0][0] for word, found in seen.items()}
    nothing, lookup = np.empty(len(rows), dtype=object), np.empty(len(rows), dtype=object)
    table = np.eye(len(task.labels), dtype=np.float32)
    for place, row in enumerate(rows):
        tags = [often.get(row.text[start:end], 0) for start, end in words.words(row.text)]
        nothing[place], lookup[place] = table[[0] * len(tags)], table[tags]
    return {"no_span": (task, nothing), "lookup": (task, lookup)}


def say(texts: Sequence[Text], answers: np.ndarray, task: Task) -> tuple[list[dict[str, Any]], Mapping[str, int]]:
    """For each text its spans, each with its least sure word's probability, and how often each kind was given."""
    said = []
    for text, answer in zip(texts, answers, strict=True):
        places = words.words(str(text))
        spans: list[dict[str, Any]] = []
        for first, last, label in sorted(spansets.found(answer.argmax(1), task.labels)):
            sure = round(float(answer[first:last].max(1).min()), 4)
            edges = {"start": places[first][0], "end": places[last - 1][1]}
            spans.append({**edges, "label": label, "probability": sure})
        said.append({"predicted": spans})
    return said, Counter(span["label"] for one in said for span in one["predicted"])


# ---------------------------------------------------------------- words


def size(labels: Sequence[str]) -> str:
    """How many kinds of spans there are."""
    kinds = len(spansets.kinds(labels))
    return f"{kinds:,} {'kind' if kinds == 1 else 'kinds'} of spans"


def describe(labels: Sequence[str], inputs: str) -> str:
    """What such a model is, of `inputs`."""
    return f"model that marks {size(labels)} in {inputs}"


def limits(labels: Sequence[str]) -> str:
    """What its user should know of it."""
    return f"It marks these {size(labels)} only, as whole words and never one inside another."
