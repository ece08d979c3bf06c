"""Do the distances measure what they say? Public sets against the shipped reference, mixtures, few rows, many rows.

    python benchmarks/distance.py                      all parts; reads $AFINA_DATA (default ../shared/data)
    python benchmarks/distance.py sets mixing          some of them; what the others found before is kept

sets       each public set, and general text: what benchmarks/make_reference.py did not use, passages of the other half
           of the documents, cut to the lengths that corpora are cut to. A set is farther where it is farther than both
           sources at its own length: they have about as many words, which the words distance depends on. `clear` says
           whether it also is at all three lengths.
mixing     5, 10, 20 and 50% of 400 general passages replaced by texts of a set: does the number grow each time?
stability  50 to 600 rows drawn from 2,400 of a set: their spread, and their mean beside that of 600
cost       seconds and peak memory of the whole profile for 1,000 to 100,000 texts, each in a process of its own
gains      rank correlation between the distances of the sets and what training more layers gained there, from
           results/depth.json (benchmarks/depth.py)

Results: benchmarks/results/distance.json.
"""

import csv
import gzip
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from make_reference import DATA, general_passages

from afina import bases, config, samples, shelf
from afina.records import Columns, Corpus, Distance, Embed, Row, Sample
from afina.stages import profile

RESULTS = Path(__file__).parent / "results" / "distance.json"
DEPTH = RESULTS.parent / "depth.json"
SAMPLE, SEED = 600, 0
GENERAL = ("wikipedia", "c4")
SHARES, MIXED, DRAWS = (0.0, 0.05, 0.1, 0.2, 0.5), 400, 3
STABLE, POOL, SIZES, REPEATS = ("banking77", "sst2", "chemprot"), 2400, (50, 100, 200, 400, 600), 8
TEXTS = (1_000, 10_000, 100_000)


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


@cache
def base() -> tuple[bases.Opened, Embed]:
    opened = bases.open_base("bundled")
    return opened, samples.embedder(opened)


def chosen(texts: Sequence[str], most: int) -> list[str]:
    """Texts that differ, at random."""
    found = sorted({text.strip() for text in texts} - {""})
    random.Random(SEED).shuffle(found)
    return found[:most]


@cache
def shipped(language: str, length: int) -> Sample:
    opened, embed = base()
    return samples.shipped(language, length, opened.tokenizer, embed)[0]


@cache
def taken(name: str, most: int = SAMPLE) -> tuple[int, Sample, Sample]:
    """The words that the texts of a set were cut to, the texts, and the reference of their language."""
    texts = chosen({**DOMAINS, **INFORMATION}[name](), most)
    length = samples.common_length(texts)
    language = "es" if samples.language(texts) == "es" else "en"
    return length, samples.take(texts, length, base()[0].tokenizer, base()[1]), shipped(language, length)


@cache
def general(source: str, length: int) -> Sample:
    texts = chosen(general_passages(source, length, SAMPLE), SAMPLE)
    return samples.take(texts, length, base()[0].tokenizer, base()[1])


def distances(sample: Sample, reference: Sample) -> dict[str, Distance]:
    """Every measure on the shelf, as the profile stage takes them."""
    return {name: shelf.load("distances", name).measure(sample, reference, SEED) for name in measures()}


def measures() -> tuple[str, ...]:
    return tuple(name for name in shelf.names("distances") if name != "perplexity")  # the bundled base has no head


def some(sample: Sample, places: Sequence[int]) -> Sample:
    return Sample(tuple(sample.words[n] for n in places), sample.pieces, sample.vectors[list(places)])


def both(one: Sample, other: Sample) -> Sample:
    vectors = np.concatenate([one.vectors, other.vectors])
    return Sample((*one.words, *other.words), {**one.pieces, **other.pieces}, vectors)


# ------------------------------------------------------------------------------------------------------------- sets


def row(kind: str, length: int, sample: Sample, reference: Sample) -> dict[str, Any]:
    began = time.perf_counter()
    found = distances(sample, reference)
    seconds = round(time.perf_counter() - began, 2)
    numbers = {
        name: {k: round(getattr(d, k), 4) for k in ("value", "low", "high", "zero")} for name, d in found.items()
    }
    return {"kind": kind, "length": length, "seconds": seconds, **numbers}


