"""Masks for masked language modelling: 15% of the words, whole ones, hidden in three ways.

    a word is chosen with probability 0.15, all of its tokens with it; where none is, the one that came nearest to it
    a token of a chosen word becomes   the mask, 80%     any ordinary token, 10%     what it was, 10%
    labels   the token that stood there; -100 where nothing was chosen, which losses leave out

Masks are drawn from the generator that is given, and from nothing else: the same seed, pass and row give the same
ones, whatever was trained before. Cost: about 50 microseconds a row. Words are those of the tokenizer's own first cut.
What it does not do: mask by what a word is; join words to phrases; look at what neighbouring rows have.
Source: Devlin et al. 2019, "BERT", arXiv:1810.04805, section 3.1 and, for whole words, its authors' release notes.

Alone, with a plain Trainer and DataCollatorForTokenClassification:

    rows, _ = windows(tokenizer, texts, 128)
    vocabulary = vocabulary_of(tokenizer)
    masked = [mask(row, vocabulary, np.random.default_rng((seed, place))) for place, row in enumerate(rows)]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from afina.errors import ConfigError

SHARE = 0.15  # of the words
MASKED, KEPT = 0.8, 0.9  # below the first a token becomes the mask, from the second on it stays; else it is another one
IGNORED = -100  # a label that counts for nothing
FEWEST_WORDS = 2  # of a window: one word alone has nothing around it to be guessed from

Encoded = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What stands in the place of a token."""

    mask: int  # id of the mask
    ordinary: np.ndarray  # ids of all tokens but the special ones


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """The vocabulary of a tokenizer. Raises ConfigError where it has no mask."""
    if tokenizer.mask_token_id is None:
        raise ConfigError(
            "the base's tokenizer has no mask token, so that nothing can be masked",
            "leave adapt_file out, or choose a base that was pretrained with masks",
        )
    ordinary = sorted(set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids))
    return Vocabulary(tokenizer.mask_token_id, np.array(ordinary))


def windows(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> tuple[list[Encoded], list[int]]:
    """Token ids of the texts, long ones cut into windows, not padded, and the text that each window is of.

    "words" numbers the words of a window, from 0, for each of its tokens; -1 is none. Needs a fast tokenizer.
    """
    if not texts:
        return [], []
    encoded = tokenizer(list(texts), truncation=True, max_length=max_tokens, return_overflowing_tokens=True)
    sources = encoded.pop("overflow_to_sample_mapping")
    rows, places = [], []
    for row, source in enumerate(sources):
        words = np.array([-1 if word is None else word for word in encoded.word_ids(row)])
        found, numbers = np.unique(words, return_inverse=True)
        numbers = numbers - int(found[0] < 0)
        if numbers.max(initial=-1) + 1 >= FEWEST_WORDS:
            rows.append({**{key: encoded[key][row] for key in encoded}, "words": numbers.tolist()})
            places.append(source)
    return rows, places


def mask(row: Encoded, vocabulary: Vocabulary, rng: np.random.Generator, share: float = SHARE) -> Encoded:
    """The row with its masks and "labels", and without "words". At least one word is chosen, and `share` of them."""
    ids, words = np.array(row["input_ids"]), np.array(row["words"])
    drawn = rng.random(words.max() + 1)
    chosen = np.append(drawn <= max(share, drawn.min()), False)[words]  # the last one stands for no word, -1
    way, others = rng.random(len(ids)), rng.choice(vocabulary.ordinary, len(ids))
    hidden = np.where(way < MASKED, vocabulary.mask, np.where(way < KEPT, others, ids))
    rest = {key: value for key, value in row.items() if key != "words"}
    labels = np.where(chosen, ids, IGNORED)
    return {**rest, "input_ids": np.where(chosen, hidden, ids).tolist(), "labels": labels.tolist()}
