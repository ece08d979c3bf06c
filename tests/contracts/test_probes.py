"""What every probe promises: a dimension in its own form from answers alone, the same twice, and never a crash."""

import numpy as np
import pytest

from afina import shelf
from afina.errors import ConfigError, DataError
from afina.objectives import classify
from afina.records import Dimension, Row, Subject, Task, from_json, to_json

LABELS = ("health", "money", "travel")
TASK = Task(labels=LABELS)
TEXTS = {
    "health": "the doctor said no pain today, call Dr. Ortiz",
    "money": "my card was not charged 20 euros",
    "travel": "where can I book a visit to Rome?",
}
ROWS = tuple(Row(f"{TEXTS[label]} {i}", label, f"test.csv:{i + 2}") for i in range(12) for label in LABELS)


def predict(texts):
    """By one telling word of each class, whatever its case."""
    words = {"health": "doctor", "money": "card", "travel": "visit"}
    hits = np.array([[words[label] in str(text).lower() for label in LABELS] for text in texts], np.float32)
    raw = 0.1 + hits.reshape(-1, len(LABELS))
    return raw / raw.sum(1, keepdims=True)


def subject(**known):
    answers = predict([row.input for row in ROWS])
    compare = lambda rows, before, after: classify.compare(rows, before, after, TASK, 0)  # noqa: E731
    return Subject(predict, ROWS, answers, TASK, compare, **known)


def everything():
    return subject(
        language="en",
        train=ROWS,
        dev=ROWS,
        perturbations={name: shelf.load("perturbations", name) for name in shelf.names("perturbations")},
        variant="none",
        opened={"none": lambda: predict},
        files={"none": 1000},
    )


@pytest.fixture(params=shelf.names("probes") or [pytest.param("", marks=pytest.mark.skip("no probe stands here yet"))])
def probe(request):
    return shelf.load("probes", request.param)


@pytest.mark.parametrize("known", [subject, everything], ids=["answers alone", "everything"])
def test_a_dimension_is_measured_or_says_why_not(probe, known):
    found = probe.measure(known(), probe.Config())
    assert isinstance(found, Dimension)
    assert found.probe == probe.__name__.rpartition(".")[2]
    assert bool(found.skipped) == (found.score is None)
    for one in found.measures:
        assert one.low <= one.value <= one.high
        assert one.rows > 0
    if found.score:
        assert found.score.low <= found.score.value <= found.score.high


def test_a_dimension_survives_json(probe):
    found = probe.measure(everything(), probe.Config())
    assert from_json(Dimension, to_json(found)) == found


def test_a_model_that_answers_no_numbers_is_an_error_of_ours_or_skipped(probe):
    from afina.errors import AfinaError

    broken = lambda texts: np.full((len(texts), len(LABELS)), np.nan, np.float32)  # noqa: E731
    compare = lambda rows, before, after: classify.compare(rows, before, after, TASK, 0)  # noqa: E731
    asked = Subject(broken, ROWS, predict([row.input for row in ROWS]), TASK, compare, language="en")
    try:
        found = probe.measure(asked, probe.Config())
    except AfinaError:
        return
    for one in found.measures:
        assert np.isfinite(one.value)


def test_a_file_that_an_option_names_is_known_and_read_before_anything_is_measured(probe, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    named = [name for name, field in probe.Config.model_fields.items() if field.annotation == str | None]
    for name in named:
        missing = probe.Config(**{name: "~/none.csv"})
        assert probe.files(probe.Config()) == ()
        assert probe.files(missing) == (tmp_path / "none.csv",)
        probe.check(probe.Config())
        with pytest.raises((ConfigError, DataError), match=r"none\.csv"):
            probe.check(missing)
    assert hasattr(probe, "files") == hasattr(probe, "check") == bool(named)


def test_files_of_probes_are_told_apart_from_words():
    """Options that name a file are text, and no other options are; 'hub' is no folder."""
    kinds = {name: shelf.load("probes", name).Config for name in shelf.names("probes")}
    named = {
        f"{name}_{key}"
        for name, of in kinds.items()
        for key, one in of.model_fields.items()
        if one.annotation == str | None
    }
    read = {"consistency_groups", "consistency_nli", "cost_prices", "forgetting_glue"}
    assert named == read | {"robustness_glossary", "robustness_paraphrases"}
    forgetting = shelf.load("probes", "forgetting")
    assert forgetting.files(forgetting.Config(glue="hub")) == ()
