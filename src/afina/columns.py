"""Which columns hold the text and the label, and how that was decided.

First what the user named; then by usual names, in English and Spanish; then by counting: a text is long and
mostly different from row to row, a label is short and one of few. Where counting leaves two candidates for the label
the user is asked, for a wrong label column is a wrong model.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from statistics import fmean

from afina import cells, shelf
from afina.errors import ConfigError, DataError
from afina.records import Columns, Finding, Row, Table
from afina.textfile import FEW

# Usual names, the surer ones first.
TEXTS = """
text text_a sentence content message utterance review query question comment tweet post body document clause abstract
passage description headline title texto frase oracion mensaje contenido comentario pregunta consulta opinion resena
documento descripcion titulo input prompt sentence1 text1
"""
LABELS = """
label class category intent target topic sentiment emotion y gold_label label_text labels tag type rating stars polarity
output etiqueta clase categoria intencion tema sentimiento tipo score spans entities
"""
PAIRS = (
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("sentence1", "sentence2"),
    ("sentence_a", "sentence_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "passage"),
    ("query", "document"),
    ("query", "passage"),
    ("texto_a", "texto_b"),
    ("texto1", "texto2"),
    ("frase1", "frase2"),
    ("premisa", "hipotesis"),
)

OBJECTIVES = "objectives"
_MOST_LABELS = 1000  # and not more than a third of the rows, where a label column is found by counting
_LABEL_LENGTH = 40  # characters, mean


def detect(table: Table, text: str | None, pair: str | None, label: str | None, task: str | None = None) -> Columns:
    """The columns of a table; a name that is given must be there. Raises ConfigError or DataError where none fits."""
    for name in (text, pair, label):
        if name is not None:
            present(table, name)
    if len(table.columns) < 2:
        raise DataError(
            f"{table.file} has one column, {table.columns[0]!r}; a text and a label are needed",
            "add a column with labels; fields are parted by a comma, semicolon, tab or bar",
        )
    asked = ((what, name) for what, name in (("text", text), ("second text", pair), ("label", label)) if name)
    how = [f"{what}: {name!r} as asked" for what, name in asked]
    if text is None and pair is None:
        text, pair = _pair(table, label)
        how += [f"text and second text: {text!r} and {pair!r} by their names"] if text else []
    if text is None:
        text, why = _text(table, taken={pair, label})
        how.append(f"text: {why}")
    if label is None:
        label, why = _label(table, {text, pair}, task)
        how.append(f"label: {why}")
    return _checked(table, Columns(text=text, label=label, pair=pair, why="; ".join(how)))


def present(table: Table, name: str) -> None:
    """Raises DataError, naming the columns that are there, where a table has no column `name`."""
    if name not in table.columns:
        near = get_close_matches(name, table.columns, n=1, cutoff=0.5)
        there = f"the columns are {', '.join(map(repr, table.columns[:20]))}"
        fix = f"did you mean {near[0]!r}? {there}" if near else there
        raise DataError(f"{table.file} has no column {name!r}", fix)


def text(table: Table) -> str:
    """The column that holds texts, where no label is asked for. Raises DataError where none looks like one."""
    return _text(table, set())[0]


def values(table: Table, column: str) -> list[str]:
    """All values of one column."""
    place = table.columns.index(column)
    return [row[place] for row in table.rows]


def parted(table: Table, chosen: Columns) -> Table:
    """The table with a list in each cell of the label column, where these hold labels with a separator between them."""
    if chosen.separator is None or chosen.label in table.lists or chosen.label not in table.columns:
        return table
    place = table.columns.index(chosen.label)

    def cut(cell: str) -> str:
        return json.dumps([one.strip() for one in cell.split(chosen.separator)], ensure_ascii=False)

    rows = tuple((*row[:place], cut(row[place]), *row[place + 1 :]) for row in table.rows)
    return replace(table, rows=rows, lists=(*table.lists, chosen.label))


def kind(table: Table, chosen: Columns, task: str | None) -> tuple[str, Columns]:
    """The kind of task: as named, or the one that claims the label column; and the columns with how it was decided.

    Raises ConfigError for a name that is not on the shelf, DataError where no kind has such a column.
    """
    filled = [value for value in values(table, chosen.label) if not cells.missing(value)]
    lists = chosen.label in table.lists
    claimed = (name for name in shelf.names(OBJECTIVES) if shelf.load(OBJECTIVES, name).claims(filled, lists))
    found = task or next(claimed, None)
    if found is None:
        raise DataError(
            f"column {chosen.label!r} of {table.file} holds neither labels nor spans",
            'write ["one", "two"] for labels, [{"start": 0, "end": 4, "label": "one"}] for spans',
        )
    check_label(table, chosen.label, found)
    if chosen.pair is not None and shelf.load(OBJECTIVES, found).PER == "word":
        raise ConfigError(f"{found} reads single texts, not pairs", f"name one column: text_column={chosen.text}")
    if task:
        return found, replace(chosen, why=f"{chosen.why}; task: {task} as asked")
    what = ("spans" if "{" in filled[0] else "lists") if lists else "numbers"
    said = "" if found == "classify" else f"; task: {found}, for {chosen.label!r} holds {what}"
    return found, replace(chosen, why=chosen.why + said)


def check_label(table: Table, label: str, task: str) -> None:
    """Raises DataError where a column cannot be the label of such a task: it is empty, or holds lists or no lists."""
    if all(map(cells.missing, values(table, label))):
        raise DataError(
            f"no row of {table.file} has a label in column {label!r}", "label the rows, or leave the file out"
        )
    lists = label in table.lists
    if lists != shelf.load(OBJECTIVES, task).LISTS:
        raise DataError(
            f"column {label!r} of {table.file} holds {'lists' if lists else 'no lists'}, {task} reads the other",
            "name another column, label_column=..., or another task, task=...",
        )


def rows(table: Table, chosen: Columns, kind: str) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    """The rows of a table; those whose label cannot be read are left out, and that is said."""
    text, label = table.columns.index(chosen.text), table.columns.index(chosen.label)
    pair = None if chosen.pair is None else table.columns.index(chosen.pair)
    objective = shelf.load(OBJECTIVES, kind)
    rows, wrong = [], []
    for given, line in zip(table.rows, table.lines, strict=True):
        row = Row(given[text], "", f"{table.file}:{line}", None if pair is None else given[pair])
        try:
            rows.append(objective.read(row, given[label]))
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


def _checked(table: Table, columns: Columns) -> Columns:
    used = [name for name in (columns.text, columns.pair, columns.label) if name is not None]
    if len(set(used)) < len(used):
        raise ConfigError(
            f"one column of {table.file} is to be two things: {', '.join(used)}", "name different columns"
        )
    for name in (columns.text, columns.pair):
        if name in table.lists:
            raise DataError(f"column {name!r} of {table.file} holds lists, not texts", "name another: text_column=...")
    return columns


def plain(name: str) -> str:
    """A column's name in small letters, without accents, words joined by _."""
    letters = unicodedata.normalize("NFD", name.strip().casefold())
    return re.sub(r"[\s-]+", "_", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def _named(table: Table, usual: Iterable[str], taken: set[str | None]) -> str | None:
    there = {plain(name): name for name in table.columns if name not in taken}
    return next((there[name] for name in usual if name in there), None)


def _pair(table: Table, label: str | None) -> tuple[str | None, str | None]:
    there = {plain(name): name for name in table.columns if name != label}
    for first, second in PAIRS:
        if first in there and second in there:
            return there[first], there[second]
    return None, None


def _text(table: Table, taken: set[str | None]) -> tuple[str, str]:
    named = _named(table, TEXTS.split(), taken)
    if named is not None:
        return named, f"{named!r} by its name"
    lengths = {}
    for name in table.columns:
        found = values(table, name)
        words = fmean(len(value.split()) for value in found)
        if name not in taken and name not in table.lists and words >= 2 and len(set(found)) > 0.3 * len(found):
            lengths[name] = words
    if not lengths:
        there = ", ".join(map(repr, table.columns[:20]))
        raise DataError(f"no column of {table.file} looks like a text: {there}", "name it: text_column=...")
    best = max(lengths, key=lambda name: lengths[name])
    return best, f"{best!r}, {lengths[best]:.0f} words a row and mostly different"


def _label(table: Table, taken: set[str | None], task: str | None) -> tuple[str, str]:
    objective = None if task is None else shelf.load(OBJECTIVES, task)
    named = _named(table, [*(objective.COLUMNS if objective else ()), *LABELS.split()], taken)
    counts = {name: len(set(values(table, name)) - {""}) for name in table.columns if name not in taken}
    rows = f"in {len(table.rows):,} rows"
    if named is not None:
        return named, f"{named!r} by its name, {counts[named]:,} values {rows}"
    few = {name: n for name, n in counts.items() if 2 <= n <= min(_MOST_LABELS, len(table.rows) // 3)}
    fit = [n for n in few if n not in table.lists and fmean(map(len, values(table, n))) <= _LABEL_LENGTH]
    if not fit:
        there = ", ".join(map(repr, counts)) or "none"
        raise DataError(
            f"no column of {table.file} looks like a label; beside the text there is: {there}",
            "name it: label_column=..., or add a column with labels",
        )
    if len(fit) > 1:
        choices = ", ".join(f"{name!r} ({few[name]:,} values)" for name in fit)
        raise DataError(f"several columns of {table.file} may be the label: {choices}", f"write label_column={fit[0]}")
    best = fit[0]
    if best in values(table, best):
        raise DataError(
            f"the first line of {table.file} looks like a row and not like column names: {best!r} is also a label",
            "put a line with column names above it, such as text,label",
        )
    return best, f"{best!r}, {few[best]:,} values {rows}"
