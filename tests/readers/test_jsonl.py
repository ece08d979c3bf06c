import json

import pytest

from afina.errors import DataError
from afina.readers import jsonl


def write(path, columns, rows):
    """A JSON lines file; the line on which each row begins."""
    objects = [dict(zip(columns, row, strict=True)) for row in rows]
    path.write_text("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects), encoding="utf-8")
    return tuple(range(1, len(rows) + 1))


@pytest.fixture
def table(tmp_path):
    def read(content, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return jsonl.read(path)

    return read


def test_broken_lines_and_lines_that_are_no_object_are_left_out_and_listed(table):
    found = table('{"text": "a", "label": 1}\n{"text": "b"\n\n["c"]\n"d"\n{"text": "e", "label": 2}\n')
    assert found.rows == (("a", "1"), ("e", "2"))
    assert found.lines == (1, 6)
    (finding,) = found.findings
    assert (finding.action, finding.count) == ("removed", 3)
    assert sorted(place.split(":")[1] for place in finding.where) == ["2", "4", "5"]


def test_every_kind_of_value_becomes_a_text_and_nothing_becomes_empty(table):
    found = table('{"a": null, "b": NaN, "c": true, "d": 1, "e": 1.5, "f": [1, "x"]}\n{"g": "only here"}\n')
    assert found.columns == ("a", "b", "c", "d", "e", "f", "g")
    assert found.rows[0] == ("", "", "true", "1", "1.5", '[1, "x"]', "")
    assert found.rows[1] == ("", "", "", "", "", "", "only here")
    assert found.lists == ("f",)


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_an_array_of_objects_is_read_with_the_line_of_each(table, name):
    found = table('[\n {"text": "a",\n  "label": "x"},\n {"text": "b", "label": "y"}, 7\n]\n', name)
    assert found.rows == (("a", "x"), ("b", "y"))
    assert found.lines == (2, 4)
    assert found.findings[0].where == ("rows" + name[4:] + ":4: a number where an object should be",)


@pytest.mark.parametrize(
    ("content", "line"),
    [('[{"a": 1},\n{"a": }]', 2), ('[{"a": 1}\n{"a": 2}]', 2), ('[{"a": 1},\n', 2), ('[{"a": 1}]\n{"a": 2}', 1)],
)
def test_a_broken_array_is_refused_with_its_line(table, content, line):
    with pytest.raises(DataError, match=rf"rows\.json:{line}: "):
        table(content, "rows.json")


@pytest.mark.parametrize("content", ["", "\n\n", "[]", "{}", "null", "no json at all\n", '{\n"text": "a"\n}'])
def test_a_file_without_an_object_is_refused(table, content):
    with pytest.raises(DataError):
        table(content)


def test_odd_but_valid_json_is_no_reason_to_stop(table):
    deep = "[" * 100_000
    digits = "9" * 5_000
    found = table(f'{{"text": {deep}}}\n{{"text": {digits}}}\n{{"text": "\\ud800 half", "label": "x"}}\n')
    assert found.rows == (("\ud800 half", "x"),)
    assert found.findings[0].count == 2


def test_a_line_separator_inside_a_text_does_not_end_the_line(table):
    assert table('{"text": "a\u2028b\x85c", "label": "x"}\n').rows == (("a\u2028b\x85c", "x"),)


def test_a_text_of_a_megabyte_is_read(table):
    assert len(table(json.dumps({"text": "x" * 1_000_000, "label": 1})).rows[0][0]) == 1_000_000
