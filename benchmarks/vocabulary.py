"""What a domain's vocabulary saves, what it changes elsewhere, how fast it reads, and where new rows should begin.

    python benchmarks/vocabulary.py      reads $AFINA_DATA (default ../shared/data), writes results/vocabulary.json

Learned from the train files of bc5cdr and ncbi_disease, measured on their test files. General text is the half of the
Wikipedia articles and web pages that the shipped figures, whose words are guarded, were not made from. Byte-level BPE:
no pretrained tokenizer is at hand, so one is trained on the first half. Nothing of a model is trained.
"""

import csv
import itertools
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from distance import conll
from make_reference import DATA, documents
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModel, PreTrainedTokenizerFast

from afina import bases, features, growing, pieces, probing, samples, shelf, vocabulary

RESULTS = Path(__file__).parent / "results" / "vocabulary.json"
SETS, MOST, ROUNDS = ("bc5cdr", "ncbi_disease"), 2000, 7
LONG = "pneumonoultramicroscopicsilicovolcanoconiosis"
ROBERTA_ROW = 768 / 124.6e6  # share of roberta-base that a row is
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
VECTORS, PROBED, TESTED = 200, 600, 300  # texts


def texts(split: str) -> list[str]:
    return [text for name in SETS for text in conll(f"{name}/{split}.conll") if text]


def general(half: int) -> list[str]:
    return [text for source in documents().values() for text in source[half]]


