"""Lines that many texts share are named, once each, with where they stand first."""

from afina.cleaners import boilerplate
from afina.records import Row


def rows(texts):
    return {"train": tuple(Row(text, "ab"[n % 2], f"t.csv:{n + 2}") for n, text in enumerate(texts))}


def test_a_signature_under_one_text_in_three_is_named_with_its_first_place():
    texts = [f"Text number {n}\n{'Sent  from my phone' if n % 3 == 1 else f'yours, writer {n}'}" for n in range(90)]
    given = rows(texts)
    cleaned, (finding,) = boilerplate.clean(given)
    assert cleaned == given
    assert (finding.action, finding.count) == ("kept", 30)
    assert finding.where == ("t.csv:3: line 2 of the text, in 30 texts",)


def test_case_and_white_space_do_not_part_lines_and_copies_of_a_text_count_once():
    texts = [f"{n}\n{('Best regards', 'best  REGARDS ')[n % 2]}" for n in range(19)]
    assert boilerplate.clean(rows(texts + texts))[1] == ()
    assert boilerplate.clean(rows([*texts, "20\nBest Regards"]))[1][0].count == 20


def test_a_line_in_twenty_of_a_thousand_texts_is_no_boilerplate():
    assert boilerplate.clean(rows([f"{n}\n{'all the best' if n < 20 else n}" for n in range(1000)]))[1] == ()


def test_texts_in_one_line_and_lines_of_one_word_are_none():
    assert boilerplate.clean(rows(["the same text"] * 50))[1] == ()
    assert boilerplate.clean(rows([f"{n}\n\nHello\n--" for n in range(50)]))[1] == ()
