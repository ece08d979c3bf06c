"""What must agree, counted: checks of one kind, the share of all that agree, and its doubt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afina import metrics
from afina.records import Example, Measure, Score, Text


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
