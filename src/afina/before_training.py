"""The stages between the plan and training: each makes the base or the rows ready, where it was asked for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from afina import store
from afina.keeper import Keeper
from afina.records import Adapted, Augmented, Balanced, Corpus, Plan, Prepared

if TYPE_CHECKING:
    from afina.bases import Opened


@dataclass(frozen=True, slots=True)
class Ready:
    """What training starts from, and how it came about."""

    rows: Corpus  # what is learned from; the corpus itself where nothing was added
    base: "Opened"
    prepared: Prepared | None
    augmented: Augmented | None
    balanced: Balanced | None
    adapted: Adapted | None


def make_ready(keep: Keeper, corpus: Corpus, plan: Plan, base: "Opened", seed: int) -> Ready:
    """New tokens, written rows, repeated rows, then adapting: in this order, each on what those before it made."""
    base, prepared = _prepared(keep, corpus, plan, base)
    rows, augmented = _augmented(keep, corpus, plan, base, seed)
    rows, balanced = _balanced(keep, rows, plan, base, seed)
    base, adapted = _adapted(keep, corpus, plan, base, seed)
    return Ready(rows, base, prepared, augmented, balanced, adapted)


def _prepared(keep: Keeper, corpus: Corpus, plan: Plan, base: "Opened") -> "tuple[Opened, Prepared | None]":
    """The base as it is, or with words of the domain as tokens where that was asked for."""
    from afina import adapting, bases, preparing
    from afina.stages import prepare

    folder, settings = keep.folder, plan.settings
    if not preparing.asked(settings):
        store.forget(folder, "prepare", (prepare.FOLDER,))
        return base, None
    texts = None if settings.adapt_file == adapting.NONE else (settings.adapt_file, adapting.sha256(settings))
    inputs = (base.record.sha256, preparing.inputs(settings), texts)
    make = lambda: prepare.prepare(corpus, plan, base, folder, keep.tell)  # noqa: E731
    record = keep("prepare", Prepared, inputs, make, on=1)  # the corpus
    return (bases.open_base(str(folder / record.folder)) if record.folder else base), record


def _augmented(keep: Keeper, corpus: Corpus, plan: Plan, base: "Opened", seed: int) -> tuple[Corpus, Augmented | None]:
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


def _balanced(keep: Keeper, corpus: Corpus, plan: Plan, base: "Opened", seed: int) -> tuple[Corpus, Balanced | None]:
    """The corpus as it is, or with rows of rare classes repeated where that was asked for."""
    from afina import balancing
    from afina.stages import balance

    settings = plan.settings
    if settings.balancing == balancing.NONE:
        store.forget(keep.folder, "balance", ())
        return corpus, None
    asked = (settings.balancing, settings.balancing_share, settings.max_seq_length)
    inputs = (base.record.sha256, asked, corpus.train, seed)  # the rows, whatever may have joined them
    make = lambda: balance.balance(corpus, plan, base, keep.tell, seed)  # noqa: E731
    record = keep("balance", Balanced, inputs, make, on=1)  # the corpus
    return balance.enlarged(corpus, record), record


def _adapted(keep: Keeper, corpus: Corpus, plan: Plan, base: "Opened", seed: int) -> "tuple[Opened, Adapted | None]":
    """The base that training starts from: as it is, or adapted to texts of the domain where that was asked for."""
    from afina import adapting, bases
    from afina.stages import adapt

    folder = keep.folder
    if plan.settings.adapt_file == adapting.NONE:
        store.forget(folder, "adapt", (adapt.FOLDER, adapt.CHECKPOINTS))
        return base, None
    inputs = (base.record.sha256, adapting.asked(plan.settings), adapting.sha256(plan.settings), seed)
    make = lambda: adapt.adapt(corpus, plan, base, folder, keep.tell, seed)  # noqa: E731
    record = keep("adapt", Adapted, inputs, make, on=1)  # the corpus: another rate for the task changes nothing here
    return bases.open_base(str(folder / record.folder)), record
