import pytest

from afina import lexicons
from afina.errors import DataError

GROUPS = (("automated teller machine", "ATM"), ("crédito", "cred", "cr."))


@pytest.mark.parametrize(
    "content",
    [
        "long,short\nautomated teller machine,ATM\n\ncrédito,cred,cr.\n",
        "automated teller machine,ATM\ncrédito,cred,cr.",
        "\ufefftérmino;sigla\r\nautomated  teller machine;ATM\r\ncrédito;cred;cr.;\r\n",
        'Full form\tabbreviation\n"automated teller machine"\tATM\ncrédito\tcred\tcr.\n',
    ],
)
def test_groups_are_read_whatever_parts_them_with_or_without_a_header(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode())
    assert lexicons.read(path) == GROUPS


@pytest.mark.parametrize(
    ("content", "match"),
    [("long,short\n", "no pairs"), ("a,b\n\nc,\n", r"a\.csv:3: .*'c'"), ("a,a\n", r"a\.csv:1"), ("", "empty")],
)
def test_what_is_no_pair_is_named_with_its_line(tmp_path, content, match):
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=match):
        lexicons.read(path)


def test_a_short_form_of_two_long_ones_is_never_written_out():
    groups = (("myocardial infarction", "MI"), ("Michigan", "mi"), ("blood pressure", "BP"))
    assert lexicons.either_way(groups) == ((("blood pressure", "BP"),), groups)
