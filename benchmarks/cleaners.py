"""What the checks of texts find in each labelled set, and the processor time that they take.

    python benchmarks/cleaners.py        reads $AFINA_DATA (default ../shared/data), writes results/cleaners.json

Every cleaner runs in its order on the rows of the files, as `afina check` does.
"""

import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import rensa  # noqa: F401  (before the clock runs)
from make_reference import DATA

from afina import columns, shelf, tables
from afina.cleaning import CLEANERS
from afina.records import Finding, Row

RESULTS = Path(__file__).parent / "results" / "cleaners.json"
TASKS = {"atis": "classify", "fb_es": "classify"}  # they hold spans too
FILES = {"crisislex_t6": "stream.csv.gz", "nlupp_banking": "banking.jsonl"}  # of the sets without splits
SETS = ("banking77 clinc150 atis trec sst2 cola mrpc stsb_en rte wnli chemprot acl_arc scicite unfair_tos "
        "financial_phrasebank fb_es crisislex_t6 nlupp_banking bc5cdr ncbi_disease wnut17").split()  # fmt: skip
ENDINGS = ("csv", "jsonl", "jsonl.gz", "conll")


def files(name: str) -> dict[str, Path]:
    if name in FILES:
        return {"train": DATA / name / FILES[name]}
    there = [(split, DATA / name / f"{split}.{end}") for split in ("train", "dev", "test") for end in ENDINGS]
    return {split: path for split, path in there if path.exists()}


def read(name: str) -> dict[str, tuple[Row, ...]]:
    opened = {split: tables.read(path) for split, path in files(name).items()}
    detected = columns.detect(opened["train"], None, None, None, TASKS.get(name))
    opened = {split: columns.parted(table, detected) for split, table in opened.items()}
    kind, chosen = columns.kind(opened["train"], detected, TASKS.get(name))
    return {split: columns.rows(table, chosen, kind)[0] for split, table in opened.items()}


def clean(rows: dict[str, tuple[Row, ...]]) -> tuple[list[Finding], dict[str, float]]:
    """All findings, and the milliseconds of each cleaner."""
    modules = sorted((shelf.load(CLEANERS, name) for name in shelf.names(CLEANERS)), key=lambda one: one.ORDER)
    findings, spent = [], {}
    for module in modules:
        began = time.process_time()
        rows, found = module.clean(rows)
        spent[module.__name__.rpartition(".")[2]] = round(1000 * (time.process_time() - began), 1)
        findings += found
    return findings, spent


def main() -> None:
    found: dict[str, Any] = {"date": date.today().isoformat(), "results": {}}
    names = ("near_duplicates", "markup", "characters", "boilerplate")
    print(f"| set | rows | {' | '.join(names)} | ms of the first | ms of all |")
    for name in SETS:
        rows = read(name)
        findings, spent = clean(rows)
        counts = {check: sum(one.count for one in findings if one.check == check) for check in spent}
        found["results"][name] = {
            "rows": {split: len(part) for split, part in rows.items()},
            "counts": counts,
            "problems": [one.problem for one in findings],
            "cpu_ms": spent,
        }
        shown = " | ".join(f"{counts[check]:,}" for check in names)
        total = sum(map(len, rows.values()))
        print(f"| {name} | {total:,} | {shown} | {spent[names[0]]:.0f} | {sum(spent.values()):.0f} |", flush=True)
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
