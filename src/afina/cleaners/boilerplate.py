"""Lines that repeat over many texts: greetings, signatures, disclaimers, headers of pages.

Named is a line of at least two words that stands in 20 different texts or more, and in at least one in twenty of the
texts that have several lines. Lines are compared without case, white space and Unicode form.

Nothing is taken out, for two reasons. Such a line may say the class ("Dear billing team"). And what is cut from the
texts of training has to be cut from every text that the model is asked about, wherever that is: do it where the texts
come from, before both.

Cost: one look at each text, one set of lines for each that has several. Not done: texts in one line, lines that differ
in a number or a name.
"""

from collections import Counter
from collections.abc import Mapping

from afina.records import Finding, Row
from afina.sameness import FEW, normal

ORDER = 87

_TEXTS = 20
_SHARE = 0.05  # of the texts with several lines
_WORDS = 2


def clean(
    splits: Mapping[str, tuple[Row, ...]],
) -> tuple[Mapping[str, tuple[Row, ...]], tuple[Finding, ...]]:
    """Name the lines that repeat over many texts; nothing is changed."""
    several = [(row, text) for rows in splits.values() for row in rows for text in row.texts if "\n" in text.strip()]
    counts = Counter(line for text in {text for _, text in several} for line in set(_lines(text)))
    least = max(_TEXTS, _SHARE * len(several))
    common = {line: texts for line, texts in counts.most_common() if texts >= least and len(line.split()) >= _WORDS}
    if not common:
        return splits, ()
    held = {row.where for row, text in several if not common.keys().isdisjoint(_lines(text))}
    finding = Finding(
        check="boilerplate",
        problem=f"{len(common):,} lines repeat over many texts; {len(held):,} rows hold one",
        action="kept",
        fix="cut them where the texts come from, for training and for use, if they say nothing of the label",
        count=len(held),
        where=tuple(_place(several, line, texts) for line, texts in list(common.items())[:FEW]),
    )
    return splits, (finding,)


def _lines(text: str) -> list[str]:
    return [normal(line) for line in text.split("\n")]


def _place(several: list[tuple[Row, str]], line: str, texts: int) -> str:
    """Where a line stands first, and in how many texts."""
    row, number = next((row, _lines(text).index(line) + 1) for row, text in several if line in _lines(text))
    return f"{row.where}: line {number} of the text, in {texts:,} texts"
