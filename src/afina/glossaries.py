"""Lists of terms and tables of word frequencies: the user's files, and what ships.

A glossary is a table with a column of terms (CSV, TSV, JSON lines, Parquet), or a text file with a term a line. A
frequency table has a column of words and one of counts. Bytes are repaired as those of a corpus are, which is said.
"""

from collections import Counter
from collections.abc import Sequence
from os.path import expanduser
from pathlib import Path

from afina import cells, columns, samples, tables
from afina.errors import ConfigError, DataError, NoRows
from afina.records import Finding, Table
from afina.terms import General, normal
from afina.textfile import PLAIN, read_bytes, read_text

NAMES = ("term", "terms", "termino", "terminos", "word", "palabra", "ngram", "phrase", "frase", "name", "nombre")
FEW_WORDS = 1_000_000  # running words of general language; with fewer, rare terms cannot be told from rare words
TERM_A_LINE = "give a term a line, or a CSV with a column 'term'"
COUNTS = "write it as CSV: word,count, a word a line, counts above zero"


def glossary(name: str, column: str | None = None) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """The terms of a file, each once, in its order, and what had to be repaired.

    column  the one with the terms; absent: by its name, or the only one
    Raises ConfigError for a column that is not there or cannot be told, DataError for a file without terms.
    """
    path = Path(expanduser(name))
    try:
        values, findings = _lines(path) if path.suffix.lower() in PLAIN else _column(path, column)
    except NoRows as error:
        raise DataError(error.found, TERM_A_LINE) from None
    terms: dict[str, str] = {}
    for value in values:
        if not cells.missing(value) and (key := normal(value)):
            terms.setdefault(key, value.strip())
    if not terms:
        raise DataError(f"{path.name} holds no terms", TERM_A_LINE)
    return tuple(terms.values()), findings


def _lines(path: Path) -> tuple[list[str], tuple[Finding, ...]]:
    text, findings = read_text(path)
    return text.splitlines(), findings


def _column(path: Path, column: str | None) -> tuple[list[str], tuple[Finding, ...]]:
    table = _table(path)
    if column is not None:
        columns.present(table, column)
    elif len(table.columns) == 1:
        column = table.columns[0]
        if columns.plain(column) not in NAMES:  # no header: the first line is a term too
            return [column, *columns.values(table, column)], table.findings
    else:
        named = {columns.plain(one): one for one in reversed(table.columns)}
        column = next((named[one] for one in NAMES if one in named), None)
    if column is None:
        there = ", ".join(map(repr, table.columns[:20]))
        raise ConfigError(f"no column of {table.file} is called 'term': {there}", "rename the one with the terms so")
    return columns.values(table, column), table.findings


def frequencies(name: str) -> tuple[General, tuple[Finding, ...]]:
    """General language of the user's own: a table of words and counts, such as `word,count`; a header may lack.

    Words that differ only in case are added up. Raises DataError where there are no two such columns.
    """
    path = Path(expanduser(name))
    try:
        table = _table(path)
    except NoRows as error:
        raise DataError(error.found, COUNTS) from None
    number = next((one for one in table.columns if all(_count(v) is not None for v in columns.values(table, one))), "")
    word = next((one for one in table.columns if not _numbers(columns.values(table, one))), "")
    first = [(word, number)] if _count(number) is not None else []
    rows = zip(columns.values(table, word), columns.values(table, number), strict=True) if word and number else ()
    counts: Counter[str] = Counter()
    for text, value in [*first, *rows]:
        if (key := normal(text)) and " " not in key and (found := _count(value)):
            counts[key] += found  # type: ignore[assignment]  # counts may be frequencies a million
    if not counts:
        there = ", ".join(map(repr, table.columns[:20]))
        raise DataError(
            f"{table.file} needs a column of words and one of counts; there is {there}",
            COUNTS,
        )
    general = General(counts, f"{table.file}: {len(counts):,} words")
    return general, (*table.findings, *_few(general))


def shipped(language: str) -> tuple[General, tuple[Finding, ...]]:
    """General language of this package in 'en' or 'es'. Raises ConfigError for another language.

    Spanish is a few hundred sentences, which is little: a finding says so.
    """
    if language not in samples.MARKS:
        raise ConfigError(
            f"no general language ships in {language!r}", "name a table of word counts: word,count, a word a line"
        )
    counts = samples.general_words(language)
    general = General(counts, f"{len(counts):,} words of general text that ships, {language}")
    return general, _few(general)


def _few(general: General) -> tuple[Finding, ...]:
    words = int(sum(general.counts.values()))
    if words >= FEW_WORDS:
        return ()
    said = (
        f"general language is only {words:,} running words ({general.note}): rare terms cannot be told from rare words"
    )
    fix = f"name a table of word counts (frequency_file=words.csv: word,count) of {FEW_WORDS:,} running words or more"
    return (Finding("terms", said, "kept", fix, len(general.counts)),)


def _table(path: Path) -> Table:
    read_bytes(path)  # says what is wrong with it
    return tables.read(path)


def _numbers(values: Sequence[str]) -> bool:
    return all(cells.number(value) is not None for value in values)


def _count(value: str) -> float | None:
    found = cells.number(value)
    return found if found is not None and found >= 0 else None
