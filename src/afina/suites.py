"""Suites of behavioural tests: a YAML file becomes records. Opening one runs no code and reads no file but itself.

    suite: mine                          labels: {urgent: someone must act now, routine: it can wait}
    lexicons: {denial: [denies, has no]} defaults: {n: 100, severity: major, max_failure_rate: 0.1}
    tests:
      - {id: denied, type: MFT, capability: negation, template: "She {denial} chest pain.", expect: {label: routine}}
      - {id: capitals, type: INV, capability: robustness, texts: ["I need a refill"], perturb: upper}

An exception is a file that says `import: TESTS.jsonl`: see `released`. What a test without `max_failure_rate` may fail
is its severity's: critical none, major a tenth, minor all, which is no gate.

Source: Ribeiro et al. 2020, arXiv:2005.04118 (MFT, INV, DIR, templates with lexicons, capabilities).
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from afina import expecting, released, shelf, yamlfile
from afina.errors import ConfigError
from afina.records import Case, Expectation, Suite, SuiteTest

SHIPPED = Path(__file__).parent / "data" / "suites"
PERTURBATIONS = "perturbations"
FORM = "docs/tutorial.md shows the form; 'medicine' and 'law' are suites that ship"
ALLOWED = {"critical": 0.0, "major": 0.1, "minor": 1.0}  # failure rate, by severity
LEXICON = "lexicon"  # option of a perturbation that names one
SLOT = re.compile(r"\{\{|\}\}|\{([^\W\d]+?)_?(\d{0,3})(?:\.(\d{1,3}))?\}|[{}]")


def _name(value: Any) -> Any:
    """A label or a version may be a number in YAML, which nobody means as one."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _several(value: Any) -> Any:
    return tuple(map(_name, value)) if isinstance(value, list | tuple) else (_name(value),)


def _steps(value: Any) -> Any:
    """`upper`, `{typo: {count: 2}}` or a list of such as pairs of a name and options."""
    found = []
    for step in value if isinstance(value, list) else [value]:
        items = [(step, {})] if isinstance(step, str) else step.items() if isinstance(step, dict) else [(step, {})]
        found += [(name, options or {}) for name, options in items]
    return tuple(found)


_Name = Annotated[str, BeforeValidator(_name)]
_Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


class _Expect(BaseModel, frozen=True, extra="forbid"):
    label: _Names = ()
    not_label: _Names = ()
    same_label: bool = False
    label_changes: bool = False
    max_change: float | None = Field(default=None, ge=0, le=1)
    min_change: float | None = Field(default=None, gt=0, le=1)
    probability: _Name = ""
    direction: Literal["", "increasing", "decreasing", "non_increasing", "non_decreasing"] = ""
    tolerance: float = Field(default=0.0, ge=0, lt=1)
    at_least: float | None = Field(default=None, gt=0, le=1)
    at_most: float | None = Field(default=None, ge=0, lt=1)
    ignore: _Names = ()


class _Given(BaseModel, frozen=True, extra="forbid"):
    """A case that is given whole."""

    text: str | tuple[str, str]
    label: _Name = ""
    changed: Annotated[tuple[str | tuple[str, str], ...], BeforeValidator(_several)] = ()


class _Gate(BaseModel, frozen=True, extra="forbid"):
    n: int = Field(default=100, ge=1)
    seed: int = Field(default=0, ge=0)
    severity: Literal["critical", "major", "minor"] = "major"
    max_failure_rate: float | None = Field(default=None, ge=0, le=1)


class _Test(_Gate, frozen=True, extra="forbid"):
    id: str = Field(min_length=1)
    type: Literal["MFT", "INV", "DIR"]
    capability: str = Field(min_length=1)
    about: str = ""
    language: str = ""
    template: _Names = ()
    pair: str = ""
    changed: _Names = ()
    texts: tuple[str, ...] | Literal["test"] = ()
    cases: tuple[_Given, ...] = ()
    perturb: Annotated[tuple[tuple[str, dict[str, Any]], ...], BeforeValidator(_steps)] = ()
    expect: _Expect = _Expect()


class _Suite(BaseModel, frozen=True, extra="forbid"):
    suite: _Name = Field(min_length=1)
    version: _Name = "1"
    license: str = ""
    about: str = ""
    language: str = ""
    labels: dict[_Name, str] = {}
    lexicons: dict[str, list[str | list[str]]] = {}
    defaults: _Gate = _Gate()
    tests: list[Any] = []
    expect: dict[str, _Expect] = {}
    source: str = Field(default="", alias="import")


