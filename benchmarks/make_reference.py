"""Make the figures of general English that the package ships, from one half of the documents of a reference corpus.

    python benchmarks/make_reference.py            reads $AFINA_DATA/corpus_general_en (default ../shared/data)

Wikipedia articles and C4 pages are shuffled by a fixed seed; the first half of each makes the figures, and
`general_passages` gives the passages of the other half to whoever checks them. No text is written, only counts of
single words and vectors of passages.
"""

import csv
import json
import os
import random
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from afina import bases, samples

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
SEED = 1
PASSAGES = 400  # vectors of each length, half of them Wikipedia's
PROBES = 4
LONG_NUMBER = 5  # digits from which a number may be somebody's telephone or account


@cache
def documents() -> dict[str, list[list[str]]]:
    """Documents of each source in a fixed order, in two halves."""
    folder = DATA / "corpus_general_en"
    wiki = [line for line in (folder / "wiki_demo.txt").read_text(encoding="utf-8").split("\n") if line.strip()]
    pages = [json.loads(line)["text"] for line in (folder / "c4_demo.jsonl").read_text(encoding="utf-8").splitlines()]
    halves = {}
    for name, texts in (("wikipedia", wiki), ("c4", pages)):
        random.Random(SEED).shuffle(texts)
        halves[name] = [texts[: len(texts) // 2], texts[len(texts) // 2 :]]
    return halves


def passages(texts: list[str], length: int, count: int) -> list[str]:
    """Consecutive passages of `length` words, drawn from all documents by a fixed seed."""
    found = []
    for text in texts:
        every = text.split()
        found += [" ".join(every[start : start + length]) for start in range(0, len(every) - length + 1, length)]
    return random.Random(SEED).sample(found, count)


def general_passages(name: str, length: int, count: int) -> list[str]:
    """Passages of the half that the figures were not made from."""
    return passages(documents()[name][1], length, count)


def word_counts(texts: list[str]) -> Counter[str]:
    counts = Counter(word for text in texts for word in samples.words(text))
    return Counter({w: n for w, n in counts.items() if not (w.isdigit() and len(w) >= LONG_NUMBER)})


def write_words(halves: dict[str, list[list[str]]]) -> None:
    """One line a word: its counts in two sets of documents that share none."""
    sets = [[text for one in halves.values() for text in one[0][start::2]] for start in (0, 1)]
    one, other = map(word_counts, sets)
    with (samples.REFERENCE / "words_en.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["word", "one", "other"])
        writer.writerows((word, one[word], other[word]) for word in sorted(one.keys() | other.keys()))
    print(f"{len(one.keys() | other.keys())} words, {one.total()} and {other.total()} running words")


def write_vectors(halves: dict[str, list[list[str]]]) -> None:
    """Eight-bit vectors of passages of each length, by the bundled base, and of the probes that recognise it."""
    opened = bases.open_base("bundled")
    embed = samples.embedder(opened)
    probes = [" ".join(line.split()[:12]) for line in (samples.REFERENCE / "en.txt").read_text().splitlines()[:PROBES]]
    vectors = {}
    for length in samples.LENGTHS:
        texts = [passage for one in halves.values() for passage in passages(one[0], length, PASSAGES // 2)]
        vectors[f"words{length}"] = embed(texts)
    scale = np.abs(np.concatenate(list(vectors.values()))).max(0) / 127  # (hidden,)
    tensors = {name: np.round(values / scale).astype(np.int8) for name, values in vectors.items()}
    made = {"base": opened.record.sha256, "layer": samples.layer(opened.record.layers), "probes": probes}
    tensors |= {"scale": scale.astype(np.float32), "probes": embed(probes).astype(np.float16)}
    path = samples.REFERENCE / "vectors_en.safetensors"
    save_file(tensors, path, {"made": json.dumps(made)})  # one key: their order in the file is not fixed
    path.chmod(0o644)
    print({name: values.shape for name, values in tensors.items()}, made)


if __name__ == "__main__":
    halves = documents()
    write_words(halves)
    write_vectors(halves)
