"""Profile: what the training rows are like, and how far they are from general language by every measure on the shelf.

Counts cover all training rows; distances, fertility and language a random sample of their texts (both texts of a
pair). A corpus is compared with the reference of its own language, or with a text file of the user's. The terms are
those of English and Spanish texts, mined from a larger sample: half a second.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from afina import casing, general, glossaries, samples, shelf, sketches, terms
from afina.bases import Opened
from afina.config import ProfileOptions
from afina.records import Corpus, Distance, Embed, Profile, Row, Sample, Term

FEWEST = 30  # texts on either side, below which no distance is measured
CHUNK = 1000  # rows tokenized at once
MIXED = 0.1  # share of texts in another language from which a note says so
TERMS, TERM_TEXTS = 30, 5000  # shown, and read for them
NAMES = {"en": "English", "es": "Spanish"}


def measure(
    corpus: Corpus,
    options: ProfileOptions,
    opened: Opened,
    seed: int,
    embed: Embed | None = None,
    glossary_file: str | None = None,
) -> Profile:
    """Count and measure the training rows. `embed` replaces the base's own vectors of texts.

    Raises ConfigError where options.reference is no file, DataError where it or the glossary cannot be used.
    """
    listed, repaired = glossaries.glossary(glossary_file) if glossary_file else ((), ())
    own = None if options.reference is None else samples.read(Path(options.reference), "reference", FEWEST)
    rows = corpus.train
    texts = _draw(rows, options.sample, seed)
    language = samples.language(texts)
    word_counts = [sum(len(samples.words(text)) for text in row.texts) for row in rows]
    fertility, split = _fertility(texts, opened.tokenizer)
    token_counts, unknown = _tokens(rows, opened.tokenizer)
    reference, distances, notes = _compare(texts, language, own, opened, embed, seed)
    class_rows = shelf.load("objectives", corpus.kind).counts(rows, corpus.labels)
    return Profile(
        rows=len(rows),
        classes=len(corpus.labels),
        smallest=min(class_rows.values(), default=0),
        largest=max(class_rows.values(), default=0),
        language=language,
        words=_spread(word_counts),
        tokens=_spread(token_counts),
        fertility=fertility,
        split=split,
        unknown=unknown,
        class_rows=class_rows,
        reference=Path(options.reference).name if options.reference else reference,
        distances=distances,
        notes=(
            *_language_notes(texts, language, own),
            *casing.notes(texts, rows, opened.tokenizer),
            *notes,
            *(one.problem for one in repaired),
        ),
        terms=_terms(_draw(rows, TERM_TEXTS, seed), language, opened.tokenizer, listed),
        lengths=dict(sorted(Counter(token_counts).items())),
    )


def _terms(texts: list[str], language: str, tokenizer: Any, listed: Sequence[str]) -> tuple[Term, ...]:
    """The first terms of the domain, those of the user's glossary that the texts have, and the tokens of each.

    Where no general words ship in the language the glossary's alone.
    """
    known = language in samples.MARKS
    if not known and not (listed and any(map(samples.words, texts))):
        return ()
    users = {terms.normal(term) for term in listed}
    every = terms.mine(texts, glossaries.shipped(language)[0] if known else terms.General({}, ""), listed)
    given = [one for one in every if one.term in users and one.count]
    given = [replace(one, source=terms.GLOSSARY, score=one.score if known else 0.0) for one in given]
    mined = [one for one in every if one.source == terms.MINED and one.term not in users] if known else []
    found = sorted((*mined[:TERMS], *given[:TERMS]), key=lambda one: -one.score)
    broken = tokenizer([term.term for term in found], add_special_tokens=False)["input_ids"] if found else []
    return tuple(replace(term, tokens=len(ids)) for term, ids in zip(found, broken, strict=True))


def _compare(
    texts: list[str], language: str, own: list[str] | None, opened: Opened, given: Embed | None, seed: int
) -> tuple[str, tuple[Distance, ...], tuple[str, ...]]:
    """What the texts were compared with, by every measure on the shelf, and what to know about it."""
    worded = sum(bool(samples.words(text)) for text in texts)
    if worded < FEWEST:
        return "", (), (f"no distance was measured: {worded} texts with words are fewer than {FEWEST}",)
    embed = given or samples.embedder(opened)
    remembered = given or sketches.remembered(opened, embed)
    length, surprised = samples.common_length(texts), samples.surprise(opened)
    sample = samples.take(texts, length, opened.tokenizer, embed, surprised)
    if own is not None:
        reference, name = samples.take(own, length, opened.tokenizer, embed, surprised), ""
    else:
        known = general.nearest(language)
        reference, name = samples.shipped(known, length, opened.tokenizer, remembered, surprised)
    notes = [f"for the embeddings, texts of both sides were cut to {length} words"]
    if own is None and language != "es" and "vectors" not in name:
        notes.append(
            "vectors of real general text are shipped for the bundled base alone: "
            "with this base, general text itself is some way from the written sentences"
        )
    distances = _distances(sample, reference, seed)
    if missing := sorted({*shelf.names("distances")} - {one.measure for one in distances}):
        needed = "a base that brings a head for masked words" if surprised is None else "texts of two words"
        notes.append(f"{', '.join(missing)} was not measured: it needs {needed}")
    return name, distances, tuple(notes)


def _distances(sample: Sample, reference: Sample, seed: int) -> tuple[Distance, ...]:
    """By every measure on the shelf that finds in the samples what it looks at."""
    found = (shelf.load("distances", name).measure(sample, reference, seed) for name in shelf.names("distances"))
    return tuple(one for one in found if one is not None)


def _draw(rows: Sequence[Row], size: int, seed: int) -> list[str]:
    """At most `size` of all texts, both of a pair counted, in the order of the file."""
    texts = [text for row in rows for text in row.texts]
    places = np.random.default_rng(seed).permutation(len(texts))[:size]
    return [texts[place] for place in sorted(places)]


def _tokens(rows: Sequence[Row], tokenizer: Any) -> tuple[list[int], float]:
    """Tokens of each row as the model is given it, and the share of unknown ones."""
    lengths: list[int] = []
    unknown = 0
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        pairs = None if chunk[0].pair is None else [row.pair or "" for row in chunk]
        for ids in tokenizer([row.text for row in chunk], pairs, verbose=False)["input_ids"]:
            lengths.append(len(ids))
            unknown += 0 if tokenizer.unk_token_id is None else ids.count(tokenizer.unk_token_id)
    return lengths, unknown / max(sum(lengths), 1)


def _fertility(texts: Sequence[str], tokenizer: Any) -> tuple[float, float]:
    """Tokens a running word, punctuation left out, and the share of words that break; 0 where there are no words."""
    counts = Counter(word for text in texts for word in samples.words(text))
    pieces = samples.pieces([counts], tokenizer)
    running, broken = max(sum(counts.values()), 1), sum(count for word, count in counts.items() if pieces[word] > 1)
    return sum(pieces[word] * count for word, count in counts.items()) / running, broken / running


def _spread(values: Sequence[int]) -> tuple[float, float, float]:
    """Median, 95th percentile, most."""
    if not values:
        return 0.0, 0.0, 0.0
    return float(np.median(values)), float(np.percentile(values, 95)), float(max(values))


def _language_notes(texts: Sequence[str], language: str, own: Sequence[str] | None) -> list[str]:
    notes = []
    compared = "en" if own is None and language != "es" else "es" if own is None else samples.language(own)
    if language == "?" and own is None and texts:
        notes.append(
            "the language was not recognised as English or Spanish, so that the distances from English hold the "
            "language too; give a text file of general language as profile.reference"
        )
    elif compared != language:
        notes.append(
            f"the texts look {NAMES.get(language, 'neither English nor Spanish')} and the reference "
            f"{NAMES.get(compared, 'neither')}: the distances are of languages more than of domains"
        )
    for other, share in samples.languages(texts).items():
        if other not in (language, "?") and share >= MIXED:
            notes.append(f"about {share:.0%} of the texts look {NAMES[other]}; all are compared with the one reference")
    return notes
