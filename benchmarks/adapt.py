"""What adapting gains on held-out text of the domain: terms of service, without fold 0, which is unfair_tos' test.

    python benchmarks/adapt.py [STEPS]       300 where no number is given; prints a line and writes results/adapt.json

The stage `adapt` as afina runs it, on one thread: a head is fitted with the bundled base's body frozen, for at most
STEPS steps, then all is trained for at most STEPS steps. Perplexity of masked tokens (15% of the words, the same masks
before and after) of a tenth of the documents, which nothing was trained on; intervals over these documents.
What it does not say: how much of the gain is domain and how much is practice in guessing; how a task fares.
"""

import dataclasses
import json
import os
import sys
import tempfile
from datetime import date
from pathlib import Path

import torch

from afina import adapting, bases, timing
from afina.records import Columns, Corpus, Facts, Plan, Settings
from afina.stages import adapt

DATA = Path(os.environ.get("AFINA_DATA", "../shared/data"))
RESULTS = Path(__file__).parent / "results" / "adapt.json"


def main() -> None:
    """One run on one thread."""
    torch.set_num_threads(1)
    steps = int(sys.argv[1]) if sys.argv[1:] else adapting.STEPS
    lines = (DATA / "corpus_legal_tos" / "docs.jsonl").read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines]
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "documents.jsonl"
        file.write_text("\n".join(json.dumps(one) for one in documents if one["fold"] != 0), encoding="utf-8")
        made = adapt.adapt(*given(file, steps), Path(temporary), lambda event: print(event.text, flush=True), 0)
    result = dataclasses.asdict(made) | {"date": date.today().isoformat(), "threads": 1, "source": "folds 1 to 4"}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(f"before {made.before}\nafter {made.after}\ngain {made.gain}\n{made.steps} steps, {made.seconds} s")


def given(file: Path, steps: int) -> tuple[Corpus, Plan, bases.Opened]:
    """A corpus without rows of its own, a plan to adapt to `file`, and the base."""
    opened = bases.open_base("bundled")
    settings = Settings(
        "full", "mean", {}, 1e-4, 1e-2, 3.0, 32, adapting.TOKENS, 0, 0.01, "bf16" if timing.has_bf16() else "fp32",
        "sdpa", True, adapt_file=str(file), adapt_steps=steps, adapt_learning_rate=adapting.RATE,
    )  # fmt: skip
    corpus = Corpus("terms", Columns("text", "label"), (), (), (), (), "", (), ())
    facts = Facts(0, 0, 0.0, 0.0, 6, 384, opened.record.parameters, opened.record.body_parameters, 0.0, 0.0, 0.0)
    return corpus, Plan(opened.record, settings, (), {}, (), facts), opened


if __name__ == "__main__":
    main()
