import csv as stdlib
import gzip

import pytest

from afina.errors import DataError
from afina.readers import csv


def write(path, columns, rows):
    """A CSV file; the line on which each row begins."""
    lines = []
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = stdlib.writer(file)
        writer.writerow(columns)
        line = 2
        for row in rows:
            writer.writerow(row)
            lines.append(line)
            line += 1 + sum(cell.count("\n") for cell in row)
    return tuple(lines)


@pytest.fixture
def table(tmp_path):
    def read(content, name="rows.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return csv.read(path)

    return read


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_parting_character_is_found_though_texts_hold_the_others(table, mark):
    others = " ".join({",", ";", "\t", "|"} - {mark})
    rows = "".join(f"this is{others} text {n}{mark}label{n % 2}\n" for n in range(5))
    found = table(f"text{mark}label\n{rows}")
    assert found.columns == ("text", "label")
    assert found.rows[3] == (f"this is{others} text 3", "label1")


def test_a_row_that_is_too_wide_or_too_narrow_is_left_out_with_its_line(table):
    found = table("text,label\na,1\nb,c,2\nd,3\ne\nf,4\n")
    assert found.rows == (("a", "1"), ("d", "3"), ("f", "4"))
    assert found.lines == (2, 4, 6)
    (finding,) = found.findings
    assert (finding.action, finding.count) == ("removed", 2)
    assert finding.where == ("rows.csv:3: 3 fields instead of 2", "rows.csv:5: 1 fields instead of 2")


def test_a_ragged_row_among_a_hundred_columns_is_named_by_its_line(table):
    header = ",".join(f"c{n}" for n in range(100))
    row = ",".join("x" for _ in range(100))
    found = table(f'{header}\n{row}\n"two\nlines",{row[2:]}\n{row},x\n{row}\n')
    assert found.lines == (2, 3, 6)
    assert found.findings[0].where == ("rows.csv:5: 101 fields instead of 100",)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('text,label\na,1\n"b,2\nc,3\n', 3),
        ('text,label\na,1\n"b\nc","d\ne,3\n', 4),
        ('text,label\na,1\n"b,2\n"c",3\nd,4\n', 3),
        ('text,label\na 5" disk,1\nb,"2', 3),
    ],
)
def test_an_unclosed_quote_is_named_by_the_line_on_which_it_opens(table, content, line):
    with pytest.raises(DataError, match=rf"rows\.csv:{line}: a quote opens here"):
        table(content)


def test_a_quote_inside_a_quoted_field_costs_its_own_row_only(table):
    found = table('text,label\n"he said "no" twice",1\n"say ""yes""",2\n')
    assert found.rows == (('say "yes"', "2"),)
    assert found.findings[0].where == ("rows.csv:2",)


def test_a_tab_separated_file_with_lone_quotes_is_read_with_quotes_as_letters(table):
    found = table('text\tlabel\n"unpaired\t1\nb "mid\t2\n', "rows.tsv")
    assert found.rows == (('"unpaired', "1"), ('b "mid', "2"))
    assert found.lines == (2, 3)
    assert found.findings[0].action == "repaired"


def test_blank_lines_and_other_line_ends_are_passed_over_and_counted_as_lines(table):
    assert table("text,label\r\n\r\na,1\r\n\r\nb,2\r\n").lines == (3, 5)
    assert table("text,label\ra,1\rb,2\r").lines == (2, 3)


@pytest.mark.parametrize("content", ["", "  \n\n", "\n\n"])
def test_an_empty_file_is_refused(table, content):
    with pytest.raises(DataError, match="is empty"):
        table(content)


def test_a_header_alone_is_refused(table):
    with pytest.raises(DataError, match="a header line and no row"):
        table("text,label\n")


def test_a_file_of_ragged_rows_only_is_refused_with_the_reason(table):
    with pytest.raises(DataError, match="no row; 1 rows have more or fewer fields"):
        table("text,label\na,b,c\n")


def test_two_columns_of_one_name_are_refused_and_unnamed_ones_are_numbered(table):
    with pytest.raises(DataError, match="two columns are called 'text'"):
        table("text,text\na,b\n")
    assert table(",text,label,\n0,a,1,\n").columns == ("column 1", "text", "label", "column 4")


def test_a_text_of_a_megabyte_is_read(table):
    long = "word " * 210_000
    assert table(f'text,label\n"{long}",1\n').rows == ((long, "1"),)


def test_the_limit_that_the_whole_process_shares_is_put_back(table):
    limit = stdlib.field_size_limit(1234)
    table("text,label\na,1\n")
    assert stdlib.field_size_limit(limit) == 1234


def test_gzip_cut_short_is_refused(table):
    data = gzip.compress(b"text,label\n" + b"a,1\n" * 1000)
    with pytest.raises(DataError, match="broken gzip"):
        table(data[: len(data) // 2], "rows.csv.gz")
