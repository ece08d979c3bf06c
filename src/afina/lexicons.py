"""Tables of long and short forms of the user's: a group of forms that say the same on each line of a CSV.

    long,short
    automated teller machine,ATM
    know your customer,KYC

The first form is the long or the plain one, others are its abbreviations or its jargon. A first line of names such as
`long,short` is left out; commas, semicolons and tabs part the forms, whichever the first line has.
"""

import csv
from pathlib import Path

from afina.errors import DataError
from afina.textfile import read_text

Group = tuple[str, ...]
NAMES = frozenset("long short full plain term jargon abbreviation abbreviations acronym expansion".split()) | frozenset(
    "largo larga corto corta forma abreviatura sigla término termino".split()
)
FIX = "write a pair a line: automated teller machine,ATM"


def read(path: Path) -> tuple[Group, ...]:
    """The groups of a file, in its order. Raises DataError with the line where one has less than two forms."""
    lines = read_text(path)[0].split("\n")
    first = next((line for line in lines if line.strip()), "")
    mark = next((one for one in "\t,;" if one in first), ",")
    groups: list[Group] = []
    for place, line in enumerate(lines, start=1):
        try:
            cells = next(csv.reader([line], delimiter=mark), [])
        except csv.Error as error:
            raise DataError(f"{path.name}:{place}: {error}", FIX) from None
        group = tuple(dict.fromkeys(form for cell in cells if (form := " ".join(cell.split()))))
        if not group or (not groups and all(set(form.casefold().split()) & NAMES for form in group)):
            continue
        if len(group) < 2:
            raise DataError(f"{path.name}:{place}: there is one form only, {group[0][:40]!r}", FIX)
        groups.append(group)
    if not groups:
        raise DataError(f"{path.name} holds no pairs of forms", FIX)
    return tuple(groups)


def either_way(groups: tuple[Group, ...]) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Groups in which short forms can be written out, and those in which long ones can be shortened.

    A short form of several long ones could be written out wrongly: those groups are in the second part alone.
    """
    longs: dict[str, set[str]] = {}
    for long, *shorts in groups:
        for short in shorts:
            longs.setdefault(short.casefold(), set()).add(long.casefold())
    clear = tuple(group for group in groups if all(len(longs[short.casefold()]) == 1 for short in group[1:]))
    return clear, groups
