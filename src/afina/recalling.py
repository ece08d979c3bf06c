"""Old tasks watched while a new one is trained: what a linear head fitted anew reads of them in the body.

A hold-out set has the labels of the task, and the model's own head answers it. An old task has labels of its own, or
scores, and its head is gone or was fitted to another body. So at each look, and once before the first step, a ridge
head is fitted in closed form to the body's mean vectors as they are then, each fifth of the rows answered by a head
that was fitted to the other four (`crossfit`): accuracy, or Spearman for scores, on at most 400 rows, the same at every
look, with the interval of 200 bootstrap resamples of them.

What it says: whether the knowledge is still there to be read. What it does not: that the old head still works (a space
that only turned serves a new head as well), what tuning on these rows would bring back, or anything of several labels
a text or of spans. It changes nothing of the training, bit for bit, and chooses nothing: neither the best look nor when
to stop.
Cost of a look: the rows read once, those of pairs twice, and five eigendecompositions of 320 by 320: with the bundled
base and 400 short texts about 2 processor seconds.
Source: Alain & Bengio 2016, arXiv:1610.01644 (linear heads as probes); Efron 1979 (bootstrap).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from afina import crossfit, features, looking
from afina.crossfit import Known
from afina.errors import MachineError
from afina.old_tasks import METRICS
from afina.recipes import Aside
from afina.records import Corpus, OldTask

ROWS = 400  # of an old task that a look is taken at
UNMOVED = "old tasks are not looked at: head_only never moves the body, which so forgets nothing"


def asides(corpus: Corpus, tokenizer: Any, max_tokens: int, seed: int) -> dict[str, Aside]:
    """What training looks at beside its hold-out sets, by name; texts are cut at `max_tokens`."""
    found = {}
    for name, task in corpus.old_tasks.items():
        known = _known(name, task, seed)
        texts = sorted(set(known.texts))
        encoded = dict(zip(texts, features.encode(tokenizer, texts, max_tokens), strict=True))
        found[name] = Aside(METRICS[task.kind], partial(_look, known, encoded, tokenizer))
    return found


def _known(name: str, task: OldTask, seed: int) -> Known:
    """As many rows as a look is taken at, drawn with the seed."""
    drawn = [task.rows[place] for place in np.random.default_rng(seed).permutation(len(task.rows))[:ROWS]]
    pairs = [row.pair for row in drawn if row.pair is not None]
    first = tuple(row.text for row in drawn)
    if task.kind == "regress":
        return Known(name, first, tuple(pairs), np.array([row.value for row in drawn]), crossfit.SCORES)
    labels = sorted({row.label for row in drawn})
    return Known(name, first, tuple(pairs), np.array([labels.index(row.label) for row in drawn]))


def _look(known: Known, encoded: Mapping[str, Any], tokenizer: Any, model: Any) -> dict[str, float]:
    """One look at the body of `model` as it is. Raises MachineError where its vectors are no numbers."""
    body = model.base_model

    def vectors(texts: Sequence[str]) -> np.ndarray:
        rows = [encoded[text] for text in texts]
        found = features.collect(body, tokenizer, rows, lambda batch: features.mean_vectors(body(**batch), batch))
        if not np.isfinite(found).all():
            said = f"the vectors of the old task {known.name} hold what is no number"
            raise MachineError(said, "lower the rates; then run again")
        return found

    said, rows = crossfit.answers(known, crossfit.vectors([known], vectors)), len(known.first)
    drawn = np.random.default_rng(0).multinomial(rows, np.full(rows, 1 / rows), size=looking.RESAMPLES)
    score, *resampled = crossfit.scores(known, [said], np.vstack([np.ones(rows), drawn]))[:, 0].tolist()
    low, high = np.percentile(resampled, [2.5, 97.5])
    return {"score": score, "low": float(low), "high": float(high), "rows": rows}