def table(information: bool = True) -> dict[str, dict[str, Any]]:
    """One row a set: general text first, then domains, then what is shown for `information`."""
    rows = {}
    for length in samples.LENGTHS:
        for source in GENERAL:
            sample = general(source, length)
            rows[f"{source}, {length} words"] = row("general", length, sample, shipped("en", length))
    for kind, sets in (("domain", DOMAINS), ("information", INFORMATION if information else {})):
        for name in sets:
            rows[name] = row(kind, *taken(name))
    texts = [one for one in rows.values() if one["kind"] == "general"]
    for one in rows.values():
        same = [other for other in texts if other["length"] == one["length"]]
        one["farther"] = {m: all(one[m]["value"] > other[m]["value"] for other in same) for m in measures()}
        one["clear"] = {m: all(one[m]["value"] > other[m]["value"] for other in texts) for m in measures()}
    return rows


def sets(results: dict[str, Any]) -> None:
    rows = results["sets"] = table()
    print(f"{'set':24}" + "".join(f"{m:>28}" for m in measures()) + "  farther than general text by")
    for name, one in rows.items():
        cells = (f"{one[m]['value']:.4f} ({one[m]['low']:.4f}-{one[m]['high']:.4f})" for m in measures())
        farther = "all" if all(one["farther"].values()) else ", ".join(m for m in measures() if one["farther"][m])
        print(f"{name:24}" + "".join(f"{cell:>28}" for cell in cells) + f"  {farther}")
    domains = [one for one in rows.values() if one["kind"] == "domain"]
    print("\nrank correlation of the measures over the domain sets")
    for one in measures():
        cells = (correlation([d[one]["value"] for d in domains], [d[m]["value"] for d in domains]) for m in measures())
        print(f"{one:20}" + "".join(f"{cell[0]:8.2f}" for cell in cells))


# ----------------------------------------------------------------------------------------------------------- mixing


def mixing(results: dict[str, Any]) -> None:
    """Of each set's series: is it sorted, and does it leave the interval that it has without a domain text?"""
    found: dict[str, Any] = {}
    for name in DOMAINS:
        length, domain, reference = taken(name)
        if reference is not shipped("en", length):
            continue  # Spanish into English passages would be a measure of language
        plain = both(*(general(source, length) for source in GENERAL))
        for draw in range(DRAWS):
            rng = np.random.default_rng(draw)
            here, there = rng.permutation(len(plain.words))[:MIXED], rng.permutation(len(domain.words))
            series = []
            for share in SHARES:
                swapped = round(share * MIXED)
                mixed = both(some(domain, there[:swapped]), some(plain, here[swapped:]))
                series.append(distances(mixed, reference))
            found[f"{name}/{draw}"] = {m: series_of([one[m] for one in series]) for m in measures()}
            print(name, draw, {m: found[f"{name}/{draw}"][m]["monotone"] for m in measures()}, flush=True)
    results["mixing"] = found
    print(f"\n{'measure':20}{'monotone':>12}" + "".join(f"{f'seen at {share:.0%}':>14}" for share in SHARES[1:]))
    for m in measures():
        ones = [one[m] for one in found.values()]
        seen = (statistics.fmean(one["seen"][n] for one in ones) for n in range(len(SHARES) - 1))
        monotone = statistics.fmean(one["monotone"] for one in ones)
        print(f"{m:20}{monotone:12.0%}" + "".join(f"{share:14.0%}" for share in seen))
    print(len(found), "series")


def series_of(found: Sequence[Distance]) -> dict[str, Any]:
    values = [round(one.value, 5) for one in found]
    seen = [value > found[0].high for value in values[1:]]  # beyond the interval of general text alone
    return {"values": values, "monotone": values == sorted(values), "seen": seen}


# -------------------------------------------------------------------------------------------------------- stability


