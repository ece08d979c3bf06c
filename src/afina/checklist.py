"""A suite put to a model: every text asked once, each answer judged, failure rates with Wilson's interval, gates.

It needs the `Predict` seam and the labels of its answers, and so works for any model: a finished run, a torch model, an
HTTP client or a lambda. Tests name the suite's labels; `mapping` says which of the model's each stands for, several
where the model is finer, or None where it has nothing of the kind: tests of such a label are left out and said.

    rate = failed / cases that count     gate: rate <= the test's max_failure_rate

The gate goes by the rate itself, for the cases are fixed; the interval says how far a rate speaks of the template's
other fillings. Cost: one answer for each different text.
Source: Ribeiro et al. 2020, arXiv:2005.04118; Wilson 1927.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import comb

import numpy as np

from afina import answering, expanding, expecting
from afina.errors import ConfigError, GateError
from afina.expecting import Answers
from afina.metrics import wilson
from afina.records import (
    Case,
    Checklist,
    Dimension,
    Example,
    Expanded,
    Failure,
    Flips,
    Measure,
    Predict,
    Score,
    Suite,
    Tally,
    Task,
    Text,
)  # fmt: skip

SHOWN = 3  # failing cases kept of each test

Stands = Mapping[str, Sequence[str] | str | None]  # the suite's label -> the model's


def check(
    suite: Suite, predict: Predict, task: Task, mapping: Stands | None = None, rows: Sequence[Text] = ()
) -> Checklist:
    """What a model does on every test of a suite; `rows` are texts of the user's, for tests that ask for them.

    Raises ConfigError where a label of the suite is none of the model's and `mapping` does not say otherwise,
    RecordError where an answer is no probability or of another shape.
    """
    columns = _columns(suite, task, mapping or {})
    expanded = expanding.expand(suite, rows)
    asked = [one.cases for one in expanded if not _missing(one, columns)]
    texts = list(dict.fromkeys(text for cases in asked for case in cases for text in case.texts))
    if not texts:
        found = f"no test of {suite.name} can be asked of this model"
        raise ConfigError(found, "say what more of its labels are with --labels FILE, or use another suite")
    probabilities = _checked(predict(texts), texts, task)
    places = {text: place for place, text in enumerate(texts)}
    said = Answers(probabilities, answering.given(probabilities, task))
    tests = tuple(_tested(one, said, places, columns, task) for one in expanded)
    notes = (*suite.notes, *(one.note for one in expanded if one.note))
    return Checklist(suite.name, suite.version, expanding.digest(expanded), tests, notes)


def compare(new: Checklist, old: Checklist) -> tuple[Flips, ...]:
    """Which cases of each test one model fails and the other passes. Raises ConfigError for other cases."""
    if new.sha256 != old.sha256:
        raise ConfigError("the two models were asked different cases", "ask both with the same suite and texts")
    found = []
    for now, before in zip(new.tests, old.tests, strict=True):
        if now.skipped or before.skipped:
            continue
        out = {*now.left_out, *before.left_out}
        asked = now.cases + len(now.left_out)
        broken = tuple(sorted({*now.failed} - {*before.failed} - out))
        fixed = tuple(sorted({*before.failed} - {*now.failed} - out))
        found.append(Flips(now.name, asked - len(out), broken, fixed, sign_test(len(broken), len(fixed))))
    return tuple(found)


def gate(record: Checklist) -> None:
    """Raise GateError where a test failed more cases than it may."""
    if record.broken:
        worst = ", ".join(
            f"{test.name} ({test.rate:.0%}, at most {test.max_failure_rate:.0%})" for test in record.broken
        )
        raise GateError(
            f"tests of {record.suite} failed more cases than they may: {worst}",
            "look at the failing cases; add training rows like them, or change max_failure_rate in the suite",
        )


def dimension(record: Checklist) -> Dimension:
    """A suite's result as a dimension of a model: the share of all cases that passed, and each test's failure rate."""
    asked = [test for test in record.tests if not test.skipped]
    cases = sum(test.cases for test in asked)
    passed = cases - sum(len(test.failed) for test in asked)
    broken = f"{len(record.broken):,} of {len(asked):,} tests failed more cases than they may"
    return Dimension(
        "checklist",
        Score("cases_passed", passed / max(cases, 1), *wilson(passed, cases)),
        measures=tuple(
            Measure(
                test.name, test.rate, test.low, test.high, "share failed", max(test.cases, 1), test.capability,
                remark="" if test.passed else f"{test.severity}: at most {test.max_failure_rate:.0%} may",
            )
            for test in asked
        ),
        examples=tuple(
            Example(test.name, "", failure.texts, f"{failure.got}; wanted: {failure.wanted}")
            for test in record.broken
            for failure in test.failures[:1]
        ),
        notes=(f"{record.suite} {record.version}: {broken}", *record.notes),
    )  # fmt: skip


def sign_test(one: int, other: int) -> float:
    """Probability of a split as uneven as this, or more, where each side is as likely.

    >>> sign_test(0, 5), sign_test(3, 3)
    (0.0625, 1.0)
    """
    both = one + other
    tail = sum(comb(both, hits) for hits in range(min(one, other) + 1))
    return min(1.0, 2 * tail / 2**both)


def _columns(suite: Suite, task: Task, mapping: Stands) -> dict[str, tuple[int, ...]]:
    """The model's labels that each of the suite's stands for, as places; () for those that it lacks."""
    used = [name for test in suite.tests for name in expecting.labels(test.expect)]
    used += [case.label for test in suite.tests for case in test.cases if case.label]
    known = dict.fromkeys([*used, *suite.labels])
    if strange := next((name for name in mapping if name not in known), None):
        _lacking(f"the suite {suite.name} has no label {strange!r}", strange, list(known))
    found: dict[str, tuple[int, ...]] = {}
    for name in dict.fromkeys(used):
        wanted = mapping.get(name, name)
        several = (wanted,) if isinstance(wanted, str) else tuple(wanted or ())
        if name in mapping and (wrong := next((one for one in several if one not in task.labels), None)):
            _lacking(f"{name!r} stands for {wrong!r}, which is no label of the model", wrong, task.labels)
        found[name] = tuple(task.labels.index(one) for one in several if one in task.labels)
    if lacking := [name for name in found if name not in mapping and not found[name]]:
        there = ", ".join(map(repr, task.labels[:20])) + (", ..." if len(task.labels) > 20 else "")
        raise ConfigError(
            f"the suite {suite.name} asks about {', '.join(map(repr, lacking))}, which the model lacks: it has {there}",
            f"say what they are with --labels FILE, such as '{lacking[0]}: {task.labels[0]}' or, to leave tests of it "
            f"out, '{lacking[0]}: null', a label a line",
        )
    return found


def _lacking(found: str, wrong: str, right: Sequence[str]) -> None:
    near = get_close_matches(wrong, right, n=1)
    raise ConfigError(found, f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(right[:20])}")


def _checked(values: np.ndarray, texts: Sequence[Text], task: Task) -> np.ndarray:
    """The answers, where they are probabilities of the task's labels."""
    if task.activation == "none" or task.per != "text":
        raise ConfigError(f"a checklist needs classes or labels, not the task {task.kind!r}", "use a run with these")
    return answering.checked(values, texts, task)


