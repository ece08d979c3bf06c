"""Prepare: words of the domain that the base's tokenizer breaks become tokens, before the base is trained.

Learned from the training texts, and from those that the base is adapted to where there are any; dev and test are not
read. How many is chosen on a tenth of the texts, by what the next token saves against the memory of its row, and
`new_tokens` is the most; words of a glossary that the texts have come first. Words of general language stay as they
are. Special tokens, marks that stand in the texts, join them. A new row begins from the vectors of its old pieces,
and is trained where the technique trains the embeddings, and by lora, which trains these rows of them alone.

What it does not do: train the new rows by itself, which adapting to enough texts does.
Source: `vocabulary`, `growing`; rows begun from their pieces, Hewitt 2021, "Initializing New Word Embeddings for
Pretrained Language Models".
"""

import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from afina import adapting, general, growing, maskedlm, preparing, samples, shelf, vocabulary
from afina.bases import Opened
from afina.records import Corpus, Event, Finding, Plan, Prepared, Row, Settings, Tell, Vocabulary

FOLDER = "prepared"  # inside the run folder
INITIALIZER = "weighted"  # a little ahead of the mean (benchmarks/RESULTS.md)


def prepare(corpus: Corpus, plan: Plan, opened: Opened, folder: Path, tell: Tell) -> Prepared:
    """Write the base with its new tokens to `folder`/prepared, and say what they save.

    Raises ConfigError for a tokenizer that new tokens cannot join, DataError for a glossary without terms, MachineError
    where the disk is full.
    """
    began, settings, tokenizer = time.monotonic(), plan.settings, opened.tokenizer
    texts = _texts(corpus.train)
    sampled: tuple[Finding, ...] = ()
    if settings.adapt_file != adapting.NONE:
        rows, found = adapting.read(settings, corpus, preparing.TEXTS)
        texts += _texts(rows)
        sampled = tuple(one for one in found if one.check == "sample")  # all else is said where it is adapted to them
    texts = list(dict.fromkeys(texts))
    terms, findings = preparing.given(settings, texts)
    learned = _learned(settings, opened, texts, terms)
    after = vocabulary.merge(tokenizer, learned.tokens) if learned.tokens else tokenizer
    marks = preparing.marks(settings.special_tokens)
    after = vocabulary.add_marks(after, marks) if marks else after
    saved = vocabulary.fertility(tokenizer, after, _texts(corpus.choosing))
    common = general.sentences(general.nearest(samples.language(texts)))
    elsewhere = vocabulary.fertility(tokenizer, after, common)
    shutil.rmtree(folder / FOLDER, ignore_errors=True)  # of other texts
    grown = len(after) > len(tokenizer)
    if grown:
        _write(folder / FOLDER, opened, after, texts)
    said = f"{len(learned.tokens):,} new tokens, {saved.saved:.1%} fewer tokens a word"
    tell(Event("prepare", said if grown else "no new token is worth the memory of its row: the base stays as it was"))
    seconds = round(time.monotonic() - began, 1)
    made, given = FOLDER if grown else "", learned.terms
    findings = (*sampled, *findings, *(preparing.untrained(plan.choices, settings) if grown else ()))
    return Prepared(made, learned.tokens, len(texts), saved, INITIALIZER, marks, given, findings, seconds, elsewhere)


def _learned(settings: Settings, opened: Opened, texts: Sequence[str], terms: Sequence[str]) -> Vocabulary:
    """The new tokens; none where only special ones are asked for."""
    if not settings.new_tokens:
        return Vocabulary("", (), 0, (0, 0))
    limits = vocabulary.Limits(settings.new_tokens, opened.record.hidden / opened.record.parameters)
    language = samples.language(texts)
    common = samples.general_words(language) if language in samples.MARKS else ()
    return vocabulary.learn(opened.tokenizer, texts, limits, terms, common)


def _write(folder: Path, opened: Opened, after: Any, texts: Sequence[str]) -> None:
    counts = Counter(one for row in vocabulary.tokens(opened.tokenizer, texts) for one in row)
    language, new_head = maskedlm.load(opened.folder)
    model = language.base_model if new_head else language.model
    start = shelf.load("initializers", INITIALIZER).start
    growing.write(folder, opened, after, growing.grow(model, opened.tokenizer, after, start, counts))


def _texts(rows: Sequence[Row]) -> list[str]:
    return [text for row in rows for text in row.texts]