def stability(results: dict[str, Any]) -> None:
    """Spread over draws as a share of their mean, and the mean beside that of the most rows."""
    found: dict[str, Any] = {}
    for name in STABLE:
        _, pool, reference = taken(name, POOL)
        rng = np.random.default_rng(SEED)
        draws = {
            size: [distances(some(pool, rng.permutation(len(pool.words))[:size]), reference) for _ in range(REPEATS)]
            for size in SIZES
        }
        found[name] = {m: {size: [round(one[m].value, 5) for one in draws[size]] for size in SIZES} for m in measures()}
        print(name, "done", flush=True)
    results["stability"] = found
    print(f"{'measure':20}" + "".join(f"{size:>18}" for size in SIZES) + "   spread, and mean by that of the most")
    for m in measures():
        cells = []
        for size in SIZES:
            spreads = [statistics.stdev(one[m][size]) / statistics.fmean(one[m][size]) for one in found.values()]
            means = [statistics.fmean(one[m][size]) / statistics.fmean(one[m][SIZES[-1]]) for one in found.values()]
            cells.append(f"{statistics.fmean(spreads):.1%}, {statistics.fmean(means):.2f}")
        print(f"{m:20}" + "".join(f"{cell:>18}" for cell in cells))


# ------------------------------------------------------------------------------------------------------------- cost


def cost(results: dict[str, Any]) -> None:
    """The whole profile of so many texts, in a process of its own."""
    results["cost"] = {}
    for texts in TEXTS:
        done = subprocess.run([sys.executable, __file__, "--texts", str(texts)], capture_output=True, check=True)
        results["cost"][texts] = json.loads(done.stdout.splitlines()[-1])
        print(texts, "texts:", results["cost"][texts], flush=True)


def one_cost(texts: int) -> dict[str, float]:
    """Seconds of the profile and of its distances, and the most memory before and after."""
    known = [text for read in DOMAINS.values() for text in read()]
    random.Random(SEED).shuffle(known)
    rows = tuple(Row(text, "x", "") for text in islice(cycle(known), texts))
    corpus = Corpus("many", Columns("text", "label"), ("x",), rows, (), (), "", (), ())
    base()[1](["warm up"])
    spent: list[float] = []
    plain = profile._distances

    def timed(*given: Any) -> Any:
        began = time.process_time()
        found = plain(*given)
        spent.append(time.process_time() - began)
        return found

    profile._distances = timed  # type: ignore[assignment]
    peak = lambda: round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # noqa: E731
    before, began = peak(), time.process_time()
    profile.measure(corpus, config.ProfileOptions(), base()[0], SEED)
    seconds = time.process_time() - began
    return {"seconds": round(seconds, 1), "distances": round(spent[0], 1), "mb_before": before, "mb_at_most": peak()}


# ------------------------------------------------------------------------------------------------------------ gains


def gains(results: dict[str, Any]) -> None:
    """Rank correlation between each distance and what training more layers gained, over the sets that have both."""
    if not DEPTH.is_file():
        print(f"{DEPTH.name} is not there: run benchmarks/depth.py")
        return
    depth, rows = json.loads(DEPTH.read_text()), results.get("sets", {})
    results["gains"] = {}
    arms = {"all layers against none": ("full", "frozen"), "all layers against the upper two thirds": ("full", "third")}
    for what, (more, less) in arms.items():
        names = sorted(name for name in depth.keys() & rows.keys() if {more, less} <= depth[name].keys())
        if len(names) < 3:
            print(f"{what}: {len(names)} sets have both a distance and these arms, too few to rank")
            continue
        gained = [depth[name][more] - depth[name][less] for name in names]
        found = {m: correlation([rows[n][m]["value"] for n in names], gained) for m in measures()}
        results["gains"][what] = {"sets": names, **found}
        print(f"\n{what}, {len(names)} sets: Spearman's rank correlation of the gain with each distance, and its p")
        for m, (rank, chance) in found.items():
            print(f"{m:20}{rank:8.2f}{chance:10.3f}")


def correlation(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Spearman's, and how often chance would give as much."""
    from scipy.stats import spearmanr

    found = spearmanr(one, other)
    return round(float(found.statistic), 3), round(float(found.pvalue), 4)


def written(results: dict[str, Any]) -> str:
    """Indented JSON with each list of values on one line."""
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), json.dumps(results, indent=1))


PARTS = {"sets": sets, "mixing": mixing, "stability": stability, "cost": cost, "gains": gains}


def main() -> None:
    if sys.argv[1:2] == ["--texts"]:
        print(json.dumps(one_cost(int(sys.argv[2]))))
        return
    for part in sys.argv[1:] or PARTS:
        results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        PARTS[part](results)
        results |= {"threads": os.environ.get("OMP_NUM_THREADS"), "date": str(date.today())}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(written(results) + "\n")


if __name__ == "__main__":
    main()
