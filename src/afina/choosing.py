"""The technique of a plan: which one, with which options, at which rate, and whether it can be used at all.

What depends on the options of one technique is found on the shelf: none is named here but where the plan prefers it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from afina import features, forecasting, keys, measured, scarcity, shelf, windows
from afina.bases import Opened
from afina.config import TrainOptions
from afina.encoding import Encoded
from afina.errors import ConfigError
from afina.records import Choice, Corpus, Facts, Settings, Value, Verdict

RATES = {
    "full": (1e-4, "the best of 1e-4, 2e-4 and 3e-4 on dev rows of four sets (LOG.md)"),
    "freeze": (2e-4, "a usual rate where fewer layers move; measured on two sets only (LOG.md)"),
    "lora": (2e-3, "the best of 1e-3, 2e-3 and 5e-3 on dev rows of trec, within its noise; one set only"),
    "adapter": (2e-3, "none of 5e-4, 1e-3 and 5e-3 was better on dev rows of trec; one set only"),
    "bitfit": (2e-3, "the best of 5e-4, 2e-3 and 5e-3 on dev rows of trec; one set only"),
    "prompt": (1e-2, "a usual rate for learned vectors; not measured here yet"),
    "contrastive": (5e-5, "as good as 1e-4 in half as many passes, 8 rows a class of banking77, one seed"),
    "head_only": (1e-4, "the head alone has no use for it"),
}  # peak of the body
USUAL_RATE = (1e-4, "that of full fine-tuning: the plan knows none for this technique")
LOSS = ("class_weights", "loss", "focal_gamma")  # options of the loss, in the order of the plan
BATCH = 32
MOST_TEXTS = 256  # in one batch of contrastive tuning
FEW_ROWS, MORE_ROWS = 16, 64  # rows a class up to which pairs of texts teach more than single ones; 64 of few in all
FEW_LONG = 0.02  # share of texts too long for max_seq_length that are not worth windows
FEWEST = 8  # below it the body is left alone where pairs cannot be made


def technique(facts: Facts, given: Mapping[str, Value]) -> Choice:
    """Few labels: pairs of texts, where texts have one class. Else as much of the body as has something to learn."""
    verdicts = {name: _verdict(name, facts, given) for name in shelf.names("techniques")}
    depth, objective = given["freeze_layers"], shelf.load("objectives", facts.kind)
    each, number = scarcity.said(facts, objective.COUNTED), scarcity.rows(facts)
    most = MORE_ROWS if facts.rows <= scarcity.FEW_IN_ALL else FEW_ROWS
    few = number <= most
    pairs = few and verdicts["contrastive"].fits and not _weighed(given)
    value = "contrastive" if pairs else "head_only" if number < FEWEST else "freeze" if depth else "full"
    reasons = {
        "contrastive": f"{each}: few texts, but many pairs of them, which was better with up to {most} (LOG.md)",
        "head_only": f"{each}: too few to move the body without tearing it",
        "freeze": f"{each} are enough to train the body above layer {depth}",
        "full": f"{each} are enough to train the whole body",
    }
    against = _against(value, each, depth)
    spares = "it spares memory and disk, for at most the score of training every weight"
    refused = {
        name: f"{verdict.trainable:,} parameters, {verdict.why}; not taken: {against.get(name, spares)}"
        for name, verdict in verdicts.items()
        if name != value
    }
    evidence = {
        "rows": facts.rows,
        "classes": facts.classes,
        f"rows a {objective.COUNTED}, lower median": facts.rows_per_class,
        f"rows of the rarest {objective.COUNTED}": facts.smallest,
        f"frozen probe, {objective.PROBED}": round(facts.probe, 4),
        f"majority, {objective.PROBED}": round(facts.majority, 4),
    }
    return Choice("technique", value, reasons[value], evidence, refused)


def candidates(own: Choice, facts: Facts, given: Mapping[str, Value]) -> list[str]:
    """The technique of the plan, then what may take its place where it costs too much, the best first.

    The best by what was measured on tasks of this size, whatever the kind of task. One that the user named has no
    other. Last comes the head alone, which is the cheapest.
    """
    if "technique" in given:
        return [str(given["technique"])]
    value = str(own.value)
    ranked = (name for name in forecasting.ranked(forecasting.known(facts)) if name not in ("contrastive", "head_only"))
    fit = [name for name in ranked if _verdict(name, facts, given).fits]
    return list(dict.fromkeys([value, *fit, "head_only"]))


def rivals(own: Choice, facts: Facts, given: Mapping[str, Value]) -> list[str]:
    """The technique of the plan, then what is worth trying in its place: pairs of texts first where there are any."""
    pairs = ["contrastive"] if _verdict("contrastive", facts, given).fits else []
    first, *others = candidates(own, facts, given)
    return list(dict.fromkeys([first, *pairs, *others]))


def instead(own: Choice, name: str, broken: Mapping[str, str]) -> Choice:
    """The choice of a technique that takes the place of better ones; `broken` are the limits that each would break."""
    if not broken:
        return own
    left = {other: why for other, why in own.refused.items() if other != name}
    why = f"the best that is expected to keep within the limits: {', '.join(broken)} would not"
    return replace(own, value=name, why=why, refused={**left, **broken})


def _against(value: str, each: str, depth: Value) -> dict[str, str]:
    """What speaks against the techniques that the plan knows of, where it takes `value`."""
    if value in ("contrastive", "head_only"):
        few = f"{each} are too few for single texts to move the body well"
        others = "pairs of texts teach the body more" if value == "contrastive" else few
        return {
            "head_only": others,
            "full": few,
            "freeze": few,
            "contrastive": "texts have no one class or a loss of their own",
        }
    return {
        "contrastive": "pairs gain nothing where labels are many or very unequal, or texts have no one class or a loss "
        "of their own",
        "head_only": f"{each} are enough to move the body, which gains over a frozen one",
        "freeze": "it would only save time (the line freeze_layers says what was measured)",
        "full": f"the lower {depth} layers stay as they are, to save time (the line freeze_layers says why)",
    }


def _weighed(given: Mapping[str, Value]) -> bool:
    """Whether the user asked for a loss that a technique with a loss of its own cannot have."""
    return given.get("loss") == "focal" or given.get("class_weights") in ("balanced", "effective")


def rate(name: str) -> tuple[float, str]:
    """The body's peak rate for a technique, and why."""
    return RATES.get(name, USUAL_RATE)


