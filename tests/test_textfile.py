import codecs
import gzip

import pytest

from afina.errors import DataError
from afina.textfile import read_bytes, read_text

TEXT = "¿Dónde está?\nañadir tarjeta\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode("utf-8"),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        gzip.compress(TEXT.encode(), mtime=0),
    ],
)
def test_unicode_is_read_in_all_its_encodings(tmp_path, data):
    path = tmp_path / "rows.csv"
    path.write_bytes(data)
    assert read_text(path) == (TEXT, ())


def test_lines_in_windows_1252_are_read_and_listed_and_their_neighbours_stay(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes("añadir\n".encode() + b"plain\n" + "está “así”\n".encode("cp1252") + b"\x81\xe9\n")
    text, (finding,) = read_text(path)
    assert text == "añadir\nplain\nestá “así”\n\x81é\n"
    assert (finding.action, finding.count) == ("repaired", 2)
    assert finding.where == ("rows.csv:3", "rows.csv:4")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (codecs.BOM_UTF16_LE + b"a\0b", "breaks off"),
        (b"PK\x03\x04 and more", "an Excel workbook"),
        (b"%PDF-1.4", "a PDF"),
        (bytes(range(256)) * 8, "is not a text file"),
        (gzip.compress(b"rows", mtime=0)[:-3], "is broken gzip"),
        (gzip.compress(b"rows", mtime=0)[:10] + b"\xff\xff\xff\xff", "is broken gzip"),
        (b"\x1f\x8b rubbish", "is broken gzip"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, data, problem):
    path = tmp_path / "rows.csv"
    path.write_bytes(data)
    with pytest.raises(DataError, match=problem):
        read_text(path)


def test_a_file_named_gz_that_is_not_is_refused(tmp_path):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(b"text,label\n")
    with pytest.raises(DataError, match="not gzip"):
        read_bytes(path)


def test_a_missing_file_is_answered_with_the_names_beside_it(tmp_path):
    (tmp_path / "train.csv").write_text("a")
    with pytest.raises(DataError, match=r"did you mean '.*train\.csv'"):
        read_bytes(tmp_path / "trian.csv")
    with pytest.raises(DataError, match=r"there is train\.csv"):
        read_bytes(tmp_path / "zzz.parquet")
    with pytest.raises(DataError, match="make the folder"):
        read_bytes(tmp_path / "nowhere" / "train.csv")


@pytest.mark.parametrize("name", ["", "bad\0name", "long" * 100, "/dev/null"])
def test_folders_devices_and_impossible_names_are_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"is a folder|cannot be read|is a pipe"):
        read_bytes(tmp_path / name)
