"""Sets of spans: those of rows, those of answers by word, and how the two compare.

A span is a label with its first word and the one after its last; two are the same where all three are. The tags of
words are read by the rule of `iob`, the words of texts by that of `words`.
"""

from collections.abc import Sequence

import numpy as np

from afina import iob, words
from afina.counting import Counts
from afina.records import Row, Task

Spans = set[iob.Found]  # first word, last word + 1, label
NONE = "(none)"  # in place of no span


def wanted(row: Row) -> Spans:
    """The spans of a row in words; one that ends within a word takes all of it."""
    places = words.words(row.text)
    spans = ((*words.within(places, span.start, span.end), span.label) for span in row.spans or ())
    return {span for span in spans if span[0] < span[1]}


def found(tags: np.ndarray, labels: Sequence[str]) -> Spans:
    """The spans of places of tags in `labels`, (words,)."""
    return set(iob.decode([labels[tag] for tag in tags.tolist()]))


def pairs(rows: Sequence[Row], answers: np.ndarray, task: Task) -> list[tuple[Spans, Spans]]:
    """The spans answered and the true ones, row by row."""
    return [(found(one.argmax(1), task.labels), wanted(row)) for row, one in zip(rows, answers, strict=True)]


def counts(compared: Sequence[tuple[Spans, Spans]], labels: Sequence[str], unseen: bool = True) -> Counts:
    """Spans right, answered and wanted by row and kind; with `unseen` a last kind for what training never saw."""
    place = {name: index for index, name in enumerate(kinds(labels))}
    tables = np.zeros((3, len(compared), len(place) + unseen))
    for row, (said, true) in enumerate(compared):
        for table, spans in zip(tables, (said & true, said, true), strict=True):
            for *_, label in spans:
                if label in place or unseen:
                    table[row, place.get(label, -1)] += 1
    return Counts(*tables)


def kinds(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels of spans among the tags."""
    return tuple(label[2:] for label in labels if label.startswith("B-"))


def mistakes(
    rows: Sequence[Row], answers: np.ndarray, compared: Sequence[tuple[Spans, Spans]]
) -> tuple[tuple[str, str, str, float], ...]:
    """Spans that are answered and wrong, beside what is true there, and spans that are missed; the surest first.

    where, truth, answer, and the probability of the span's least sure word; spans in characters, without their text.
    """
    wrong = []
    for row, answer, (said, true) in zip(rows, answers, compared, strict=True):
        places = words.words(row.text)
        name = {span: f"{span[2]} {places[span[0]][0]}:{places[span[1] - 1][1]}" for span in said | true}
        for span in sorted(said ^ true):
            touching = [one for one in sorted(true if span in said else said) if one[0] < span[1] and span[0] < one[1]]
            if span in true and touching:
                continue  # told from the other side
            other = name[touching[0]] if touching else NONE
            truth, answered = (other, name[span]) if span in said else (name[span], other)
            wrong.append((row.where, truth, answered, float(answer[span[0] : span[1]].max(1).min())))
    return tuple(sorted(wrong, key=lambda one: -one[3]))
