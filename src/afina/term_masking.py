"""Masks for masked language modelling that fall on the domain's terms more often than on other words.

    a term (a word or a whole phrase) is chosen with probability 0.8, any other word with probability 0.15, all of its
    tokens with it; where none is, the one that came nearest to it
    a token of what is chosen becomes   the mask, 80%     any ordinary token, 10%     what it was, 10%
    labels   the token that stood there; -100 where nothing was chosen, which losses leave out

Rates may move in a line from one pair to another over the training. Masks follow from seed, pass and row alone, and
with moving rates from the share of the training that is done. Words are those of the tokenizer's own first cut; one
that a term touches belongs to it. Of a term that a window cuts, the part in the window counts as the term. Because a
row always has a mask, texts of a few words are masked more than asked.

Cost: terms are found once a text, about as long as tokenizing it; after that a batch is less work than Hugging Face's
DataCollatorForLanguageModeling (benchmarks/masking_speed.py). What it does not do: choose the terms (`terms.mine`).
Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1; for masking what matters to a domain Gu et al. 2020, "Train
No Evil", arXiv:2004.09733, and Golchin et al. 2023, "Do Not Mask Randomly", arXiv:2307.07160. No source holds for
the two rates themselves.

Alone, with a plain Trainer:

    rows, _ = windows(tokenizer, texts, 128, terms.finder(["cáncer de próstata", "psa"]))
    masking = TermCollator(tokenizer, Rates(terms=0.8, others=0.15), seed=0)
    Trainer(model, TrainingArguments(remove_unused_columns=False), masking, rows, callbacks=[masking])
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from afina.errors import ConfigError
from afina.masking import FEWEST_WORDS, IGNORED, KEPT, MASKED, Encoded, Vocabulary, vocabulary_of
from afina.words import Range

NEVER = 1e-12  # a rate of 0, to divide by


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares that are chosen. Raises ConfigError where one is no share, or both are 0."""

    terms: float = 0.8
    others: float = 0.15

    def __post_init__(self) -> None:
        if not (0 <= self.terms <= 1 and 0 <= self.others <= 1 and self.terms + self.others > 0):
            raise ConfigError(
                f"masking rates of {self.terms} for terms and {self.others} for other words cannot be had",
                "give shares from 0 to 1, one of them above 0, such as 0.8 and 0.15",
            )


def between(first: Rates, last: Rates, done: float) -> Rates:
    """The rates when the share `done` of the training is done, on the line from `first` to `last`.

    >>> between(Rates(0.2, 0.15), Rates(0.8, 0.15), 0.5)
    Rates(terms=0.5, others=0.15)
    """
    share = min(max(done, 0.0), 1.0)
    return Rates(
        (1 - share) * first.terms + share * last.terms,
        (1 - share) * first.others + share * last.others,
    )


