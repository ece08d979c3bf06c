"""How the report and the model card say things: numbers, names, paths and lines of code as text."""

import math
import re
from collections.abc import Sequence
from html import escape
from pathlib import PurePosixPath, PureWindowsPath

from markupsafe import Markup

from afina.records import Augmented, Balanced, Distance, Fertility, LayerScore, Score, Tally, Term, Trained, Value

WORDS = {
    "macro_f1": "macro F1", "micro_f1": "micro F1", "ece": "calibration error", "brier": "Brier score",
    "tfidf": "TF-IDF", "tf_idf": "TF-IDF", "none": "FP32", "fp32": "FP32", "half": "FP16",
    "tfidf_ridge": "TF-IDF ridge", "tfidf_cosine": "TF-IDF cosine", "base_cosine": "base's cosine",
    "rmse": "RMSE", "mae": "MAE", "no_label": "no label", "no_span": "no span", "token": "first token of each word",
    "pearson": "Pearson", "spearman": "Spearman", "lora": "LoRA", "cls": "first token", "mean": "mean of tokens",
    "siamese": "texts apart, compared", "frechet": "Fréchet", "renyi": "Rényi",
    "torch": "PyTorch", "cka": "CKA", "usd_per_1000": "USD for 1,000 answers", "glue_change": "points of GLUE",
}  # fmt: skip
ESTIMATES = {
    "trainable": "trainable parameters",
    "seconds": "training",
    "latency": "a text",
    "size": "quantized model",
    "usd_per_1000": "1,000 answers",
}


def word(name: str) -> str:
    """A short name of the program's as people write it.

    >>> word("macro_f1"), word("int8_dynamic"), word("frozen_probe")
    ('macro F1', 'INT8 dynamic', 'frozen probe')
    """
    return WORDS.get(name, name.replace("int8", "INT8").replace("_", " "))


def sentence(text: str) -> str:
    """The same with a capital at its start, other letters as they are.

    >>> sentence("macro F1 on dev")
    'Macro F1 on dev'
    """
    return text[:1].upper() + text[1:]


def number(value: float) -> str:
    """Three decimals, or three digits where those would say nothing.

    >>> number(0.9384), number(0.00002), number(12345.6), number(float("nan"))
    ('0.938', '2e-05', '12,346', '–')
    """
    if not math.isfinite(value):
        return "–"
    if value and abs(value) < 0.001:
        return f"{value:.2g}"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def interval(one: Score | Distance | LayerScore) -> str:
    """A number with its doubt: '0.938 [0.929, 0.946]'."""
    return f"{number(one.value)} [{number(one.low)}, {number(one.high)}]"


def count(value: float) -> str:
    """A whole number with its thousands parted."""
    return f"{value:,.0f}"


def share(value: float) -> str:
    """A share of 1 in percent."""
    return f"{100 * value:.1f}%"


def size(value: float) -> str:
    """Bytes as people read them.

    >>> size(90_900_000), size(1_400_000_000), size(512)
    ('90.9 MB', '1.4 GB', '512 B')
    """
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= power:
            return f"{value / power:.1f} {unit}"
    return f"{value:.0f} B"


def amount(name: str, value: float) -> str:
    """An estimate of the plan, or a limit of the user's: never 0 where it is not.

    >>> amount("memory", 4e8), amount("seconds", 130.0), amount("trainable", 1234567.0), amount("latency", 0.0031)
    ('400.0 MB', '2 min 10 s', '1,234,567', '3.1 ms')
    >>> amount("memory", 1_003_400_000), amount("latency", 1e-6), amount("seconds", 0.001)
    ('1,003 MB', '0.001 ms', '0.001 s')
    """
    if name in ("latency", "usd_per_1000"):
        return f"{_tenths(1000 * value)} ms" if name == "latency" else f"${value:.2g}"
    if name == "seconds":
        return time(value) if value >= 0.05 else f"{value:.2g} s"
    if name == "trainable":
        return count(value)
    return f"{count(value / 1e6)} MB" if 1e9 <= value < 1e10 else size(value)


def _tenths(value: float) -> str:
    """One decimal, or two digits where that would say 0."""
    return f"{value:.1f}" if value >= 0.05 else f"{value:.2g}"


def estimate(name: str, value: float) -> str:
    """An estimate of the plan by its name.

    >>> estimate("memory", 4e8), estimate("seconds", 130.0)
    ('memory 400.0 MB', 'training 2 min 10 s')
    """
    return f"{ESTIMATES.get(name, name)} {amount(name, value)}"


