"""Whether texts that mean the same are answered the same, where another model says what follows from what.

    p            how surely two texts mean the same: the smaller of two chances, that the second follows from the first
                 and the first from the second. The two are about one pair, so that their product would be too small
    coherence    sum p [same answer] / sum p, over pairs of test texts that are neighbours by words (TF-IDF, each text
                 and its nearest, the 300 most alike), and over texts and a small edit of them
    judged so    share of pairs with p > 0.5. Of edits it should be all; of texts of two labels, drawn at random, none:
                 so far is the judge to be trusted here

Beside the coherence of the neighbours stands that of their true labels, for the judge calls some texts the same that
are not: a model that is never wrong has just that much. Intervals: bootstrap over texts, those together that hang
together as neighbours.
Unit: shares, 0 to 1. Cost: some 1,000 judgements, no answer but those to the edits.

What it does not do: find faults that its judge cannot see; a judge that says the same of all pairs gives their plain
agreement, and one near chance hardly more. A model that always says the same is wholly coherent.
Source: Kuhn et al. 2023, arXiv:2302.09664 (the same meaning: entailment both ways); Elazar et al. 2021,
arXiv:2102.01017 (consistency).
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from afina import answering, metrics, sameness
from afina.errors import ConfigError, RecordError
from afina.records import Example, Judge, Measure, Row, Subject, Text

PAIRS, EDITED, STRANGERS = 300, 100, 100  # that are judged, at most
SURE = 0.5
SHOWN = 3
ONNX, PLAIN = Path("onnx", "labels.json"), Path("config.json")  # what says the labels: of a run, of a plain folder
ROWS = Path("records", "corpus.json")  # of a run: what it was trained on
HEADED = "ForSequenceClassification"  # how the names of such classes end
WORDS = r"(?u)\b\w+\b"
TRAINED = "the folder of a finished run on pairs with a label 'entailment'"
WANTED = f"give {TRAINED}, or one that save_pretrained wrote"
GROUP, JUDGE = "coherence", "the judge of coherence"
NEAR, EDITS, STRANGE = "neighbouring texts", "edited texts", "texts of two labels"


# ---------------------------------------------------------------- which label


def files(folder: Path) -> tuple[Path, ...]:
    """What decides the judge's answers: a run's labels.json, which has the sha256 of its model, or labels and weights.

    The folder itself where it holds neither.
    """
    if (folder / ONNX).is_file():
        return (folder / ONNX,)
    return (folder / PLAIN, *sorted(folder.glob("model*.safetensors"))) if (folder / PLAIN).is_file() else (folder,)


def label(folder: Path) -> int:
    """The place of the label that says that one text follows from another.

    Raises ConfigError where the folder holds no model of pairs with one.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", f"{WANTED}; of a hub, 'hf download ID --local-dir FOLDER'")
    card = next((path for path in (folder / ONNX, folder / PLAIN) if path.is_file()), None)
    if card is None:
        raise ConfigError(f"{folder} holds no model that could judge: no {ONNX}, no {PLAIN}", WANTED)
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        labels = _of_run(folder, content) if card == folder / ONNX else _of_plain(folder, content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{folder} is no whole run or model", "copy or download that folder again") from None
    found = [place for place, name in enumerate(labels) if says_entailment(name)]
    if len(found) != 1 or len(labels) < 2:
        named = ", ".join(labels[:5])
        raise ConfigError(f"{folder} does not judge entailment: of its labels {named} not one says it", WANTED)
    return found[0]


def says_entailment(name: str) -> bool:
    """Whether a label says that one text follows from another.

    >>> [says_entailment(one) for one in ("ENTAILMENT", "not_entailment", "non-entailment", "entails", "neutral")]
    [True, False, False, True, False]
    """
    letters = re.sub(r"[^a-z]", "", name.casefold())
    return "entail" in letters and not re.search(r"no[tn]?(an)?entail", letters)


def _of_run(folder: Path, card: Any) -> list[str]:
    corpus = json.loads((folder / ROWS).read_text(encoding="utf-8"))["record"]  # the card says what it can read
    if corpus["kind"] != "classify" or corpus["columns"]["pair"] is None:
        said = f"{folder} was trained on something else than pairs of texts with one label"
        raise ConfigError(said, f"give {TRAINED}")
    return [str(one) for one in card["labels"]]


def _of_plain(folder: Path, card: Any) -> list[str]:
    made = [str(one) for one in card.get("architectures") or ()]
    if not any(one.endswith(HEADED) for one in made):
        said = f"{folder} holds {' '.join(made) or 'a model'}, which has no head for classes"
        raise ConfigError(said, f"{WANTED} of a {HEADED} with a label 'entailment'")
    return [str(name) for _, name in sorted(card["id2label"].items(), key=lambda one: int(one[0]))]


# ---------------------------------------------------------------- what is judged


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and what the model answers to them."""

    texts: tuple[str, str]
    answers: tuple[np.ndarray, np.ndarray]
    rows: tuple[int, int] = (-1, -1)  # their places in the subject, where both are rows


def _neighbours(subject: Subject) -> list[Pair]:
    """Each row and the row most like it by words, the most alike first."""
    first = {sameness.key(row): place for place, row in reversed(list(enumerate(subject.rows)))}
    places = sorted(first.values())  # a text that is there twice is no neighbour of itself
    near = _nearest([subject.rows[place].text for place in places])
    return [_rows(subject, places[one], places[other]) for one, other in near[:PAIRS]]


def _strangers(subject: Subject) -> list[Pair]:
    """Rows drawn at random that have no label in common."""
    if subject.task.kind == "regress":
        return []
    truth = [answering.truth(row, subject.task) for row in subject.rows]
    order = np.random.default_rng(subject.seed).permutation(len(truth)).tolist()
    drawn = zip(order[::2], order[1::2], strict=False)  # no row twice
    apart = [(one, other) for one, other in drawn if truth[one] and truth[other] and not truth[one] & truth[other]]
    return [_rows(subject, *both) for both in apart[:STRANGERS]]


def _edited(subject: Subject, edits: Sequence[Sequence[Text]]) -> list[Pair]:
    """Texts and what was made of them, both asked."""
    texts = [(str(group[0]), str(group[-1])) for group in edits[:EDITED]]
    answers = answering.ask(subject.predict, [text for both in texts for text in both], subject.task)
    return [Pair(both, (answers[2 * n], answers[2 * n + 1])) for n, both in enumerate(texts)]


def _rows(subject: Subject, one: int, other: int) -> Pair:
    both = subject.rows[one].text, subject.rows[other].text
    return Pair(both, (subject.answers[one], subject.answers[other]), (one, other))


def _nearest(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of places, each once, by cosine; texts without a word in common are no pair."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(texts) < 2 or not any(re.search(WORDS, text) for text in texts):
        return []
    vectors = TfidfVectorizer(token_pattern=WORDS, sublinear_tf=True).fit_transform(texts)
    alike = (vectors @ vectors.T).toarray()
    np.fill_diagonal(alike, 0)
    pairs = {(min(place, near), max(place, near)) for place, near in enumerate(alike.argmax(1).tolist())}
    return sorted((pair for pair in pairs if alike[pair] > 0), key=lambda pair: (-alike[pair], pair))


# ---------------------------------------------------------------- what is found


@dataclass(frozen=True, slots=True)
class Coherence:
    """What a judge came to, or why it was not asked."""

    note: str
    measures: tuple[Measure, ...] = ()
    examples: tuple[Example, ...] = ()


def coherence(subject: Subject, folder: Path, edits: Sequence[Sequence[Text]]) -> Coherence:
    """Coherence of neighbours, of their true labels and of edits, and how often the judge calls texts the same.

    edits   a text and what was made of it, the last change being the furthest
    Raises ConfigError where the folder holds no judge, RecordError where it answers no chances.
    """
    label(folder)
    if subject.task.per == "word" or any(row.pair is not None for row in subject.rows):
        return Coherence("coherence is not measured: a model of entailment compares single texts with one answer each")
    if subject.judge is None:
        return Coherence("coherence is not measured: give the subject what opens a model of entailment (opening.judge)")
    kinds = {NEAR: _neighbours(subject), EDITS: _edited(subject, edits), STRANGE: _strangers(subject)}
    kinds = {name: pairs for name, pairs in kinds.items() if pairs}
    if not kinds:
        return Coherence("coherence is not measured: no two of these texts have a word in common")
    judge = subject.judge(folder)
    chances = dict(zip(kinds, _judged(judge, list(kinds.values())), strict=True))
    found, examples = [], []
    for name in [name for name in (NEAR, EDITS) if name in kinds]:
        pairs, p = kinds[name], chances[name]
        same = _same(subject, pairs)
        found += _weighed(f"coherence of {name}", p, same, pairs, subject.seed)
        examples += _examples(subject, f"coherence of {name}", pairs, p, same)
        if name == NEAR and subject.task.kind != "regress":
            found += _weighed("coherence of their true labels", p, _labelled(subject, pairs), pairs, subject.seed)
    for name, pairs in kinds.items():
        so = chances[name] > SURE
        found += _weighed(f"{name} judged the same", np.ones(len(so)), so, pairs, subject.seed, JUDGE)
    return Coherence(_said(judge, chances), tuple(found), tuple(examples))


def _judged(judge: Judge, kinds: Sequence[Sequence[Pair]]) -> list[np.ndarray]:
    """How surely the texts of each pair mean the same, asked at once. Raises RecordError for what is no chance."""
    asked = [pair.texts for pairs in kinds for pair in pairs]
    chances = np.asarray(judge.entails([*asked, *((other, one) for one, other in asked)]), np.float64)
    if chances.shape != (2 * len(asked),) or not ((chances >= 0) & (chances <= 1 + 1e-6)).all():
        raise RecordError(f"{judge.name}, asked what follows from what, answers no chances", "give another model")
    both = chances.reshape(2, -1).min(0)
    return np.split(both, np.cumsum([len(pairs) for pairs in kinds])[:-1])


def _same(subject: Subject, pairs: Sequence[Pair]) -> np.ndarray:
    one, other = (np.stack([pair.answers[side] for pair in pairs]) for side in (0, 1))
    return answering.same(one, other, subject.task, answering.scale(subject.rows, subject.task))


def _labelled(subject: Subject, pairs: Sequence[Pair]) -> np.ndarray:
    """Whether the true labels of both are the same, as they are of an edit, which has none of its own."""
    truth = [[answering.truth(subject.rows[n], subject.task) for n in pair.rows if n >= 0] for pair in pairs]
    return np.array([own[:1] == own[1:] for own in truth], bool)


def _hanging(pairs: Sequence[Pair]) -> np.ndarray:
    """A number for each pair, the same for those that hang together by texts, (n,)."""
    first = sameness.joined(pair.texts for pair in pairs)
    return np.unique([first[pair.texts[0]] for pair in pairs], return_inverse=True)[1]


def _weighed(
    name: str, p: np.ndarray, same: np.ndarray, pairs: Sequence[Pair], seed: int, group: str = GROUP
) -> list[Measure]:
    """sum p [same] / sum p, resampled by what hangs together; nothing where the judge gives no pair a chance."""
    if p.sum() <= 0:
        return []
    groups = _hanging(pairs)
    hits, weights = np.bincount(groups, p * same), np.bincount(groups, p)
    whole = hits.sum() / weights.sum()

    def of(drawn: np.ndarray) -> np.ndarray:
        total = drawn @ weights
        return np.divide(drawn @ hits, total, out=np.full(len(drawn), whole), where=total > 0)[:, None]

    share = metrics.bootstrap((name,), of, len(weights), seed)
    one = metrics.doubted(share, max(1, int(p.sum())))[0]  # a pair that hardly counts is no proof
    remark = "" if group == JUDGE else f"{int((p > SURE).sum()):,} of {len(p):,} pairs judged the same"
    if len(weights) == 1:  # nothing to resample
        low, high = metrics.wilson(round(one.value), 1)
        one = replace(one, low=low, high=high)
    value = min(1.0, one.value)  # rounding
    return [
        Measure(name, value, min(one.low, value), min(1.0, max(one.high, value)), "share", len(p), group, None, remark)
    ]


def _examples(subject: Subject, name: str, pairs: Sequence[Pair], p: np.ndarray, same: np.ndarray) -> list[Example]:
    """Texts that surely mean the same and are answered differently, those of one true label first, then the surest."""
    found = []
    rank = p + _labelled(subject, pairs) if subject.task.kind != "regress" else p
    for place in [place for place in np.argsort(-rank, kind="stable") if p[place] > SURE and not same[place]][:SHOWN]:
        pair = pairs[place]
        said = " -> ".join(answering.said(answer, subject.task) for answer in pair.answers)
        rows = [subject.rows[row] for row in pair.rows if row >= 0]
        true = "" if subject.task.kind == "regress" else " and ".join(dict.fromkeys(map(_truth(subject), rows)))
        said = f"{said}; judged the same with {p[place]:.2f}" + (f"; true: {true}" if true else "")
        found.append(Example(name, rows[0].where if rows else "", pair.texts, said))
    return found


def _truth(subject: Subject) -> Callable[[Row], str]:
    return lambda row: answering.named(answering.truth(row, subject.task))


def _said(judge: Judge, chances: dict[str, np.ndarray]) -> str:
    shares = ", ".join(f"{(p > SURE).mean():.0%} of {name}" for name, p in chances.items())
    return f"coherence is judged by {judge.name}: {judge.said}; it calls the same {shares}; no verdict"
