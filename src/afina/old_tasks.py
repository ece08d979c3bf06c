"""Files of old tasks, which have labels or scores of their own and are watched while a new one is trained.

They are looked at by `recalling`.
What this does not do: read lists of labels or spans, which a linear head on the vector of a text does not answer.
"""

from typing import Any

from afina import cleaning, columns, crossfit, sameness
from afina.config import CorpusOptions
from afina.errors import ConfigError, DataError
from afina.records import Finding, OldTask, Row, Table

METRICS = {"classify": "accuracy", "regress": "spearman"}  # of the kinds that can be watched
FORM = "call its columns text, or text_a and text_b, and label or score"


def read(name: str, table: Table, options: CorpusOptions) -> tuple[OldTask, tuple[Finding, ...]]:
    """The rows of an old task, by the columns of its own file, and what was found in it.

    The task's column names are used where this file has them. A text that stands there twice is read once. Raises
    DataError where it holds neither classes nor scores, fewer than 30 rows, or one label only.
    """
    given = (options.text_column, options.pair_column, options.label_column)
    named = [one if one in table.columns else None for one in given]
    try:
        kind, chosen = columns.kind(table, columns.detect(table, *named), None)
    except (ConfigError, DataError) as error:
        raise DataError(f"the old task {name}: {error.found}", f"{FORM}; {_without(name)}") from None
    if kind not in METRICS:
        said = f"the old task {name} is one of {kind} by its column {chosen.label!r} in {table.file}"
        raise DataError(f"{said}: only classes and scores can be watched", _without(name))
    rows, unread = columns.rows(table, chosen, kind)
    cleaned, found = cleaning.alone(rows, rows, options.cleaners) if rows else (rows, [])
    different: dict[Any, Row] = {}
    for row in cleaned:
        different.setdefault(sameness.key(row), row)
    known = tuple(different.values())
    if len(known) < crossfit.FEWEST:
        said = f"the old task {name} has {len(known)} different rows in {table.file}"
        raise DataError(f"{said}, which are too few", f"give {crossfit.FEWEST} or more; {_without(name)}")
    if len({row.target for row in known}) < 2:
        said = f"the old task {name} has one label only in {table.file}, {known[0].target!r}"
        raise DataError(said, f"give rows of at least two labels; {_without(name)}")
    return OldTask(kind, known), (*table.findings, *unread, *found)


def _without(name: str) -> str:
    return f"or leave {name} out of old_tasks"
