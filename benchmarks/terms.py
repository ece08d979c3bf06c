"""How many of the terms that are mined stand in a list made by people, beside plainer ways of mining.

    python benchmarks/terms.py        reads $AFINA_DATA (default ../shared/data), writes results/terms.json

medical   text: bc5cdr and ncbi_disease, a text a sentence; list: terms_medical_en, single words; defaults chosen here
legal     text: corpus_legal_tos, a text a document; lists: terms_legal_en (Black's, US Code, real estate, common terms)

All ways rank the same candidates (5 occurrences in 3 texts, no common words), but for the one called "words as they
are". Precision at a rank: share of the first so many that the list has. Recall: share of the list's terms that occur
in the text at all; `reachable` counts those that occur often enough to be candidates. Phrases of the medical text are
held against the annotated mentions of diseases and chemicals. The lists hold general words too ("car", "house") and
lack plurals and names, so that no way can come near 1: `chance` is the precision of the candidates in any order.
"""

import csv
import gzip
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from distance import conll, jsonl
from make_reference import DATA

from afina import glossaries, terms
from afina.records import Term
from afina.terms import General, Limits

RESULTS = Path(__file__).parent / "results" / "terms.json"
RANKS = (100, 300, 1000, 2000, 3000)
MEDICAL = [f"{corpus}/{split}.conll" for corpus in ("bc5cdr", "ncbi_disease") for split in ("train", "dev", "test")]
LEGAL = ("blacks_law_definitions.csv.gz", "common_US_terms_top1000.csv", "common_law.csv", "common_top_law_terms.csv",
         "real_estate.csv")  # fmt: skip
CUTS = (0.0, 0.5, 1.0, 1.28, 1.96, 2.58)
Ranked = dict[str, list[str]]


def medical_list() -> set[str]:
    with gzip.open(DATA / "terms_medical_en" / "wordlist.txt.gz", "rt", encoding="utf-8") as file:
        return {terms.normal(line) for line in file} - {""}


def mentions() -> set[str]:
    """Each annotated disease or chemical."""
    found, words = set(), []
    for path in MEDICAL:
        for line in [*(DATA / path).read_text(encoding="utf-8").splitlines(), ""]:
            word, _, tag = line.partition("\t")
            if not tag.startswith("I") and words:
                found.add(terms.normal(" ".join(words)))
                words = []
            if tag[:1] in ("B", "I"):
                words.append(word)
    return found - {""}


def legal_list() -> set[str]:
    found = set()
    for name in LEGAL:
        opener: Callable[..., Any] = gzip.open if name.endswith(".gz") else open
        with opener(DATA / "terms_legal_en" / name, "rt", encoding="utf-8-sig", newline="") as file:
            found |= {terms.normal(row.get("term") or row.get("Term") or "") for row in csv.DictReader(file)}
    return found - {""}


def rankings(texts: list[str], general: General) -> Ranked:
    """Candidates by each way, best first; "afina" holds those above its cut alone."""
    limits = Limits()
    counted = terms.count(texts, terms.common(general), limits)
    every = terms.score(counted, general, replace(limits, z=-np.inf))
    grams = [term.term for term in every]
    here = np.array([term.count for term in every], float) / counted.words
    least = min(general.counts.values()) / 2
    there = np.array([min(general.counts.get(word, least) for word in gram.split()) for gram in grams], float)
    total = float(sum(general.counts.values()))
    there /= total
    middle = (here + there) / 2
    _, z = terms.log_odds(here * counted.words, there * total, (counted.words, total), limits.prior)
    share = here * np.log2(here / middle) + there * np.log2(there / middle)

    def by(values: np.ndarray) -> list[str]:
        return [grams[place] for place in np.argsort(-values, kind="stable")]

    return {
        "afina": [term.term for term in terms.score(counted, general, limits)],
        "by z instead, no C-value": by(z),
        "ratio of frequencies": by(here / there),
        "Jensen-Shannon share": by(np.where(here > there, share, -share)),
        "frequency": by(here),
        "words as they are, by frequency": [gram for gram, _ in counted.counts.most_common() if " " not in gram],
    }


def judged(ranked: list[str], wanted: set[str], present: set[str]) -> dict[str, Any]:
    """Precision and recall at each rank that is reached, and of all."""
    hits = np.cumsum([term in wanted for term in ranked])
    ranks = [rank for rank in RANKS if rank < len(ranked)] + [len(ranked)]
    return {
        "terms": len(ranked),
        "precision": {str(rank): round(float(hits[rank - 1] / rank), 3) for rank in ranks},
        "recall": {str(rank): round(float(hits[rank - 1] / len(present)), 3) for rank in ranks},
    }