def batch(name: str, facts: Facts) -> Choice:
    """Texts a step: what is usual; for contrastive tuning so many that most meet another of their class."""
    texts = min(max(BATCH, 2 * facts.classes), MOST_TEXTS)
    if name == "contrastive" and texts > BATCH:
        why = "two texts a class: one that is alone of its class in a batch teaches the body nothing"
        return Choice("per_device_train_batch_size", texts, why, {"classes": facts.classes})
    refused = {"64": "gained no time a row on banking77: 6.6 to 7.7 ms against 6.2"}
    return Choice("per_device_train_batch_size", BATCH, "the usual batch", {}, refused)


def _verdict(name: str, facts: Facts, given: Mapping[str, Value]) -> Verdict:
    """What a technique says of itself with the options that are given, the others being its defaults."""
    options = {option: given[key] for key, option in keys.of(name).items() if key in given}
    verdict: Verdict = shelf.load("techniques", name).suits(facts, keys.config(name, options))
    return verdict


def taken(name: str, facts: Facts, given: Mapping[str, Value]) -> int:
    """Positions before a text that a technique takes for itself."""
    return _verdict(name, facts, given).positions


def own_options(name: str, given: Mapping[str, Value]) -> list[Choice]:
    """A choice for each option of the technique; its default and its description, but for what the plan decides itself.

    Raises ConfigError where an option of another technique was given, or its rates: they would do nothing.
    """
    if given.get("rates") == "lora_plus" and name != "lora":
        raise ConfigError(f"rates=lora_plus has no meaning with technique={name}", "set technique=lora, or rates=flat")
    for other in shelf.names("techniques"):
        for key in keys.of(other):
            unused = key == "freeze_layers" and not given.get(key)  # which is a line of every plan
            if key in given and other != name and not unused:
                found = f"{key} is an option of {other}, and the technique is {name}"
                raise ConfigError(found, f"set technique={other}, or leave {key} out (in plan.yaml: auto)")
    known = shelf.load("techniques", name).Config.model_fields
    return [
        Choice(key, known[option].default, measured.WHY.get(key, str(known[option].description)))
        for key, option in keys.of(name).items()
        if key != "freeze_layers"
    ]


def precision(speed: Mapping[str, float]) -> Choice:
    """bf16 where the processor has it and a training step was measured faster with it."""
    evidence = {f"{name}, ms a row": round(1000 * speed[name], 2) for name in ("fp32", "bf16") if name in speed}
    if "bf16" not in speed:
        return Choice("precision", "fp32", "this processor does not multiply in bf16", evidence)
    faster = speed["fp32"] / speed["bf16"]
    if faster > 1.1:
        refused = {"fp32": f"{faster:.1f}x the time of a training step"}
        return Choice("precision", "bf16", f"a training step was {faster:.1f}x faster than in fp32", evidence, refused)
    refused = {"bf16": f"{1 / faster:.2f}x the time of a training step, not 0.91x"}
    return Choice("precision", "fp32", "bf16 was not measured faster on this machine", evidence, refused)


def attention(speed: Mapping[str, float]) -> Choice:
    """The way to compute attention that was measured faster; both give the same answers."""
    seconds = {name: speed[name] for name in ("sdpa", "eager") if name in speed}
    evidence = {f"{name}, ms a row": round(1000 * value, 2) for name, value in seconds.items()}
    if len(seconds) < 2:
        return Choice("attention", next(iter(seconds), "eager"), "the only one that this base knows", evidence)
    faster = seconds["sdpa"] / seconds["eager"]
    if faster > 1.05:
        why, refused = f"a training step was {faster:.2f}x faster than with sdpa", f"{faster:.2f}x the time of a step"
        return Choice("attention", "eager", why, evidence, {"sdpa": refused})
    why, refused = "plain attention was not measured faster at this length", f"{1 / faster:.2f}x the time, not 0.95x"
    return Choice("attention", "sdpa", why, evidence, {"eager": refused})


