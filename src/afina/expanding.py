"""From tests to cases: templates filled from lexicons, texts changed by perturbations, the same for the same seed.

A template with slots has as many fillings as the product of its lexicons' sizes: for k numbered slots of one lexicon of
L entries L (L-1) ... (L-k+1), because {party1} and {party2} are never the same. Fillings are numbered, and numbers are
drawn without repeats and without building the product, so that a template of 10^30 fillings costs no more than one of
100. A perturbation that changes nothing gives no text; a case without a changed text is none, and another is drawn.

A test has 100 cases unless it says otherwise, and never more than 10,000. The sha256 of all cases says that two
models were asked the same.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from math import perm, prod
from typing import Any

import numpy as np

from afina import shelf
from afina.errors import ConfigError
from afina.records import Case, Expanded, Suite, SuiteTest, Text
from afina.suites import PERTURBATIONS, SLOT, slots

CAP = 10_000  # cases of a test, whatever it asks for
LOOKED_AT = 50  # fillings looked at for each case that is wanted: a perturbation may fit few of them

_Lexicons = Mapping[str, tuple[tuple[str, ...], ...]]


def expand(suite: Suite, rows: Sequence[Text] = ()) -> tuple[Expanded, ...]:
    """The cases of every test; `rows` are the user's own texts, for tests that ask for them.

    Raises ConfigError where a test has no case at all.
    """
    return tuple(_expand(test, suite.lexicons, rows) for test in suite.tests)


def digest(expanded: Sequence[Expanded]) -> str:
    """sha256 of all cases, in their order."""
    content = [[one.test.name, [asdict(case) for case in one.cases]] for one in expanded]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def possible(template: str, lexicons: _Lexicons) -> int:
    """In how many ways a template can be filled.

    >>> possible("{who} met {name1} and {name2}", {"who": (("I",), ("we",)), "name": (("A",), ("B",), ("C",))})
    12
    """
    return prod(perm(len(lexicons[name]), len(numbers)) for name, numbers in _numbered(template).items())


def order(total: int, seed: int) -> Iterator[int]:
    """Every number below `total` once, shuffled, whatever its size: only those that were given are remembered.

    Source: Fisher & Yates, as Durstenfeld 1964 has it, with the places that never moved left out.
    """
    rng, moved = np.random.default_rng(seed), dict[int, int]()
    size = total.bit_length() // 8 + 9  # 64 bits more than needed: no number is likelier than another
    place = 0
    while place < total:
        other = place + int.from_bytes(rng.bytes(size)) % (total - place)
        yield moved.get(other, other)
        moved[other] = moved.pop(place, place)
        place += 1


def _expand(test: SuiteTest, lexicons: _Lexicons, rows: Sequence[Text]) -> Expanded:
    if test.cases:
        cases, note = test.cases[:CAP], _capped(test, len(test.cases)) if len(test.cases) > CAP else ""
        return Expanded(test, cases, len(test.cases), note)
    given: Sequence[Text] = rows if test.rows else test.texts
    counts = [possible(_all(test, template), lexicons) for template in test.templates] or [len(given)]
    total, wanted = sum(counts), min(test.most, CAP)
    if total == 0 and not test.rows:
        raise ConfigError(f"the test {test.name!r} has no case: a lexicon has too few entries", "give it more")
    steps = [(shelf.load(PERTURBATIONS, name), options) for name, options in test.perturb]
    changes = [(module.change, module.Config(**options)) for module, options in steps]
    numbers = range(total) if total <= wanted else islice(order(total, test.seed), LOOKED_AT * wanted)
    originals = ((number, _texts(test, lexicons, given, counts, number)) for number in numbers)
    cases_of = (_case(test, texts, changes, number) for number, texts in originals)
    found = tuple(islice((case for case in cases_of if case is not None), wanted))
    if not found and not test.rows:
        names = ", ".join(name for name, _ in test.perturb)
        raise ConfigError(
            f"the test {test.name!r} has no case: {names} changes none of its texts",
            "choose a perturbation that fits them",
        )
    return Expanded(test, found, total, _capped(test, min(test.most, total)) if min(test.most, total) > CAP else "")


def _capped(test: SuiteTest, asked: int) -> str:
    return f"the test {test.name!r} asks for {asked:,} cases: {CAP:,} were taken, which is the most"


def _all(test: SuiteTest, template: str) -> str:
    """A template with all that is filled beside it, so that each slot is counted."""
    return "\n".join((template, test.pair, *test.changed))


def _numbered(template: str) -> dict[str, list[int]]:
    """The numbers of the slots of each lexicon, in the order in which they come; 0 is a slot without a number."""
    found: dict[str, list[int]] = {}
    for name, number, _ in slots(template):
        if number not in found.setdefault(name, []):
            found[name].append(number)
    return found


def _texts(
    test: SuiteTest, lexicons: _Lexicons, given: Sequence[Text], counts: Sequence[int], number: int
) -> list[Text]:
    """The original of one number, and what is filled as it is."""
    which = 0
    while number >= counts[which]:
        number, which = number - counts[which], which + 1
    return _filled(test, test.templates[which], lexicons, number) if test.templates else [given[number]]


def _case(test: SuiteTest, texts: list[Text], changes: Sequence[Any], number: int) -> Case | None:
    """The case with its changed texts; None where nothing changes. Of a pair the first text is changed."""
    first, *second = (texts[0],) if isinstance(texts[0], str) else texts[0]
    found = list(texts)
    for step, (change, config) in enumerate(changes):
        changed = change(first, config, np.random.default_rng([test.seed, number, step]))
        if changed is not None:
            found.append((changed, *second) if second else changed)
    return Case(tuple(found)) if test.kind == "MFT" or len(found) > 1 else None


def _filled(test: SuiteTest, template: str, lexicons: _Lexicons, number: int) -> list[Text]:
    """The template, and those of the changed texts, with the entries that a number stands for."""
    chosen: dict[tuple[str, int], tuple[str, ...]] = {}
    for name, numbers in _numbered(_all(test, template)).items():
        left = list(lexicons[name])
        for slot in numbers:  # a digit of the number for each slot: mixed base, none drawn twice
            number, place = divmod(number, len(left))
            chosen[name, slot] = left.pop(place)
    one = [_fill(text, chosen) for text in (template, *test.changed)]
    if not test.pair:
        return list(one)
    second = _fill(test.pair, chosen)
    return [(text, second) for text in one]


def _fill(template: str, chosen: Mapping[tuple[str, int], tuple[str, ...]]) -> str:
    """A filled template; an entry that begins it gets a capital."""
    filled = SLOT.sub(
        lambda m: chosen[m[1], int(m[2] or 0)][int(m[3] or 0)] if m[1] else m[0][0],
        template,
    )
    return filled[:1].upper() + filled[1:] if template.startswith("{") and not template.startswith("{{") else filled
