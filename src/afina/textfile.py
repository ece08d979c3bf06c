"""A file's bytes and its text: what every reader needs before it can look for rows.

Text is UTF-8 (with or without a byte order mark), UTF-16 or UTF-32 with one. A line that is not valid
UTF-8 is read as Windows-1252, that line alone, and is listed: a file pasted together from two encodings
keeps its good lines. UTF-16 without a mark is recognised by its zero bytes.

Not done: other code pages (a Cyrillic or Japanese file in a legacy encoding comes out as wrong letters).
"""

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from difflib import get_close_matches
from io import BufferedReader, TextIOWrapper
from pathlib import Path

from afina.errors import DataError, NoRows
from afina.records import Finding

FEW = 5  # places named in one finding
PLAIN = (".txt", ".md")  # endings of files that are no tables
_GZIP = b"\x1f\x8b"
_MARKS = (  # the longer ones first: a UTF-32 mark begins with a UTF-16 one
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"PAR1": "a Parquet file",
}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_HEAD = 4096  # bytes looked at to tell text from anything else


@contextmanager
def stream(path: Path) -> Iterator[BufferedReader | gzip.GzipFile]:
    """The bytes of a file, unpacked where they are gzip. Raises DataError for whatever keeps them from being read."""
    try:
        if path.is_dir():
            raise DataError(f"{str(path)!r} is a folder, not a file", "name a file in it")
        if path.exists() and not path.is_file():
            raise DataError(f"{str(path)!r} is a pipe or a device, not a file", "write the rows to a file first")
        with path.open("rb") as file:
            packed = file.peek(len(_GZIP)).startswith(_GZIP)
            if path.suffix.lower() == ".gz" and not packed and file.peek(1):
                raise DataError(f"{path.name} is named .gz but is not gzip", "rename it without .gz, or pack it again")
            with gzip.GzipFile(fileobj=file) if packed else nullcontext(file) as plain:
                yield plain
    except FileNotFoundError:
        raise DataError(f"there is no file {str(path)!r}", _near(path)) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is broken gzip: {error}", "copy or download it again") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{str(path)!r} cannot be read: {reason}", "check the name and who may read it") from None


def read_bytes(path: Path) -> bytes:
    """All bytes of a file, unpacked where they are gzip. Raises DataError for whatever keeps them from being read."""
    with stream(path) as file:
        return file.read()


def lines(path: Path, foreign: Callable[[int], None]) -> Iterator[str]:
    """The lines of `read_text`, one after another, in the memory of one; it ends with NoRows where none has a letter.

    foreign   is told the number of each line that is not UTF-8 and is read as Windows-1252
    """
    empty = True
    with stream(path) as file, closing(_decoded(path, file, foreign)) as decoded:
        for line in decoded:
            empty = empty and not line.strip()
            yield from line.splitlines()
    if empty:
        raise NoRows(f"{path.name} is empty", "give a file with rows in it")


def look(path: Path) -> None:
    """Raise DataError where the beginning of a file is that of no text."""
    with stream(path) as file:
        head = file.read(_HEAD)
    if not any(head.startswith(mark) for mark, _ in _MARKS) and not _wide(head):
        _no_other_kind(path, head)


def _decoded(
    path: Path, file: BufferedReader | gzip.GzipFile, foreign: Callable[[int], None]
) -> Generator[str, None, None]:
    head = file.read(_HEAD)
    mark, encoding = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", _wide(head)))
    if not encoding:
        _no_other_kind(path, head)
    file.seek(len(mark))
    if encoding not in ("", "utf-8"):
        text = TextIOWrapper(file, encoding, newline="\n")
        try:
            for decoded in text:  # noqa: UP028  # `yield from` would close it
                yield decoded
        except UnicodeDecodeError:
            found = f"{path.name} begins as {encoding.upper()} but breaks off"
            raise DataError(found, "copy it again, or save it as UTF-8") from None
        finally:
            text.detach()  # which would close the file
        return
    for number, line in enumerate(file, 1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            foreign(number)
            yield _western(line)


def read_text(path: Path) -> tuple[str, tuple[Finding, ...]]:
    """The text of a file, and what had to be repaired to read it. Raises DataError where it is no text."""
    data = read_bytes(path)
    if not data.strip():
        raise NoRows(f"{path.name} is empty", "give a file with rows in it")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _marked(path, data[len(mark) :], encoding)
    if wide := _wide(data[:_HEAD]):
        return _marked(path, data, wide)
    _no_other_kind(path, data[:_HEAD])
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        return _line_by_line(path.name, data)


def is_plain(path: Path) -> bool:
    """Whether a file is named as one of plain texts, gzipped or not."""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower() in PLAIN


def _no_other_kind(path: Path, head: bytes) -> None:
    wanted = "plain text" if is_plain(path) else "CSV"
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise DataError(f"{path.name} is {kind}, not text", f"save it as {wanted} with UTF-8 encoding")
    if len(_CONTROL.findall(head)) > 0.1 * len(head):
        raise DataError(f"{path.name} is not a text file", f"save it as {wanted} with UTF-8 encoding")


def _marked(path: Path, data: bytes, encoding: str) -> tuple[str, tuple[Finding, ...]]:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            return _line_by_line(path.name, data)
        raise DataError(
            f"{path.name} begins as {encoding.upper()} but breaks off at byte {error.start:,}",
            "copy it again, or save it as UTF-8",
        ) from None
    if not text.strip():
        raise NoRows(f"{path.name} is empty", "give a file with rows in it")
    return text, ()


def _wide(head: bytes) -> str:
    """UTF-16 without a mark: mostly Latin text has a zero in every second byte."""
    pairs = len(head) // 2
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if pairs and head[first::2].count(0) > 0.7 * pairs and head[1 - first :: 2].count(0) < 0.1 * pairs:
            return encoding
    return ""


def _line_by_line(name: str, data: bytes) -> tuple[str, tuple[Finding, ...]]:
    lines, repaired = [], []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            repaired.append(number)
            lines.append(_western(line))
    return "\n".join(lines), (foreign_lines(name, len(repaired), repaired),)


def foreign_lines(name: str, count: int, first: Sequence[int]) -> Finding:
    """What to say of so many lines that are not UTF-8."""
    return Finding(
        check="encoding",
        problem=f"{count:,} lines of {name} are not UTF-8 and were read as Windows-1252",
        action="repaired",
        fix="look at the accented letters of these lines; save the file as UTF-8",
        count=count,
        where=tuple(f"{name}:{number}" for number in first[:FEW]),
    )


def _western(line: bytes) -> str:
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:  # five bytes have no meaning in Windows-1252; Latin-1 knows them all
        return line.decode("latin-1")


def _near(path: Path) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except (OSError, ValueError):
        return f"make the folder {str(path.parent)!r}, or name another file"
    near = get_close_matches(path.name, names, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(repr(str(path.parent / name)) for name in near)}?"
    shown = ", ".join(names[:FEW]) + (", ..." if len(names) > FEW else "")
    return f"in {str(path.parent)!r} there is {shown or 'nothing'}"
