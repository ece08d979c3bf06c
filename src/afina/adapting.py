"""Adapting the base to unlabelled texts of the domain: the plan's lines, and the texts, which `unlabelled` reads.

Source for adapting at all: Gururangan et al. 2020, "Don't Stop Pretraining", arXiv:2004.10964.
"""

from collections.abc import Mapping, Sequence
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path
from typing import Any

from afina import choosing, glossaries, keys, maskedlm, measured, samples, shelf, store, terms, unlabelled
from afina.bases import Opened
from afina.config import TrainOptions
from afina.errors import ConfigError, DataError
from afina.masking import SHARE, vocabulary_of
from afina.records import Choice, Corpus, Facts, Finding, Profile, Row, Settings, Value
from afina.terms import General
from afina.unlabelled import TRAIN

NONE = "none"  # no adapting
TOKENS = 128  # of a window; longer texts are cut into several
BATCH = 16  # windows a step
STEPS, RATE = 300, 1e-4
FULL = "full"  # the technique, where none is asked for
RATES = {
    FULL: (RATE, "a usual rate for a small batch; not compared with others here yet"),
    "lora": (5e-3, "better than 1e-3 and 2e-3 after 60 steps on terms of service; 1e-2 was better still, one seed"),
    "bitfit": (5e-3, "better than 2e-3 after 60 steps on terms of service, one seed; no higher one was tried"),
}  # peak; of other techniques that of a task
BESIDE = 2000  # texts that are kept beside those that the steps can read: a tenth of them is held out
UNIFORM, TERMS = "uniform", "terms"  # all words are masked alike, or those of the domain more often
TERM_FILES = ("frequency_file", "glossary_file")
ONLY_TERMS = ("adapt_term_rate", "frequency_file")
ONLY_THEN = (
    "adapt_steps",
    "adapt_technique",
    "adapt_learning_rate",
    "adapt_masking",
    "adapt_other_rate",
    *ONLY_TERMS,
)  # need adapt_file
TERM_RATE, OTHER_RATE = 0.8, SHARE  # of the terms and of the other words that are masked


def choices(options: TrainOptions, opened: Opened) -> list[Choice]:
    """The plan's lines on how to adapt; none where that was not asked for. Whether it may pay, `weighed` says.

    Raises ConfigError where the base has no mask, the technique cannot adapt it or an option would do nothing, and
    DataError where there are no files.
    """
    if options.adapt_file in (None, NONE):
        keys.meaningless(options, ONLY_THEN, "adapt_file")
        return []
    vocabulary_of(opened.tokenizer)
    unlabelled.files(options.adapt_file)
    technique = _technique(options.adapt_technique or FULL, opened)
    uniform = "all words alike, whole ones; what adapt_masking=terms gains is not measured yet"
    return [
        Choice("adapt_steps", STEPS, f"at most, of {BATCH} windows each; it ends where held-out texts gain no more"),
        technique,
        _rate(options.adapt_technique or FULL),
        Choice("adapt_masking", UNIFORM, uniform, refused={TERMS: "80% of the domain's terms, 15% of other words"}),
        Choice(
            "adapt_other_rate", OTHER_RATE, "of the words, as in BERT; held-out texts are always masked at this rate"
        ),
        *_term_files(options),
    ]


def _technique(name: str, opened: Opened) -> Choice:
    """The line on what of the base is trained: all of it unasked, and what each of the others would train.

    Raises ConfigError where `name` cannot adapt this base.
    """
    counts: dict[str, int] = {}
    refused: dict[str, str] = {}
    for one in shelf.names("techniques"):
        try:
            counts[one] = sum(p.numel() for p in applied(one, opened).parameters() if p.requires_grad)
            refused[one] = f"{counts[one]:,} numbers, merged afterwards; {measured.ADAPTED.get(one, measured.UNKNOWN)}"
        except ConfigError as error:
            refused[one] = error.found
    if name not in counts:
        fix = f"write one of {', '.join(counts)}, or leave adapt_technique out"
        raise ConfigError(f"adapt_technique={name} cannot adapt this base: {refused[name]}", fix)
    left = {one: why for one, why in refused.items() if one != FULL}
    why = "every weight may learn the language of the texts; others train a part, in less memory"
    return Choice("adapt_technique", FULL, why, {"numbers trained": counts[name]}, left)


