"""Opening a data file: the reader is the one on the shelf that knows the file's ending."""

from difflib import get_close_matches
from pathlib import Path

from afina import shelf
from afina.errors import DataError
from afina.records import Table
from afina.textfile import read_bytes

READERS = "readers"


def read(path: Path) -> Table:
    """The rows of a data file of any kind that can be read. Raises DataError for one that cannot."""
    ending = _ending(path)
    kinds = {suffix: name for name in shelf.names(READERS) for suffix in shelf.load(READERS, name).SUFFIXES}
    if ending in kinds:
        table = shelf.load(READERS, kinds[ending]).read(path)
        assert isinstance(table, Table)  # noqa: S101  what a shelf's module returns is ours to keep
        return table
    read_bytes(path)  # a file that is not there is a worse fault than its ending
    near = get_close_matches(ending, sorted(kinds), n=1)
    can = f"files that can be read: {', '.join(sorted(kinds))}, each also with .gz behind it"
    raise DataError(
        f"{path.name} has an ending that cannot be read: {ending or 'none'}",
        f"did you mean {near[0]}? {can}" if near else can,
    )


def stem(path: Path) -> str:
    """A file's name without its endings: 'train' for train.csv.gz."""
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return name.stem


def _ending(path: Path) -> str:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return name.suffix.lower()
