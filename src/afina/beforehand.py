"""What may join a corpus before it is trained on: a stage that is off unless asked for, kept or forgotten."""

from typing import TYPE_CHECKING

from afina import store
from afina.keeper import Keeper
from afina.records import Augmented, Corpus, Plan

if TYPE_CHECKING:
    from afina.bases import Opened


def augmented(keep: Keeper, corpus: Corpus, plan: Plan, base: "Opened", seed: int) -> tuple[Corpus, Augmented | None]:
    """The corpus as it is, or with rows that a language model wrote where that was asked for and loses nothing."""
    from afina import augmenting
    from afina.stages import augment

    if plan.settings.augmentation == augmenting.NONE:
        store.forget(keep.folder, "augment", ())  # answers that were paid for stay
        return corpus, None
    inputs = (base.record.sha256, augmenting.asked(plan.settings), seed)
    make = lambda: augment.augment(corpus, plan, base, keep.folder, keep.tell, seed)  # noqa: E731
    made = keep("augment", Augmented, inputs, make, on=1)  # the corpus
    return augment.joined(corpus, made), made
