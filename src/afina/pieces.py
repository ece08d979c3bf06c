"""Counting the words of a stream of texts, and how many new tokens they are worth.

Words are counted in stretches of 200: once a stretch for learning, because a word that one document repeats says
little of the next one, and every tenth stretch is left out of learning, to choose the number of tokens by:

    worth(k) = tokens saved by the first k, as a share of all        cost(k) = k rows of the model, as a share of it

    the number is the k of the largest worth(k) - cost(k)

so that a token is added while it saves at least as large a share of the tokens as its row adds to the memory. The
tokens themselves are then learned from all stretches.

Memory is bounded, whatever the stream's length: beyond a million different words the rarest are forgotten and begin
again from 0. Cost: what cutting costs, about 10 microseconds a word. What it does not do: see phrases.

Source: Church 2000, "Empirical Estimates of Adaptation", COLING (repetition within a document); Manku & Motwani 2002,
"Approximate Frequency Counts over Data Streams", VLDB (forgetting the rarest).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

STRETCH = 200  # words, about an abstract
HELD = 10  # every tenth stretch is held out
WORDS = 1_000_000  # different ones that are remembered
LONGEST = 100  # characters; what is longer is no word, and WordPiece gives it up as unknown

Counts = Mapping[str, int]
Cut = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Counted:
    """Words, as a tokenizer's model is given them."""

    uses: Counts  # times
    stretches: Counts  # stretches that have it


def cut(tokenizer: Tokenizer) -> Cut:
    """How this tokenizer cuts a text into words, as its model is given them: after its normalizer, in its alphabet."""
    normalizer, cutter = tokenizer.normalizer, tokenizer.pre_tokenizer

    def words(text: str) -> list[str]:
        normal = normalizer.normalize_str(text) if normalizer else text
        return [word for word, _ in cutter.pre_tokenize_str(normal)]

    return words


def count(texts: Iterable[str], cut: Cut, most: int = WORDS) -> tuple[Counted, Counted]:
    """The words of nine stretches in ten, and those of the others; reads the texts once, one at a time.

    most   different words that are remembered of each
    """
    uses, stretches = (Counter[str](), Counter[str]()), (Counter[str](), Counter[str]())
    read, part, now = 0, 0, set[str]()
    for text in texts:
        for word in cut(text):
            if len(word) > LONGEST:
                continue
            uses[part][word] += 1
            now.add(word)
            read += 1
            if read % STRETCH == 0:
                stretches[part].update(now)
                now = set()
                part = int(read // STRETCH % HELD == HELD - 1)
        if len(uses[part]) > most:
            _forget(uses[part], stretches[part], most)
            now &= uses[part].keys()
    stretches[part].update(now)
    return Counted(uses[0], stretches[0]), Counted(uses[1], stretches[1])


def together(one: Counted, other: Counted) -> Counted:
    """The words of two parts."""
    return Counted(Counter(one.uses) + Counter(other.uses), Counter(one.stretches) + Counter(other.stretches))


def _forget(uses: Counter[str], stretches: Counter[str], most: int) -> None:
    """Drop the rarest until half of `most` is left."""
    for word in sorted(uses, key=lambda word: (-uses[word], word))[most // 2 :]:
        del uses[word], stretches[word]


def how_many(tokens: Sequence[int], row_share: float) -> int:
    """The number of new tokens that is worth most.

    tokens      of the held-out part with 0, 1, 2, ... new tokens
    row_share   of the model's memory that one row takes: hidden size / parameters

    >>> how_many([1000, 900, 850, 848], 0.01)
    2
    """
    worth = [(tokens[0] - now) / max(tokens[0], 1) - number * row_share for number, now in enumerate(tokens)]
    return worth.index(max(worth))
