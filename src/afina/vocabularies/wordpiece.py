"""WordPiece (BERT, DistilBERT, ELECTRA, MPNet): whole words of the domain and beginnings of its words.

    gain(p) = sum over words w that begin with p of stretches(w) * (tokens(w) - tokens(w with p))
    tokens(w with p) = 1 + tokens of the rest of w, longest piece first

The model reads the longest piece first, so that a new piece works at once, and a text in which none of them is read has
the very same ids as before. Pieces are taken one after the other, each the one of the largest gain beside those taken.
A beginning stands for words that the corpus has not seen ("heterozygo", "thrombo"): with 2,000 new tokens whole words
alone save 14.5% of the tokens a word of unseen biomedical text, with beginnings 15.1%; ends ("##toxicity") would add
less than 0.1 and were left out, because they match inside other words. So does a beginning in principle: none is taken
that would change a word of general language which the domain does not use.

Words are as the tokenizer's own normalizer leaves them: an uncased BERT drops case and accents, others keep them.
Cost: about a second for 20,000 different words. What it does not do: add pieces inside words, phrases, or words with
characters that the tokenizer does not know.

Source: Schuster & Nakajima 2012, "Japanese and Korean Voice Search", ICASSP (pieces); Devlin et al. 2019,
arXiv:1810.04805 (longest first); Hong et al. 2021, "AVocaDo", arXiv:2110.13434 (choosing by broken words).

Alone, with a plain tokenizer of Hugging Face's `tokenizers`:

    counted = pieces.count(texts, pieces.cut(tokenizer))
    new = wordpiece.propose(tokenizer, counted, terms=("thrombolysis",), general=(), most=2000)
    tokenizer = wordpiece.merge(tokenizer, new)
"""

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer

from afina.errors import ConfigError
from afina.pieces import LONGEST, Counted, Counts, cut

FEWEST = 2  # uses of a piece in the corpus


