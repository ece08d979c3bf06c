"""Counting the words of a stream of texts, and how many new tokens they are worth.

Words are counted in stretches of 200: once a stretch for learning, because a word that one document repeats says
little of the next one, and every tenth stretch is left out of learning, to choose the number of tokens by:

    worth(k) = tokens saved by the first k, as a share of all        cost(k) = k rows of the model, as a share of it

    the number is the k of the largest worth(k) - cost(k)

so that a token is added while it saves at least as large a share of the tokens as its row adds to the memory.

Memory is bounded, whatever the stream's length: beyond a million different words the rarest are forgotten and begin
again from 0. Cost: what cutting costs, about 5 microseconds a word. What it does not do: see phrases.

Source: Church 2000, "Empirical Estimates of Adaptation", COLING (repetition within a document); Manku & Motwani 2002,
"Approximate Frequency Counts over Data Streams", VLDB (forgetting the rarest).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

STRETCH = 200  # words, about an abstract
HELD = 10  # every tenth stretch is held out
WORDS = 1_000_000  # different ones that are remembered
LONGEST = 100  # characters; what is longer is no word, and WordPiece gives it up as unknown

Counts = Mapping[str, int]
Cut = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Counted:
    """The words of a corpus, as a tokenizer's model is given them."""

    uses: Counts  # times, in the part that is learned from
    stretches: Counts  # stretches of that part that have it
    held: Counts  # times, in the held-out part; all of a corpus that is shorter than ten stretches


def count(texts: Iterable[str], cut: Cut, most: int = WORDS) -> Counted:
    """Read the texts once, one at a time."""
    uses, stretches, held = Counter[str](), Counter[str](), Counter[str]()
    read, now = 0, set[str]()
    for text in texts:
        for word in cut(text):
            if len(word) > LONGEST:
                continue
            if read // STRETCH % HELD == HELD - 1:
                held[word] += 1
            else:
                uses[word] += 1
                now.add(word)
            read += 1
            if read % STRETCH == 0:
                stretches.update(now)
                now = set()
        if len(uses) + len(held) > most:
            forget(uses, most)
            forget(held, most)
            stretches = Counter({word: n for word, n in stretches.items() if word in uses})
    stretches.update(now)
    return Counted(uses, stretches, held or uses)


def forget(counts: Counter[str], most: int) -> None:
    """Drop the rarest until a quarter of `most` is left at most."""
    for word in sorted(counts, key=lambda word: (-counts[word], word))[most // 4 :]:
        del counts[word]


def how_many(tokens: Sequence[int], step: int, row_share: float) -> int:
    """The number of new tokens, a multiple of `step`, that is worth most.

    tokens      of the held-out part with 0, step, 2 step, ... new tokens
    row_share   of the model's memory that one row takes: hidden size / parameters

    >>> how_many([1000, 900, 850, 848], 100, 0.0001)
    200
    """
    worth = [(tokens[0] - now) / max(tokens[0], 1) - place * step * row_share for place, now in enumerate(tokens)]
    return worth.index(max(worth)) * step
