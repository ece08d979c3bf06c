"""What becomes of capitals in a tokenizer, where that matters.

Nothing is changed for it: what is changed in training would have to be changed in every text that the model is asked
about. Two cases are named. A tokenizer that tells capitals from small letters breaks texts in capitals into more
tokens. One that does not, hides what tells spans from the words around them where these begin with a capital.
"""

from collections.abc import Sequence
from typing import Any

from afina.records import Row
from afina.words import words

DEARER = 1.15  # times as many tokens as in lower case, from which it is said
ROWS = 1000  # with spans, that are looked at
TELLS = 0.5  # difference of the shares of capitals within spans and outside, from which it is said


def notes(texts: Sequence[str], rows: Sequence[Row], tokenizer: Any) -> list[str]:
    """What to know of capitals in these texts and in the spans of these rows. Cost: the texts are tokenized twice."""
    given, small = _ids(texts, tokenizer), _ids([text.lower() for text in texts], tokenizer)
    if given != small:
        dearer = sum(map(len, given)) / sum(map(len, small))
        if dearer < DEARER:
            return []
        return [
            f"capitals cost: the texts take {dearer:.2f} times the tokens that they would in lower case; "
            "if they say nothing, lower-case the texts here and in use, or take a base that does so itself"
        ]
    inside, outside = _capitals(rows)
    if inside - outside < TELLS:
        return []
    return [
        f"{inside:.0%} of the words in spans begin with a capital, {outside:.0%} of the others, and this base does "
        "not see it: one that tells capitals from small letters may find more"
    ]


def _ids(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    return tokenizer(list(texts), verbose=False, add_special_tokens=False)["input_ids"] if texts else []


def _capitals(rows: Sequence[Row]) -> tuple[float, float]:
    """Shares of the words that begin with a capital, within spans and outside."""
    seen: tuple[list[bool], list[bool]] = [], []
    for row in [row for row in rows if row.spans][:ROWS]:
        for start, end in words(row.text):
            within = any(span.start <= start and end <= span.end for span in row.spans or ())
            seen[not within].append(row.text[start].isupper())
    inside, outside = (sum(part) / max(len(part), 1) for part in seen)
    return inside, outside
