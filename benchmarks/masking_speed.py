"""How fast batches are masked, beside Hugging Face's collators on the same rows.

    python benchmarks/masking_speed.py    reads $AFINA_DATA (default ../shared/data), writes results/masking_speed.json

2,000 windows of bc5cdr, of up to 128 tokens as they come and of exactly 128 (the whole-word variant takes rows of one
length only); batches of 32, one thread. The collators take turns, nine rounds each; processor time a row is the median,
ratios are medians of the ratios in one round. What is done once a text (tokenizing, finding terms) is timed apart.
"""

import json
import statistics
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from distance import conll
from transformers import DataCollatorForLanguageModeling

from afina import bases, glossaries, masking, term_masking, terms

RESULTS = Path(__file__).parent / "results" / "masking_speed.json"
BATCH, ROUNDS, ROWS, TOKENS = 32, 9, 2000, 128
SENTENCES = 12  # of a text
OURS = "afina, terms 80%, others 15%"


def timed(collate: Callable[[list[Any]], Any], rows: list[dict[str, Any]]) -> float:
    """Processor microseconds a row."""
    batches = [[dict(row) for row in rows[start : start + BATCH]] for start in range(0, len(rows), BATCH)]
    began = time.process_time()
    for batch in batches:
        collate(batch)
    return (time.process_time() - began) / len(rows) * 1e6


def only(rows: list[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
    return [{key: row[key] for key in keys} for row in rows]


def compare(ways: dict[str, tuple[Callable[[list[Any]], Any], list[dict[str, Any]]]]) -> dict[str, Any]:
    """Each way's time, and by how many times ours is faster."""
    rounds = [{name: timed(collate, rows) for name, (collate, rows) in ways.items()} for _ in range(ROUNDS)]
    found = {}
    for name in ways:
        ratios = sorted(times[name] / times[OURS] for times in rounds)
        found[name] = {
            "microseconds_a_row": round(statistics.median(times[name] for times in rounds), 1),
            "ours_is_faster": round(statistics.median(ratios), 2),
            "least_and_most": [round(ratios[0], 2), round(ratios[-1], 2)],
        }
        print(f"  {name:46}{found[name]['microseconds_a_row']:>8} us a row   {found[name]['ours_is_faster']:>6} times")
    return found


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    tokenizer = bases.open_base("bundled").tokenizer
    sentences = [text for split in ("train", "dev", "test") for text in conll(f"bc5cdr/{split}.conll")]
    texts = [" ".join(sentences[start : start + SENTENCES]) for start in range(0, len(sentences), SENTENCES)]
    mined = [term.term for term in terms.mine(sentences, glossaries.shipped("en")[0])]
    find = terms.finder(mined)
    began = time.process_time()
    masking.windows(tokenizer, texts, TOKENS)
    plain = time.process_time() - began
    began = time.process_time()
    rows, _ = term_masking.windows(tokenizer, texts, TOKENS, find)
    once = {
        "windows": len(rows),
        "terms": len(mined),
        "tokenizing": plain,
        "and_finding_terms": time.process_time() - began,
    }
    print({key: round(value, 2) for key, value in once.items()})
    encoded = tokenizer(
        texts, truncation=True, max_length=TOKENS, return_overflowing_tokens=True, return_offsets_mapping=True,
        return_special_tokens_mask=True,
    )  # fmt: skip
    extra = {
        tuple(encoded["input_ids"][i]): {k: encoded[k][i] for k in encoded} for i in range(len(encoded["input_ids"]))
    }
    made: dict[str, Any] = {"date": date.today().isoformat(), "torch": torch.__version__, "once": once}
    theirs = DataCollatorForLanguageModeling(tokenizer, seed=0)
    whole = DataCollatorForLanguageModeling(tokenizer, whole_word_mask=True, seed=0)
    ours = term_masking.TermCollator(tokenizer)
    full = [row for row in rows if len(row["input_ids"]) == TOKENS]
    for title, kept in (("as they come", rows[:ROWS]), ("128 tokens", full[:ROWS])):
        same = [extra[tuple(row["input_ids"])] for row in kept]
        keys = ("input_ids", "token_type_ids", "attention_mask")
        ways = {
            OURS: (ours, kept),
            "Hugging Face": (theirs, only(same, *keys)),
            "Hugging Face, special tokens known": (theirs, only(same, *keys, "special_tokens_mask")),
        }
        if kept == full[:ROWS]:
            ways["Hugging Face, whole words"] = (whole, only(same, *keys, "special_tokens_mask", "offset_mapping"))
        print(f"{title}: {len(kept):,} rows, {sum(len(row['input_ids']) for row in kept) / len(kept):.0f} tokens a row")
        made[title] = compare(ways)
    RESULTS.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
