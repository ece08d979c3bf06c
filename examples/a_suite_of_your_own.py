"""Behavioural tests, without the rest of afina: a small suite of your own, put to any function from texts to answers.

python examples/a_suite_of_your_own.py
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from afina import checklist, suites
from afina.records import Task, Text

SUITE = """\
suite: desk
labels: {card: about a bank card, other: about something else}
lexicons:
  trouble: [is lost, was stolen, does not work]
  greeting: [Good morning, Hello there]
  way: [[credit card, plastic], [debit card, bank card]]
defaults: {n: 50, max_failure_rate: 0.1}
tests:
  - id: card in trouble
    type: MFT
    capability: vocabulary
    severity: critical                # critical tests may fail no case at all, unless max_failure_rate says otherwise
    max_failure_rate: 0
    template: "{greeting}, my card {trouble}."
    expect: {label: card}
  - id: other words
    type: INV
    capability: vocabulary
    template: "My {way.0} {trouble}."
    changed: "My {way.1} {trouble}."  # filled with the same words
    expect: {same_label: true}
  - id: typed in capitals
    type: INV
    capability: robustness
    texts: ["My card is lost.", "When do you open?"]
    perturb: upper
    expect: {same_label: true}
  - id: not about the card
    type: DIR
    capability: negation
    template: "My card {trouble}."
    perturb: {append: {texts: ["But that is not why I write: when do you open?"]}}
    expect: {probability: card, direction: non_increasing, tolerance: 0.05}
"""


def predict(texts: Sequence[Text]) -> np.ndarray:
    """A model of one rule, which does not know what plastic is. Yours may be torch, ONNX or a request."""
    card = np.array(["card" in str(text).lower() for text in texts])
    return np.where(card[:, None], [0.9, 0.1], [0.2, 0.8])  # probabilities of the labels below


def main() -> None:
    """Print each test, and the shortest case of those that failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "desk.yaml"
        file.write_text(SUITE, encoding="utf-8")
        suite = suites.read(str(file))
    found = checklist.check(suite, predict, Task(labels=("card", "other")))
    for test in found.tests:
        gate = "passed" if test.passed else "FAILED"
        print(f"{test.name}: {len(test.failed)} of {test.cases} ({test.low:.0%} to {test.high:.0%}) {gate}")
        for failure in test.failures[:1]:
            print(f"  {' => '.join(map(str, failure.texts))}: {failure.got}")


if __name__ == "__main__":
    main()
