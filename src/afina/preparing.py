"""Preparing the base's tokenizer for the domain: the plan's lines, and what a user names.

    new_tokens      words that the base breaks become tokens, at most so many; those of a glossary come first
    special_tokens  marks that stand in the texts, such as [PROTEÍNA], become one token each, whatever they gain

What it does not do: make terms of several words tokens; mark texts.
"""

from collections.abc import Sequence
from dataclasses import replace
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path

from afina import adapting, glossaries, measured, store, terms, vocabulary
from afina.bases import Opened
from afina.config import TrainOptions
from afina.errors import ConfigError
from afina.records import Choice, Finding, Profile, Settings, Value

NONE = "none"
UNTRAINED = "rows of new tokens"  # evidence of a line
TEXTS = 200_000  # of adapt_file that words are learned from, at most; more say no more of a few thousand words


def choices(options: TrainOptions, opened: Opened, profile: Profile) -> list[Choice]:
    """The plan's lines.

    Raises ConfigError where the tokenizer cannot have what is asked for, DataError for a glossary that is none.
    """
    marks(options.special_tokens)
    found = [
        _none(profile),
        Choice("special_tokens", NONE, "not asked for; special_tokens=PROTEIN,CODE makes [PROTEIN] and [CODE] tokens"),
    ]
    if options.new_tokens:
        vocabulary.family(opened.tokenizer)
    listed = options.glossary_file not in (None, NONE)
    if listed:
        glossaries.glossary(str(options.glossary_file))  # what is wrong with it is told before anything is measured
    if (listed or options.new_tokens) and options.adapt_masking != adapting.TERMS:  # whose lines it is among
        why = "words are learned from the texts alone; glossary_file=terms.csv"
        use = "the profile's terms" + (", new_tokens" if options.new_tokens else " alone: new_tokens=2000 would use it")
        found.append(Choice("glossary_file", NONE, why, {"used for": use} if listed else {}))
    return found


def _none(profile: Profile) -> Choice:
    """No new tokens, with how much the base breaks the words and where they are far from general ones."""
    evidence: dict[str, Value] = {
        "tokens a word": round(profile.fertility, 3),
        "words that break, share": round(profile.split, 4),
    }
    pieces = next((one for one in profile.distances if one.measure == "fragmentation"), None)
    if pieces is not None:
        evidence |= {"distance by pieces": round(pieces.value, 4), "of general halves": round(pieces.zero, 4)}
    why = "not asked for: texts would be shorter, and no task was measured to gain; new_tokens=2000 learns your words"
    return Choice("new_tokens", 0, why, evidence, measured.against("new_tokens", ["2000"]))


def told(choices: Sequence[Choice], settings: Settings, trained: bool) -> tuple[Choice, ...]:
    """The plan's lines with what becomes of the rows of new tokens beside those that ask for them.

    trained   whether the technique trains them, or adapting does
    """
    if not asked(settings) or trained:
        return tuple(choices)
    left = {UNTRAINED: f"{settings.technique} leaves them as they begin, a mean of their old pieces; lora trains them"}
    lines = ("new_tokens", "special_tokens")
    return tuple(replace(one, evidence={**one.evidence, **left}) if one.name in lines else one for one in choices)


def untrained(choices: Sequence[Choice], settings: Settings) -> tuple[Finding, ...]:
    """What to say where nothing trains the rows of new tokens."""
    if not any(UNTRAINED in one.evidence for one in choices):
        return ()
    found = f"{settings.technique} does not train the rows of new tokens: each stays a mean of its old pieces"
    fix = (
        "take technique=lora, which trains them too, or full; or let the whole base read texts first: adapt_file=train"
    )
    return (Finding("prepare", found, "kept", fix, settings.new_tokens + len(marks(settings.special_tokens))),)


def asked(settings: Settings) -> bool:
    """Whether there is anything to prepare."""
    return settings.new_tokens > 0 or bool(marks(settings.special_tokens))


def inputs(settings: Settings) -> tuple[object, ...]:
    """What preparing depends on beside the base and the texts."""
    listed = settings.glossary_file if settings.new_tokens else None
    read = None if listed in (None, NONE) else store.sha256(Path(expanduser(str(listed))))
    return settings.new_tokens, settings.special_tokens, read


def marks(named: str | None) -> tuple[str, ...]:
    """The special tokens of a comma-separated list; a bare word stands for itself in square brackets.

    >>> marks("PROTEÍNA, <<, [CÓDIGO]"), marks("none")
    (('[PROTEÍNA]', '<<', '[CÓDIGO]'), ())

    Raises ConfigError where one is named twice or one has white space inside.
    """
    found = [mark.strip() for mark in (named or NONE).split(",") if mark.strip() not in ("", NONE)]
    found = [f"[{mark}]" if mark.replace("_", "").isalnum() else mark for mark in found]
    for mark in found:
        if len(mark.split()) > 1 or found.count(mark) > 1:
            fault = "is named twice" if found.count(mark) > 1 else "has white space inside"
            raise ConfigError(f"the special token {mark!r} {fault}", "write special_tokens=PROTEIN,CODE")
    return tuple(found)


def given(settings: Settings, texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """The glossary's terms of one word that the texts have, and what was found in its file."""
    if not settings.new_tokens or settings.glossary_file in (None, NONE):
        return (), ()
    listed, findings = glossaries.glossary(str(settings.glossary_file))
    there = {word for text in texts for word in terms.normal(text).split(" ")}
    return tuple(term for term in listed if terms.normal(term) in there), findings
