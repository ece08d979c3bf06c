"""The words of a text, and which token of which window answers for each.

A word is a run of characters without white space and signs; each sign (Unicode's punctuation and symbols) is a word of
its own. The rule is the same in training, scoring and use, and needs no tokenizer of a language; Chinese and Japanese
runs, which have no spaces, are one word.

A text longer than the model reads is cut into windows that overlap by a quarter. Each word is read in the window where
it stands farthest from a cut, at its first token; a word that no token stands for (characters that the tokenizer drops)
is read nowhere. Source: Devlin et al. 2019, arXiv:1810.04805, 5.3 (first sub-token) and their run_squad (windows).
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

Range = tuple[int, int]  # characters: start, end


def words(text: str) -> list[Range]:
    """Start and end of each word.

    >>> [("don't stop: 5 µm"[a:b]) for a, b in words("don't stop: 5 µm")]
    ['don', "'", 't', 'stop', ':', '5', 'µm']
    """
    found: list[Range] = []
    start = -1
    for place, char in enumerate(text):
        kind = _kind(char)
        if kind != "letter" and start >= 0:
            found.append((start, place))
            start = -1
        if kind == "sign":
            found.append((place, place + 1))
        elif kind == "letter" and start < 0:
            start = place
    if start >= 0:
        found.append((start, len(text)))
    return found


@cache
def _kind(char: str) -> str:
    if char.isspace():
        return "space"
    return "sign" if unicodedata.category(char)[0] in "PS" else "letter"


def within(found: Sequence[Range], start: int, end: int) -> Range:
    """First word and last word + 1 that a stretch of characters touches; equal where it touches none.

    >>> within([(0, 3), (4, 7), (7, 8)], 1, 5), within([(0, 3), (4, 7)], 3, 4)
    ((0, 2), (1, 1))
    """
    first = bisect_right([word[1] for word in found], start)
    last = first
    while start < end and last < len(found) and found[last][0] < end:
        last += 1
    return first, last


def overlap(max_tokens: int) -> int:
    """Tokens that two neighbouring windows share."""
    return max_tokens // 4


def assign(windows: Sequence[Sequence[Range]], found: Sequence[Range]) -> list[list[Range]]:
    """For each window the words that are read in it, as (word, token).

    windows  the characters of each token of each window; (0, 0) for tokens of no characters
    """
    best: dict[int, tuple[int, int, int]] = {}  # word -> tokens to the nearest cut, window, token
    for window, offsets in enumerate(windows):
        real = [token for token, (start, end) in enumerate(offsets) if end > start]
        starts, ends = [offsets[token][0] for token in real], [offsets[token][1] for token in real]
        for word, (start, end) in enumerate(found):
            at = bisect_right(ends, start)  # the first token that ends behind the word's first character
            if at == len(real) or starts[at] >= end:
                continue
            left = at if window else len(real)
            right = len(real) - 1 - at if window < len(windows) - 1 else len(real)
            if word not in best or min(left, right) > best[word][0]:
                best[word] = min(left, right), window, real[at]
    read: list[list[Range]] = [[] for _ in windows]
    for word, (_, window, token) in sorted(best.items()):
        read[window].append((word, token))
    return read


def by_word(values: np.ndarray, texts: Sequence[str], places: Sequence[Range], width: int) -> np.ndarray:
    """Answers (words read, width) put at their (text, word): an object array of (words, width) arrays, one a text.

    A word that was read nowhere has zeros.
    """
    answers = np.empty(len(texts), dtype=object)
    for place, text in enumerate(texts):
        answers[place] = np.zeros((len(words(text)), width), np.float32)
    for value, (place, word) in zip(values, places, strict=True):
        answers[place][word] = value
    return answers


def each(answers: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`change` of answers by text, or of those of each text where they are by word."""
    if answers.dtype != object:
        return change(answers)
    changed = np.empty(len(answers), dtype=object)
    for place, answer in enumerate(answers):
        changed[place] = change(answer)
    return changed


def flat(answers: np.ndarray) -> np.ndarray:
    """Answers by text, or by word of each text, as one table: (texts, width) or (words of all texts, width)."""
    if answers.dtype != object:
        return answers
    return np.concatenate(list(answers)) if len(answers) else np.zeros((0, 0))