def applied(name: str, opened: Opened) -> Any:
    """The base's masked-language model without its numbers, with a technique on it, its options as they come.

    Raises ConfigError where this would leave no plain base, or one as it was, or the architecture is not for it.
    """
    technique = shelf.load("techniques", name)
    if not technique.NATURE.merges:
        raise ConfigError("what it adds stays in the model: no plain base would be left", "take another technique")
    if technique.NATURE.own_loss:
        raise ConfigError("its loss is of labels, which these texts have not", "take another technique")
    model = technique.apply(maskedlm.shape(opened), technique.Config())
    if not any(p.requires_grad for p in model.base_model.parameters()):
        raise ConfigError("it trains nothing of this body: nothing would be adapted", "take another technique")
    return model


def _rate(name: str) -> Choice:
    """The line on the peak rate, which is that of the head too."""
    usual = f"that of a task with technique={name}; not compared with others for masked words"
    rate, why = RATES.get(name, (choosing.rate(name)[0], usual))
    return Choice("adapt_learning_rate", rate, why)


def weighed(profile: Profile, facts: Facts, near: float, options: TrainOptions, corpus: Corpus) -> Choice:
    """The plan's line on whether to adapt: never unasked, since no task is known to gain, with what speaks for trying.

    Of texts that the user names it says how many words they have, and what adapting to them takes.

    near   distance by embeddings below which a corpus is as near to general language as this is to itself
    """
    if options.adapt_file not in (None, NONE):
        return Choice("adapt_file", NONE, "off until asked for", _of_texts(facts, options, corpus))
    read, tokens = STEPS * BATCH * TOKENS, round(facts.rows * facts.tokens)
    seconds, _ = _of_steps(STEPS, facts)
    away = next((d for d in profile.distances if d.measure == "embeddings"), None)
    evidence: dict[str, Value] = {
        "words of the training texts, about": round(profile.rows * profile.words[0]),
        "tokens of the training texts, about": tokens,
        f"tokens that {STEPS} steps read": read,
        "seconds of these steps, about": round(seconds),
    }
    if away is not None:
        evidence |= {"distance": round(away.value, 4), "near below": near}
    if away is not None and away.high < near:
        why = "the texts are as near as general text is to itself: the base can read them already"
    elif tokens < read:
        why = "the training texts are too few to learn a language from; more texts of the domain: adapt_file=texts.txt"
    else:
        why = "far from general language and many texts, so that it may pay; no task has been seen to gain from it yet"
    return Choice("adapt_file", NONE, why, evidence, measured.against("adapt_file", [TRAIN]))


def _of_texts(facts: Facts, options: TrainOptions, corpus: Corpus) -> dict[str, Value]:
    """What is known of texts that are asked for. That a run with them is longer than time_limit, its estimates say."""
    steps = options.adapt_steps or STEPS
    seconds, _ = _of_steps(steps, facts, options.adapt_technique or FULL)
    evidence: dict[str, Value] = {
        "words in adapt_file": unlabelled.words(str(options.adapt_file), corpus),
        "tokens of a domain where tasks gained (Gururangan 2020)": "2 to 8 billion",
        f"tokens that {steps} steps read": steps * BATCH * TOKENS,
        "seconds of these steps, about": round(seconds),
    }
    if options.time_limit:
        evidence["share of time_limit"] = round(seconds / options.time_limit, 2)
    return evidence


def _term_files(options: TrainOptions) -> list[Choice]:
    """The lines on them where terms are sought. Raises ConfigError where they are not, DataError for a useless file."""
    if options.adapt_masking != TERMS:
        keys.meaningless(options, ONLY_TERMS, "adapt_masking=terms")
        return []
    _terms_given(options)
    return [
        Choice("adapt_term_rate", TERM_RATE, "of the terms; no source holds for this rate"),
        Choice(
            "frequency_file",
            NONE,
            "general words that ship in English or Spanish; frequency_file=words.csv: word,count",
        ),
        Choice("glossary_file", NONE, "terms are mined from the texts; glossary_file=terms.csv adds others"),
    ]


