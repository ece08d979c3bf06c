"""Augment: a language model writes rows for the classes, and those that pass every check may join the training rows.

Written from training rows alone; test is read for one thing, that no row may be a near copy of its rows, and so is dev
by the checks. Then a linear head on the frozen base is fitted with the new rows and without, and judged on dev: they
are trained on where that loses nothing. The checks and that measure stand in `filtering`, who writes in `augmenters`,
and what it may cost in `asking`.

Answers of an endpoint that were paid for stay in `answers/`, also where augmentation is switched off again.
Source: Dai et al. 2023, arXiv:2302.13007; Wu et al. 2019, arXiv:1812.06705.
"""

import time
from dataclasses import replace
from pathlib import Path

from afina import augmenting, filtering, layers, shelf
from afina.asking import Spent
from afina.bases import Opened
from afina.records import Augmented, Corpus, Event, Plan, Tell

ANSWERS = "answers"  # inside the run folder


def augment(corpus: Corpus, plan: Plan, opened: Opened, folder: Path, tell: Tell, seed: int) -> Augmented:
    """The rows that were written and kept, what they cost and what they gain.

    Raises ConfigError where the model cannot be used or the endpoint refuses, MachineError where it gives no answers.
    """
    began, settings, spent = time.monotonic(), plan.settings, Spent()
    ask = augmenting.speaker(settings, opened, folder / ANSWERS, spent, tell, seed)
    augmenter = shelf.load(augmenting.SHELF, settings.augmentation)
    wanted = augmenting.wanted(corpus, settings.augment_share or augmenting.SHARE)
    tell(Event("augment", f"{settings.augmentation}: {sum(wanted.values()):,} rows for {len(wanted):,} classes"))
    candidates = augmenter.augment(corpus.train, wanted, ask, augmenting.protected(settings), seed)
    embed = layers.embedder(opened, settings)
    known = filtering.know(corpus, embed, seed)
    sifted = filtering.sift(candidates, known, embed)
    judged, (without, beside, gain) = filtering.gain(known, sifted, embed, seed)
    used = bool(sifted.kept) and gain.value >= 0
    what = "they are trained on" if used else "they are left out" if sifted.kept else "none to train on"
    said = f"{len(sifted.kept):,} of {len(candidates):,} rows kept; {judged} {without.value:.3f} without them, "
    tell(Event("augment", f"{said}{beside.value:.3f} with them: {what}"))
    return Augmented(
        augmenter=settings.augmentation,
        asked=len(candidates),
        rejected=sifted.rejected,
        rows=tuple(one.row for one in sifted.kept),
        window=(known.least, filtering.MOST),
        probe=known.probe,
        judged=judged,
        without=without,
        beside=beside,
        gain=gain,
        used=used,
        requests=spent.requests,
        tokens=spent.tokens,
        cached=spent.cached,
        stopped=spent.stopped,
        seconds=round(time.monotonic() - began, 1),
    )


def joined(corpus: Corpus, made: Augmented) -> Corpus:
    """The corpus with the kept rows among those of train, or as it was where they lose."""
    return replace(corpus, train=(*corpus.train, *made.rows)) if made.used else corpus
