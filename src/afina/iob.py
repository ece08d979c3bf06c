"""Spans of words as tags, and back: O outside, B- at the first word of a span, I- at the others (IOB2).

Reading understands every scheme of the family (IOB1, IOB2, IOE, BIOES, BILOU) by the one rule of conlleval and
seqeval: a span begins at B, S or U, and at any other tag that follows O, the end of a span (E, L, S, U) or another
label; it ends where the next one begins and at O. So an I- that follows nothing of its kind begins a span.

Source: Ramshaw & Marcus 1995 (IOB); Sang & Buchholz 2000, conlleval; seqeval 1.2.2, `get_entities`.
"""

from collections.abc import Iterable, Sequence

import numpy as np

OUTSIDE = "O"
Found = tuple[int, int, str]  # first word, last word + 1, label


def decode(tags: Sequence[str]) -> list[Found]:
    """The spans of a sequence of tags, in order.

    >>> decode(["B-a", "I-a", "O", "I-b", "I-a", "B-a"])
    [(0, 2, 'a'), (3, 4, 'b'), (4, 5, 'a'), (5, 6, 'a')]
    """
    spans: list[Found] = []
    start, label, ended = 0, "", True
    for place, tag in enumerate([*tags, OUTSIDE]):
        mark, kind = parts(tag)
        begins = mark in "BSU" or ended or kind != label
        if not ended and (mark == OUTSIDE or begins):
            spans.append((start, place, label))
        if mark != OUTSIDE and begins:
            start, label = place, kind
        ended = mark in "OESLU"
        if mark in "ESLU":
            spans.append((start, place + 1, label))
    return spans


def parts(tag: str) -> tuple[str, str]:
    """The mark of a tag and its label, which is 'span' where the scheme has none.

    >>> parts("B-new-york"), parts("I"), parts("O")
    (('B', 'new-york'), ('I', 'span'), ('O', ''))
    """
    mark, _, label = tag.partition("-")
    return (mark, "") if mark == OUTSIDE else (mark, label or "span")


def encode(spans: Iterable[Found], words: int) -> list[str]:
    """IOB2 tags of so many words. Spans must not overlap.

    >>> encode([(1, 3, "a")], 4)
    ['O', 'B-a', 'I-a', 'O']
    """
    tags = [OUTSIDE] * words
    for start, end, label in spans:
        tags[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
    return tags


def count(said: np.ndarray, wanted: np.ndarray) -> tuple[int, int, int]:
    """Spans that are right, answered and wanted in all rows, from places of IOB2 tags, both (rows, words).

    0 is O, 2 k + 1 is B- and 2 k + 2 is I- of kind k; where `wanted` is negative there is no word. The same as by
    `decode`, hundreds of times faster: it is asked for every resample of every look at dev.
    """
    order = np.argsort(wanted < 0, axis=1, kind="stable")  # words first
    words = np.take_along_axis(wanted, order, 1) >= 0
    begins, kinds, ends = _edges(np.where(words, np.take_along_axis(said, order, 1), 0))
    true_begins, true_kinds, true_ends = _edges(np.where(words, np.take_along_axis(wanted, order, 1), 0))
    right = begins & true_begins & (kinds == true_kinds) & (ends == true_ends)
    return int(right.sum()), int(begins.sum()), int(true_begins.sum())


def _edges(tags: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether a span begins at each word, the kind of its tag, and where a span that begins there ends."""
    width = tags.shape[1]
    kinds = (tags - 1) // 2
    before = np.pad(tags, ((0, 0), (1, 0)))[:, :width]
    begins = (tags > 0) & ((tags % 2 == 1) | (before == 0) | ((before - 1) // 2 != kinds))
    stops = np.where((tags == 0) | begins, np.arange(width), width)
    nearest = np.minimum.accumulate(stops[:, ::-1], axis=1)[:, ::-1]  # at this word or behind it
    return begins, kinds, np.pad(nearest, ((0, 0), (0, 1)), constant_values=width)[:, 1:]
