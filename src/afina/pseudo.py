"""Masked perplexity: how much it surprises a base to find, in a text, the words that were hidden from it.

    nats = -ln p(hidden tokens | the rest of the text)        perplexity = exp(nats / hidden tokens)

The words of a text are dealt to seven passes at random; each pass hides its own, a word with all of its tokens, behind
the mask and nothing else, so that every word is hidden once. With up to seven words that is pseudo-perplexity by whole
words, one at a time. Of longer texts a seventh is hidden at once, about as in training: seven readings instead of one a
token, and less to guess by, so that the number is higher: with 8 words by 0.03 nats, with 25 by 0.14, correlated 0.98
over texts (60 general sentences, the bundled base with a head of 150 steps); more where a base makes more of what
stands around.

The stage `adapt` counts its perplexity alike but for its masks: those that it trains on, of which a fifth keep or swap
the word, in one pass. The two numbers cannot be compared; nor can those of two tokenizers.

Unit: nats a token. What is dealt follows from the text alone: the same one is asked the same, whatever model reads it.
What it does not say: whether a text is right, or why it surprises. Source: Salazar et al. 2020, "Masked Language Model
Scoring", arXiv:1910.14659; whole words, Kauf & Ivanova 2023, arXiv:2305.10588.
"""

import numpy as np

from afina.masking import IGNORED, Encoded

PASSES = 7  # a seventh is about the share that heads are trained with, `masking.SHARE`
TEXTS = 100  # that are read at most


def some(texts: list[str]) -> list[str]:
    """At most TEXTS of them, evenly over the list."""
    places = np.linspace(0, len(texts) - 1, min(len(texts), TEXTS)).round().astype(int)
    return [texts[place] for place in places]


def hidden(row: Encoded, mask: int) -> list[Encoded]:
    """The row once for each pass, with the words of this pass behind the `mask`, and "labels" where they stood.

    row   as `masking.windows` makes it; passes without a word are left out
    """
    ids, words = np.array(row["input_ids"]), np.array(row["words"])
    count = words.max() + 1
    dealt = np.append(np.random.default_rng(row["input_ids"]).permutation(count) % PASSES, PASSES)[words]  # -1: none
    rest = {key: value for key, value in row.items() if key != "words"}
    passes = (dealt == number for number in range(min(count, PASSES)))
    return [
        {**rest, "input_ids": np.where(chosen, mask, ids).tolist(), "labels": np.where(chosen, ids, IGNORED).tolist()}
        for chosen in passes
    ]


def each(table: np.ndarray) -> np.ndarray:
    """Nats a token, of sums of nats and of tokens (..., 2).

    >>> each(np.array([[6.0, 4.0], [0.0, 0.0]])).tolist()
    [1.5, 0.0]
    """
    return table[..., 0] / np.maximum(table[..., 1], 1)
