"""How far public sets are from the shipped reference, and whether each is farther than held-out general text.

    python benchmarks/distance.py        reads $AFINA_DATA (default ../shared/data), writes results/distance.json

General text is what benchmarks/make_reference.py did not use: passages of the other half of the documents, cut to
the lengths that corpora are cut to. A set is farther where it is farther than both sources at its own length: they
have about as many words, which the words distance depends on. `clear` says whether it also is at all three lengths.
"""

import csv
import gzip
import json
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from make_reference import DATA, general_passages

from afina import bases, samples, shelf
from afina.records import Distance, Embed

RESULTS = Path(__file__).parent / "results" / "distance.json"
SAMPLE, SEED = 600, 0
GENERAL = ("wikipedia", "c4")


def column(path: str, *names: str) -> list[str]:
    with (DATA / path).open(encoding="utf-8", newline="") as file:
        return [row[name] for row in csv.DictReader(file) for name in names]


def jsonl(path: str) -> list[str]:
    opener = gzip.open if path.endswith(".gz") else open
    with opener(DATA / path, "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def conll(path: str) -> list[str]:
    blocks = (DATA / path).read_text(encoding="utf-8").split("\n\n")
    return [" ".join(line.split("\t")[0] for line in block.splitlines() if line) for block in blocks]


def legal() -> list[str]:
    texts = jsonl("corpus_legal_tos/docs.jsonl")
    return [" ".join(words[n : n + 25]) for text in texts for words in [text.split()] for n in range(0, len(words), 25)]


DOMAINS: dict[str, Callable[[], list[str]]] = {
    "banking77": lambda: column("banking77/train.csv", "text"),
    "nlupp_banking": lambda: jsonl("nlupp_banking/banking.jsonl"),
    "clinc150": lambda: column("clinc150/train.csv", "text"),
    "atis": lambda: jsonl("atis/train.jsonl"),
    "trec": lambda: column("trec/train.csv", "text"),
    "sst2": lambda: column("sst2/train.csv", "text"),
    "chemprot": lambda: column("chemprot/train.csv", "text"),
    "acl_arc": lambda: column("acl_arc/train.csv", "text"),
    "scicite": lambda: column("scicite/train.csv", "text"),
    "unfair_tos": lambda: jsonl("unfair_tos/train.jsonl.gz"),
    "corpus_legal_tos": legal,
    "financial_phrasebank": lambda: column("financial_phrasebank/train.csv", "text"),
    "bc5cdr": lambda: conll("bc5cdr/train.conll"),
    "ncbi_disease": lambda: conll("ncbi_disease/train.conll"),
    "wnut17": lambda: conll("wnut17/train.conll"),
    "btc": lambda: conll("btc/section_h.conll"),
    "fb_es": lambda: jsonl("fb_es/train.jsonl"),
    "reception": lambda: column(str(samples.REFERENCE.parent / "reception" / "train.csv"), "text"),
}
INFORMATION: dict[str, Callable[[], list[str]]] = {  # general or news text by origin: shown, not judged
    "mrpc": lambda: column("mrpc/train.csv", "text_a", "text_b"),
    "rte": lambda: column("rte/train.csv", "text_a"),
    "stsb_en": lambda: column("stsb_en/train.csv", "text_a", "text_b"),
    "cola": lambda: column("cola/train.csv", "text"),
}


def distances(texts: Sequence[str], opened: bases.Opened, embed: Embed) -> tuple[int, dict[str, Distance]]:
    """The words that texts were cut to, and every measure on the shelf, as the profile stage takes them."""
    chosen = sorted({text.strip() for text in texts} - {""})
    random.Random(SEED).shuffle(chosen)
    chosen = chosen[:SAMPLE]
    length = samples.common_length(chosen)
    language = "es" if samples.language(chosen) == "es" else "en"
    reference, _ = samples.shipped(language, length, opened.tokenizer, embed)
    sample = samples.take(chosen, length, opened.tokenizer, embed)
    return length, {n: shelf.load("distances", n).measure(sample, reference, SEED) for n in shelf.names("distances")}


def row(kind: str, texts: Sequence[str], opened: bases.Opened, embed: Embed) -> dict[str, Any]:
    began = time.perf_counter()
    length, found = distances(texts, opened, embed)
    seconds = round(time.perf_counter() - began, 2)
    numbers = {
        name: {k: round(getattr(d, k), 4) for k in ("value", "low", "high", "zero")} for name, d in found.items()
    }
    return {"kind": kind, "length": length, "seconds": seconds, **numbers}


def table(information: bool = True) -> dict[str, dict[str, Any]]:
    """One row a set: general text first, then domains, then what is shown for `information`."""
    opened = bases.open_base("bundled")
    embed = samples.embedder(opened)
    embed(["warm up"])
    rows = {}
    for length in samples.LENGTHS:
        for source in GENERAL:
            rows[f"{source}, {length} words"] = row("general", general_passages(source, length, SAMPLE), opened, embed)
    for kind, sets in (("domain", DOMAINS), ("information", INFORMATION if information else {})):
        for name, read in sets.items():
            rows[name] = row(kind, read(), opened, embed)
    measures = shelf.names("distances")
    general = [one for one in rows.values() if one["kind"] == "general"]
    for one in rows.values():
        same = [other for other in general if other["length"] == one["length"]]
        one["farther"] = {m: all(one[m]["value"] > other[m]["value"] for other in same) for m in measures}
        one["clear"] = {m: all(one[m]["value"] > other[m]["value"] for other in general) for m in measures}
    return rows


def main() -> None:
    rows = table()
    measures = shelf.names("distances")
    print(f"{'set':24}" + "".join(f"{m:>30}" for m in measures) + "  farther than general text by")
    for name, one in rows.items():
        cells = (f"{one[m]['value']:.4f} ({one[m]['low']:.4f}-{one[m]['high']:.4f})" for m in measures)
        print(
            f"{name:24}"
            + "".join(f"{cell:>30}" for cell in cells)
            + "  "
            + ", ".join(m for m in measures if one["farther"][m])
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"threads": os.environ.get("OMP_NUM_THREADS"), "sets": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
