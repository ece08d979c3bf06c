"""Groups of texts in each form, and what is said of a file that is none."""

import pytest

from afina import textgroups
from afina.errors import AfinaError

GROUPS = (("¿dónde está?", "where is it"), ("a", "b", "c"))


def written(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.yaml", '# equal\n- ["¿dónde está?", where is it]\n- [a, b, c]\n'),
        ("g.jsonl", '["¿dónde está?", "where is it"]\n\n["a", "b", "c"]\n'),
    ],
)
def test_a_group_a_line(tmp_path, name, text):
    assert textgroups.read(written(tmp_path, name, text), pairs=False) == GROUPS


def test_a_text_of_a_model_of_pairs_is_a_list_of_two(tmp_path):
    path = written(tmp_path, "g.yaml", "- [[a, b], [c, d]]\n")
    assert textgroups.read(path, pairs=True) == ((("a", "b"), ("c", "d")),)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("g.yaml", "a: b\n", "no list"),
        ("g.yaml", "- [a]\n", "group 1"),
        ("g.yaml", "- [a, no]\n", "False"),
        ("g.yaml", "- [a, &x b]\n- [*x, c]\n", "aliases"),
        ("g.yaml", "", "no list"),
        ("g.jsonl", '["a", "b"]\n["a"\n', "g.jsonl:2"),
        ("g.jsonl", "7\n", "group 1"),
        ("g.txt", "Where is my card?\nWhere is it?\n", "(?s)one text a line.*in one list"),
        ("g.yaml", "- Where is my card?\n- Where is it?\n", "group 1: this looks like one text a line"),
        ("g.jsonl", '"Where is my card?"\n', "group 1: this looks like one text a line"),
    ],
)
def test_a_file_that_is_none_is_told_with_its_place(tmp_path, name, text, said):
    with pytest.raises(AfinaError, match=said):
        textgroups.read(written(tmp_path, name, text), pairs=False)


def test_single_texts_for_a_model_of_pairs_are_told(tmp_path):
    with pytest.raises(AfinaError, match="no pair"):
        textgroups.read(written(tmp_path, "g.yaml", "- [a, b]\n"), pairs=True)


def test_a_folder_is_told_to_be_one(tmp_path):
    with pytest.raises(AfinaError, match="is a folder, not a file"):
        textgroups.read(tmp_path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(AfinaError, match="there is no file"):
        textgroups.read(tmp_path / "none.yaml", pairs=False)


def test_what_a_text_is_in_other_words_whatever_its_place_and_case():
    groups = [("A b", "c", "d"), ("x", "y"), ("e", "a  B")]
    found, without = textgroups.others(groups, ["a b", "d", "q"])
    assert found == {"a b": ("c", "d", "e"), "d": ("A b", "c")}
    assert without == 1
    pairs = [(("a", "b"), ("c", "b"))]
    assert textgroups.others(pairs, [("A", "b")]) == ({("A", "b"): (("c", "b"),)}, 0)
