"""A row with some of its words replaced by a masked language model's own guesses.

Words that tell the class are never touched, nor put in: of two rows with the same such words the class is the same as
far as words can tell. A word tells a class where it is in more of its rows than chance would have it:

    z = (ln odds_c - ln odds_o) / sqrt(1/a + 1/b + 1/c + 1/d) >= the normal quantile of 1 - 0.1 / classes
    a, b: rows of the class with the word and without it; c, d: those of the other classes; each count plus 0.5
    odds_c = a / b      odds_o = c / d

The cut is 1.64 for 2 classes and 3.0 for 77: of words that tell nothing, about a tenth are above it for some class,
which costs choice and no row. With many small classes that leaves little but common words, for a word of one row could
tell its class. What the user protects is left alone too. Of the other words of letters so many are replaced as are 15%
of all words of the text, at least one.

Cost: one pass of the model a row. What it does not do: put in words that the tokenizer breaks; see what words say
together ("not bad"): that is for `filtering`, which asks a probe of the class.
Source: Wu et al. 2019, "Conditional BERT Contextual Augmentation", arXiv:1812.06705; log odds and their standard error,
Haldane 1956, and Woolf 1955, "On estimating the relation between blood group and disease"; the cut for many classes,
Dunn 1961 (Bonferroni).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from afina import prompting, terms
from afina.records import Ask, Candidate, Question, Row
from afina.words import Range

SPEAKERS = ("masked",)
CHANCE = 0.1  # of words that tell no class, the share that is taken to tell one
SHARE = 0.15  # of the words of a text


def augment(
    rows: Sequence[Row], wanted: Mapping[str, int], ask: Ask, protected: Sequence[str], seed: int
) -> list[Candidate]:
    """A candidate for each turn of a row, in the order of the turns; fewer where `ask` gives fewer answers."""
    barred = telling(rows) | {terms.normal(one) for one in protected}
    find, turns = terms.finder(barred), prompting.turns(rows, wanted, seed)
    drawn = [_blanks(rows[place].text, find(rows[place].text), (seed, place, sample)) for place, sample in turns]
    questions = [
        Question(rows[place].text, sample=sample, blanks=blanks, barred=barred)
        for (place, sample), blanks in zip(turns, drawn, strict=True)
    ]

    def kept(text: str) -> list[str]:
        return [terms.normal(text[start:end]) for start, end in find(text)]

    made = []
    for number, ((place, _), question, answer) in enumerate(zip(turns, questions, ask(questions), strict=False), 1):
        source = rows[place]
        text, fault = prompting.read(answer.text, "", [source.text])
        fault = answer.fault or ("no word may be replaced" if not question.blanks else fault)
        if not fault and kept(text) != kept(source.text):
            fault = "a word that tells a class was put in"
        row = replace(source, text=text, where=f"fill_mask:{number}", origin=f"fill_mask of {source.where}")
        made.append(Candidate(row, (place,), fault))
    return made


def telling(rows: Sequence[Row]) -> frozenset[str]:
    """The words that tell a class, in lower case.

    >>> texts = ["my card is lost", "my card came", "the card", "my bill is high", "my bill came", "the bill"]
    >>> sorted(telling([Row(text, label, "") for text, label in zip(texts, "111222")]))
    ['bill', 'card']
    """
    having: dict[str, Counter[str]] = {}
    sizes = Counter(row.label for row in rows)
    for row in rows:
        for word in {word for run in terms.runs(row.text) for word, _ in run}:
            having.setdefault(word, Counter())[row.label] += 1
    cut = NormalDist().inv_cdf(1 - CHANCE / max(len(sizes), 1))
    return frozenset(
        word for word, own in having.items() if any(_z(*_rows_with(own, sizes, label)) >= cut for label in own)
    )


def _rows_with(own: Mapping[str, int], sizes: Mapping[str, int], label: str) -> tuple[int, int, int, int]:
    """Rows of the class with a word and without it, and those of the others, by how many rows of each class have it."""
    inside, outside = own[label], sum(own.values()) - own[label]
    rest = sum(sizes.values()) - sizes[label]
    return inside, sizes[label] - inside, outside, rest - outside


def _z(*counts: int) -> float:
    """Standard errors by which the log odds of a word are higher in the class than outside.

    >>> round(_z(3, 5, 0, 600), 2), round(_z(4, 4, 300, 300), 2)
    (4.22, 0.0)
    """
    a, b, c, d = (count + 0.5 for count in counts)
    return (math.log(a / b) - math.log(c / d)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)


def _blanks(text: str, kept: Sequence[Range], seed: tuple[int, ...]) -> tuple[Range, ...]:
    """Where words are replaced: drawn from the words of letters that nothing keeps, in the order of the text."""
    words = [found for run in terms.runs(text) for found in run]
    places = [place for word, place in words if word.isalpha()]
    free = [(start, end) for start, end in places if not any(start < last and first < end for first, last in kept)]
    count = min(len(free), max(1, round(SHARE * len(words))))
    drawn = np.random.default_rng(seed).permutation(len(free))[:count]
    return tuple(free[one] for one in sorted(drawn.tolist()))
