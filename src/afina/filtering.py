"""Which candidates become training rows, and whether these help: checks that a language model's word is not taken for.

In this order; the first that a candidate fails is its reason:

    its own       it is empty, markup, the same text, ...: what its augmenter saw
    language      other letters than its sources have, or function words of another language and none of theirs
    near copy     of a row of train, dev or test (`novelty`): what dev and test hold may not leak into training
    meaning       cosine with its nearest source: at least the median of pairs of rows of one class, at most 0.995
    label         a ridge classifier of the training rows without its sources gives it the same class (`leftout`)
    near copy     of a candidate that was kept before it

Vectors are the base's, frozen. The gain is measured with them too: the accuracy of a ridge classifier on dev with the
kept rows and without; where there is no dev, on train, each row judged without itself and what was made from it.

Cost: a forward pass a text. What it does not do: see a wrong fact in a text that is near its source; know of languages
but English and Spanish more than their letters; promise that a tuned body gains what a frozen one does.
Source: the filter by a classifier, Anaby-Tavor et al. 2020, "Do Not Have Enough Data? Deep Learning to the Rescue!",
arXiv:1911.03118.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from afina import leftout, metrics, samples
from afina.novelty import Texts
from afina.records import Candidate, Corpus, Embed, Row, Score

MOST = 0.995  # cosine; above it a text says nothing else
PAIRS = 2000  # of rows of one class, that the least cosine is the median of
WORDS = 8  # of a text, that have a function word among them in every language with any
CLEARLY = 2  # function words more in another language
LANGUAGE, COPY, MEANING, LABEL, AGAIN = (
    "another language",
    "a near copy of a row",
    "another meaning",
    "another class",
    "a near copy of a kept one",
)


@dataclass(frozen=True, slots=True)
class Known:
    """The rows of the files as the checks need them."""

    corpus: Corpus
    vectors: np.ndarray  # (train, hidden), of length 1
    classes: np.ndarray  # (train,)
    penalty: float
    probe: float  # leave-one-out accuracy of the ridge classifier
    least: float  # cosine


@dataclass(frozen=True, slots=True)
class Sifted:
    """What was kept, and why the others were not."""

    kept: tuple[Candidate, ...]
    vectors: np.ndarray  # (kept, hidden), of length 1
    rejected: Mapping[str, int]


def know(corpus: Corpus, embed: Embed, seed: int) -> Known:
    """Measure the training rows."""
    vectors = _unit(embed([row.text for row in corpus.train]))
    classes = _classes(corpus.train, corpus)
    penalty, probe = leftout.penalty(vectors, classes, len(corpus.labels))
    return Known(corpus, vectors, classes, penalty, probe, _least(vectors, classes, seed))


def sift(candidates: Sequence[Candidate], known: Known, embed: Embed) -> Sifted:
    """The candidates that pass every check, in their order."""
    corpus, rejected = known.corpus, Counter[str]()
    texts = Texts(row.text for row in (*corpus.train, *corpus.dev, *corpus.test))
    left = []
    for one, reason in zip(candidates, _early(candidates, corpus, texts), strict=True):
        if reason:
            rejected[reason] += 1
        else:
            left.append(one)
    vectors = _unit(embed([one.row.text for one in left])) if left else known.vectors[:0]
    guesses = _ridge(known, vectors, [one.sources for one in left]).argmax(1)
    right = guesses == _classes([one.row for one in left], corpus)
    kept = []
    for number, one in enumerate(left):
        nearest = float((known.vectors[list(one.sources)] @ vectors[number]).max())
        if not known.least <= nearest <= MOST:
            rejected[MEANING] += 1
        elif not right[number]:
            rejected[LABEL] += 1
        elif texts.near(one.row.text):
            rejected[AGAIN] += 1
        else:
            texts.add(one.row.text)
            kept.append(number)
    return Sifted(tuple(left[number] for number in kept), vectors[kept], dict(rejected))


def _early(candidates: Sequence[Candidate], corpus: Corpus, texts: Texts) -> Iterator[str]:
    """What speaks against each candidate that can be said without its vector."""
    usual = samples.language([row.text for row in corpus.train])
    for one in candidates:
        if one.fault:
            yield one.fault
        elif foreign(one.row.text, [corpus.train[place].text for place in one.sources], usual):
            yield LANGUAGE
        else:
            yield COPY if texts.near(one.row.text) else ""


def gain(known: Known, sifted: Sifted, embed: Embed, seed: int) -> tuple[str, tuple[Score, ...]]:
    """The rows that were judged, and the accuracy without the kept rows, with them, and the difference."""
    corpus = known.corpus
    made: list[list[int]] = [[] for _ in corpus.train]  # of each training row, the places of what was made from it
    for number, one in enumerate(sifted.kept):
        for place in one.sources:
            made[place].append(len(corpus.train) + number)
    without: Sequence[tuple[int, ...]] = [()] * len(corpus.dev)
    beside = without
    if corpus.dev:
        asked, truth = _unit(embed([row.text for row in corpus.dev])), _classes(corpus.dev, corpus)
    else:
        asked, truth = known.vectors, known.classes
        without, beside = [(place,) for place in range(len(asked))], [(n, *own) for n, own in enumerate(made)]
    first = _ridge(known, asked, without).argmax(1) == truth
    second = _ridge(known, asked, beside, sifted).argmax(1) == truth
    right = np.stack([first, second, second.astype(float) - first], axis=1)
    names = ("accuracy", "accuracy", "gain")
    scores = metrics.bootstrap(names, lambda weights: weights @ right / len(right), len(right), seed)
    return "dev" if corpus.dev else "train", scores


def foreign(text: str, sources: Sequence[str], usual: str) -> bool:
    """Whether a text is in another language than what it was made from; `usual` is that of the corpus, or '?'.

    >>> foreign("mi tarjeta no está en la carta", ["where is my card"], "en"), foreign("no card yet", ["lost"], "en")
    (True, False)
    """
    script, scripts = _script(text), {_script(source) for source in sources} - {""}
    if script and scripts and script not in scripts:
        return True
    own = samples.language(sources)
    own = usual if own == "?" else own
    if own == "?":
        return False
    words = samples.words(text)
    hits = {name: sum(word in marks for word in words) for name, marks in samples.MARKS.items()}
    others = max(count for name, count in hits.items() if name != own)
    return others >= hits[own] + CLEARLY or (not hits[own] and len(words) >= WORDS)


def _script(text: str) -> str:
    """What most of its letters are: LATIN, CYRILLIC, CJK, ...; '' where it has none."""
    found = Counter(unicodedata.name(char, "?").partition(" ")[0] for char in text if char.isalpha())
    return max(found, key=lambda name: (found[name], name), default="")


def _least(vectors: np.ndarray, classes: np.ndarray, seed: int) -> float:
    """The median cosine of pairs of rows of one class; -1 where no class has two."""
    rng = np.random.default_rng(seed)
    order = np.argsort(classes, kind="stable")
    sizes = np.bincount(classes)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    rows = rng.integers(len(classes), size=PAIRS)
    size, start = sizes[classes[rows]], starts[classes[rows]]
    others = order[start + (rng.random(PAIRS) * size).astype(int)]
    cosines = (vectors[rows] * vectors[others]).sum(1)[rows != others]
    return float(np.median(cosines)) if len(cosines) else -1.0


def _ridge(known: Known, asked: np.ndarray, without: Sequence[Sequence[int]], more: Sifted | None = None) -> np.ndarray:
    """Answers for `asked`, (m, classes), of a classifier of the training rows, and of the kept ones where given."""
    classes, vectors = known.classes, known.vectors
    if more is not None:
        classes = np.concatenate([classes, _classes([one.row for one in more.kept], known.corpus)])
        vectors = np.concatenate([vectors, more.vectors])
    targets = np.eye(len(known.corpus.labels))[classes]
    return leftout.answers((vectors, targets), asked, without, known.penalty)


def _classes(rows: Sequence[Row], corpus: Corpus) -> np.ndarray:
    """Places of the rows' classes, (n,); -1 for one that training does not have."""
    place = {label: number for number, label in enumerate(corpus.labels)}
    return np.array([place.get(row.label, -1) for row in rows], np.int64)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
