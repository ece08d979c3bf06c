"""CoNLL: a word a line, its tag in the last column, a blank line between sentences.

Columns are parted by tabs, or by white space where the first line has none. Lines that begin with -DOCSTART-, and
comments (a # and no second column), are passed over. A sentence becomes one text, its words joined by spaces, with
its spans as a JSON list in the column `spans`. A file of words alone is read as texts without spans.

Tags of every scheme of the IOB family are read by the rule of conlleval (see `iob`). Where a file uses B- at the start
of spans, an I- or E- that continues nothing begins a span: that is counted as a repair, with its lines. A tag that is
none of the family is refused, for its file is no file of spans. A sentence with a line that has no tag is left out.

Cost: one pass, the whole file in memory. Not done: several tag columns, columns by name, spans within spans.
Source: Sang & De Meulder 2003, W03-0419 (the format); Ramshaw & Marcus 1995 (IOB).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from afina import iob
from afina.errors import DataError
from afina.records import Finding, Table
from afina.textfile import FEW, read_text

SUFFIXES = (".conll", ".iob", ".iob2", ".bio")

_TAG = re.compile(r"O|[BIESLU](-\S.*)?")


@dataclass(slots=True)
class _Sentence:
    """Words with their tags and lines; `broken` is a line without a tag, 0 where there is none."""

    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    broken: int = 0


def read(path: Path) -> Table:
    """The sentences of a CoNLL file as rows of a text and its spans. Raises DataError where it cannot be read."""
    text, findings = read_text(path)
    sentences = [one for one in _sentences(text) if one.words]
    if not sentences:
        raise DataError(f"{path.name} holds no word", "write a word and its tag a line, a blank line between sentences")
    if not any(tag for one in sentences for tag in one.tags):
        rows = tuple((" ".join(one.words),) for one in sentences)
        return Table(path.name, ("text",), rows, tuple(one.lines[0] for one in sentences), findings)
    whole = [one for one in sentences if not one.broken]
    _check(path.name, whole)
    findings = (*findings, *_left_out(path.name, sentences), *_repaired(path.name, whole))
    if not whole:
        raise DataError(f"{findings[-1].where[0]}: a word without a tag, as in every sentence", "give each word a tag")
    return Table(
        file=path.name,
        columns=("text", "spans"),
        rows=tuple((" ".join(one.words), _spans(one)) for one in whole),
        lines=tuple(one.lines[0] for one in whole),
        findings=findings,
        lists=("spans",),
    )


def _sentences(text: str) -> Iterator[_Sentence]:
    lines = text.replace("\r\n", "\n").split("\n")  # not splitlines(), which cuts at U+2028 too
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    tabs, sentence = "\t" in first, _Sentence()
    for number, line in enumerate(lines, 1):
        fields = [part.strip() for part in line.split("\t")] if tabs else line.split()
        if not line.strip() or fields[0] == "-DOCSTART-":
            yield sentence
            sentence = _Sentence()
            continue
        if line.startswith("#") and ((tabs and len(fields) == 1) or (not tabs and line.startswith("# "))):
            continue
        word, tag = fields[0], fields[-1] if len(fields) > 1 else ""
        if not word:
            sentence.broken = number
            continue
        sentence.broken = sentence.broken or (0 if tag else number)
        sentence.words.append(word)
        sentence.tags.append(tag)
        sentence.lines.append(number)
    yield sentence


def _spans(sentence: _Sentence) -> str:
    starts, place = [], 0
    for word in sentence.words:
        starts.append(place)
        place += len(word) + 1
    found = iob.decode(sentence.tags)
    spans = [{"start": starts[a], "end": starts[b - 1] + len(sentence.words[b - 1]), "label": n} for a, b, n in found]
    return json.dumps(spans, ensure_ascii=False)


def _check(name: str, sentences: list[_Sentence]) -> None:
    for one in sentences:
        for tag, line in zip(one.tags, one.lines, strict=True):
            if not _TAG.fullmatch(tag):
                raise DataError(
                    f"{name}:{line}: {tag[:30]!r} is no tag of spans",
                    "write O outside, B-label at the first word of a span and I-label at its others, last in the line",
                )


def _left_out(name: str, sentences: list[_Sentence]) -> tuple[Finding, ...]:
    lines = [one.broken for one in sentences if one.broken]
    if not lines:
        return ()
    return (
        Finding(
            check="conll",
            problem=f"{len(lines):,} sentences have a line without a word or without a tag",
            action="removed",
            fix="write a word and its tag on every line, O for none",
            count=len(lines),
            where=tuple(f"{name}:{line}" for line in lines[:FEW]),
        ),
    )


def _repaired(name: str, sentences: list[_Sentence]) -> tuple[Finding, ...]:
    """What continues no span, in a file that marks where spans begin."""
    odd: list[tuple[int, str]] = []
    marked = False
    for one in sentences:
        for before, tag, line in zip(["O", *one.tags], one.tags, one.lines, strict=False):
            (last, kind), (mark, label) = iob.parts(before), iob.parts(tag)
            inside = last in "BI" and kind == label
            marked |= mark in "BSU" and not inside
            if mark in "IEL" and not inside:
                odd.append((line, tag))
    if not odd or not marked:  # IOB1 has B- only between spans of one kind that touch
        return ()
    return (
        Finding(
            check="conll",
            problem=f"{len(odd):,} tags continue a span that does not begin before them",
            action="repaired",
            fix="nothing: each begins a span; write B- at the first word",
            count=len(odd),
            where=tuple(f"{name}:{line}: {tag}" for line, tag in odd[:FEW]),
        ),
    )
