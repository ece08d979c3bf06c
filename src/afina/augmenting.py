"""Rows that a language model writes: the plan's lines, what is asked of whom, and when it must be asked anew."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from afina import asking, bases, completions, keys, measured, oversampling, prompting, scarcity, shelf, speakers, store
from afina.bases import Opened
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.records import Ask, Choice, Corpus, Settings, Tell, Value

SHELF, NONE = "augmenters", "none"
BASE = "base"  # the model that is trained
SHARE = 1.0
EACH = 6  # new rows for each of a rare class, at most: AugGPT (Dai et al. 2023) wrote so many
USERS = "set by the user"
CAPS = completions.Endpoint("", "")  # with what is usual
ONLY_THEN = ("augment_share", "augment_model", "augment_endpoint", "augment_protected")  # keys that need augmentation
FOR_ENDPOINT = ("augment_requests", "augment_tokens")  # keys that need augment_endpoint


def choices(options: TrainOptions, corpus: Corpus, opened: Opened) -> list[Choice]:
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
    has_speaker(options, shelf.load(SHELF, str(name)).SPEAKERS, opened)
    lines = [
        off,
        Choice(
            "augment_share",
            SHARE,
            f"at most as many rows as a class has, a rare one up to the largest's: {EACH} for each of its own",
        ),
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


def has_speaker(options: TrainOptions, known: Sequence[str], opened: Opened | None = None) -> None:
    """Raise ConfigError where there is no model that this augmenter can use, MissingExtra where there is no client.

    opened   the base of the run, which may guess words itself; without it a model must be named
    """
    name, model = options.augmentation, options.augment_model
    if options.augment_endpoint is not None:
        if "endpoint" not in known:
            raise ConfigError(f"augmentation={name} has no use for an endpoint", "leave augment_endpoint out")
        _address(options.augment_endpoint)
        completions.check()
    else:
        keys.meaningless(options, FOR_ENDPOINT, "augment_endpoint")
        if set(known) == {"endpoint"}:
            fix = "name it: augment_endpoint=http://localhost:8000/v1 augment_model=NAME"
            raise ConfigError(f"augmentation={name} needs an OpenAI-compatible endpoint", fix)
    if options.augment_endpoint is not None or "masked" not in known:
        if model in (None, BASE):
            raise ConfigError(f"augmentation={name} needs a model", "name it: augment_model=...")
        if options.augment_endpoint is None:
            folder = bases.find(str(model))
            bases.weights(folder, str(model), speakers.CAUSAL)
            speakers.open_tokenizer(folder, str(model))
    else:
        speakers.masked(opened if opened and model in (None, BASE) else bases.open_base(str(model)), 0)


def _address(address: str) -> None:
    """Raise ConfigError for what is no plain address of a server."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"augment_endpoint={address!r} is no address", "write it as http://localhost:8000/v1")
    if parts.username or parts.query:
        fix = f"put the key into the environment variable {completions.KEY}, and write no more than https://host/v1"
        raise ConfigError("augment_endpoint holds a key or the like, which would be stored with the run", fix)


def wanted(corpus: Corpus, share: float) -> dict[str, int]:
    """How many rows may join each class: a share of its own; a rare one up to that share of the largest's.

        new[c] = max(share * n[c], min(min(share, 1) * max n - n[c], EACH * n[c]))        n[c] rows of class c

    So none gets more than the share of the largest class's rows. A class of one row gets none, for the probe that
    judges what was made from that row knows no other of its class.
    """
    labels = [row.label for row in corpus.train]
    short = oversampling.short(labels, min(share, 1.0))
    sizes = Counter(labels)
    return {
        label: max(int(share * size), min(short.get(label, 0), EACH * size))
        for label, size in sizes.items()
        if size > 1
    }


def protected(settings: Settings | TrainOptions) -> list[str]:
    """The words and phrases that the user protects."""
    return [one.strip() for one in (settings.augment_protected or "").split(",") if one.strip()]


def endpoint(settings: Settings | TrainOptions) -> completions.Endpoint:
    """The endpoint that is named, with its caps."""
    caps = settings.augment_requests or CAPS.requests, settings.augment_tokens or CAPS.tokens
    return completions.Endpoint(settings.augment_endpoint or "", settings.augment_model or "", *caps)


def speaker(settings: Settings, opened: Opened, folder: Path, spent: asking.Spent, tell: Tell, seed: int) -> Ask:
    """Whom the augmenter asks. Paid answers are kept in `folder`, and `spent` counts them."""
    known, model = shelf.load(SHELF, settings.augmentation).SPEAKERS, settings.augment_model or BASE
    if settings.augment_endpoint:
        return lambda questions: asking.ask(questions, endpoint(settings), folder, spent, tell)
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
