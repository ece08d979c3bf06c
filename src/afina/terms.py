"""The terms of a domain: words and phrases that its texts use more than general language does.

    word     d = ln odds_i - ln odds_j,  z = d / sqrt(1 / (y_i + a) + 1 / (y_j + a)),  odds = (y + a) / (n + A - y - a)
             y: its count, n: all words; i: the texts, j: general language; a = A (y_i + y_j) / (n_i + n_j), the prior
    phrase   the same, of its C-value against the count in general language of its rarest word, for a phrase is no
             more common than its words:      C-value = log2(words) (f - t / c)
             f: its count; t: how many of these lie in longer phrases; c: in how many that also stand alone

Terms are those with z above a cut, by falling d. z is no test: words of one text come together. A phrase is 2 to
`longest` words with nothing but spaces and hyphens between them; neither words nor the ends of phrases are common
ones (0.1% of general language), and they hold a letter. A word that the table of general language lacks counts as
half of the table's least. Case is not kept, accents are; texts in NFC and NFD are the same.

Cost: one pass, about 0.5 s a million characters. Memory: at most `most` different words and phrases, some 200 MB, and
those of one text; beyond that the rarest are dropped, and no count is more than `Counted.lost` too low (Manku & Motwani
2002).
What it does not do: look at parts of speech or at inflection; part the senses of a word; cut Chinese or Japanese.
Source: Monroe, Colaresi & Quinn 2008, "Fightin' Words", Political Analysis 16, 3.3.3 to 3.5; Frantzi, Ananiadou &
Mima 2000, "Automatic recognition of multi-word terms", International Journal on Digital Libraries 3, 2.3.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from afina.errors import DataError
from afina.records import Term
from afina.words import Range

COMMON = 1e-3  # share of general language from which a word is a common one, such as "the"
WORD, PHRASE, MINED, GLOSSARY = "word", "phrase", "mined", "glossary"

_PART = r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*"  # accents may be characters of their own, as in NFD
_WORD = re.compile(rf"{_PART}(?:['’]{_PART})*")
_JOINED = re.compile(r"[\s\u2010\u2011-]*")  # what may stand between the words of a phrase
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class General:
    """How often words occur in general language."""

    counts: Mapping[str, float]  # word in lower case -> occurrences
    note: str  # what it is, in a few words


@dataclass(frozen=True, slots=True)
class Limits:
    """What becomes a term; chosen on biomedical abstracts, see benchmarks/terms.py."""

    longest: int = 4  # words of a phrase
    fewest: int = 5  # occurrences
    documents: int = 3  # texts that it occurs in
    z: float = 1.28  # standard errors above general language; a tenth of chance words would lie above it
    prior: float = 1000.0  # words that the prior is worth, A
    most: int = 1_000_000  # different words and phrases in memory


@dataclass(frozen=True, slots=True)
class Counted:
    """How often words and phrases occur in texts."""

    words: int  # running words
    lost: int  # occurrences that a count may lack
    counts: Counter[str] = field(default_factory=Counter)
    documents: Counter[str] = field(default_factory=Counter)  # texts with it


def mine(
    texts: Iterable[str], general: General, glossary: Iterable[str] = (), limits: Limits | None = None
) -> tuple[Term, ...]:
    """The terms of the texts, highest score first; then those of the glossary that were not found by their score.

    A term of the glossary is kept whatever its count and score. Raises DataError where the texts hold no word.
    """
    limits = limits or Limits()
    given = {term: None for term in map(normal, glossary) if term}
    counted = count(texts, common(general), limits, set(given))
    if not counted.words:
        raise DataError("the texts hold no words", "give texts of the domain")
    found = score(counted, general, limits)
    mined = {term.term for term in found}
    return (*found, *(_given(term, counted) for term in given if term not in mined))


def normal(text: str) -> str:
    """A term as it is compared: its words in lower case and NFC, with single spaces.

    >>> normal("  Non-Hodgkin  LYMPHOMA "), normal("Próstata") == normal("Pro\u0301stata")
    ('non hodgkin lymphoma', True)
    """
    return " ".join(word for run in runs(text) for word, _ in run)


def runs(text: str) -> Iterator[list[tuple[str, Range]]]:
    """The words of a text and where they stand, parted wherever a phrase may not go on: at signs and blank lines.

    >>> [[word for word, _ in run] for run in runs("Type-2 diabetes (T2D); it's common")]
    [['type', '2', 'diabetes'], ['t2d'], ["it's", 'common']]
    """
    run: list[tuple[str, Range]] = []
    last = 0
    for match in _WORD.finditer(text):
        start, end = match.span()
        gap = text[last:start]
        if run and gap != " " and (gap.count("\n") > 1 or not _JOINED.fullmatch(gap)):
            yield run
            run = []
        run.append((_folded(match[0]), (start, end)))
        last = end
    if run:
        yield run


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFC", word.replace("’", "'")).lower()


def finder(terms: Iterable[str]) -> Callable[[str], list[Range]]:
    """What finds the terms in a text: start and end of each, the longest first from the left, none inside another.

    >>> text = "Cáncer de próstata; el CÁNCER"
    >>> [text[start:end] for start, end in finder(["cáncer", "cáncer de próstata"])(text)]
    ['Cáncer de próstata', 'CÁNCER']
    """
    root: dict[str, Any] = {}  # word -> what may follow it; "" where a term may end
    for term in terms:
        node = root
        for word in normal(term).split():
            node = node.setdefault(word, {})
        node[""] = None
    root.pop("", None)  # a term without words

    def find(text: str) -> list[Range]:
        spans: list[Range] = []
        for run in runs(text):
            place = 0
            while place < len(run):
                node, end, longest = root, place, place
                while end < len(run) and run[end][0] in node:
                    node, end = node[run[end][0]], end + 1
                    longest = end if "" in node else longest
                if longest > place:
                    spans.append((run[place][1][0], run[longest - 1][1][1]))
                place = max(longest, place + 1)
        return spans

    return find


def common(general: General) -> frozenset[str]:
    """Words that are no terms, and that no phrase begins or ends with."""
    total = sum(general.counts.values())
    return frozenset(word for word, n in general.counts.items() if n >= COMMON * total)


def count(texts: Iterable[str], stops: Set[str], limits: Limits, keep: Set[str] = frozenset()) -> Counted:
    """Words and phrases of the texts, read one by one; those in `keep` are counted whatever they are."""
    words = lost = 0
    sizes = sorted({*range(2, limits.longest + 1), *(gram.count(" ") + 1 for gram in keep if " " in gram)})
    counts: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    for text in texts:
        seen: list[str] = []
        for run in runs(text):
            row = [word for word, _ in run]
            words += len(row)
            seen += row
            fit = [word not in stops and _LETTER.search(word) is not None for word in row]
            for size in (size for size in sizes if size <= len(row)):
                grams = map(" ".join, zip(*(row[start:] for start in range(size)), strict=False))
                ends = zip(grams, fit, fit[size - 1 :], strict=False)
                free = size <= limits.longest
                seen += [gram for gram, a, b in ends if (free and a and b) or gram in keep]
        counts.update(seen)
        documents.update(set(seen))
        if len(counts) > limits.most:
            lost += _prune(counts, documents, limits.most // 2, keep)
    return Counted(words, lost, counts, documents)


def _prune(counts: Counter[str], documents: Counter[str], most: int, keep: Set[str]) -> int:
    """Drop the rarest until `most` are left, and say up to which count they went."""
    values = np.fromiter(counts.values(), np.int64, len(counts))
    floor = int(np.partition(values, len(values) - most - 1)[len(values) - most - 1])
    for gram in [gram for gram, n in counts.items() if n <= floor and gram not in keep]:
        del counts[gram], documents[gram]
    return floor


def score(counted: Counted, general: General, limits: Limits) -> tuple[Term, ...]:
    """The terms among what was counted, highest score first."""
    counts, documents, stops = counted.counts, counted.documents, common(general)
    enough = (gram for gram, n in counts.items() if n >= limits.fewest and documents[gram] >= limits.documents)
    frequent = {gram: counts[gram] for gram in enough if _may_be(gram, stops, limits.longest)}
    weighed = c_values({gram: n for gram, n in frequent.items() if " " in gram})
    grams = [gram for gram in frequent if weighed.get(gram, 1) > 0]
    least = min(general.counts.values(), default=1) / 2
    here = np.array([min(weighed.get(gram, frequent[gram]), counted.words) for gram in grams], float)
    there = np.array([min(general.counts.get(word, least) for word in gram.split()) for gram in grams], float)
    d, z = log_odds(here, there, (counted.words, max(sum(general.counts.values()), 1)), limits.prior)
    found = (
        Term(
            term=grams[place],
            kind=_kind(grams[place]),
            count=frequent[grams[place]],
            documents=documents[grams[place]],
            score=float(d[place]),
            source=MINED,
        )
        for place in np.flatnonzero(z >= limits.z).tolist()
    )
    return tuple(sorted(found, key=lambda term: (-term.score, term.term)))


def _may_be(gram: str, stops: Set[str], longest: int) -> bool:
    words = gram.split()
    fit = all(word not in stops and _LETTER.search(word) for word in (words[0], words[-1]))
    return fit and len(words) <= longest and len(gram) > 1


def log_odds(
    here: np.ndarray, there: np.ndarray, sizes: tuple[float, float], prior: float
) -> tuple[np.ndarray, np.ndarray]:
    """d of each word, in nats, and its z; `here` and `there` are counts among `sizes` words, `prior` is A.

    >>> d, z = log_odds(np.array([30.0, 10.0]), np.array([10.0, 10.0]), (1000.0, 1000.0), 100.0)
    >>> d.round(3).tolist(), z.round(2).tolist()
    ([0.999, 0.0], [2.95, 0.0])
    """
    a = prior * (here + there) / sum(sizes)
    odds = [np.log((y + a) / (n + prior - y - a)) for y, n in zip((here, there), sizes, strict=True)]
    d = odds[0] - odds[1]
    return d, d / np.sqrt(1 / (here + a) + 1 / (there + a))


def c_values(phrases: Mapping[str, int]) -> dict[str, float]:
    """C-value of each phrase, of all phrases that may be terms and their counts; 0 where it only lies in one other.

    >>> {phrase: round(c, 2) for phrase, c in c_values({"cell carcinoma": 9, "basal cell carcinoma": 4}).items()}
    {'basal cell carcinoma': 6.34, 'cell carcinoma': 5.0}
    """
    inside: Counter[str] = Counter()  # occurrences within longer phrases
    longer: Counter[str] = Counter()  # these phrases
    found = {}
    for phrase in sorted(phrases, key=lambda one: -one.count(" ")):
        words = phrase.split()
        free = phrases[phrase] - inside[phrase]
        alone = phrases[phrase] - inside[phrase] / longer[phrase] if longer[phrase] else phrases[phrase]
        found[phrase] = float(np.log2(len(words)) * alone)
        for size in range(2, len(words) if free > 0 else 0):
            for part in {
                " ".join(words[start : start + size]) for start in range(len(words) - size + 1)
            } & phrases.keys():
                inside[part] += free
                longer[part] += 1
    return found


def _given(term: str, counted: Counted) -> Term:
    """A term of a glossary that was not mined."""
    return Term(term, _kind(term), counted.counts[term], counted.documents[term], 0.0, GLOSSARY)


def _kind(gram: str) -> str:
    return PHRASE if " " in gram else WORD