def time(seconds: float) -> str:
    """Seconds as people read them.

    >>> time(4.21), time(200), time(3900)
    ('4.2 s', '3 min 20 s', '1 h 5 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def milliseconds(value: float) -> str:
    """A latency with three digits at most."""
    return f"{value:.3g} ms" if value < 1000 else time(value / 1000)


def measured(value: float, unit: str) -> str:
    """A number of a probe with its unit.

    >>> [measured(0.5, unit) for unit in ("share", "points", "ms", "bytes", "USD", "texts/s")]
    ['0.500', '0.50', '0.5 ms', '0 B', '$0.50', '0.5 texts/s']
    """
    if not math.isfinite(value):
        return "–"
    if unit == "USD":
        return f"${value:.2g}" if value < 0.1 else f"${value:,.2f}"
    plain = {"share": number, "score": number, "ratio": number, "share failed": share, "points": "{:.2f}".format}
    known = {**plain, "ms": milliseconds, "bytes": size, "s": time}
    return known[unit](value) if unit in known else f"{value:,.4g} {unit}".strip()


def change(lost: float) -> str:
    """What happened to a score that lost so many points.

    >>> change(0.12), change(-0.3), change(0.0)
    ('−0.12', '+0.30', '0.00')
    """
    return "0.00" if abs(lost) < 0.005 else f"{-lost:+.2f}".replace("-", "−")


def value(one: Value) -> str:
    """A setting, or a piece of evidence.

    >>> value(True), value(2e-3), value(9003), value(None), value("lora"), value((1e-5, 5e-5))
    ('yes', '0.002', '9,003', '–', 'lora', '1e-05, 5e-05')
    """
    if one is None:
        return "–"
    if isinstance(one, bool):
        return "yes" if one else "no"
    if isinstance(one, tuple):
        return ", ".join(map(value, one))
    if isinstance(one, int):
        return f"{one:,}"
    return f"{one:.6g}" if isinstance(one, float) else one


def markdown(text: str) -> Markup:
    """Any line of text as plain text in Markdown, also in a cell of a table.

    >>> print(markdown("a|b <i> *c* snake_case _d_"))
    a\\|b &lt;i&gt; \\*c\\* snake_case \\_d\\_
    """
    safe = escape(text, quote=False)
    safe = re.sub(r"([\\`*\[\]|#~])", r"\\\1", safe)
    safe = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", safe)
    return Markup(re.sub(r"(?i)\b(https?|ftp|www)(?=[:.])", r"\1&#8203;", safe))  # noqa: S704  (escaped above)


def portable(name: str) -> str:
    """A name without its place on this machine: of an absolute path, its last part."""
    if name.startswith("~") or PurePosixPath(name).is_absolute():
        return PurePosixPath(name).name
    return PureWindowsPath(name).name if PureWindowsPath(name).is_absolute() else name


def saved(one: Fertility, general: Fertility | None = None) -> str:
    """What new tokens save, and what on general text."""
    said = f"{one.before:.2f} tokens a word before, {one.after:.2f} after ({one.saved:.1%} fewer)"
    return (
        said if general is None else f"{said}; on general text {general.before:.2f} before, {general.after:.2f} after"
    )


def terms(found: Sequence[Term], most: int) -> str:
    """The first terms of the texts themselves, and the first of the user's glossary."""
    users = [one.term for one in found if one.source == "glossary"]
    mined = [one.term for one in found if one.source != "glossary"]
    said = f"terms of the domain: {', '.join(mined[:most])}" if mined else ""
    given = f"terms of your glossary in the texts: {', '.join(users[:most])}" if users else ""
    return "; ".join(part for part in (said, given) if part)


def balanced(one: Balanced) -> str:
    """What was added to rare classes."""
    before, after = sum(one.before.values()), sum(one.after.values())
    if not one.clusters:
        return f"no class is rarer than balancing wants, so {before:,} rows stayed as they were"
    rare = "one rare class" if len(one.clusters) == 1 else f"{len(one.clusters):,} rare classes"
    rarest = min(one.before, key=lambda label: (one.before[label], label))
    said = f"{before:,} training rows became {after:,}, by repeating rows of {rare}"
    return f"{said} ({one.method}; the rarest from {one.before[rarest]:,} to {one.after[rarest]:,})"


def augmented(one: Augmented) -> str:
    """What a language model wrote, what passed the checks, and what it gains on the frozen base."""
    kept = one.asked - sum(one.rejected.values())
    said = f"{count(kept)} of {count(one.asked)} rows written by {one.augmenter} passed the checks"
    if not kept:
        return said
    scores = f"{interval(one.without)} without them, {interval(one.beside)} with them, gain {interval(one.gain)}"
    used = "they are trained on" if one.used else "they lose, and are left out"
    return f"{said}: a linear head on the frozen base has {scores} on {one.judged}, so {used}"


def points(gain: Score) -> str:
    """Points won or lost, with their doubt.

    >>> from afina.records import Score
    >>> points(Score("gain", 1.25, -0.5, 3.0))
    '+1.25 points [−0.50, +3.00]'
    """
    value, low, high = (change(-end) for end in (gain.value, gain.low, gain.high))
    return f"{value} points [{low}, {high}]"


def trained(one: Trained) -> list[str]:
    """What a user must know of a finished training: that it was in vain, labels that look wrong, what was forgotten."""
    said = [one.untuned] if one.untuned else []
    if one.suspects:
        look = "label of train looks" if len(one.suspects) == 1 else "labels of train look"
        said.append(f"{count(len(one.suspects))} {look} wrong: see the report")
    return [*said, *recalled(one)]


def recalled(one: Trained) -> list[str]:
    """What is left of each old task that was watched."""
    found = []
    for name, (before, after) in one.remembered.items():
        was, now = (f"{number(look.score)} [{number(look.low)}, {number(look.high)}]" for look in (before, after))
        how = f"by a linear head fitted anew, on {count(before.rows)} rows"
        found.append(f"old task {name}: {word(before.metric)} {was} before training, {now} with what was kept, {how}")
    return found


def odds(score: float) -> str:
    """How many times as often as elsewhere, of the logarithm of two odds' ratio.

    >>> odds(2.5), odds(5.0)
    ('12', '148')
    """
    return count(round(math.exp(score)))


def tested(one: Tally) -> list[str]:
    """A test of a suite as a line of a table."""
    if one.skipped:
        return [one.name, one.kind, one.capability, "0", "", one.skipped, one.severity, "", "not asked"]
    cases = f"{one.cases:,}" + (f" of {one.possible:,}" if one.possible > one.cases else "")
    rate = f"{one.rate:.1%} ({one.low:.1%} to {one.high:.1%})"
    most = "" if one.max_failure_rate == 1 else f"{one.max_failure_rate:.0%}"
    verdict = "" if one.max_failure_rate == 1 else "passed" if one.passed else "FAILED"
    return [one.name, one.kind, one.capability, cases, f"{len(one.failed):,}", rate, one.severity, most, verdict]