def _tested(
    one: Expanded, said: Answers, places: Mapping[Text, int], columns: Mapping[str, tuple[int, ...]], task: Task
) -> Tally:
    test = one.test
    lacking = _missing(one, columns)
    failed, out, failures = [], [], []
    for place, case in enumerate(one.cases):
        right = None if lacking else _judged(one, case, said, places, columns)
        if right is None:
            out.append(place)
        elif not right.all():
            failed.append(place)
            failures.append(_failure(one, case, right, said, places, task))
    count = len(one.cases) - len(out)
    rate = len(failed) / count if count else 0.0
    why = f"the model has no {' or '.join(lacking)}" if lacking else "" if count else "no case counts for this model"
    failures.sort(key=lambda failure: sum(map(len, map(str, failure.texts))))
    return Tally(
        test.name, test.kind, test.capability, test.severity, test.max_failure_rate, count, one.possible,
        tuple(failed), tuple(out), rate, *wilson(len(failed), count), rate <= test.max_failure_rate,
        tuple(failures[:SHOWN]), why,
    )  # fmt: skip


def _missing(one: Expanded, columns: Mapping[str, tuple[int, ...]]) -> list[str]:
    """The labels that a test cannot do without and the model has not."""
    expect = one.test.expect
    return [name for name in expecting.labels(expect) if not columns[name] and name not in expect.ignore]


def _judged(
    one: Expanded, case: Case, said: Answers, places: Mapping[Text, int], columns: Mapping[str, tuple[int, ...]]
) -> np.ndarray | None:
    if case.label and not columns[case.label]:
        return None
    rows = [places[text] for text in case.texts]
    own = Answers(said.probabilities[rows], said.given[rows])
    return expecting.judge(one.test.expect, case.label, own, columns)


def _failure(
    one: Expanded, case: Case, right: np.ndarray, said: Answers, places: Mapping[Text, int], task: Task
) -> Failure:
    """The shortest changed text that is wrong, after its original; or the text itself."""
    judged = case.texts if len(case.texts) == 1 else case.texts[1:]
    wrong = min((text for text, fine in zip(judged, right, strict=True) if not fine), key=lambda text: len(str(text)))
    texts = (wrong,) if len(case.texts) == 1 else (case.texts[0], wrong)
    got = " -> ".join(answering.said(said.probabilities[places[text]], task) for text in texts)
    return Failure(texts, expecting.words(one.test.expect, case.label), got)
