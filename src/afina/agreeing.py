"""What must agree, counted: checks of one kind, the share of all that agree, and its doubt."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from afina import answering, metrics, sameness
from afina.records import Example, Measure, Row, Score, Task, Text

FEW = 3  # examples, and places in one
ROUNDING = 1e-6  # of a probability
BOTH_WAYS = 10  # pairs of train that stand there both ways, from which on the task may be symmetric


@dataclass(frozen=True, slots=True)
class Checks:
    """Things of one kind that agree or do not, each about one text or group of texts."""

    name: str
    group: str
    about: tuple[Text, ...]  # the text of each, or the first one
    right: np.ndarray  # (n,): whether it agrees
    remark: str = ""
    examples: tuple[Example, ...] = ()
    must: bool = True  # whether a disagreement is a fault

    @property
    def measure(self) -> Measure:
        """Their share, with Wilson's interval; at least one."""
        hits, rows = int(self.right.sum()), len(self.right)
        return Measure(
            self.name, hits / rows, *metrics.wilson(hits, rows), "share", rows, self.group, remark=self.remark
        )


def share(name: str, found: Sequence[Checks], seed: int) -> Score:
    """The share of all checks that agree. What is resampled are the texts, for checks about one text fail together."""
    texts = {text: place for place, text in enumerate(dict.fromkeys(text for one in found for text in one.about))}
    places = np.array([texts[text] for one in found for text in one.about])
    right = np.concatenate([one.right for one in found]).astype(np.float64)
    return ratio(name, np.bincount(places, right), np.bincount(places), seed)


def ratio(name: str, hits: np.ndarray, counts: np.ndarray, seed: int) -> Score:
    """sum of hits / sum of counts, where a resample draws those that belong together at once: (n,) each."""
    of = lambda weights: (weights @ hits / np.maximum(weights @ counts, 1))[:, None]  # noqa: E731
    return metrics.doubted(metrics.bootstrap((name,), of, len(hits), seed), len(hits))[0]


def contradictions(rows: Sequence[Row]) -> list[Checks]:
    """Texts that were learned under more than one label; what training then made of them is chance."""
    places: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.value is None and row.spans is None:
            places[sameness.key(row)].append(row)
    texts = [own for own in places.values() if len(own) > 1]
    if not texts:
        return []
    right = np.array([len({row.target for row in own}) == 1 for own in texts])
    name = "repeated texts of train and dev with one label"
    examples = [
        Example(name, own[0].where, (own[0].input,), "; ".join(f"{row.target} at {row.where}" for row in own[:FEW]))
        for own, fine in zip(texts, right, strict=True)
        if not fine
    ]
    about = tuple(own[0].input for own in texts)
    return [Checks(name, "data", about, right, "the data's, not the model's", tuple(examples[:FEW]), must=False)]


def symmetric(train: Sequence[Row]) -> bool:
    """Whether enough pairs stand there both ways, and each with one label."""
    targets = {(row.text, row.pair or ""): row.target for row in train}
    both = [(target, targets[b, a]) for (a, b), target in targets.items() if a < b and (b, a) in targets]
    return len(both) >= BOTH_WAYS and all(one == other for one, other in both)


def implied(rows: Sequence[Row], answers: np.ndarray, task: Task, hierarchy: Mapping[str, str]) -> list[Checks]:
    """Parents are as probable as their children, where a child is given; elsewhere they can hardly be less so."""
    labels, name = task.labels, "parent as probable as its child"
    given, about, right, examples = answering.given(answers, task), [], [], []
    for child, parent in hierarchy.items():
        lower, upper = labels.index(child), labels.index(parent)
        for place in np.flatnonzero(given[:, lower]).tolist():
            about.append(rows[place].input)
            right.append(bool(answers[place, upper] >= answers[place, lower] - ROUNDING))
            if not right[-1]:
                said = f"{child} {answers[place, lower]:.2f}, {parent} {answers[place, upper]:.2f}; should not be less"
                examples.append(Example(name, rows[place].where, (about[-1],), said))
    checks = Checks(name, "hierarchy", tuple(about), np.array(right, bool), examples=tuple(examples[:FEW]))
    return [checks] if about else []