def byte_level() -> Any:
    """A tokenizer of RoBERTa's kind with 16,000 tokens, trained on the first half of the general text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=16_000, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(general(0), trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), SPECIAL, strict=True))
    names |= {"cls_token": SPECIAL[0], "sep_token": SPECIAL[2]}
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def by_whole_words(tokenizer: Any) -> Any:
    """As many whole words as tokens, by what each saves: the alternative to beginnings."""
    backend = tokenizer.backend_tokenizer
    counted = pieces.together(*pieces.count(texts("train"), pieces.cut(backend)))
    gains = {w: n * (len(backend.model.tokenize(w)) - 1) for w, n in counted.stretches.items() if counted.uses[w] > 1}
    return vocabulary.add_terms(tokenizer, sorted(gains, key=lambda word: (-gains[word], word))[:MOST])


def unrelated(before: Any, after: Any) -> float:
    """Share of general running words that break otherwise than before though they are no new token themselves."""
    cut = pieces.cut(before.backend_tokenizer)
    counts = Counter(word for text in general(1) for word in cut(text))
    old, new = before.backend_tokenizer.model, after.backend_tokenizer.model
    changed = 0
    for word, count in counts.items():
        now = [piece.value for piece in new.tokenize(word)]
        changed += count * (now != [word] and now != [piece.value for piece in old.tokenize(word)])
    return changed / counts.total()


def speeds(before: Any, after: Any) -> tuple[float, float]:
    """Median seconds to encode the test texts in batches of 64, the two taking turns."""
    every, seconds = texts("test"), ([], [])
    for _ in range(ROUNDS):
        for tokenizer, spent in zip((before, after), seconds, strict=True):
            began = time.perf_counter()
            for start in range(0, len(every), 64):
                tokenizer(every[start : start + 64])
            spent.append(time.perf_counter() - began)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def row(before: Any, after: Any) -> dict[str, Any]:
    test = texts("test")
    domain, elsewhere = vocabulary.fertility(before, after, test), vocabulary.fertility(before, after, general(1))
    was, now = speeds(before, after)
    return {
        "new": len(after) - len(before),
        "domain": asdict(domain) | {"saved": round(domain.saved, 4)},
        "general": asdict(elsewhere) | {"saved": round(elsewhere.saved, 4)},
        "unrelated_words_changed": round(unrelated(before, after), 5),
        "seconds": [round(was, 3), round(now, 3)],
        "speed": round(was / now, 2),
    }


def tables(opened: bases.Opened) -> dict[str, dict[str, Any]]:
    """One row a way, each of at most 2,000 tokens."""
    share, words = opened.record.hidden / opened.record.parameters, samples.general_words("en")
    found = {"wordpiece, whole words only": row(opened.tokenizer, by_whole_words(opened.tokenizer))}
    roberta = byte_level()
    for name, tokenizer, limit, guarded in (
        ("wordpiece, beginnings, no guard", opened.tokenizer, share, ()),
        ("wordpiece", opened.tokenizer, share, words),
        ("byte_bpe", roberta, ROBERTA_ROW, ()),
    ):
        began = time.perf_counter()
        learned = vocabulary.learn(tokenizer, texts("train"), vocabulary.Limits(MOST, limit), (), guarded)
        seconds = time.perf_counter() - began
        found[name] = row(tokenizer, vocabulary.merge(tokenizer, learned.tokens)) | {"learned_in": round(seconds, 1)}
        with_long = vocabulary.learn(tokenizer, texts("train")[:99], vocabulary.Limits(MOST, limit), (LONG,))
        found[name]["the long word"] = vocabulary.merge(tokenizer, with_long.tokens).tokenize(LONG)
    return found


def vectors(model: Any, tokenizer: Any, every: Sequence[str]) -> np.ndarray:
    encoded = features.encode(tokenizer, every, 128)
    return features.collect(model, tokenizer, encoded, lambda batch: features.mean_vectors(model(**batch), batch))


def probe(split: str, count: int) -> tuple[list[str], list[str]]:
    with (DATA / "chemprot" / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = [rows[n] for n in np.random.default_rng(0).permutation(len(rows))[:count]]
    return [one["text"] for one in chosen], [one["label"] for one in chosen]


def starts(opened: bases.Opened) -> dict[str, dict[str, float]]:
    """What each initializer leaves of the frozen base: cosines with its old vectors, and a probe's accuracy."""
    share = opened.record.hidden / opened.record.parameters
    limits = vocabulary.Limits(MOST, share)
    learned = vocabulary.learn(opened.tokenizer, texts("train"), limits, (), samples.general_words("en"))
    after = vocabulary.merge(opened.tokenizer, learned.tokens)
    ids = opened.tokenizer(texts("train"), add_special_tokens=False)["input_ids"]
    counts = Counter(itertools.chain.from_iterable(ids))
    held = [texts("test")[n] for n in np.random.default_rng(0).permutation(len(texts("test")))[:VECTORS]]
    (train, labels), (test, truth) = probe("train", PROBED), probe("test", TESTED)
    names = sorted(set(labels))
    every = [*held, *train, *test]

    def score(found: np.ndarray) -> float:
        features_, answers = found[len(held) : -len(test)], np.array([names.index(label) for label in labels])
        unit = features_ / np.linalg.norm(features_, axis=1, keepdims=True)
        weights, biases = probing.logistic(unit, answers, len(names), 100.0)
        there = found[-len(test) :] / np.linalg.norm(found[-len(test) :], axis=1, keepdims=True)
        said = (there @ weights.T + biases).argmax(1)
        return float(np.mean([names[place] == true for place, true in zip(said, truth, strict=True)]))

    def model() -> Any:
        return AutoModel.from_pretrained(opened.folder, dtype=torch.float32)

    def random(table: torch.Tensor, new: Sequence[Sequence[int]], _: Any) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.randn((len(new), table.shape[1]), generator=generator) * table.std()

    old = vectors(model(), opened.tokenizer, every)
    found = {"old tokenizer": {"probe": round(score(old), 4)}}
    ways: dict[str, Callable[..., Any]] = {n: shelf.load("initializers", n).start for n in shelf.names("initializers")}
    for name, start in {**ways, "random": random}.items():
        new = vectors(growing.grow(model(), opened.tokenizer, after, start, counts), after, every)
        one, other = old[: len(held)], new[: len(held)]
        cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
        found[name] = {
            "cosine": round(float(cosine.mean()), 4),
            "cosine_5th_percentile": round(float(np.percentile(cosine, 5)), 4),
            "probe": round(score(new), 4),
        }
    return found


def main() -> None:
    opened = bases.open_base("bundled")
    began = time.perf_counter()
    found = {"vocabularies": tables(opened)}
    for name, one in found["vocabularies"].items():
        domain = one["domain"]
        print(
            f"{name:32} {one['new']:5} new  {domain['before']:.3f} -> {domain['after']:.3f} tokens a word "
            f"({domain['saved']:.1%})  general {one['general']['saved']:.1%}  "
            f"unrelated {one['unrelated_words_changed']:.3%}  speed {one['speed']:.2f}"
        )
    found["initializers"] = starts(opened)
    for name, scores in found["initializers"].items():
        print(f"{name:32} {scores}")
    print(f"{time.perf_counter() - began:.0f} s")
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