def losses(facts: Facts, name: str, given: Mapping[str, Value]) -> list[Choice]:
    """A choice for each option of the loss of this kind of task.

    Raises ConfigError where one was given that the kind or the technique `name` has no use for.
    """
    fields, wanted = shelf.load("objectives", facts.kind).Config.model_fields, set(LOSS) & given.keys()
    focal = given.get("loss") == "focal"
    if wanted - fields.keys():
        key = min(wanted - fields.keys())
        raise ConfigError(f"{key} has no meaning for {facts.kind}", f"leave {key} out")
    if "focal_gamma" in given and not focal:
        raise ConfigError("focal_gamma has no meaning without loss=focal", "set loss=focal, or leave focal_gamma out")
    if (focal and name == "head_only") or (_weighed(given) and shelf.load("techniques", name).NATURE.own_loss):
        key = "loss=focal" if focal else f"class_weights={given['class_weights']}"
        raise ConfigError(f"{key} has no meaning with technique={name}", "choose another technique, or leave it out")
    used = (key for key in LOSS if key in fields and (key != "focal_gamma" or focal))
    return [Choice(key, fields[key].default, str(fields[key].description)) for key in used]


def settings(choices: Sequence[Choice]) -> Settings:
    """The choices, typed; those of the technique's own options in a mapping of their own."""
    values = {choice.name: choice.value for choice in choices}
    own = {field.name: values[field.name] for field in fields(Settings) if field.name in values}
    options = {option: values[key] for key, option in keys.of(str(values["technique"])).items() if key in values}
    return Settings(options=options, **own)  # type: ignore[arg-type]


def reads(corpus: Corpus, pooling: str | None) -> None:
    """Raise ConfigError for a pooling that the corpus's kind of task, or of input, cannot use."""
    known = shelf.load("objectives", corpus.kind).POOLINGS
    known = (*known, "siamese") if corpus.columns.pair is not None else known
    if pooling is not None and pooling not in known:
        inputs = "single texts" if pooling == "siamese" else "its texts"
        found = f"{corpus.kind} cannot read {inputs} with pooling={pooling}"
        raise ConfigError(found, f"leave it out, or write one of {', '.join(known)}")


def stops(corpus: Corpus, patience: int | None) -> None:
    """Raise ConfigError for an early stop where there are no rows to judge a look by."""
    if patience and not corpus.dev:
        found = (
            f"early_stopping_patience={patience} has no meaning: {len(corpus.train):,} rows are too few to keep a dev"
        )
        raise ConfigError(found, "leave it out, or set dev_share=0.1")


def long_texts(encoded: Encoded, corpus: Corpus, longest: int, options: TrainOptions) -> list[Choice]:
    """How texts longer than max_seq_length are read; no choice for pairs, or by word, which has windows of its own.

    encoded    rows of train, with all windows of those that are longer
    longest    tokens that the base can read
    Raises ConfigError where a way was asked for that the task does not have.
    """
    if not in_windows(corpus):
        if options.long_texts is not None:
            inputs = f"{corpus.kind}, which reads windows" if corpus.columns.pair is None else "pairs, which are cut"
            raise ConfigError(f"long_texts has no meaning for {inputs}", "leave long_texts out")
        return []
    counts = np.array([len(windows.of(row)) for row in encoded])
    share = float(np.mean(counts > 1))
    evidence = {"longer, share": round(share, 4), "windows a text, mean": round(float(counts.mean()), 2)}
    whole = f"the base reads up to {longest} tokens: a larger max_seq_length reads nearly every text whole"
    if share <= FEW_LONG:
        why = f"at most {FEW_LONG:.0%} of the texts are longer than max_seq_length"
        return [Choice("long_texts", windows.CUT, why, evidence)]
    if options.max_seq_length is None and max(map(features.length, encoded)) < longest:  # the first window is full
        return [Choice("long_texts", windows.CUT, whole, evidence)]
    why = f"{share:.0%} of the texts are longer than max_seq_length: read in windows, nothing of them is lost"
    return [Choice("long_texts", windows.WINDOW, why, evidence)]


def in_windows(corpus: Corpus) -> bool:
    """Whether a text of the corpus has one answer that can be that of its windows together."""
    return corpus.columns.pair is None and shelf.load("objectives", corpus.kind).PER == "text"


def room(tokens: int, opened: Opened, taken: int) -> None:
    """Raise ConfigError where texts of so many tokens, and what a technique puts before them, are too long."""
    most = opened.record.max_tokens - taken
    if tokens > most:
        beside = f" beside the {taken} that the technique takes" if taken else ""
        raise ConfigError(
            f"the base reads at most {most} tokens{beside}, not {tokens}", f"set max_seq_length to {most} or less"
        )
