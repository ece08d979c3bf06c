"""A domain's vocabulary in a model's own tokenizer: learn it, merge it, say what it saves.

Old ids never change; new tokens stand behind the last one. What is written by save_pretrained and opened again by
AutoTokenizer gives the same ids. A model needs a row for each new token: see `growing`.

What it does not do: learn phrases (added terms may be phrases where the tokenizer is WordPiece), change Unigram
tokenizers, or teach a model what the new tokens mean. Cost: about 10 microseconds a running word, and a second.

    learned = learn(tokenizer, texts, Limits(2000, hidden / parameters), terms, samples.general_words("en"))
    after = merge(tokenizer, learned.tokens)
"""

import copy
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from afina import pieces, samples, shelf
from afina.errors import ConfigError
from afina.records import Fertility, Vocabulary

SHELF = "vocabularies"
CHUNK = 1000  # texts tokenized at once


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tokens are worth it."""

    most: int = 2000
    row_share: float = 0.0  # of the model's memory that one row takes, hidden / parameters; 0 takes what saves at all


def family(tokenizer: Any) -> str:
    """The module on the shelf that reads this tokenizer. Raises ConfigError where none does."""
    backend = _backend(tokenizer)
    for name in shelf.names(SHELF):
        if shelf.load(SHELF, name).reads(backend):
            return name
    kind = json.loads(backend.to_str())["model"]["type"]
    raise ConfigError(
        f"the base's tokenizer is a {kind} one, whose tokens have probabilities or merges that new ones cannot join",
        "leave its vocabulary as it is, or choose a base with WordPiece (BERT, MPNet) or byte-level BPE (RoBERTa)",
    )


def learn(
    tokenizer: Any, texts: Iterable[str], limits: Limits, terms: Sequence[str] = (), general: Iterable[str] = ()
) -> Vocabulary:
    """New tokens for the words of the texts, which are read once.

    terms     words that become tokens whatever the texts have
    general   words of general language that are to stay as they are, such as `samples.general_words`

    Raises ConfigError for a tokenizer of another family.
    """
    name = family(tokenizer)
    module, backend = shelf.load(SHELF, name), _backend(tokenizer)
    part, held = pieces.count(texts, pieces.cut(backend))
    every = pieces.together(part, held)
    if not held.uses:
        part = held = every  # a corpus of fewer than ten stretches is its own held-out part
    general = tuple(general)
    trial = module.propose(backend, part, terms, general, limits.most)
    given = len(module.propose(backend, pieces.Counted({}, {}), terms, (), limits.most))
    tokens = module.tokens(backend, trial, held.uses)
    number = given + pieces.how_many(tokens[given:], limits.row_share)
    found = module.propose(backend, every, terms, general, number)
    return Vocabulary(name, found, given, (tokens[0], tokens[number]))


def merge(tokenizer: Any, new: Sequence[str]) -> Any:
    """A copy of the tokenizer with the new tokens."""
    module = shelf.load(SHELF, family(tokenizer))
    return _like(tokenizer, module.merge(_backend(tokenizer), new))


def add_terms(tokenizer: Any, terms: Sequence[str]) -> Any:
    """A copy of the tokenizer in which each term is a token where it stands as a whole word, and nowhere else."""
    module = shelf.load(SHELF, family(tokenizer))
    return _like(tokenizer, module.whole(_backend(tokenizer), terms))


def add_marks(tokenizer: Any, marks: Sequence[str]) -> Any:
    """A copy of the tokenizer with special tokens such as [PROTEÍNA], read as they are written: case and accents count.

    A mark that begins or ends with a letter matches as a whole word only; brackets keep others apart by themselves.
    Works for every family. Raises ConfigError for a mark with white space at its ends or that is empty.
    """
    for mark in marks:
        if not mark.strip() or mark != mark.strip():
            raise ConfigError(f"{mark!r} cannot be a special token", "write it without white space around it")
    made = copy.deepcopy(tokenizer)
    tokens = [AddedToken(m, single_word=m[0].isalnum() or m[-1].isalnum(), normalized=False) for m in marks]
    made.add_special_tokens({"extra_special_tokens": tokens}, replace_extra_special_tokens=False)
    return made


def fertility(before: Any, after: Any, texts: Sequence[str]) -> Fertility:
    """What a tokenizer saves against another one on these texts."""
    counts = Counter(word for text in texts for word in samples.words(text))

    def a_word(tokenizer: Any) -> float:
        broken = samples.pieces([counts], tokenizer)
        return sum(broken[word] * count for word, count in counts.items()) / max(counts.total(), 1)

    def running(tokenizer: Any) -> int:
        return sum(map(len, tokens(tokenizer, texts)))

    return Fertility(counts.total(), a_word(before), a_word(after), (running(before), running(after)))


def tokens(tokenizer: Any, texts: Sequence[str]) -> Iterator[list[int]]:
    """The token ids of each text, no special ones around them, in the memory of a thousand texts."""
    for start in range(0, len(texts), CHUNK):
        part = list(texts[start : start + CHUNK])
        yield from tokenizer(part, add_special_tokens=False, verbose=False)["input_ids"]


def _backend(tokenizer: Any) -> Tokenizer:
    if not tokenizer.is_fast:
        raise ConfigError("the base has no fast tokenizer", "choose a base with a tokenizer.json")
    backend: Tokenizer = tokenizer.backend_tokenizer
    return backend


def _like(tokenizer: Any, backend: Tokenizer) -> Any:
    """The tokenizer with another backend: of its own class where that class opens this backend as it is.

    Some classes (RoBERTa's) make their backend anew from vocabulary and merges, and forget the rest: these become
    Hugging Face's general class, which opens what is written.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    wanted = backend.to_str()
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        (Path(folder) / "tokenizer.json").write_text(wanted, encoding="utf-8")
        (Path(folder) / "added_tokens.json").unlink(missing_ok=True)
        made = AutoTokenizer.from_pretrained(folder)
    if made.backend_tokenizer.to_str() != wanted:
        made = PreTrainedTokenizerFast(
            tokenizer_object=backend,
            model_max_length=tokenizer.model_max_length,
            model_input_names=tokenizer.model_input_names,
            padding_side=tokenizer.padding_side,
            truncation_side=tokenizer.truncation_side,
            extra_special_tokens=list(tokenizer.extra_special_tokens),
            **tokenizer.special_tokens_map,
        )
    made.name_or_path = tokenizer.name_or_path
    return made