def _terms_given(named: TrainOptions | Settings) -> tuple[tuple[str, ...], General | None, tuple[Finding, ...]]:
    """The glossary's terms and the general words of the user's own, where there are any."""
    given: tuple[str, ...] = ()
    general: General | None = None
    findings: tuple[Finding, ...] = ()
    if named.glossary_file not in (None, NONE):
        given, findings = glossaries.glossary(named.glossary_file)
    if named.frequency_file not in (None, NONE):
        general, found = glossaries.frequencies(named.frequency_file)
        findings = (*findings, *found)
    return given, general, findings


def adds(settings: Settings, facts: Facts) -> tuple[float, int]:
    """What adapting adds to a run: seconds and bytes; the head for masked words is not counted."""
    if settings.adapt_file == NONE:
        return 0.0, 0
    return _of_steps(pace(settings)[0], facts, settings.adapt_technique or FULL)


def _of_steps(steps: int, facts: Facts, name: str = FULL) -> tuple[float, int]:
    """The same of so many steps with a technique: the base that is written, and two checkpoints."""
    technique = shelf.load("techniques", name)
    verdict = technique.suits(facts, technique.Config())
    texts = steps * BATCH * TOKENS / facts.tokens  # as many tokens as so many of the task's texts
    return texts * verdict.seconds_per_row, 4 * facts.parameters + 2 * (8 * facts.parameters + 8 * verdict.trainable)


def pace(settings: Settings) -> tuple[int, float]:
    """Steps at most, and the peak rate."""
    return settings.adapt_steps or STEPS, settings.adapt_learning_rate or RATE


def trains_rows(settings: Settings, opened: Opened) -> bool:
    """Whether rows of new tokens are trained while the base is adapted."""
    if settings.adapt_file == NONE:
        return False
    name = settings.adapt_technique or FULL
    table = applied(name, opened).get_input_embeddings().weight
    return shelf.load("techniques", name).NATURE.new_rows or bool(table.requires_grad)


def rates(settings: Settings) -> tuple[float, float]:
    """Shares of the terms and of the other words that are masked."""
    return settings.adapt_term_rate or TERM_RATE, settings.adapt_other_rate or OTHER_RATE


def asked(settings: Settings) -> tuple[object, ...]:
    """All that is asked of adapting, but for its texts.

    Precision is not: the plan times it, and a plan that finds the other one faster is no reason to adapt anew.
    """
    technique = settings.adapt_technique or FULL
    others = (technique, settings.weight_decay, settings.dropout, settings.adapt_masking or UNIFORM)
    return (*pace(settings), *others, *rates(settings))


def sha256(settings: Settings) -> Mapping[str, str]:
    """Of each file that is read; none for the task's own texts, which the corpus' record covers."""
    files = unlabelled.files(settings.adapt_file)
    for key in TERM_FILES if settings.adapt_masking == TERMS else ():
        if (name := getattr(settings, key)) not in (None, NONE):
            files[key] = Path(expanduser(name))
    return {name: store.sha256(path) for name, path in files.items()}


def sought(settings: Settings, texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """The terms that are masked more often: mined from the texts, and the glossary's. None where masking is uniform.

    Where general words neither ship in the language of the texts nor are given, they are the glossary's alone. Raises
    ConfigError where there is none either, DataError where no term is found.
    """
    if settings.adapt_masking != TERMS:
        return (), ()
    given, general, findings = _terms_given(settings)
    language = samples.language(texts)
    if general is None and language in samples.MARKS:
        general, little = glossaries.shipped(language)
        findings = (*findings, *little)
    if general is None:
        if not given:
            raise ConfigError(
                "the texts are in no language whose general words ship, so that no terms can be mined",
                "name a frequency_file or a glossary_file, or leave adapt_masking out",
            )
        return given, findings
    found = tuple(term.term for term in terms.mine(texts, general, given))
    if not found:
        fix = "give more texts, name a glossary_file, or leave adapt_masking out"
        raise DataError(f"no terms are found in the {len(texts):,} texts of {settings.adapt_file}", fix)
    return found, findings


def read(
    settings: Settings, corpus: Corpus, most: int | None = None, seed: int = 0
) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    """The texts, as rows without labels, and what was found in them. Raises DataError where there are too few.

    most   of them; as many as the steps can read and the held-out ones where nothing is said
    """
    enough = pace(settings)[0] * BATCH + BESIDE
    return unlabelled.read(settings.adapt_file, corpus, most or enough, seed)
