"""Files to a checked, repaired and split corpus.

Rows are read by the reader that knows the file's ending, columns are detected, every cleaner on the shelf, or each that
is asked for, runs in the order that it states (`ORDER`), and what splits are missing are cut from train afterwards, so
that no copy of a row can stand on both sides of a cut; near copies are kept on one side too. Nothing is repaired or
removed without a `Finding`.

A given test file stays as it is but for rows that cannot be scored (no text, no label, binary junk). So do hold-out
sets, which are watched while training and change nothing of it; a label in one that train lacks is an error.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path
from types import ModuleType

from afina import columns, nearness, shelf, splits, tables
from afina.config import CorpusOptions
from afina.errors import ConfigError, DataError
from afina.records import Columns, Corpus, Finding, Row, Source, Span, Table, Text
from afina.sameness import key, places
from afina.textfile import FEW

CLEANERS = "cleaners"
NEAR = "near_duplicates"
COMPARES = ("leakage", NEAR, "label_typos")  # cleaners that say something of train, or of both splits
NEEDED = ("characters", "empty", "rare", "spans")  # without which rows cannot be read, answered for or scored
REPAIRS = ("characters", "markup")  # cleaners that change a text by what stands in it alone
DEV_SHARE = 0.1  # of train, where nothing is said and that is splits.UNSURE rows
MOST_DEV = 500  # rows; an accuracy from them is known to 4 points at worst, and rows to learn from are worth more

_GENERIC = frozenset(("train", "training", "data", "dataset", "corpus", "all", "full", "input", "file"))
_SPLITS = ("train", "dev", "test")
_NAME = re.compile(r"[A-Za-z][\w-]{0,31}", re.ASCII)  # of a hold-out set

_Splits = Mapping[str, tuple[Row, ...]]


def read(options: CorpusOptions, seed: int) -> Corpus:
    """The corpus of these files. Raises DataError or ConfigError where no classifier could be made of them."""
    paths = _paths(options)
    opened = {name: tables.read(path) for name, path in paths.items()}
    _different(paths)
    named = (options.text_column, options.pair_column, options.label_column, options.task)
    detected = replace(columns.detect(opened["train"], *named), separator=options.label_separator or None)
    opened = {name: columns.parted(table, detected) for name, table in opened.items()}
    kind, chosen = columns.kind(opened["train"], detected, options.task)
    for table in opened.values():
        _check(table, chosen, kind)
    read_in = {name: rows_of(table, chosen, kind) for name, table in opened.items()}
    rows, cleaning = _clean({name: found for name, (found, _) in read_in.items()}, options.cleaners)
    findings = [one for name, table in opened.items() for one in (*table.findings, *read_in[name][1])]
    file = paths["train"].name
    objective = shelf.load(columns.OBJECTIVES, kind)
    near = any(one.check == NEAR for one in cleaning)
    try:
        if not rows["train"]:
            raise DataError(f"no row of {file} is left after cleaning", "give rows with texts and labels")
        labels = objective.outputs(rows["train"], file)
        whole, cutting = _cut(rows, options, objective, seed, nearness.groups(rows["train"]) if near else {})
    except DataError as error:
        raise _after(error, (*findings, *cleaning), len(rows["train"]), len(opened["train"].rows)) from None
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
        holdouts={name: _watched(name, paths[name], rows[name], rows["train"]) for name in options.holdouts},
        kind=kind,
        cleaners=options.cleaners,
    )


def _after(error: DataError, findings: Sequence[Finding], left: int, rows: int) -> DataError:
    """The same error after what was removed, which is why too little may be left."""
    lost = [one for one in findings if one.action == "removed"]
    if not lost:
        return error
    said = "; ".join(f"{one.problem}, {one.count:,} removed: {', '.join(one.where[:1])}" for one in lost)
    told = f"{said}; {left:,} of {rows:,} rows {'is' if left == 1 else 'are'} left: {error.found}"
    return DataError(told, error.fix if left else max(lost, key=lambda one: one.count).fix)


def clean_test(
    rows: tuple[Row, ...], train: tuple[Row, ...], cleaners: Sequence[str] | None = None
) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    """Rows of a test file that came after the training, repaired as if it had been there, and what was found.

    What is wrong with train was said when it was read: here faultless rows stand in for it, two of each of its labels.
    Rows that were trained on stay and are counted.
    """
    cleaned, findings = _clean({"train": _stand_ins(train), "test": rows}, cleaners)
    known = {key(row) for row in train}
    seen = tuple(row for row in cleaned["test"] if key(row) in known)
    found = [finding for finding in findings if finding.check not in COMPARES]
    if seen:
        found.append(
            Finding(
                check="leakage",
                problem=f"{len(seen):,} rows were in the training data",
                action="kept",
                fix="leave them out: a score with them in is too good",
                count=len(seen),
                where=places(seen),
            )
        )
    return cleaned["test"], tuple(found)


def as_trained(inputs: Sequence[Text], cleaners: Sequence[str] | None = None) -> list[Text]:
    """Texts or pairs repaired as those of a corpus with these cleaners: what a model trained on it is asked about.

    Not for models that answer by word, since answers are about the words as they were given.
    """
    single = [(one, None) if isinstance(one, str) else one for one in inputs]
    rows: _Splits = {"test": tuple(Row(text, "", "", pair) for text, pair in single)}
    for name in _chosen(REPAIRS, cleaners):
        rows, _ = shelf.load(CLEANERS, name).clean(rows)
    return [row.input for row in rows["test"]]


def _stand_ins(train: tuple[Row, ...]) -> tuple[Row, ...]:
    """Two rows without a fault for each label; none where rows have a number in the place of labels."""

    def row_of(name: str, number: str) -> Row:
        row = Row(f"{name} {number}", "", "")
        if train[0].labels is not None:
            return replace(row, labels=(name,))
        if train[0].spans is not None:
            return replace(row, spans=(Span(0, len(name), name),))
        return replace(row, label=name)

    names = sorted({name for row in train for name in row.names})
    return tuple(row_of(name, number) for name in names for number in "12")


def _paths(options: CorpusOptions) -> dict[str, Path]:
    if not options.train_file:
        raise ConfigError("no file with rows is named", "write train_file=rows.csv")
    for name in options.holdouts:
        if name in _SPLITS or not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot be the name of a hold-out set",
                "use letters, digits, - and _, and none of train, dev and test",
            )
    named = {"train": options.train_file, "dev": options.dev_file, "test": options.test_file, **options.holdouts}
    return {name: Path(expanduser(file)) for name, file in named.items() if file}


def _different(paths: Mapping[str, Path]) -> None:
    for first, second in combinations(paths, 2):
        if paths[first].samefile(paths[second]):
            raise ConfigError(
                f"{paths[first].name} is named for {first} and for {second}",
                f"leave out {second}_file: it is then cut" if second in _SPLITS else f"leave {second} out of holdouts",
            )


def _check(table: Table, chosen: Columns, kind: str) -> None:
    for name in (chosen.text, chosen.pair, chosen.label):
        if name is not None:
            columns.present(table, name)
    columns.check_label(table, chosen.label, kind)


def rows_of(table: Table, chosen: Columns, kind: str) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    """The rows of a table; those whose label cannot be read are left out, and that is said."""
    text, label = table.columns.index(chosen.text), table.columns.index(chosen.label)
    pair = None if chosen.pair is None else table.columns.index(chosen.pair)
    objective = shelf.load(columns.OBJECTIVES, kind)
    rows, wrong = [], []
    for cells, line in zip(table.rows, table.lines, strict=True):
        row = Row(cells[text], "", f"{table.file}:{line}", None if pair is None else cells[pair])
        try:
            rows.append(objective.read(row, cells[label]))
        except ValueError as error:
            wrong.append(f"{row.where}: {error}")
    if not wrong:
        return tuple(rows), ()
    finding = Finding(
        check=kind,
        problem=f"{len(wrong):,} rows of {table.file} have something in {chosen.label!r} that cannot be read",
        action="removed",
        fix="correct these rows, or delete them",
        count=len(wrong),
        where=tuple(wrong[:FEW]),
    )
    return tuple(rows), (finding,)


def _chosen(names: Sequence[str], cleaners: Sequence[str] | None) -> list[str]:
    """Those of the names that are asked for: all where nothing is said; those that are needed in any case."""
    return [name for name in names if cleaners is None or name in (*cleaners, *NEEDED)]


def _clean(rows: _Splits, asked: Sequence[str] | None) -> tuple[_Splits, list[Finding]]:
    cleaners = [shelf.load(CLEANERS, name) for name in _chosen(shelf.names(CLEANERS), asked)]
    findings: list[Finding] = []
    for cleaner in sorted(cleaners, key=lambda module: int(module.ORDER)):
        rows, found = cleaner.clean(rows)
        findings.extend(found)
    return rows, findings


def _cut(
    rows: _Splits, options: CorpusOptions, objective: ModuleType, seed: int, groups: Mapping[str, str]
) -> tuple[dict[str, tuple[Row, ...]], list[Finding]]:
    """All three splits; those without a file are cut from train, test first, no near copy on two sides of a cut."""
    whole = dict(rows)
    findings: list[Finding] = []
    for name, share, most in (("test", options.test_share, None), ("dev", options.dev_share or DEV_SHARE, MOST_DEV)):
        few = round(share * len(whole["train"])) < splits.UNSURE
        if name == "dev" and few and not (name in whole or options.dev_share or objective.TUNES):
            whole[name] = ()
            findings.append(_none_kept(len(whole["train"])))
            continue
        if name not in whole:
            strata = objective.strata(whole["train"])
            whole["train"], whole[name] = splits.cut(whole["train"], share, seed, most, strata, groups)
        if not whole[name]:
            raise DataError(f"no row of {name} is left after cleaning", f"leave out {name}_file: it is cut from train")
        findings.extend(splits.small(name, whole[name]))
    if groups and not {"dev", "test"} <= rows.keys():
        findings.append(_kept_together(groups))
    return whole, findings


def _kept_together(groups: Mapping[str, str]) -> Finding:
    return Finding(
        check="split",
        problem=f"{len(groups):,} rows are near copies in {len(set(groups.values())):,} groups: each was kept on one "
        "side of the cut",
        action="kept",
        fix="nothing: no row of a split that was cut has a near copy in train",
        count=len(groups),
    )


def _none_kept(rows: int) -> Finding:
    """Why there is no dev. With 4 to 64 rows a class a head on all rows was 1 to 6 points better (LOG.md)."""
    return Finding(
        check="split",
        problem=f"{rows:,} rows are too few to keep any back for dev: all are trained on",
        action="kept",
        fix="give more labelled rows, or set dev_share=0.1",
        count=rows,
    )


def _watched(name: str, path: Path, rows: tuple[Row, ...], train: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows of a hold-out set, if the model can answer them all."""
    if not rows:
        raise DataError(f"no row of {path.name} is left after cleaning", f"leave {name} out of holdouts")
    known = {label for row in train for label in row.names}
    unseen = [row for row in rows if not known.issuperset(row.names)]
    if unseen:
        named = ", ".join(sorted({repr(label) for row in unseen for label in row.names if label not in known}))
        raise DataError(
            f"{len(unseen):,} rows of the hold-out set {name} have labels that train lacks: {named}; the first is "
            f"{unseen[0].where}",
            "take these rows out, give them the labels of this task, or add rows with their labels to train",
        )
    return rows


def _sentence(opened: Mapping[str, Table], rows: _Splits, whole: _Splits, seed: int) -> str:
    parts = []
    for name in (*_SPLITS, *(name for name in opened if name not in _SPLITS)):
        if name not in opened:
            cut = f"{len(whole[name]):,} of them, stratified, seed {seed}"
            parts.append(f"{name}: {cut if whole[name] else 'none of its own'}")
            continue
        read_in, left = len(opened[name].rows), len(rows[name])
        kept = "" if left == read_in else f", {left:,} after cleaning"
        watched = "" if name in _SPLITS else f", watched as {name}"
        parts.append(f"{opened[name].file}: {read_in:,} rows{kept}{watched}")
    return "; ".join(parts)


def _name(path: Path) -> str:
    stem = tables.stem(path)
    folder = path.resolve().parent.name
    return folder if stem.casefold() in _GENERIC and folder else stem


def _source(path: Path, table: Table) -> Source:
    with path.open("rb") as file:
        return Source(file=path.name, sha256=hashlib.file_digest(file, "sha256").hexdigest(), rows=len(table.rows))
