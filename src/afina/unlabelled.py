"""Unlabelled texts of the domain: a file, a folder, or the task's own, in bounded memory.

A text is a row of a table, a line of a text file, or, where a text file has blank lines, what stands between them. A
folder gives all of its .txt and .md files, sub-folders too. Bytes and characters are repaired as those of a corpus
are; copies are left out, and so is what is also a row of the task's dev or test: scores there would be too good.

Of more different texts than are wanted, those with the smallest seeded hashes are kept: a random sample of different
texts, whatever their order and however often each stands there. Cost: two readings of a text file, memory for the
texts that are kept and a thousand more; a table is read whole. What it does not do: see a row of test that is only a
part of a longer text.
Source: Bar-Yossef et al. 2002, "Counting Distinct Elements in a Data Stream", RANDOM (the smallest hashes).
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from itertools import groupby, islice
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path

from afina import cells, columns, shelf, tables
from afina.errors import DataError, NoRows
from afina.records import Corpus, Finding, Row
from afina.sameness import normal, places
from afina.textfile import FEW, PLAIN, foreign_lines, is_plain, lines, look, stream

TRAIN = "train"  # the task's own training texts
FEWEST = 20  # texts
CHUNK = 1000  # texts that are repaired at once
TEXT_A_LINE = "give texts, one a line, or a table with a column of them"


class _Sample:
    """The different texts with the smallest hashes, `most` of them."""

    def __init__(self, most: int, seed: int) -> None:
        self.most, self.seed = most, seed.to_bytes(8)
        self.offered = 0  # texts
        self.more = False  # different ones than are kept
        self._kept: dict[int, tuple[int, Row]] = {}  # by hash, with its place
        self._hashes: list[int] = []  # negative, as a heap: the largest comes first

    def offer(self, key: str, row: Row) -> None:
        """Keep this text, unless it is there or others have smaller hashes."""
        self.offered += 1
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, salt=self.seed).digest()
        hashed = int.from_bytes(digest)
        if hashed in self._kept:
            return
        if len(self._kept) == self.most:
            self.more = True
            if hashed > -self._hashes[0]:
                return
            del self._kept[-heapq.heappop(self._hashes)]
        heapq.heappush(self._hashes, -hashed)
        self._kept[hashed] = self.offered, row

    def rows(self) -> tuple[Row, ...]:
        """What is kept, in the order in which it came."""
        return tuple(row for _, row in sorted(self._kept.values(), key=lambda one: one[0]))


def read(name: str, corpus: Corpus, most: int, seed: int) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    """The texts in their order, `most` at most, as rows without labels, and what was found in them.

    Raises DataError where there are too few.
    """
    findings: list[Finding] = []
    held = {normal(text) for row in (*corpus.dev, *corpus.test) for text in row.texts}
    leaked: dict[str, Row] = {}
    sample = _Sample(most, seed)
    for row in _repaired(_own(corpus) if name == TRAIN else _read(files(name), corpus, findings), corpus, findings):
        key = normal(row.text)
        if key in held:
            leaked.setdefault(key, row)
        elif not cells.missing(row.text):
            sample.offer(key, row)
    if leaked:
        findings.append(_leaked(list(leaked.values())))
    texts = sample.rows()
    if len(texts) < FEWEST:
        found = f"{name} has {len(texts)} different texts to adapt to, which is too few"
        raise DataError(found, f"give at least {FEWEST}, or leave adapt_file out")
    if sample.more:
        findings.append(_sampled(sample.offered, len(texts)))
    return texts, tuple(findings)


def words(name: str, corpus: Corpus) -> int:
    """How many words the texts have, copies and all."""
    rows = _own(corpus) if name == TRAIN else _read(files(name), corpus, [])
    return sum(len(row.text.split()) for row in rows)


def files(name: str) -> dict[str, Path]:
    """The files that a name stands for, by their names inside it. Raises DataError where there is none to be read."""
    path = Path(expanduser(name))
    if name == TRAIN:
        return {}
    if not path.is_dir():
        if is_plain(path):
            look(path)
        with stream(path):  # says what is wrong with it
            return {path.name: path}
    found = {str(p.relative_to(path)): p for p in sorted(path.rglob("*")) if p.suffix.lower() in PLAIN and p.is_file()}
    if not found:
        raise DataError(
            f"the folder {name!r} holds no texts: no file in it ends in .txt or .md", "name another, or a file"
        )
    return found


def _leaked(rows: list[Row]) -> Finding:
    return Finding(
        check="leakage",
        problem=f"{len(rows):,} of the texts to adapt to are rows of dev or test",
        action="removed",
        fix="nothing: they were left out; scores got with them in are too good",
        count=len(rows),
        where=places(rows),
    )


def _sampled(texts: int, kept: int) -> Finding:
    return Finding(
        check="sample",
        problem=f"{texts:,} texts were read and {kept:,} different ones of them kept, drawn at random",
        action="kept",
        fix="nothing: no more can be used",
        count=texts,
    )


def _own(corpus: Corpus) -> Iterator[Row]:
    return (Row(text, "", row.where) for row in corpus.train for text in row.texts)


def _repaired(rows: Iterator[Row], corpus: Corpus, findings: list[Finding]) -> Iterator[Row]:
    """The rows as a corpus has them, or texts of dev and test would not be known again."""
    spans = any(row.spans is not None for row in corpus.train[:1])
    names = ("binary", "characters") if spans else ("binary", "characters", "markup")
    asked = names if corpus.cleaners is None else (*corpus.cleaners, "characters")
    repairs = [shelf.load("cleaners", one) for one in names if one in asked]
    found: dict[tuple[str, ...], Finding] = {}  # by what it says but for the number, with which all begin
    while chunk := tuple(islice(rows, CHUNK)):
        for cleaner in repairs:
            cleaned, said = cleaner.clean({"texts": chunk})
            chunk = cleaned["texts"]
            for one in said:
                rest = one.problem.partition(" ")[2]
                first = found.get((one.check, rest), replace(one, count=0, where=()))
                count, where = first.count + one.count, (*first.where, *one.where)[:FEW]
                found[one.check, rest] = replace(one, problem=f"{count:,} {rest}", count=count, where=where)
        yield from chunk
    findings += found.values()


def _read(named: Mapping[str, Path], corpus: Corpus, findings: list[Finding]) -> Iterator[Row]:
    """The rows of all files; of several, one that cannot be read is left out, and that is said."""
    wrong: list[str] = []
    for name, path in named.items():
        try:
            yield from _lines(name, path, findings) if is_plain(path) else _rows(path, corpus, findings)
        except DataError as error:
            if len(named) == 1:
                raise DataError(error.found, TEXT_A_LINE if isinstance(error, NoRows) else error.fix) from None
            wrong.append(f"{name}: {error.found}")
    if wrong:
        said = f"{len(wrong):,} of {len(named):,} files could not be read"
        findings.append(Finding("text", said, "removed", "repair or delete them", len(wrong), tuple(wrong[:FEW])))


def _lines(name: str, path: Path, findings: list[Finding]) -> Iterator[Row]:
    """A text a paragraph where there are blank lines, else a text a line."""
    count, first = 0, list[int]()

    def foreign(number: int) -> None:
        nonlocal count
        count += 1
        first.extend([number][: FEW - len(first)])

    paragraphs = any(not line.strip() for line in lines(path, lambda number: None))
    numbered = ((number, line.strip()) for number, line in enumerate(lines(path, foreign), 1))
    if not paragraphs:
        yield from (Row(line, "", f"{name}:{number}") for number, line in numbered)
    else:
        for full, group in groupby(numbered, key=lambda one: bool(one[1])):
            if full:
                paragraph = list(group)
                yield Row(" ".join(line for _, line in paragraph), "", f"{name}:{paragraph[0][0]}")
    if count:
        findings.append(foreign_lines(name, count, first))


def _rows(path: Path, corpus: Corpus, findings: list[Finding]) -> Iterator[Row]:
    """The texts of a table: from the column that has them in the task's own file, else the one that looks so."""
    table = tables.read(path)
    try:
        named = corpus.columns.text
        column = named if named in table.columns else columns.text(table)
    except DataError as error:
        raise DataError(error.found, "name the column with the texts 'text'") from None
    findings += table.findings
    found = zip(columns.values(table, column), table.lines, strict=True)
    yield from (Row(text, "", f"{table.file}:{line}") for text, line in found)
