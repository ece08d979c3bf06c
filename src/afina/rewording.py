"""Texts written in another way that means the same: what `robustness` asks, and how strong each change is.

    perturbations   small rules, of a shelf that the subject holds; those with a random part draw it by seed and row
    swap            a glossary's long and short forms, both ways
    paraphrase      other words, from a file of the user's: of a text as many as stand there

What it does not do: write paraphrases, or look at whether they mean the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from afina import lexicons, textgroups, words
from afina.records import Row, Subject, Text

LETTERS, SHARES, CUTS = (1, 2, 4), (0.25, 0.5, 1.0), (0.25, 0.5)
STYLES = ("upper", "lower", "drop_accents", "punctuation", "spaces", "contract")
POLITE = {  # by language
    "en": ("Thank you.", "Thank you for your help. I look forward to your answer. Have a nice day."),
    "es": ("Gracias.", "Gracias por su ayuda. Quedo a la espera de su respuesta. Tengan buen día."),
}
GLOSSARY = frozenset({"to_long", "to_short"})
PARAPHRASE = "paraphrase"
UNKNOWN = (
    "Paraphrases are measured with robustness_paraphrases=FILE, a list of texts in quotes a line: one of test, and the "
    "same in other words; 'afina paraphrase' has a language model write them."
)


@dataclass(frozen=True, slots=True)
class Step:
    """A change at one strength."""

    name: str
    change: Callable[[Row, np.random.Generator], Sequence[Text]]  # nothing where it does not fit
    strength: float | None = None


def steps(
    subject: Subject, rows: Sequence[Row], glossary: Path | None, others: Mapping[Text, Sequence[Text]]
) -> Iterator[Step]:
    """Every change with its strengths, of those that the subject has; last what `paraphrases` found."""
    wanted: list[tuple[str, str, Mapping[str, Any], float | None]] = []
    wanted += [(name, name, {"count": n}, n) for name in ("typo", "keyboard", "ocr") for n in LETTERS]
    wanted += [(name, name, {}, None) for name in STYLES]
    polite = POLITE.get(subject.language, ())
    wanted += [("append", "append", {"texts": (text,)}, len(text.split())) for text in polite]
    wanted += [("shorten", "shorten", {"share": share}, share) for share in CUTS]
    wanted += [("code_switch", "code_switch", {"share": share}, share) for share in SHARES]
    if glossary is not None:
        longer, shorter = lexicons.either_way(_used(lexicons.read(glossary), rows))
        ways = zip(sorted(GLOSSARY), (longer, shorter), ("first", "others"), strict=True)
        wanted += [(name, "swap", {"groups": groups, "to": to}, None) for name, groups, to in ways if groups]
    for name, kind, options, strength in wanted:
        if module := subject.perturbations.get(kind):
            yield Step(name, partial(_perturbed, module, module.Config(**options)), strength)
    if others:
        yield Step(PARAPHRASE, lambda row, rng: others.get(row.input, ()))


def _perturbed(module: Any, options: Any, row: Row, rng: np.random.Generator) -> list[Text]:
    new = [module.change(text, options, rng) for text in row.texts]
    texts = [old if one is None else one for one, old in zip(new, row.texts, strict=True)]
    changed = any(one is not None for one in new)
    return [texts[0] if row.pair is None else (texts[0], texts[1])] if changed else []


def paraphrases(subject: Subject, file: Path | None) -> tuple[dict[Text, tuple[Text, ...]], str]:
    """What each text of test is in other words by the file, and what there is to say of it. Raises as `textgroups`."""
    if file is None:
        return {}, UNKNOWN
    if subject.task.per == "word":
        return {}, "Paraphrases were not asked: they have other words, and nobody knows the answer to each."
    texts = [row.input for row in subject.rows]
    groups = textgroups.read(file, subject.rows[0].pair is not None)
    found, unknown = textgroups.others(groups, texts)
    said = f"Paraphrases: {len(found):,} of {len(texts):,} texts asked have some"
    return found, f"{said}; {unknown:,} of {len(groups):,} lists of the file hold no text that was asked (probe_rows)."


def _used(groups: Sequence[lexicons.Group], rows: Sequence[Row]) -> tuple[lexicons.Group, ...]:
    """The groups that have a form in some text: looking for thousands of others takes long."""
    texts = "\n".join(text for row in rows for text in row.texts).casefold()
    return tuple(group for group in groups if any(form.casefold() in texts for form in group))


def changed(subject: Subject, rows: Sequence[Row], step: Step) -> list[tuple[int, Text]]:
    """Rows that the step changes, by place, and their new texts; of a task by word only where the words are as many."""
    found = []
    for place, row in enumerate(rows):
        rng = np.random.default_rng((subject.seed, place))  # the same for each strength: what is stronger adds to it
        for new in step.change(row, rng):
            if subject.task.per != "word" or len(words.words(str(new))) == len(words.words(row.text)):
                found.append((place, new))
    return found
