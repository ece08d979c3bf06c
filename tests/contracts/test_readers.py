"""What every reader on the shelf keeps. Its own tests, tests/readers/test_<name>.py, hold `write(path, columns, rows)`,
which makes a file and returns the line of each row; and COLUMNS, ROWS and LISTS where the format holds not any text."""

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afina import shelf
from afina.errors import AfinaError
from afina.records import Table

NAMES = shelf.names("readers")
COLUMNS = ("text", "label")
ROWS = (
    ("¿Dónde está mi tarjeta?", "tarjeta"),
    ('two\nlines, a "quote" and a, comma; and a\ttab', "odd"),
    ("漢字 🙂 İ", "odd"),
    ("plain", "tarjeta"),
)
quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def own_tests(name: str) -> ModuleType:
    """The reader's own tests, which know how to write a file of its kind."""
    path = Path(__file__).parents[1] / "readers" / f"test_{name}.py"
    assert path.exists(), f"the reader {name} needs {path.name} with write(path, columns, rows) -> lines"
    spec = importlib.util.spec_from_file_location(f"writer_of_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table_of(own: ModuleType) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """What is written: these rows, or the reader's own where its format cannot hold them."""
    return getattr(own, "COLUMNS", COLUMNS), getattr(own, "ROWS", ROWS)


@pytest.fixture(params=NAMES)
def reader(request: pytest.FixtureRequest) -> ModuleType:
    return shelf.load("readers", request.param)


@pytest.fixture
def sample(reader: ModuleType, tmp_path: Path) -> Path:
    path = tmp_path / f"rows{reader.SUFFIXES[0]}"
    own = own_tests(reader.__name__.rpartition(".")[2])
    own.write(path, *table_of(own))
    return path


def outcome(reader: ModuleType, path: Path) -> Table | None:
    """The table, or None for a deliberate error; anything else fails the test."""
    try:
        return reader.read(path)
    except AfinaError:
        return None


def test_a_reader_says_what_it_costs_and_which_endings_it_reads(reader):
    assert "Cost:" in reader.__doc__
    assert "Not done:" in reader.__doc__
    assert reader.SUFFIXES
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in reader.SUFFIXES)


def test_no_two_readers_claim_one_ending():
    endings = [suffix for name in NAMES for suffix in shelf.load("readers", name).SUFFIXES]
    assert sorted(endings) == sorted(set(endings))


def test_rows_come_back_letter_by_letter_with_the_line_each_began_on(reader, tmp_path):
    path = tmp_path / f"rows{reader.SUFFIXES[0]}"
    own = own_tests(reader.__name__.rpartition(".")[2])
    columns, rows = table_of(own)
    lines = own.write(path, columns, rows)
    lists = getattr(own, "LISTS", ())
    assert reader.read(path) == Table(file=path.name, columns=columns, rows=rows, lines=lines, lists=lists)


def test_a_gzipped_file_reads_as_the_plain_one(reader, sample):
    packed = sample.with_name(sample.name + ".gz")
    packed.write_bytes(gzip.compress(sample.read_bytes()))
    table = reader.read(packed)
    plain = reader.read(sample)
    assert (table.columns, table.rows, table.lines) == (plain.columns, plain.rows, plain.lines)
    assert table.file == packed.name


def test_a_file_of_no_bytes_is_a_deliberate_error(reader, sample):
    sample.write_bytes(b"")
    assert outcome(reader, sample) is None


@pytest.mark.parametrize("packed", [False, True])
@quick
@given(share=st.floats(0, 1))
def test_a_file_cut_off_anywhere_is_a_table_or_a_deliberate_error(reader, sample, packed, share):
    data = gzip.compress(sample.read_bytes()) if packed else sample.read_bytes()
    broken = sample.with_name(f"cut{sample.suffix}" + ".gz" * packed)
    broken.write_bytes(data[: int(share * (len(data) - 1))])
    table = outcome(reader, broken)
    assert table is None or (not packed and all(len(row) == len(table.columns) for row in table.rows))


@quick
@given(share=st.floats(0, 1), byte=st.integers(0, 255))
def test_a_file_with_a_wrong_byte_is_a_table_or_a_deliberate_error(reader, sample, share, byte):
    data = bytearray(sample.read_bytes())
    data[int(share * (len(data) - 1))] = byte
    broken = sample.with_name(f"wrong{sample.suffix}")
    broken.write_bytes(data)
    outcome(reader, broken)


@quick
@given(data=st.binary(max_size=200))
def test_random_bytes_are_a_table_or_a_deliberate_error(reader, sample, data):
    broken = sample.with_name(f"junk{sample.suffix}")
    broken.write_bytes(data)
    outcome(reader, broken)
