"""Rows that a language model writes: the plan's lines, what is asked of whom, and when it must be asked anew."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from afina import asking, bases, keys, measured, prompting, scarcity, shelf, speakers, store
from afina.bases import Opened
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.records import Ask, Choice, Corpus, Settings, Tell, Value

SHELF, NONE = "augmenters", "none"
BASE = "base"  # the model that is trained
SHARE = 1.0
USERS = "set by the user"
CAPS = asking.Endpoint("", "")  # with what is usual
ONLY_THEN = ("augment_share", "augment_model", "augment_endpoint", "augment_protected")  # keys that need augmentation
FOR_ENDPOINT = ("augment_requests", "augment_tokens")  # keys that need augment_endpoint


def choices(options: TrainOptions, corpus: Corpus) -> list[Choice]:
    """The plan's lines on augmentation.

    Raises ConfigError where it cannot be, or an option would do nothing; MissingExtra for an endpoint without a client.
    """
    off = _off(corpus)
    name = options.augmentation
    if name in (None, NONE):
        keys.meaningless(options, (*ONLY_THEN, *FOR_ENDPOINT), "augmentation")
        return [off]
    if corpus.kind != "classify" or corpus.columns.pair is not None:
        found = f"augmentation={name} writes single texts that have one class, and these rows are others"
        raise ConfigError(found, "leave augmentation out (in plan.yaml: auto)")
    _has_speaker(options, shelf.load(SHELF, str(name)).SPEAKERS)
    lines = [
        off,
        Choice("augment_share", SHARE, "at most as many rows as the files have, in every class of two rows or more"),
        _model(options),
        Choice("augment_protected", "", "no words beside those that are found to tell a class; 'refund, credit card'"),
    ]
    if options.augment_endpoint is not None:
        lines += [
            Choice("augment_endpoint", options.augment_endpoint, USERS),
            Choice("augment_requests", CAPS.requests, "a cap on what it may cost; paid answers are kept and count"),
            Choice("augment_tokens", CAPS.tokens, "a cap on what it may cost: a few hundred tokens a row"),
        ]
    return lines


def _off(corpus: Corpus) -> Choice:
    """None, with how few rows there are to write more of."""
    names = ", ".join(shelf.names(SHELF))
    why = f"not asked for, and nothing measured here shows that it pays; one of {names}"
    objective = shelf.load("objectives", corpus.kind)
    counts = objective.counts(corpus.train, corpus.labels).values()
    evidence: dict[str, Value] = {
        f"rows a {objective.COUNTED}, lower median": scarcity.lower_median(counts),
        f"rows of the rarest {objective.COUNTED}": min(counts, default=0),
    }
    return Choice("augmentation", NONE, why, evidence, measured.against("augmentation", shelf.names(SHELF)))


def _model(options: TrainOptions) -> Choice:
    """The base itself where it can do the work; else there is no model but the one that was named."""
    why = "the base itself guesses words; a model of the domain may guess better ones"
    masked = "masked" in shelf.load(SHELF, str(options.augmentation)).SPEAKERS
    return Choice("augment_model", BASE, why) if masked else Choice("augment_model", options.augment_model, USERS)


def _has_speaker(options: TrainOptions, known: Sequence[str]) -> None:
    """Raise ConfigError where there is no model that this augmenter can use, MissingExtra where there is no client."""
    name, model = options.augmentation, options.augment_model
    if options.augment_endpoint is not None:
        if "endpoint" not in known:
            raise ConfigError(f"augmentation={name} has no use for an endpoint", "leave augment_endpoint out")
        _address(options.augment_endpoint)
        asking.check()
    else:
        keys.meaningless(options, FOR_ENDPOINT, "augment_endpoint")
        if set(known) == {"endpoint"}:
            fix = "name it: augment_endpoint=http://localhost:8000/v1 augment_model=NAME"
            raise ConfigError(f"augmentation={name} needs an OpenAI-compatible endpoint", fix)
    if options.augment_endpoint is not None or "masked" not in known:
        if model in (None, BASE):
            raise ConfigError(f"augmentation={name} needs a model", "name it: augment_model=...")
        if options.augment_endpoint is None:
            bases.weights(bases.find(str(model)), str(model))
    elif model not in (None, BASE):
        bases.open_base(str(model))


def _address(address: str) -> None:
    """Raise ConfigError for what is no plain address of a server."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"augment_endpoint={address!r} is no address", "write it as http://localhost:8000/v1")
    if parts.username or parts.query:
        fix = f"put the key into the environment variable {asking.KEY}, and write no more than https://host/v1"
        raise ConfigError("augment_endpoint holds a key or the like, which would be stored with the run", fix)


def wanted(corpus: Corpus, share: float) -> dict[str, int]:
    """How many rows may join each class: the share cap. A class of one row gets none, for nothing could judge them."""
    rows = prompting.own_places(corpus.train)
    return {label: int(share * len(places)) for label, places in rows.items() if len(places) > 1}


def protected(settings: Settings) -> list[str]:
    """The words and phrases that the user protects."""
    return [one.strip() for one in (settings.augment_protected or "").split(",") if one.strip()]


def speaker(settings: Settings, opened: Opened, folder: Path, spent: asking.Spent, tell: Tell, seed: int) -> Ask:
    """Whom the augmenter asks. Paid answers are kept in `folder`, and `spent` counts them."""
    known, model = shelf.load(SHELF, settings.augmentation).SPEAKERS, settings.augment_model or BASE
    if settings.augment_endpoint:
        caps = settings.augment_requests or CAPS.requests, settings.augment_tokens or CAPS.tokens
        endpoint = asking.Endpoint(settings.augment_endpoint, model, *caps)
        return lambda questions: asking.ask(questions, endpoint, folder, spent, tell)
    if "causal" in known:
        return speakers.causal(model, prompting.CLOSE, seed)
    return speakers.masked(opened if model == BASE else bases.open_base(model), seed)


def asked(settings: Settings) -> tuple[object, ...]:
    """All that is asked of augmentation, with the sha256 of the model where it is read here."""
    own = (*ONLY_THEN, *FOR_ENDPOINT, "augmentation", "max_seq_length")
    values = tuple(getattr(settings, key) for key in own)
    name = settings.augment_model or BASE
    if settings.augment_endpoint or name == BASE:
        return values
    return (*values, [store.sha256(path) for path in bases.weights(bases.find(name), name)])