def read(name: str) -> Suite:
    """A suite that ships, by its name, or a file: YAML, or the JSON lines of the released format.

    Raises ConfigError with the file, and the line where there is one, for whatever is wrong with it.
    """
    there = sorted(file.stem for file in SHIPPED.glob("*.yaml"))
    path = SHIPPED / f"{name}.yaml" if name in there else Path(name)
    if not path.suffix and not path.exists():
        _wrong(f"there is no suite {name!r}", _advice(name, there, f"name a file, or one of {', '.join(there)}"))
    if path.suffix not in (".yaml", ".yml"):
        return released.read(path, {})
    content = yamlfile.read(path, "suite", FORM)
    whole = _checked(_Suite, content, path.name)
    if whole.source:
        found = released.read(path.parent / whole.source, {name: _expectation(e) for name, e in whole.expect.items()})
        return Suite(whole.suite, whole.version, whole.labels or found.labels, {}, found.tests, found.notes)
    lexicons = {key: tuple(_entry(one) for one in entries) for key, entries in whole.lexicons.items()}
    tests = tuple(_test(one, content.get("defaults") or {}, whole.labels, lexicons, path.name) for one in whole.tests)
    if not tests:
        _wrong(f"{path.name} has no tests", FORM)
    twice = next((test.name for place, test in enumerate(tests) if test.name in {t.name for t in tests[:place]}), None)
    if twice:
        _wrong(f"{path.name} has two tests with the id {twice!r}", "give each its own")
    return Suite(whole.suite, whole.version, whole.labels, lexicons, tests)


def mapping(path: Path) -> dict[str, tuple[str, ...]]:
    """A file that says what a suite's labels are for a model: one label, a list of them, or null for none."""
    content = yamlfile.read(path, "file of labels", "write a line such as 'urgent: emergency' for each label")
    found = {_name(key): () if value is None else _several(value) for key, value in content.items()}
    if wrong := next((key for key, value in found.items() if not all(isinstance(x, str) for x in (key, *value))), None):
        _wrong(f"{path.name}: {wrong!r} stands for something else than labels", "put quotes around yes, no, on and off")
    return found


@cache
def slots(template: str) -> tuple[tuple[str, int, int], ...]:
    """Lexicon, number and form of each slot: {drug}, {drug2} for another one, {drug.1} for its second form.

    >>> slots("{drug} or {drug2.1}, {{literally}}")
    (('drug', 0, 0), ('drug', 2, 1))
    """
    found = [match for match in SLOT.finditer(template) if match[1]]
    return tuple((match[1], int(match[2] or 0), int(match[3] or 0)) for match in found)


