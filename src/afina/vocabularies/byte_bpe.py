"""Byte-level BPE (RoBERTa, ModernBERT): whole words of the domain.

    gain(w) = stretches(w) * (tokens(w) - 1)

A word is what the tokenizer's first cut gives: letters with the space before them ("Ġthrombolysis"), so that
"thrombolysis" at the beginning of a text and "Thrombolysis" are other ones. The model is told to look a word up before
it merges anything (`ignore_merges`), which is longest match first where it counts: merges put behind the old ones
would need a row for every intermediate piece and would apply inside other words, and an added token would swallow or
double the space before it. A text that has none of the new words has the very same ids as before.

Looking up first also reads a word that is an old token as that token, which merging does too for every token of a
vocabulary that was made by merging alone; a vocabulary where it does not is refused by `merge`.

Cost: linear in different words; encoding is as fast or faster, because looked-up words are not merged. What it does
not do: share pieces between words, so that unseen words stay as they were; phrases.

Source: Sennrich et al. 2016, arXiv:1508.07909 (BPE); Radford et al. 2019 (bytes); Liu et al. 2024, "AdaptBPE",
arXiv:2410.03258 (longest match first; merges appended to the old ones are structurally worse).

Alone, with a plain tokenizer of Hugging Face's `tokenizers`:

    counted = pieces.count(texts, pieces.cut(tokenizer))
    new = byte_bpe.propose(tokenizer, counted, terms=("thrombolysis",), general=(), most=2000)
    tokenizer = byte_bpe.merge(tokenizer, new)
"""

import json
import operator
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from tokenizers import Tokenizer

from afina.errors import ConfigError
from afina.pieces import LONGEST, Counted, Counts, cut

FEWEST = 2  # uses of a word in the corpus


def reads(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer is of this family."""
    content = json.loads(tokenizer.to_str())
    model: dict[str, Any] = content["model"]
    plain = not (model.get("continuing_subword_prefix") or model.get("end_of_word_suffix") or model.get("dropout"))
    return model["type"] == "BPE" and plain and '"ByteLevel"' in json.dumps(content["pre_tokenizer"])


def propose(
    tokenizer: Tokenizer, counted: Counted, terms: Iterable[str], general: Iterable[str], most: int
) -> tuple[str, ...]:
    """New words, those of `terms` first, with and without a space before them, and then by gain.

    general   is not needed: no other word can change
    """
    known = tokenizer.get_vocab()
    gains = {}
    for word, stretches in counted.stretches.items():
        if word not in known and counted.uses[word] >= FEWEST:
            gains[word] = stretches * (len(tokenizer.model.tokenize(word)) - 1)
    ordered = sorted((word for word in gains if gains[word] > 0), key=lambda word: (-gains[word], word))
    taken = [word for word in _forms(tokenizer, terms) if word not in known and len(word) <= LONGEST]
    return tuple(dict.fromkeys([*taken, *ordered]))[:most]


def tokens(tokenizer: Tokenizer, new: Sequence[str], words: Counts) -> list[int]:
    """Tokens that these words take with the first 0, 1, 2, ... of the new ones, each word as often as it is counted."""
    broken = {word: len(tokenizer.model.tokenize(word)) for word in words}
    saved = [(broken[word] - 1) * words[word] if word in words else 0 for word in new]
    return list(accumulate(saved, operator.sub, initial=sum(broken[word] * n for word, n in words.items())))


def merge(tokenizer: Tokenizer, new: Sequence[str]) -> Tokenizer:
    """The same tokenizer with these words behind its last token; those that it has are left out.

    Raises ConfigError where looking up first would read old tokens that merging never makes.
    """
    content = json.loads(tokenizer.to_str())
    known = tokenizer.get_vocab()
    fresh = [word for word in dict.fromkeys(new) if word not in known]
    first = max(known.values()) + 1
    if not fresh:
        return Tokenizer.from_str(tokenizer.to_str())
    if not content["model"].get("ignore_merges"):
        _same_when_looked_up(tokenizer, content)
    content["model"]["ignore_merges"] = True
    behind = {token["content"]: token["id"] for token in content["added_tokens"]}  # so that ids have no gap
    content["model"]["vocab"] |= behind | {word: first + place for place, word in enumerate(fresh)}
    return Tokenizer.from_str(json.dumps(content))


def whole(tokenizer: Tokenizer, terms: Sequence[str]) -> Tokenizer:
    """The same tokenizer with each word of the terms as a token, with and without a space before it."""
    return merge(tokenizer, _forms(tokenizer, terms))


def _forms(tokenizer: Tokenizer, terms: Iterable[str]) -> list[str]:
    words = cut(tokenizer)
    parts = [part for term in terms for part in term.split()]
    return list(dict.fromkeys(word for part in parts for form in (f" {part}", part) for word in words(form)))


def _same_when_looked_up(tokenizer: Tokenizer, content: dict[str, Any]) -> None:
    added = {token["content"] for token in content["added_tokens"]}
    odd = [w for w in content["model"]["vocab"] if w not in added and len(tokenizer.model.tokenize(w)) != 1]
    if odd:
        raise ConfigError(
            f"{len(odd)} of the tokenizer's tokens are never made by its merges, such as {odd[0]!r}; looking words up "
            "first would begin to read them",
            "leave the vocabulary of this base as it is, or choose another base",
        )
