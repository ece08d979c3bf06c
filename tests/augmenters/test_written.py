"""What the augmenters that ask for whole texts put into a question, and what they take from an answer."""

from afina.augmenters import paraphrase, synthesize
from afina.records import Answer, Row

ROWS = [Row(f"my card number {n} is lost, i want a refund", "lost_card", f"f:{n}") for n in range(6)]
ROWS += [Row("one text", "few", "f:10"), Row("another text", "few", "f:11")]


def asked_by(module, wanted, protected=(), answer="fine"):
    seen = []

    def ask(questions):
        seen.extend(questions)
        return [Answer(answer) for _ in questions]

    return seen, module.augment(ROWS, wanted, ask, protected, 0)


def test_a_paraphrase_is_asked_for_with_the_text_alone_and_not_with_its_class():
    questions, made = asked_by(paraphrase, {"lost_card": 7})
    for question, one in zip(questions, made, strict=True):
        assert question.text == f"<text>{ROWS[one.sources[0]].text}</text>"
        assert question.rules == paraphrase.RULES
    assert sorted(question.sample for question in questions) == [0] * 6 + [1]


def test_words_that_the_user_protects_are_named_and_must_be_in_the_answer():
    questions, made = asked_by(paraphrase, {"lost_card": 1, "few": 1}, ("Refund", "chargeback"), "give me it back")
    assert {one.row.label: one.fault for one in made} == {"lost_card": "a protected word is gone", "few": ""}
    assert [question.rules.endswith("as they are: refund.") for question in questions] == [False, True]
    _, kept = asked_by(paraphrase, {"lost_card": 1}, ("refund",), "REFUND me for the card")
    assert kept[0].fault == ""


def test_new_texts_are_asked_for_with_half_of_a_class_at_most_and_its_name():
    questions, made = asked_by(synthesize, {"lost_card": 5, "few": 2})
    for question, one in zip(questions, made, strict=True):
        label = ROWS[one.sources[0]].label
        assert question.text.startswith(f"{label.replace('_', ' ')}\n<text>")
        assert question.text.endswith("\n<text>")
        assert len(one.sources) == len(set(one.sources)) == {"lost_card": 3, "few": 1}[label]
        assert all(f"<text>{ROWS[place].text}</text>" in question.text for place in one.sources)


def test_a_model_that_goes_on_and_on_is_cut_at_the_end_of_its_first_text():
    _, made = asked_by(synthesize, {"few": 1}, answer="a third text</text>\n<text>a fourth</text>")
    assert made[0].row.text == "a third text"
    assert made[0].row.origin in ("synthesize from f:10", "synthesize from f:11")