def table(title: str, texts: list[str], general: General, wanted: set[str], keep: Callable[[str], bool]) -> Any:
    """One table: every way, on the terms that `keep` lets through."""
    found = terms.count(texts, frozenset(), replace(Limits(), longest=1), wanted)
    present = {term for term in wanted if keep(term) and found.counts[term]}
    enough = {term for term in present if found.counts[term] >= 5 and found.documents[term] >= 3}
    kept = {name: list(filter(keep, ranked)) for name, ranked in rankings(texts, general).items()}
    ways = {name: ranked for name, ranked in kept.items() if ranked}
    cut = len(ways["afina"])
    chance = np.mean([term in wanted for term in ways["frequency"]])
    print(f"\n{title}: {len(present):,} terms of the list occur, {len(enough):,} are reachable, chance {chance:.3f}")
    print(f"{'':32}" + "".join(f"{f'at {rank}':>14}" for rank in RANKS) + f"{f'at the cut, {cut}':>20}")
    rows = {}
    for name, ranked in ways.items():
        rows[name] = judged(ranked, wanted, present) | {"at_cut": judged(ranked[:cut], wanted, present)}
        cells = [(p, rows[name]["recall"][k]) for k, p in rows[name]["precision"].items() if int(k) in RANKS]
        last = rows[name]["at_cut"]
        at = str(last["terms"])
        print(f"{name:32}" + "".join(f"{p:>8.3f} {r:.3f}" for p, r in cells).ljust(14 * len(RANKS))
              + f"{last['precision'][at]:>14.3f} {last['recall'][at]:.3f}")  # fmt: skip
    return {"present": len(present), "reachable": len(enough), "chance": round(float(chance), 3), "ways": rows}


def choices(texts: list[str], general: General, wanted: set[str], annotated: set[str]) -> list[dict[str, Any]]:
    """What the defaults were chosen by, on the medical text: one of them changed at a time."""
    base = Limits()
    tried = [replace(base, z=z) for z in CUTS]
    tried += [replace(base, prior=prior) for prior in (10.0, 100.0, 10_000.0, 100_000.0)]
    tried += [replace(base, longest=longest) for longest in (2, 3, 5, 6)]
    tried += [replace(base, fewest=3)]
    rows = []
    for limits in tried:
        found = terms.mine(texts, general, (), limits)
        words, phrases = of_kind(found, terms.WORD), of_kind(found, terms.PHRASE)
        rows.append({
            "z": limits.z, "prior": limits.prior, "longest": limits.longest, "fewest": limits.fewest,
            "words": len(words), "precision": round(float(np.mean([w in wanted for w in words])), 3),
            "phrases": len(phrases), "annotated": round(float(np.mean([p in annotated for p in phrases])), 3),
            "annotated_100": round(float(np.mean([p in annotated for p in phrases[:100]])), 3),
        })  # fmt: skip
        print(rows[-1])
    return rows


def of_kind(found: Iterable[Term], kind: str) -> list[str]:
    return [term.term for term in found if term.kind == kind]


def is_word(term: str) -> bool:
    return " " not in term


def is_phrase(term: str) -> bool:
    return " " in term


def either(term: str) -> bool:
    return bool(term)


def main() -> None:
    general, findings = glossaries.shipped("en")
    books, _ = glossaries.frequencies(str(DATA / "frequency_general" / "1grams_english.csv"))
    print(general.note, "|", *(finding.problem for finding in findings))
    medical = [text for path in MEDICAL for text in conll(path)]
    legal = jsonl("corpus_legal_tos/docs.jsonl")
    words, annotated, law = medical_list(), mentions(), legal_list()
    made: dict[str, Any] = {"date": date.today().isoformat()}
    began = time.process_time()
    terms.mine(medical, general)
    made["processor_seconds_a_million_characters"] = round(
        (time.process_time() - began) / sum(map(len, medical)) * 1e6, 2
    )
    print("processor seconds a million characters:", made["processor_seconds_a_million_characters"])
    made["choices"] = choices(medical, general, words, annotated)
    for name, language in (("shipped", general), ("books", books)):
        made[name] = {
            "medical words": table(f"medical words, {name}", medical, language, words, is_word),
            "medical phrases": table(f"medical phrases by mentions, {name}", medical, language, annotated, is_phrase),
            "legal": table(f"legal, words and phrases, {name}", legal, language, law, either),
            "legal words": table(f"legal words, {name}", legal, language, law, is_word),
            "legal phrases": table(f"legal phrases, {name}", legal, language, law, is_phrase),
        }
    for title, texts in (("medical", medical), ("legal", legal)):
        found = terms.mine(texts, general)
        made[f"first {title}"] = {kind: of_kind(found, kind)[:40] for kind in (terms.WORD, terms.PHRASE)}
        print(title, made[f"first {title}"])
    RESULTS.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
