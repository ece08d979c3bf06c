"""The 38 tests of CheckList's sentiment suite, put to a model of two classes that `afina run` trained on sst2.

    head -n 1001 $AFINA_DATA/sst2/train.csv > sst2.csv
    afina run sst2.csv --test $AFINA_DATA/sst2/test.csv --out runs/sst2 technique=head_only task=classify
    python benchmarks/checklist.py runs/sst2      reads $AFINA_DATA (or ../shared/data), writes results/checklist.json

The suite has three classes (0 negative, 1 neutral, 2 positive), the model two. As the suite's authors do for such
models, a probability of positive between 1/3 and 2/3 is neutral, the more so the nearer it is to 1/2:

    p(neutral) = 1 - 3 |p - 1/2| there, the rest goes to the likelier side; elsewhere p(neutral) = 0

What DIR tests and those that only forbid a class expect stands in the release as prose; it is said here as EXPECT.
Source: Ribeiro et al. 2020, arXiv:2005.04118, section 3 and table 1; github.com/marcotcr/checklist (MIT).
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
from make_reference import DATA

from afina import checklist, inference, released
from afina.cleaning import as_trained
from afina.records import Checklist, Expectation, Predict, Text

RESULTS = Path(__file__).parent / "results" / "checklist.json"
SURE = {"probability": "answer", "tolerance": 0.1, "ignore": ("1",)}  # neutral answers do not count
NOT_NEGATIVE = Expectation(not_label=("0",))
EXPECT = {
    "intensifiers": Expectation(direction="non_decreasing", **SURE),
    "reducers": Expectation(direction="non_increasing", **SURE),
    '"used to" should reduce': Expectation(direction="non_increasing", **SURE),
    "add positive phrases": Expectation(probability="2", direction="non_decreasing", tolerance=0.1),
    "add negative phrases": Expectation(probability="2", direction="non_increasing", tolerance=0.1),
    "simple negations: not negative": NOT_NEGATIVE,
    "simple negations: I thought x was negative, but it was not (should be neutral or positive)": NOT_NEGATIVE,
    "Hard: Negation of negative with neutral stuff in the middle (should be positive or neutral)": NOT_NEGATIVE,
}


def main(run: str) -> None:
    predict, task, _ = inference.open_run(Path(run))
    suite = released.read(DATA / "checklist_sentiment", EXPECT)
    found = checklist.check(suite, three(predict), replace(task, labels=("0", "1", "2")))
    print("\n".join(table(found)))
    told = {one.name: [one.cases, len(one.failed), one.rate, one.low, one.high] for one in found.tests}
    kept = {"date": date.today().isoformat(), "sha256": found.sha256, "cases, failed, rate, low, high": told}
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


def three(predict: Predict) -> Predict:
    """A model of two classes as one of three."""

    def ask(texts: Sequence[Text]) -> np.ndarray:
        positive = predict(as_trained(texts))[:, 1]
        neutral = np.maximum(0.0, 1 - 3 * np.abs(positive - 0.5))
        neutral[np.abs(positive - 0.5) >= 1 / 6] = 0
        likelier = np.where(neutral > 0, positive >= 0.5, positive)  # beside neutral all goes to one side
        rest = 1 - neutral
        return np.stack([rest * (1 - likelier), neutral, rest * likelier], axis=1)

    return ask


def table(found: Checklist) -> list[str]:
    """The rows of the table in RESULTS.md."""
    lines = ["| capability | type | test | cases | failed (95%) |", "|---|---|---|---|---|"]
    for one in found.tests:
        rate = f"{one.rate:.1%} ({one.low:.1%} to {one.high:.1%})" if one.cases else "none counts"
        lines.append(f"| {one.capability} | {one.kind} | {one.name} | {one.cases} | {rate} |")
    return lines


if __name__ == "__main__":
    main(*sys.argv[1:])