def reads(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer is of this family."""
    model = json.loads(tokenizer.to_str())["model"]
    return model["type"] == "WordPiece" and model["continuing_subword_prefix"] == "##"


def propose(
    tokenizer: Tokenizer, counted: Counted, terms: Iterable[str], general: Iterable[str], most: int
) -> tuple[str, ...]:
    """New pieces, the words of `terms` first and then by gain.

    terms     a glossary; each of its words becomes a token, whatever the corpus has
    general   words of general language that must stay as they are, but for those that the corpus has
    """
    words = cut(tokenizer)
    vocabulary = set(tokenizer.get_vocab())
    taken = [word for word in dict.fromkeys(w for term in terms for w in words(term)) if word not in vocabulary]
    taken = [word for word in taken if len(word) <= LONGEST][:most]
    taboo = _beginnings(vocabulary, {w for text in general for w in words(text)} - counted.uses.keys())
    return (*taken, *_greedy(vocabulary, counted, taken, taboo, most - len(taken)))


def tokens(tokenizer: Tokenizer, new: Sequence[str], words: Counts) -> list[int]:
    """Tokens that these words take with the first 0, 1, 2, ... of the new ones, each word as often as it is counted."""
    gains = _Gains(Counted(words, words), set(tokenizer.get_vocab()), ())
    found = [gains.tokens + sum(n for word, n in words.items() if word not in gains.rests)]  # unknown ones: one each
    for piece in new:
        was = gains.tokens
        gains.take(piece)
        found.append(found[-1] + gains.tokens - was)
    return found


def merge(tokenizer: Tokenizer, new: Sequence[str]) -> Tokenizer:
    """The same tokenizer with these pieces behind its last token; those that it has are left out.

    Raises ConfigError where a whole word was added to the tokenizer before: it would become a piece and match as one.
    """
    content = json.loads(tokenizer.to_str())
    known, words = tokenizer.get_vocab(), cut(tokenizer)
    fresh = [piece for piece in dict.fromkeys(new) if piece not in known]
    if not fresh:
        return Tokenizer.from_str(tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    behind = {token["content"]: token["id"] for token in content["added_tokens"] if token["content"] not in vocabulary}
    if whole_words := [token for token in behind if words(token) == [token]]:
        raise ConfigError(
            f"{whole_words[0]!r} was added to the tokenizer as a whole word, and pieces can no longer follow it",
            "merge the vocabulary first, and add terms and special tokens afterwards",
        )
    first = max(known.values()) + 1
    vocabulary |= behind | {piece: first + place for place, piece in enumerate(fresh)}  # so that ids have no gap
    return Tokenizer.from_str(json.dumps(content))


def whole(tokenizer: Tokenizer, terms: Sequence[str]) -> Tokenizer:
    """The same tokenizer with terms, words or phrases, as tokens that match as whole words only."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    known = tokenizer.get_vocab()
    normal: Any = tokenizer.normalizer
    fresh = [term for term in dict.fromkeys(terms) if (normal.normalize_str(term) if normal else term) not in known]
    copy.add_tokens([AddedToken(term, single_word=True, normalized=True) for term in fresh])
    return copy


class _Gains:
    """What each possible beginning would save, kept up to date while tokens are taken."""

    def __init__(self, counted: Counted, vocabulary: set[str], taken: Sequence[str]) -> None:
        self.counted = counted
        self.rests: dict[str, list[int]] = {}  # of each word: tokens from each of its places on
        self.first: dict[str, int] = {}  # characters of its first token now
        self.saved, self.uses = Counter[str](), Counter[str]()  # by piece: stretches x tokens, and uses in the corpus
        self.users = defaultdict[str, list[str]](list)
        self.tokens = 0  # of all words now, by stretches
        start = vocabulary | set(taken)
        for word in counted.stretches:
            rest = _rests(word, vocabulary)
            if rest:
                self.rests[word], self.first[word] = rest, _longest(word, start)
                self.tokens += counted.stretches[word] * (1 + rest[self.first[word]])
                for piece in self.put(word, 1):
                    self.users[piece].append(word)

    def put(self, word: str, sign: int) -> list[str]:
        """Add what a word has to give, or with -1 take it away again; the pieces concerned."""
        rest, first = self.rests[word], self.first[word]
        ends = range(first + 1, len(word) + 1)
        for end in ends:
            self.saved[word[:end]] += sign * self.counted.stretches[word] * (rest[first] - rest[end])
            self.uses[word[:end]] += sign * self.counted.uses[word]
        return [word[:end] for end in ends]

    def take(self, piece: str) -> set[str]:
        """Give every word that begins with it this first token; the pieces whose gains have changed."""
        changed: set[str] = set()
        for word in self.users[piece]:
            if self.first[word] < len(piece):
                changed.update(self.put(word, -1))
                fewer = self.rests[word][self.first[word]] - self.rests[word][len(piece)]
                self.tokens -= self.counted.stretches[word] * fewer
                self.first[word] = len(piece)
                self.put(word, 1)
        return changed


def _greedy(vocabulary: set[str], counted: Counted, taken: Sequence[str], taboo: set[str], most: int) -> list[str]:
    """Pieces by their gain beside those that were taken before them."""
    gains = _Gains(counted, vocabulary, taken)
    heap = [(-saved, piece) for piece, saved in gains.saved.items() if saved > 0 and piece not in taboo]
    heapq.heapify(heap)
    found: list[str] = []
    while heap and len(found) < most:
        saved, piece = heapq.heappop(heap)
        if -saved != gains.saved[piece] or gains.uses[piece] < FEWEST:
            continue  # its gain has changed since it was put here
        found.append(piece)
        for other in sorted(gains.take(piece) - taboo):
            if gains.saved[other] > 0:
                heapq.heappush(heap, (-gains.saved[other], other))
    return found


def _longest(word: str, vocabulary: set[str]) -> int:
    """Characters of the first token."""
    return next((end for end in range(len(word), 0, -1) if word[:end] in vocabulary), 0)


def _rests(word: str, vocabulary: set[str]) -> list[int]:
    """Tokens that the word takes from each place on, longest first; empty for a word that the tokenizer cannot read.

    A place from which it cannot go on counts as more tokens than any word has, which no gain can make up for.
    """
    tokens = [0] * (len(word) + 1)
    for place in range(len(word) - 1, 0, -1):
        ends = range(len(word), place, -1)
        end = next((end for end in ends if f"##{word[place:end]}" in vocabulary), None)
        tokens[place] = LONGEST if end is None else min(1 + tokens[end], LONGEST)
    start = _longest(word, vocabulary)
    return tokens if start and tokens[start] < LONGEST else []


def _beginnings(vocabulary: set[str], words: Iterable[str]) -> set[str]:
    """Every piece that would become the first token of one of these words."""
    return {word[:end] for word in words for end in range(_longest(word, vocabulary) + 1, len(word) + 1)}
