"""Texts as the distances see them, and general language to compare them with.

English is compared with figures of real text: word counts of Wikipedia articles and web pages, and, for the bundled
base, vectors of passages from them. Spanish, and English seen by any other base, is compared with sentences that
were written for this package; data/reference/README.md says how both were made.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from afina import general, pseudo
from afina.bases import Opened
from afina.errors import ConfigError, DataError
from afina.records import Embed, Nats, Sample

REFERENCE = general.REFERENCE
LENGTHS = (8, 16, 25)  # words that both sides are cut to: the shipped vectors are of passages of these lengths
SAME_BASE = 0.999  # cosine with the stored vectors of the probes from which a base counts as the one they come from
MOST_TOKENS = 64  # of the 25 words at most that are embedded
KNOWN = 0.08  # function words a word from which a language is recognised; running text has 0.2 to 0.5
MARKS = {  # function words that the two languages do not share, nor with their neighbours where it can be helped
    "en": frozenset(
        """
        the of and to is was are were be been that this these with for from by on at it its my your
        his her their our you they we he she not but have has had do does did can could will would
        should what which who how when there if than then any some about into i i'm don't it's
        """.split()
    ),
    "es": frozenset(
        """
        el los las y del una que por para con está están estoy pero muy hay cuando qué cómo mi lo al
        su sus este esta ese esa eso le les se ya más también donde sin sobre tengo tiene todos
        todas hasta desde quiero puedo nos
        """.split()
    ),
}
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def layer(layers: int) -> int:
    """The layer whose vectors are compared: two thirds of the way up, where domains stand furthest apart."""
    return max(1, round(2 * layers / 3))


def most_tokens(opened: Opened) -> int:
    """The tokens of a text that are embedded at most."""
    return min(MOST_TOKENS, opened.record.max_tokens)


def embedder(opened: Opened) -> Embed:
    """Mean token vectors of that layer of an opened base, which is loaded at the first call."""

    @cache
    def encoder() -> Any:
        from afina import heads

        return heads.build(opened.folder, "mean", ("",)).base_model

    def embed(texts: Sequence[str]) -> np.ndarray:
        from afina import features, timing

        model, place = encoder(), layer(opened.record.layers)
        encoded = features.encode(opened.tokenizer, texts, most_tokens(opened))
        read = lambda batch: features.all_layers(model, batch)[:, place, 0]  # noqa: E731
        return features.collect(model, opened.tokenizer, encoded, read, timing.has_bf16())

    return embed


def surprise(opened: Opened) -> Nats | None:
    """What hidden words of texts cost an opened base; None where it brings no head for masked words."""
    from afina import maskedlm

    model = maskedlm.of_base(opened)
    return None if model is None else maskedlm.surprise(model, opened.tokenizer, most_tokens(opened))


def words(text: str) -> list[str]:
    """The words of a text in lower case: letters and digits, with apostrophes inside.

    >>> words("Don't move: 24-hour ECG, mañana!")
    ["don't", 'move', '24', 'hour', 'ecg', 'mañana']
    """
    return [found.lower().replace("’", "'") for found in WORD.findall(text)]


def language(texts: Sequence[str]) -> str:
    """'en', 'es' or '?', by function words: '?' too where those of a neighbour of theirs are more."""
    counts = Counter(word for text in texts for word in words(text))
    total = sum(counts.values()) or 1
    hits = {name: sum(counts[mark] for mark in marks) for name, marks in MARKS.items()}
    best = max(hits, key=lambda name: hits[name])
    known = hits[best] >= max(KNOWN * total, 1.5 * min(hits.values())) and not _neighbour(counts, best)
    return best if known else "?"


def languages(texts: Sequence[str]) -> Mapping[str, float]:
    """Share of the texts in each language, each judged by its own function words alone; short ones are often '?'."""
    found: Counter[str] = Counter()
    for text in texts:
        seen = Counter(set(words(text)))
        hits = sorted((sum(seen[mark] for mark in marks), name) for name, marks in MARKS.items())
        (second, _), (most, best) = hits[-2:]
        found[best if most > second and not _neighbour(seen, best) else "?"] += 1
    return {name: count / max(len(texts), 1) for name, count in found.items()}


def _neighbour(counts: Mapping[str, int], name: str) -> bool:
    """Whether another language than the two has more of the words than one of them, shared words counted for both."""
    hits = {one: sum(counts.get(word, 0) for word in own) for one, own in _function_words().items()}
    return max(hits[one] for one in hits if one not in MARKS) > hits[name]


def common_length(texts: Sequence[str]) -> int:
    """The words that texts are cut to: the longest of the three lengths that half of the texts reach, or the least."""
    median = float(np.median([len(text.split()) for text in texts]))
    return max([LENGTHS[0], *(length for length in LENGTHS if length <= median)])


def take(texts: Sequence[str], length: int, tokenizer: Any, embed: Embed, surprised: Nats | None = None) -> Sample:
    """What the distances look at, of these texts."""
    counts = tuple(Counter(words(text)) for text in texts)
    cut = [_cut(text, length) for text in texts]
    return Sample(counts, pieces(counts, tokenizer), embed(cut), surprised(pseudo.some(cut)) if surprised else None)


def shipped(name: str, length: int, tokenizer: Any, embed: Embed, surprised: Nats | None = None) -> tuple[Sample, str]:
    """General language of this package in 'en' or 'es', and what it is in a few words."""
    texts = general.sentences(name)
    if name != "en":
        sample = take(texts, length, tokenizer, embed, surprised)
        return sample, f"{len(texts)} Spanish sentences written for this package"
    counts = _counts()
    vectors, cut = _stored(length, embed), [_cut(text, length) for text in texts]
    nats = surprised(pseudo.some(cut)) if surprised else None
    sentences = f"{len(texts)} sentences written for this package"
    note = "word counts of English Wikipedia and web pages, and vectors of passages from them"
    note += f"; for perplexity, {sentences}" if surprised else ""
    if vectors is None:
        vectors, note = embed(cut), f"word counts of English Wikipedia and web pages, and {sentences}"
    return Sample(counts, pieces(counts, tokenizer), vectors, nats), note


def pieces(parts: Sequence[Mapping[str, int]], tokenizer: Any) -> Mapping[str, int]:
    """How many tokens each word breaks into, as it would after a space."""
    known = sorted(set().union(*parts))
    if not known:
        return {}
    alone = {"add_special_tokens": False, "return_attention_mask": False, "return_token_type_ids": False}
    encoded = tokenizer([f" {word}" for word in known], **alone)["input_ids"]
    return {word: len(ids) for word, ids in zip(known, encoded, strict=True)}


def general_words(name: str) -> Counter[str]:
    """How often each word occurs in the general language that ships, in 'en' or 'es'."""
    parts = _counts() if name == "en" else tuple(Counter(words(text)) for text in general.sentences(name))
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def read(path: Path, what: str, fewest: int) -> list[str]:
    """General language of the user's own, one text a line.

    Raises ConfigError where there is no such file, DataError where it is not UTF-8 or has too few lines with words.
    """
    if not path.is_file():
        raise ConfigError(f"there is no {what} file {path}", "give a text file, one text a line, or leave it out")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}", "save the file as UTF-8") from error
    texts = [line.strip() for line in lines if words(line)]
    if len(texts) < fewest:
        raise DataError(
            f"{path}: {len(texts)} lines with words, which is too few", f"give at least {fewest} texts, one a line"
        )
    return texts


def _cut(text: str, length: int) -> str:
    return " ".join(text.split()[:length])


@cache
def _function_words() -> dict[str, frozenset[str]]:
    """Those of the two languages, shared ones too, and of languages that share many with one of them."""
    table = json.loads((REFERENCE / "function_words.json").read_text(encoding="utf-8"))
    return {name: frozenset(own.split()) | MARKS.get(name, frozenset()) for name, own in table.items()}


@cache
def _counts() -> tuple[Mapping[str, int], ...]:
    """Words of two sets of documents that share none."""
    with (REFERENCE / "words_en.csv").open(encoding="utf-8", newline="") as file:
        rows = [(word, int(one), int(other)) for word, one, other in list(csv.reader(file))[1:]]
    return {word: n for word, n, _ in rows if n}, {word: n for word, _, n in rows if n}


def _stored(length: int, embed: Embed) -> np.ndarray | None:
    """The shipped vectors of passages of `length` words, where `embed` is the base and layer that made them."""
    from safetensors import safe_open

    with safe_open(REFERENCE / "vectors_en.safetensors", framework="numpy") as file:
        probes = embed(json.loads(file.metadata()["made"])["probes"])
        expected = file.get_tensor("probes").astype(np.float32)
        if probes.shape != expected.shape:
            return None
        lengths = np.linalg.norm(probes, axis=1) * np.linalg.norm(expected, axis=1)
        if ((probes * expected).sum(1) < SAME_BASE * lengths).any():
            return None
        return file.get_tensor(f"words{length}").astype(np.float32) * file.get_tensor("scale")
