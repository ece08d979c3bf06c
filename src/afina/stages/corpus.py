"""Files to a checked, repaired and split corpus.

Rows are read by the reader that knows the file's ending, columns are detected, every cleaner on the shelf, or each that
is asked for, runs in the order that it states (`ORDER`), and what splits are missing are cut from train afterwards, so
that no copy of a row can stand on both sides of a cut; near copies are kept on one side too. Nothing is repaired or
removed without a `Finding`.

A given test file stays as it is but for rows that cannot be scored (no text, no label, binary junk). So do hold-out
sets, which are watched while training and change nothing of it; a label in one that train lacks is an error. Old tasks
have labels and columns of their own (`old_tasks`).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path
from types import ModuleType
from typing import Any

from afina import cleaning, columns, nearness, old_tasks, shelf, splits, tables
from afina.cleaning import Splits
from afina.config import CorpusOptions
from afina.errors import ConfigError, DataError
from afina.records import Columns, Corpus, Finding, OldTask, Row, Source, Table

DEV_SHARE = 0.1  # of train, where nothing is said and that is splits.UNSURE rows
MOST_DEV = 500  # rows; an accuracy from them is known to 4 points at worst, and rows to learn from are worth more

_GENERIC = frozenset(("train", "training", "data", "dataset", "corpus", "all", "full", "input", "file"))
_SPLITS = ("train", "dev", "test")
_NAME = re.compile(r"[A-Za-z][\w-]{0,31}", re.ASCII)  # of a hold-out set


def read(options: CorpusOptions, seed: int) -> Corpus:
    """The corpus of these files. Raises DataError or ConfigError where no classifier could be made of them."""
    paths = _paths(options)
    given = {name: tables.read(path) for name, path in paths.items()}
    _different(paths, options)
    old = {name: old_tasks.read(name, given[name], options) for name in options.old_tasks}
    named = (options.text_column, options.pair_column, options.label_column, options.task)
    detected = replace(columns.detect(given["train"], *named), separator=options.label_separator or None)
    opened = {name: columns.parted(table, detected) for name, table in given.items() if name not in old}
    kind, chosen = columns.kind(opened["train"], detected, options.task)
    for table in opened.values():
        _check(table, chosen, kind)
    read_in = {name: columns.rows(table, chosen, kind) for name, table in opened.items()}
    rows, cleaned = cleaning.clean({name: found for name, (found, _) in read_in.items()}, options.cleaners)
    findings = [one for name, table in opened.items() for one in (*table.findings, *read_in[name][1])]
    findings += [one for _, found in old.values() for one in found]
    file = paths["train"].name
    objective = shelf.load(columns.OBJECTIVES, kind)
    near = any(one.check == cleaning.NEAR for one in cleaned)
    try:
        if not rows["train"]:
            raise DataError(f"no row of {file} is left after cleaning", "give rows with texts and labels")
        labels = objective.outputs(rows["train"], file)
        whole, cutting = _cut(rows, options, objective, seed, nearness.groups(rows["train"]) if near else {})
    except DataError as error:
        raise _after(error, (*findings, *cleaned), len(rows["train"]), len(opened["train"].rows)) from None
    return Corpus(
        name=_name(paths["train"]),
        columns=chosen,
        labels=labels,
        train=whole["train"],
        dev=whole["dev"],
        test=whole["test"],
        split="; ".join((_sentence(opened, rows, whole, seed), *_watched_anew(given, old))),
        findings=(*findings, *cleaned, *cutting),
        sources=tuple(_source(path, given[name]) for name, path in paths.items()),
        holdouts={name: _watched(name, paths[name], rows[name], rows["train"]) for name in options.holdouts},
        kind=kind,
        cleaners=options.cleaners,
        old_tasks={name: task for name, (task, _) in old.items()},
    )


def _after(error: DataError, findings: Sequence[Finding], left: int, rows: int) -> DataError:
    """The same error after what was removed, which is why too little may be left."""
    lost = [one for one in findings if one.action == "removed"]
    if not lost:
        return error
    said = "; ".join(f"{one.problem}, {one.count:,} removed: {', '.join(one.where[:1])}" for one in lost)
    told = f"{said}; {left:,} of {rows:,} rows {'is' if left == 1 else 'are'} left: {error.found}"
    return DataError(told, error.fix if left else max(lost, key=lambda one: one.count).fix)


def _paths(options: CorpusOptions) -> dict[str, Path]:
    if not options.train_file:
        raise ConfigError("no file with rows is named", "write train_file=rows.csv")
    if twice := options.holdouts.keys() & options.old_tasks.keys():
        said = f"{min(twice)} is named as a hold-out set and as an old task"
        raise ConfigError(said, "give them different names, or leave one of them out")
    for name in (*options.holdouts, *options.old_tasks):
        if name in _SPLITS or not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot be the name of a hold-out set or of an old task",
                "use letters, digits, - and _, and none of train, dev and test",
            )
    named = {"train": options.train_file, "dev": options.dev_file, "test": options.test_file}
    named |= {**options.holdouts, **options.old_tasks}
    return {name: Path(expanduser(file)) for name, file in named.items() if file}


def _different(paths: Mapping[str, Path], options: CorpusOptions) -> None:
    for first, second in combinations(paths, 2):
        if paths[first].samefile(paths[second]):
            watched = "old_tasks" if second in options.old_tasks else "holdouts"
            raise ConfigError(
                f"{paths[first].name} is named for {first} and for {second}",
                f"leave out {second}_file: it is then cut" if second in _SPLITS else f"leave {second} out of {watched}",
            )


def _check(table: Table, chosen: Columns, kind: str) -> None:
    for name in (chosen.text, chosen.pair, chosen.label):
        if name is not None:
            columns.present(table, name)
    columns.check_label(table, chosen.label, kind)


def _cut(
    rows: Splits, options: CorpusOptions, objective: ModuleType, seed: int, groups: Mapping[str, str]
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
            "take these rows out, give them the labels of this task, or add rows with their labels to train; what has "
            f"labels of its own is an old task: old_tasks={{{name}: FILE}}",
        )
    return rows


def _sentence(opened: Mapping[str, Table], rows: Splits, whole: Splits, seed: int) -> str:
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


def _watched_anew(given: Mapping[str, Table], old: Mapping[str, tuple[OldTask, Any]]) -> list[str]:
    found = []
    for name, (task, _) in old.items():
        read_in, left = len(given[name].rows), len(task.rows)
        kept = "" if left == read_in else f", {left:,} after cleaning"
        found.append(f"{given[name].file}: {read_in:,} rows{kept}, watched as the old task {name}")
    return found


def _name(path: Path) -> str:
    stem = tables.stem(path)
    folder = path.resolve().parent.name
    return folder if stem.casefold() in _GENERIC and folder else stem


def _source(path: Path, table: Table) -> Source:
    with path.open("rb") as file:
        return Source(file=path.name, sha256=hashlib.file_digest(file, "sha256").hexdigest(), rows=len(table.rows))
