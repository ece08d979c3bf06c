"""Adapting the base to unlabelled texts of the domain: the plan's lines, and the texts.

A text is a row of a table, a line of a text file, or, where a text file has blank lines, what stands between them. A
folder gives all of its .txt and .md files, sub-folders too. Bytes and characters are repaired as those of a corpus
are; copies are left out, and so is what is also a row of the task's dev or test: scores there would be too good.

Cost: all texts in memory. What it does not do: see a row of test that is only a part of a longer text.
Source for adapting at all: Gururangan et al. 2020, "Don't Stop Pretraining", arXiv:2004.10964.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path

from afina import cells, columns, glossaries, keys, samples, shelf, store, tables, terms
from afina.bases import Opened
from afina.config import TrainOptions
from afina.errors import ConfigError, DataError, NoRows
from afina.masking import vocabulary_of
from afina.records import Choice, Corpus, Facts, Finding, Profile, Row, Settings, Value
from afina.sameness import normal, places
from afina.terms import General
from afina.textfile import FEW, PLAIN, read_bytes, read_text

NONE, TRAIN = "none", "train"  # no adapting; the task's own training texts
FEWEST = 20  # texts
TOKENS = 128  # of a window; longer texts are cut into several
BATCH = 16  # windows a step
STEPS, RATE = 300, 1e-4
UNIFORM, TERMS = "uniform", "terms"  # all words are masked alike, or those of the domain more often
TERM_FILES = ("frequency_file", "glossary_file")  # keys that need adapt_masking=terms
ONLY_THEN = ("adapt_steps", "adapt_learning_rate", "adapt_masking", *TERM_FILES)  # keys that need adapt_file


def choices(options: TrainOptions, opened: Opened) -> list[Choice]:
    """The plan's lines on how to adapt; none where that was not asked for. Whether it may pay, `weighed` says.

    Raises ConfigError where the base has no mask or an option would do nothing, DataError where there are no files.
    """
    if options.adapt_file in (None, NONE):
        keys.meaningless(options, _unused(options, ONLY_THEN), "adapt_file")
        return []
    vocabulary_of(opened.tokenizer)
    _files(options.adapt_file)
    uniform = "15% of the words, whole ones; what adapt_masking=terms gains is not measured yet"
    return [
        Choice("adapt_steps", STEPS, f"at most, of {BATCH} windows each; it ends where held-out texts gain no more"),
        Choice("adapt_learning_rate", RATE, "a usual rate for a small batch; not compared with others here yet"),
        Choice("adapt_masking", UNIFORM, uniform, refused={TERMS: "80% of the domain's terms, 15% of other words"}),
        *_term_files(options),
    ]


def weighed(profile: Profile, facts: Facts, near: float) -> Choice:
    """The plan's line on whether to adapt: never unasked, since no task is known to gain, with what speaks for trying.

    near   distance by embeddings below which a corpus is as near to general language as this is to itself
    """
    read, tokens = STEPS * BATCH * TOKENS, round(facts.rows * facts.tokens)
    seconds, _ = _of_steps(STEPS, facts)
    measured = next((d for d in profile.distances if d.measure == "embeddings"), None)
    evidence: dict[str, Value] = {
        "tokens of the training texts, about": tokens,
        f"tokens that {STEPS} steps read": read,
        "seconds of these steps, about": round(seconds),
    }
    if measured is not None:
        evidence |= {"distance": round(measured.value, 4), "near below": near}
    if measured is not None and measured.high < near:
        why = "the texts are as near as general text is to itself: the base can read them already"
    elif tokens < read:
        why = "the training texts are too few to learn a language from; more texts of the domain: adapt_file=texts.txt"
    else:
        why = "far from general language and many texts, so that it may pay; no task has been seen to gain from it yet"
    return Choice("adapt_file", NONE, why, evidence, {TRAIN: "adapt_file=train reads the task's own texts first"})


def _unused(options: TrainOptions, names: Sequence[str]) -> list[str]:
    """These keys, but for the glossary where new tokens are learned from it."""
    return [name for name in names if name != "glossary_file" or not options.new_tokens]


def _term_files(options: TrainOptions) -> list[Choice]:
    """The lines on them where terms are sought. Raises ConfigError where they are not, DataError for a useless file."""
    if options.adapt_masking != TERMS:
        keys.meaningless(options, _unused(options, TERM_FILES), "adapt_masking=terms")
        return []
    _terms_given(options)
    return [
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
    """What adapting adds to a run: seconds, a step being three forward passes (no new head counted), and bytes."""
    if settings.adapt_file == NONE:
        return 0.0, 0
    return _of_steps(pace(settings)[0], facts)


def _of_steps(steps: int, facts: Facts) -> tuple[float, int]:
    """The same of so many steps."""
    texts = steps * BATCH * TOKENS / facts.tokens  # as many tokens as so many of the task's texts
    return 3 * texts * facts.seconds_per_row, (4 + 2 * 16) * facts.parameters


def pace(settings: Settings) -> tuple[int, float]:
    """Steps at most, and the peak rate."""
    return settings.adapt_steps or STEPS, settings.adapt_learning_rate or RATE


def asked(settings: Settings) -> tuple[object, ...]:
    """All that is asked of adapting, but for its texts.

    Precision is not: the plan times it, and a plan that finds the other one faster is no reason to adapt anew.
    """
    return (*pace(settings), settings.weight_decay, settings.dropout, settings.adapt_masking or UNIFORM)


def sha256(settings: Settings) -> Mapping[str, str]:
    """Of each file that is read; none for the task's own texts, which the corpus' record covers."""
    files = _files(settings.adapt_file)
    for key in TERM_FILES:
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


def read(settings: Settings, corpus: Corpus) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    """The texts, as rows without labels, and what was found in them. Raises DataError where there are too few."""
    findings: list[Finding] = []
    rows = _own(corpus) if settings.adapt_file == TRAIN else _read(_files(settings.adapt_file), corpus, findings)
    spans = any(row.spans is not None for row in corpus.train[:1])
    repairs = ("binary", "characters") if spans else ("binary", "characters", "markup")
    for name in repairs:  # those of the corpus, or texts of dev and test would not be known again
        cleaned, found = shelf.load("cleaners", name).clean({"texts": tuple(rows)})
        rows, findings = cleaned["texts"], [*findings, *found]
    held = {normal(text) for row in (*corpus.dev, *corpus.test) for text in row.texts}
    firsts: dict[str, Row] = {}
    for row in rows:
        if not cells.missing(row.text):
            firsts.setdefault(normal(row.text), row)
    leaked = [row for key, row in firsts.items() if key in held]
    if leaked:
        findings.append(_leaked(leaked))
    texts = tuple(row for key, row in firsts.items() if key not in held)
    if len(texts) < FEWEST:
        found = f"{settings.adapt_file} has {len(texts)} different texts to adapt to, which is too few"
        raise DataError(found, f"give at least {FEWEST}, or leave adapt_file out")
    return texts, tuple(findings)


def _leaked(rows: list[Row]) -> Finding:
    return Finding(
        check="leakage",
        problem=f"{len(rows):,} of the texts to adapt to are rows of dev or test",
        action="removed",
        fix="nothing: they were left out; scores got with them in are too good",
        count=len(rows),
        where=places(rows),
    )


def _own(corpus: Corpus) -> list[Row]:
    return [Row(text, "", row.where) for row in corpus.train for text in row.texts]


def _files(name: str) -> dict[str, Path]:
    """The files that a name stands for, by their names inside it. Raises DataError where there is none."""
    path = Path(expanduser(name))
    if name == TRAIN:
        return {}
    if not path.is_dir():
        read_bytes(path)  # says what is wrong with it
        return {path.name: path}
    found = {str(p.relative_to(path)): p for p in sorted(path.rglob("*")) if p.suffix.lower() in PLAIN and p.is_file()}
    if not found:
        raise DataError(
            f"the folder {name!r} holds no texts: no file in it ends in .txt or .md", "name another, or a file"
        )
    return found


def _read(files: Mapping[str, Path], corpus: Corpus, findings: list[Finding]) -> list[Row]:
    """The rows of all files; of several, one that cannot be read is left out, and that is said."""
    rows: list[Row] = []
    wrong: list[str] = []
    for name, path in files.items():
        try:
            if path.with_suffix("" if path.suffix == ".gz" else path.suffix).suffix.lower() in PLAIN:
                text, found = read_text(path)
                rows += _parted(name, text)
            else:
                table_rows, found = _rows(path, corpus)
                rows += table_rows
            findings += found
        except DataError as error:
            if len(files) == 1:
                fix = "give texts, one a line, or a table with a column of them"
                raise DataError(error.found, fix if isinstance(error, NoRows) else error.fix) from None
            wrong.append(f"{name}: {error.found}")
    if wrong:
        said = f"{len(wrong):,} of {len(files):,} files could not be read"
        findings.append(Finding("text", said, "removed", "repair or delete them", len(wrong), tuple(wrong[:FEW])))
    return rows


def _parted(name: str, text: str) -> Iterator[Row]:
    """A text a paragraph where there are blank lines, else a text a line."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    if all(line for _, line in lines):
        yield from (Row(line, "", f"{name}:{number}") for number, line in lines)
        return
    for full, group in groupby(lines, key=lambda numbered: bool(numbered[1])):
        if full:
            paragraph = list(group)
            yield Row(" ".join(line for _, line in paragraph), "", f"{name}:{paragraph[0][0]}")


def _rows(path: Path, corpus: Corpus) -> tuple[list[Row], tuple[Finding, ...]]:
    """The texts of a table: from the column that has them in the task's own file, else the one that looks so."""
    table = tables.read(path)
    try:
        named = corpus.columns.text
        column = named if named in table.columns else columns.text(table)
    except DataError as error:
        raise DataError(error.found, "name the column with the texts 'text'") from None
    found = zip(columns.values(table, column), table.lines, strict=True)
    return [Row(text, "", f"{table.file}:{line}") for text, line in found], table.findings
