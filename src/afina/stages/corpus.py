"""Files to a checked, repaired and split corpus.

Rows are read by the reader that knows the file's ending, columns are detected, every cleaner on the shelf runs in the
order that it states (`ORDER`), and what splits are missing are cut from train afterwards, so that no copy of a row can
stand on both sides of a cut. Nothing is repaired or removed without a `Finding`.

A given test file stays as it is but for rows that cannot be scored (no text, no label, binary junk).
"""

import hashlib
from collections.abc import Mapping
from itertools import combinations
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path
from types import ModuleType

from afina import columns, shelf, splits, tables
from afina.config import CorpusOptions
from afina.errors import ConfigError, DataError
from afina.records import Columns, Corpus, Finding, Row, Source, Table

CLEANERS, OBJECTIVES = "cleaners", "objectives"
KIND = "classify"
MOST_DEV = 500  # rows; an accuracy from them is known to 4 points at worst, and rows to learn from are worth more

_GENERIC = frozenset(("train", "training", "data", "dataset", "corpus", "all", "full", "input", "file"))
_Splits = Mapping[str, tuple[Row, ...]]


def read(options: CorpusOptions, seed: int) -> Corpus:
    """The corpus of these files. Raises DataError or ConfigError where no classifier could be made of them."""
    paths = _paths(options)
    opened = {name: tables.read(path) for name, path in paths.items()}
    _different(paths)
    chosen = columns.detect(opened["train"], options.text_column, options.pair_column, options.label_column)
    for table in opened.values():
        _check(table, chosen)
    objective = shelf.load(OBJECTIVES, KIND)
    rows, cleaning = _clean({name: _rows(table, chosen, objective) for name, table in opened.items()})
    findings = [finding for table in opened.values() for finding in table.findings]
    file = paths["train"].name
    if not rows["train"]:
        raise DataError(f"no row of {file} is left after cleaning", "run `afina check` on it and repair what it lists")
    labels = objective.outputs(rows["train"], file)
    whole, cutting = _cut(rows, options, objective, seed)
    return Corpus(
        name=_name(paths["train"]),
        columns=chosen,
        labels=labels,
        train=whole["train"],
        dev=whole["dev"],
        test=whole["test"],
        split=_sentence(opened, rows, whole, seed),
        findings=(*findings, *cleaning, *cutting),
        sources=tuple(_source(path, opened[name]) for name, path in paths.items()),
        kind=KIND,
    )


def _paths(options: CorpusOptions) -> dict[str, Path]:
    if not options.train_file:
        raise ConfigError("no file with rows is named", "write train_file=rows.csv")
    named = {"train": options.train_file, "dev": options.dev_file, "test": options.test_file}
    return {name: Path(expanduser(file)) for name, file in named.items() if file}


def _different(paths: Mapping[str, Path]) -> None:
    for first, second in combinations(paths, 2):
        if paths[first].samefile(paths[second]):
            raise ConfigError(
                f"{paths[first].name} is named for {first} and for {second}", f"leave out {second}_file: it is then cut"
            )


def _check(table: Table, chosen: Columns) -> None:
    for name in (chosen.text, chosen.pair, chosen.label):
        if name is not None:
            columns.present(table, name)
    columns.check_label(table, chosen.label)


def _rows(table: Table, chosen: Columns, objective: ModuleType) -> tuple[Row, ...]:
    text, label = table.columns.index(chosen.text), table.columns.index(chosen.label)
    pair = None if chosen.pair is None else table.columns.index(chosen.pair)
    return tuple(
        objective.read(Row(row[text], "", f"{table.file}:{line}", None if pair is None else row[pair]), row[label])
        for row, line in zip(table.rows, table.lines, strict=True)
    )


def _clean(rows: _Splits) -> tuple[_Splits, list[Finding]]:
    cleaners = [shelf.load(CLEANERS, name) for name in shelf.names(CLEANERS)]
    findings: list[Finding] = []
    for cleaner in sorted(cleaners, key=lambda module: int(module.ORDER)):
        rows, found = cleaner.clean(rows)
        findings.extend(found)
    return rows, findings


def _cut(
    rows: _Splits, options: CorpusOptions, objective: ModuleType, seed: int
) -> tuple[dict[str, tuple[Row, ...]], list[Finding]]:
    """All three splits; those without a file are cut from train, test first."""
    whole = dict(rows)
    findings: list[Finding] = []
    for name, share, most in (("test", options.test_share, None), ("dev", options.dev_share, MOST_DEV)):
        if name not in whole:
            strata = objective.strata(whole["train"])
            whole["train"], whole[name] = splits.cut(whole["train"], share, seed, most, strata)
        if not whole[name]:
            raise DataError(f"no row of {name} is left after cleaning", f"leave out {name}_file: it is cut from train")
        findings.extend(splits.small(name, whole[name]))
    return whole, findings


def _sentence(opened: Mapping[str, Table], rows: _Splits, whole: _Splits, seed: int) -> str:
    parts = []
    for name in ("train", "dev", "test"):
        if name not in opened:
            parts.append(f"{name}: {len(whole[name]):,} of them, stratified, seed {seed}")
            continue
        read_in, left = len(opened[name].rows), len(rows[name])
        kept = "" if left == read_in else f", {left:,} after cleaning"
        parts.append(f"{opened[name].file}: {read_in:,} rows{kept}")
    return "; ".join(parts)


def _name(path: Path) -> str:
    stem = tables.stem(path)
    folder = path.resolve().parent.name
    return folder if stem.casefold() in _GENERIC and folder else stem


def _source(path: Path, table: Table) -> Source:
    with path.open("rb") as file:
        return Source(file=path.name, sha256=hashlib.file_digest(file, "sha256").hexdigest(), rows=len(table.rows))
