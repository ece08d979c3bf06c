"""The tests of CheckList's release, as JSON lines: read into the same records as a suite of one's own.

    NAME_tests.jsonl    {"test": 5, "name": "intensifiers", "type": "DIR", "capability": "Vocabulary", ...} a line
    NAME_cases.jsonl    {"test": 5, "case": 0, "data": ["a good flight", "a very good flight"], "label": null} a line

The second may be gzip (.gz). `data` is a text or, for INV and DIR, the original and what was made of it; `label` is a
class. What a test expects beyond that stands in the release as prose, so the caller says it by the test's name; what
nobody says is left out and told.
The release's own archives are pickles, which run code when they are opened: they are not read here.

Not done: pairs of texts (the release's tests of paraphrases and questions).
Source: github.com/marcotcr/checklist (MIT), Ribeiro et al. 2020, arXiv:2005.04118.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from afina.errors import DataError
from afina.records import Case, Expectation, Suite, SuiteTest
from afina.textfile import read_text

TESTS, CASES = "_tests.jsonl", "_cases.jsonl"
FORM = 'a line is such as {"test": 0, "name": "negation", "type": "MFT", "capability": "Negation"}'


class _Test(BaseModel, frozen=True):
    test: int
    name: str = Field(min_length=1)
    type: str = Field(pattern="^(MFT|INV|DIR)$")
    capability: str
    description: str | None = None


class _Case(BaseModel, frozen=True):
    test: int
    data: str | list[str] = Field(min_length=1)
    label: int | str | None = None


def read(path: Path, expect: Mapping[str, Expectation]) -> Suite:
    """The suite of a tests file, or of the folder that holds it and its cases. Raises DataError with file and line.

    expect  test's name -> what it expects; without it MFT expects its cases' labels, INV the same answer
    """
    path = _tests_file(path)
    cases: dict[int, list[Case]] = {}
    for _, one in _lines(_cases_file(path), _Case):
        texts = (one.data,) if isinstance(one.data, str) else tuple(one.data)
        cases.setdefault(one.test, []).append(Case(texts, "" if one.label is None else str(one.label)))
    tests, notes = [], []
    for line, one in _lines(path, _Test):
        own, wanted = tuple(cases.get(one.test, ())), expect.get(one.name)
        if why := _unusable(one, own, wanted):
            notes.append(f"{path.name}:{line}: {one.name!r} was left out: {why}")
        else:
            expected = wanted or Expectation(same_label=one.type == "INV")
            about = " ".join((one.description or "").split())
            tests.append(SuiteTest(one.name, one.type, one.capability, expected, about, "en", most=len(own), cases=own))
    if strange := sorted(expect.keys() - {test.name for test in tests}):
        raise DataError(f"{path.name} has no test {strange[0]!r}, of which an expectation is given", "correct its name")
    if not tests:
        raise DataError(f"no test of {path.name} can be used: {notes[0] if notes else 'it has none'}", FORM)
    labels = {case.label: "" for test in tests for case in test.cases if case.label}
    return Suite(path.name.removesuffix(TESTS), "released", labels, {}, tuple(tests), tuple(notes))


def _unusable(test: _Test, cases: tuple[Case, ...], wanted: Expectation | None) -> str:
    if not cases:
        return "it has no cases"
    single = any(len(case.texts) == 1 for case in cases)
    if (test.type == "MFT") != single or (single and any(len(case.texts) > 1 for case in cases)):
        return f"its cases have not the form of {test.type}"
    if wanted is None and (test.type == "DIR" or (test.type == "MFT" and not all(case.label for case in cases))):
        return "what it expects stands in no field; say it under expect"
    return ""


def _tests_file(path: Path) -> Path:
    if not path.is_dir():
        if path.exists() and not path.name.endswith(TESTS):
            raise DataError(f"{path.name} is no suite", f"name a .yaml file, or one that ends in {TESTS}")
        return path
    found = sorted(path.glob(f"*{TESTS}"))
    if len(found) != 1:
        raise DataError(f"{path} holds {len(found)} files that end in {TESTS}", "name the one that is meant")
    return found[0]


def _cases_file(path: Path) -> Path:
    plain = path.with_name(path.name.removesuffix(TESTS) + CASES)
    packed = plain.with_name(f"{plain.name}.gz")
    return packed if packed.exists() and not plain.exists() else plain


def _lines(path: Path, kind: Any) -> Iterator[tuple[int, Any]]:
    """Each line that is not empty, with its number."""
    text, _ = read_text(path)
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, kind.model_validate(json.loads(line))
            except ValidationError as error:
                first = error.errors()[0]
                said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
                raise DataError(f"{path.name}:{number}: {said}", FORM) from None
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path.name}:{number}: no JSON: {error}", "copy the file again") from None