def windows(
    tokenizer: Any, texts: Sequence[str], max_tokens: int, find: Callable[[str], list[Range]]
) -> tuple[list[Encoded], list[int]]:
    """Token ids of the texts, long ones cut into windows, not padded, and the text that each window is of.

    find     start and end of each term of a text, in order, none inside another, see `terms.finder`
    "words"  numbers the words and terms of a window, from 0, for each of its tokens; -1 is none
    "terms"  1 for each of these that is a term, 0 for another word     "place"  the number of the row
    Needs a fast tokenizer.
    """
    if not texts:
        return [], []
    encoded = tokenizer(
        list(texts),
        truncation=True,
        max_length=max_tokens,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    sources, offsets = encoded.pop("overflow_to_sample_mapping"), encoded.pop("offset_mapping")
    spans = [find(text) for text in texts]
    rows: list[Encoded] = []
    places = []
    for row, source in enumerate(sources):
        words, terms = _joined(encoded.word_ids(row), offsets[row], spans[source])
        if len(terms) >= FEWEST_WORDS:
            ids = {key: encoded[key][row] for key in encoded}
            rows.append({**ids, "words": words, "terms": terms, "place": len(rows)})
            places.append(source)
    return rows, places


def _joined(
    words: Sequence[int | None], offsets: Sequence[Range], spans: Sequence[Range]
) -> tuple[list[int], list[int]]:
    """The words numbered from 0, those that a term touches as one; and which of them are terms."""
    first: dict[int, int] = {}  # word -> the first word of its term
    heads: dict[int, int] = {}  # term -> its first word
    at = 0
    for word, (start, end) in zip(words, offsets, strict=True):
        if word is None:
            continue
        while at < len(spans) and spans[at][1] <= start:
            at += 1
        term = at
        while term < len(spans) and spans[term][0] < end:
            first[word] = heads.setdefault(term, first.get(word, word))
            term += 1
    units = [-1 if word is None else first.get(word, word) for word in words]
    numbers = {unit: number for number, unit in enumerate(dict.fromkeys(unit for unit in units if unit >= 0))}
    whole = set(first.values())
    return [numbers.get(unit, -1) for unit in units], [int(unit in whole) for unit in numbers]


def mask(row: Encoded, vocabulary: Vocabulary, rng: np.random.Generator, rates: Rates) -> Encoded:
    """The row with its masks and "labels", and without what `windows` added. At least one word is chosen."""
    ids, labels = _hidden([row], vocabulary, rates, [rng])
    rest = {key: value for key, value in row.items() if key not in ("words", "terms", "place")}
    return {**rest, "input_ids": ids.tolist(), "labels": labels.tolist()}


def _hidden(
    rows: Sequence[Encoded], vocabulary: Vocabulary, rates: Rates, rngs: Sequence[np.random.Generator]
) -> tuple[np.ndarray, np.ndarray]:
    """Token ids with masks and labels of all rows behind one another, each row drawn from its own generator."""
    ids, kinds = _flat(rows, "input_ids"), _flat(rows, "terms")
    lengths = np.array([len(row["input_ids"]) for row in rows])
    sizes = np.array([len(row["terms"]) for row in rows])
    begins = np.cumsum(sizes) - sizes
    words = _flat(rows, "words")
    words = np.where(words < 0, len(kinds), words + np.repeat(begins, lengths))  # the last one stands for no word

    draws = [rng.random(size + length) for rng, size, length in zip(rngs, sizes, lengths, strict=True)]
    drawn = np.concatenate([draw[:size] for draw, size in zip(draws, sizes, strict=True)])
    way = np.concatenate([draw[size:] for draw, size in zip(draws, sizes, strict=True)])
    near = drawn / np.maximum(np.array([rates.others, rates.terms]), NEVER)[kinds]  # chosen up to 1
    reach = np.maximum(np.minimum.reduceat(near, begins), 1)
    chosen = np.append(near <= np.repeat(reach, sizes), False)[words]

    hidden = np.where(chosen & (way < MASKED), vocabulary.mask, ids)
    other = np.flatnonzero(chosen & (way >= MASKED) & (way < KEPT))
    share = (way[other] - MASKED) / (KEPT - MASKED)  # uniform in [0, 1) once more
    hidden[other] = vocabulary.ordinary[(share * len(vocabulary.ordinary)).astype(int)]
    return hidden, np.where(chosen, ids, IGNORED)


def _flat(rows: Sequence[Encoded], key: str) -> np.ndarray:
    return np.fromiter(chain.from_iterable(row[key] for row in rows), np.int64)


class TermCollator(TrainerCallback):
    """Pads and masks the rows of `windows`, as Trainer's `data_collator`; as one of its `callbacks` it knows the pass.

    Without being a callback every pass has the same masks. Rates that move need the batches to be collated in
    Trainer's own process (dataloader_num_workers=0). Held-out rows are masked anew in each pass, too.
    """

    def __init__(self, tokenizer: Any, rates: Rates | None = None, last: Rates | None = None, seed: int = 0) -> None:
        """`last`: what the rates have moved to when the training ends. Raises ConfigError without a mask token."""
        self.first = rates or Rates()
        self.last = last or self.first
        self.seed, self.epoch = seed, 0
        self.batch, self.batches = 0, 1  # the next one, and all of the training
        self.vocabulary = vocabulary_of(tokenizer)
        self.left = tokenizer.padding_side == "left"
        self.padding = {
            "input_ids": tokenizer.pad_token_id,
            "token_type_ids": tokenizer.pad_token_type_id,
            "attention_mask": 0,
        }

    def __call__(self, rows: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        """The batch: input_ids, labels and what else the model reads, (rows, tokens of the longest)."""
        rngs = [np.random.default_rng((self.seed, self.epoch, row["place"])) for row in rows]
        rates = between(self.first, self.last, self.batch / self.batches)
        self.batch += 1
        ids, labels = _hidden(rows, self.vocabulary, rates, rngs)
        lengths = np.array([len(row["input_ids"]) for row in rows])
        real = np.arange(lengths.max()) < lengths[:, None]
        real = real[:, ::-1] if self.left else real

        def padded(flat: np.ndarray, padding: int) -> torch.Tensor:
            table = np.full(real.shape, padding, np.int64)
            table[real] = flat
            return torch.from_numpy(table)

        others = {key: _flat(rows, key) for key in rows[0] if key in self.padding and key != "input_ids"}
        read = {"input_ids": ids, **others}
        return {
            **{key: padded(flat, self.padding[key]) for key, flat in read.items()},
            "labels": padded(labels, IGNORED),
        }

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note which pass it is, and how far the training is: after a resume, too."""
        self.epoch = int((state.epoch or 0) + 1e-6)
        self.batch = state.global_step * args.gradient_accumulation_steps
        self.batches = max(state.max_steps * args.gradient_accumulation_steps, 1)