def _entry(given: str | list[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _test(
    given: Any, defaults: Mapping[str, Any], labels: Mapping[str, str], lexicons: Mapping[str, Any], file: str
) -> SuiteTest:
    if not isinstance(given, yamlfile.Marked):
        _wrong(f"{file}: {str(given)[:40]!r} stands among the tests and is none", FORM)
    where = f"{file}:{given.line}: test {given.get('id', '?')!r}"
    one = _checked(_Test, {**defaults, **given}, where)
    test = SuiteTest(
        name=one.id, kind=one.type, capability=one.capability, expect=_expectation(one.expect), about=one.about,
        language=one.language, severity=one.severity, most=one.n, seed=one.seed,
        max_failure_rate=ALLOWED[one.severity] if one.max_failure_rate is None else one.max_failure_rate,
        templates=one.template, pair=one.pair, changed=one.changed,
        texts=() if isinstance(one.texts, str) else one.texts, rows=one.texts == "test",
        cases=tuple(Case((case.text, *case.changed), case.label) for case in one.cases),
        perturb=tuple((name, _options(name, options, lexicons, where)) for name, options in one.perturb),
    )  # fmt: skip
    _check_shape(test, where)
    _check_slots(test, lexicons, where)
    _check_labels(test, labels, where)
    return test


def _expectation(given: _Expect) -> Expectation:
    return Expectation(**given.model_dump())


def _options(name: str, given: Mapping[str, Any], lexicons: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Options of a perturbation, checked by itself, with lexicons in the place of their names."""
    try:
        module = shelf.load(PERTURBATIONS, name)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.found}", error.fix) from None
    options = dict(given)
    if LEXICON in options:
        entries = lexicons.get(_name(options.pop(LEXICON)))
        if entries is None:
            wanted = str(given[LEXICON])
            _wrong(f"{where}: there is no lexicon {wanted!r}", _advice(wanted, lexicons, "add it under lexicons"))
        alike = all(len(entry) == 1 for entry in entries)
        options["groups"] = (tuple(entry[0] for entry in entries),) if alike else entries
    return dict(_checked(module.Config, options, f"{where}, {name}").model_dump(by_alias=True))


def _check_shape(test: SuiteTest, where: str) -> None:
    """One source of texts; changes where the type needs them; an expectation that the type can have."""
    sources = [bool(one) for one in (test.templates, test.texts, test.rows, test.cases)]
    if sum(sources) != 1:
        _wrong(f"{where} has {sum(sources)} sources of texts", "give one of template, texts or cases")
    changes = bool(test.changed or test.perturb or any(len(case.texts) > 1 for case in test.cases))
    if (test.kind == "MFT") == changes:
        without = "has changed texts" if changes else "changes no text"
        _wrong(
            f"{where} is {test.kind} and {without}", "MFT asks about single texts; INV and DIR need changed or perturb"
        )
    if test.changed and not test.templates:
        _wrong(f"{where}: changed is filled as a template is, and there is none", "add template, or use cases")
    expect = test.expect
    if bool(expect.probability) != bool(expect.direction or expect.at_least is not None or expect.at_most is not None):
        _wrong(f"{where}: probability names a label, and direction, at_least or at_most says what it does", "give both")
    if test.kind == "MFT" and (expect.same_label or expect.label_changes or expect.direction):
        _wrong(f"{where} is MFT, which has nothing to compare with", "expect label, not_label, at_least or at_most")
    if not expecting.words(expect) and not (test.cases and all(case.label for case in test.cases)):
        _wrong(f"{where} expects nothing", "add expect, such as {label: ...} for MFT or {same_label: true} for INV")


def _check_slots(test: SuiteTest, lexicons: Mapping[str, Any], where: str) -> None:
    for template in (*test.templates, *test.changed, *((test.pair,) if test.pair else ())):
        if any(match[0] in "{}" for match in SLOT.finditer(template)):
            _wrong(f"{where}: a brace stands alone in {template!r}", "write {name}, or {{ and }} for braces")
        for name, _, form in slots(template):
            if name not in lexicons:
                advice = _advice(name, lexicons, f"add lexicons: {{{name}: [...]}}")
                _wrong(f"{where}: {{{name}}} stands in a template, and there is no lexicon {name!r}", advice)
            if any(len(entry) <= form for entry in lexicons[name]) or not lexicons[name]:
                _wrong(f"{where}: not every entry of the lexicon {name!r} has a form {form}", "the first form is 0")


def _check_labels(test: SuiteTest, labels: Mapping[str, str], where: str) -> None:
    """Labels that a suite declares are all that its tests may name."""
    for name in (*expecting.labels(test.expect), *(case.label for case in test.cases if case.label)):
        if labels and name not in labels:
            _wrong(f"{where}: {name!r} is no label of the suite", _advice(name, labels, "add it under labels"))


def _checked(model: Any, given: Mapping[Any, Any], where: str) -> Any:
    """The model made of what was given. Raises ConfigError with every problem, and what an unknown key may mean."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        known = [field.alias or name for name, field in model.model_fields.items()]
        said, fix = [], "correct it"
        for one in error.errors():
            place = ".".join(map(str, one["loc"]))
            said.append(f"{place}: {one['msg']}, not {str(one['input'])[:60]!r}")
            if one["type"] == "extra_forbidden":
                said[-1], fix = f"there is no key {place!r}", _advice(str(one["loc"][-1]), known, fix)
            if isinstance(one["input"], bool) and "string" in one["type"]:
                fix = "put quotes around it: YAML takes no, yes, on and off for truth values"
        raise ConfigError(f"{where}: {'; '.join(said)}", fix) from None


def _advice(wrong: str, right: Any, otherwise: str) -> str:
    near = get_close_matches(wrong, list(right), n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise


def _wrong(found: str, fix: str) -> NoReturn:
    raise ConfigError(found, fix)
