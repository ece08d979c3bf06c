"""What a text says is negated, or its negation is taken away, by a small rule for English and Spanish.

    >>> rng = np.random.default_rng(0)
    >>> change("Why is my card blocked?", Config(), rng), change("I don't smoke.", Config(), rng)
    ("Why isn't my card blocked?", 'I do smoke.')
    >>> change("Me han cobrado dos veces.", Config(), rng), change("No tengo fiebre.", Config(), rng)
    ('No me han cobrado dos veces.', 'Tengo fiebre.')

One place a text, the first of: "not" or "n't" after a word, or "no" before one, which are taken away; an English
auxiliary, which gets "n't"; a common Spanish verb with its pronouns, which gets "no". An auxiliary is one of is, are,
was, were, am, can, could, will, would, should and must; has, have and had before a participle; do, does and did after
"why". None of them is one after a determiner (the will, un debe), and no text is negated in the language of which it
has fewer function words. Questions ask the same with "not" (Can't I pay?), and stay as they are, but for those with
"why".

Not done: texts with another word that negates (never, nothing, nunca, sin) or without such a verb are left alone;
"any" stays beside "not", and what the other half of a sentence says is not looked at.
Source: Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", arXiv:2005.04118
(tests of negation; their rule needs a parser).
"""

import re
from collections.abc import Callable, Iterator

import numpy as np
from pydantic import BaseModel

_SHORT = {"can": "can't", "will": "won't", "am": "am not"}
_CLITICS = "me|te|se|nos|os|le|les|lo|la|los|las"
_VERBS = """
    es está están estoy estamos soy eran fue fueron puedo puede pueden podemos podría quiero quiere queremos
    tengo tiene tienen tenemos funciona funcionan llega llegan aparece aparecen salen necesito necesita debo debe
    deben sé sabe reconozco recibí pude deja permite entiendo voy va
"""
_OTHERS = """
    not no cannot never nothing nobody none nowhere neither nor without nunca jamás nada nadie ningún ninguno ninguna
    tampoco sin ni
"""
_DETERMINERS = """
    the a an my your his her its our their el la los las un una unos unas mi mis tu tus su sus nuestro nuestra este esta
    ese esa cada del al
"""  # what follows is a noun: "the will", "un debe"; "this" and "that" mostly stand alone
_WORDS = (
    """
    the my your his her our their this that these those and of to with for from it i you we they she what which
""",
    """
    el los las y del una que por para con mi su al lo está pero muy qué cómo este esta ese esa se ya más
""",
)  # function words that English and Spanish do not share
_ASKING = """
    what which who whose when where how is are was were am can could will would should must may do does did has have had
    qué que cuál cual cuándo cuando dónde donde cómo como cuánto cuanto quién quien
"""


def _any(words: str) -> str:
    return "|".join(words.split())


_MARK = "['\u2019]"
_CANNOT = re.compile(rf"(?<!\w)(?:(can)(?:{_MARK}t|not)|(wo)n{_MARK}t)(?!\w)", re.IGNORECASE)
_NOT = re.compile(rf"(?<!\w)(\w+?(?:{_MARK}(?:m|re|s))?)(?:n{_MARK}t|\s+not)(?!\w)", re.IGNORECASE)
_NO = re.compile(r"(?<!\w)(?<!\ba )(?<!\bthe )no\s+(?!(?:longer|more|one|matter)\b)(?=\w)", re.IGNORECASE)
_AFFIRM = (_CANNOT, _NOT, _NO)
_NEGATES = re.compile(rf"(?<!\w)(?:{_any(_OTHERS)})(?!\w)|n{_MARK}t(?!\w)", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*")
_QUESTION = re.compile(rf"[\W_]*(?:{_any(_ASKING)})(?!\w)|.*\?", re.IGNORECASE | re.DOTALL)
_WHY = re.compile(r"[\W_]*(?:why|por qu[ée])(?!\w)", re.IGNORECASE)
_NOUN = re.compile(rf"(?<![\w'\u2019])(?:{_any(_DETERMINERS)})\s+\Z", re.IGNORECASE)
_ENGLISH = re.compile(
    r"(?<![\w'\u2019])"
    r"(?:is|are|was|were|am|can|could|will|would|should|must|(?<=why )(?:do|does|did)"
    r"|(?:has|have|had)(?=\s+(?:been|gone|made|done|lost|got|had|sent|paid|left|come|become|\w+(?:ed|en))\b))"
    r"(?![\w'\u2019])",
    re.IGNORECASE,
)
_SPANISH = re.compile(
    rf"(?<!\w)(?:(?:{_CLITICS})\s+){{0,2}}"
    rf"(?:{_any(_VERBS)}|(?:he|has|ha|hemos|han|había)(?=\s+\w+(?:ado|ido|cho|sto|erto)\b))(?!\w)",
    re.IGNORECASE,
)
_FUNCTION = tuple(re.compile(rf"(?<!\w)(?:{_any(words)})(?!\w)", re.IGNORECASE) for words in _WORDS)


class Config(BaseModel, frozen=True, extra="forbid"):
    """No options."""


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text with the opposite said; None where the rule finds no place for it."""
    del config, rng
    places = [found for pattern in _AFFIRM if (found := pattern.search(text))]
    if places:
        changed = _affirmed(text, min(places, key=lambda found: found.start()))
        return changed if changed.strip() else None
    if _NEGATES.search(text):
        return None
    for sentence in _SENTENCE.finditer(text):
        if _QUESTION.match(sentence[0]) and not _WHY.match(sentence[0]):
            continue
        for pattern, negated in _rules(text):
            for found in pattern.finditer(text, sentence.start(), sentence.end()):
                if not _NOUN.search(text[: found.start()]):
                    return text[: found.start()] + negated(found[0]) + text[found.end() :]
    return None


def _rules(text: str) -> Iterator[tuple[re.Pattern[str], Callable[[str], str]]]:
    """Those of the language whose function words are more; of both where neither has more."""
    english, spanish = (len(words.findall(text)) for words in _FUNCTION)
    if english >= spanish:
        yield _ENGLISH, _with_not
    if spanish >= english:
        yield _SPANISH, _with_no


def _affirmed(text: str, found: re.Match[str]) -> str:
    """The text without the negation that was found in it."""
    before, after = text[: found.start()], text[found.end() :]
    if found.re is _NO:
        return before + (after[:1].upper() + after[1:] if found[0][0] == "N" else after)
    if found.re is _CANNOT:
        return before + (found[1] or _like("will", found[2])) + after
    return before + found[1] + after


def _with_not(word: str) -> str:
    """An auxiliary and "n't"."""
    return _like(_SHORT.get(word.lower(), f"{word.lower()}n't"), word)


def _with_no(words: str) -> str:
    """A Spanish verb and "no", which takes its capital."""
    if words.isupper():
        return f"NO {words}"
    return f"No {words[0].lower()}{words[1:]}" if words[0].isupper() else f"no {words}"


def _like(new: str, old: str) -> str:
    """The new word with the capitals of the old one."""
    if len(old) > 1 and old.isupper():
        return new.upper()
    return new[0].upper() + new[1:] if old[0].isupper() else new
