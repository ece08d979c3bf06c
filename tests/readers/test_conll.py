"""CoNLL files: the schemes, the repairs, and what is refused."""

import json

import pytest

from afina.errors import DataError
from afina.readers import conll
from afina.records import Table

COLUMNS = ("text", "spans")
ROWS = (
    ("¿Dónde está mi tarjeta ?", '[{"start": 12, "end": 22, "label": "tarjeta"}]'),
    ("Torsade de pointes", '[{"start": 0, "end": 18, "label": "Disease"}]'),
    ("漢字 🙂 İ", "[]"),
)
LISTS = ("spans",)


def write(path, columns, rows):
    """Each row as a sentence, with its spans as tags."""
    lines, starts = [], []
    for text, cell in rows:
        spans = json.loads(cell)
        starts.append(len(lines) + 1)
        place = 0
        for word in text.split(" "):
            inside = next((s for s in spans if s["start"] <= place < s["end"]), None)
            mark = "O" if inside is None else f"{'B' if place == inside['start'] else 'I'}-{inside['label']}"
            lines.append(f"{word}\t{mark}")
            place += len(word) + 1
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")
    return tuple(starts)


def read(tmp_path, content):
    path = tmp_path / "rows.conll"
    path.write_text(content, encoding="utf-8")
    return conll.read(path)


def spans(table, row=0):
    text, cell = table.rows[row]
    return [(text[one["start"] : one["end"]], one["label"]) for one in json.loads(cell)]


def test_a_sentence_is_a_text_and_its_spans(tmp_path):
    table = read(tmp_path, "22\tB-Drug\n-\tI-Drug\noxa\tI-Drug\nstops\tO\n\n \npain\tB-Sign\nago\tB-Sign\n")
    assert table == Table("rows.conll", COLUMNS, table.rows, (1, 7), (), LISTS)
    assert [text for text, _ in table.rows] == ["22 - oxa stops", "pain ago"]
    assert (spans(table), spans(table, 1)) == ([("22 - oxa", "Drug")], [("pain", "Sign"), ("ago", "Sign")])


def test_columns_of_white_space_documents_and_comments(tmp_path):
    table = read(tmp_path, "-DOCSTART- -X- O O\n\n# a comment\nEU NNP B-NP B-ORG\n# NN B-NP O\nrejects VBZ B-VP O\n")
    assert [text for text, _ in table.rows] == ["EU rejects"]
    table = read(tmp_path, "# id 1\nEU\tB-ORG\n#\tO\n#tag\tO\n")
    assert table.rows[0][0] == "EU # #tag"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("I-x I-x O B-x", ["a b", "d"]),  # IOB2 with a broken start
        ("I-x B-x O I-x", ["a", "b", "d"]),  # IOB1
        ("B-x E-x O S-x", ["a b", "d"]),
        ("B I O O", ["a b"]),
    ],
)
def test_every_scheme_of_the_family_is_understood(tmp_path, tags, expected):
    table = read(tmp_path, "".join(f"{word}\t{tag}\n" for word, tag in zip("abcd", tags.split(), strict=True)))
    assert [text for text, _ in spans(table)] == expected


def test_a_tag_that_continues_nothing_begins_a_span_and_its_line_is_said(tmp_path):
    table = read(tmp_path, "a\tB-x\nb\tO\nc\tI-x\n\nd\tI-y\ne\tB-x\nf\tI-y\n")
    assert spans(table) == [("a", "x"), ("c", "x")]
    assert spans(table, 1) == [("d", "y"), ("e", "x"), ("f", "y")]
    (finding,) = table.findings
    assert (finding.action, finding.count) == ("repaired", 3)
    assert finding.where == ("rows.conll:3: I-x", "rows.conll:5: I-y", "rows.conll:7: I-y")
    assert read(tmp_path, "a\tI-x\nb\tO\nc\tI-x\nd\tB-x\n").findings == ()  # IOB1


def test_a_tag_of_another_family_is_refused_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"rows\.conll:2: 'NN' is no tag of spans"):
        read(tmp_path, "a\tO\nb\tNN\n")
    with pytest.raises(DataError, match=r"rows\.conll:1: 'Q-x' is no tag"):
        read(tmp_path, "a\tQ-x\n")
    with pytest.raises(DataError, match=r"rows\.conll:1: 'B-' is no tag"):
        read(tmp_path, "a\tB-\n")


def test_a_sentence_with_a_line_without_a_tag_is_left_out(tmp_path):
    table = read(tmp_path, "a\tO\nb\n\nc\tB-x\n\nd\t\n\n\tO\ne\tO\n")
    assert [text for text, _ in table.rows] == ["c"]
    (finding,) = table.findings
    assert (finding.action, finding.where) == ("removed", ("rows.conll:2", "rows.conll:6", "rows.conll:8"))
    with pytest.raises(DataError, match=r"rows\.conll:2: a word without a tag"):
        read(tmp_path, "a\tO\nb\n")


def test_words_alone_are_texts_without_spans(tmp_path):
    table = read(tmp_path, "my\ncard\n\nis\nlost\n")
    assert (table.columns, table.rows, table.lines) == (("text",), (("my card",), ("is lost",)), (1, 4))


def test_a_file_of_blank_lines_is_refused(tmp_path):
    with pytest.raises(DataError):
        read(tmp_path, "\n\n \n")
    with pytest.raises(DataError, match="holds no word"):
        read(tmp_path, "-DOCSTART- O\n")
