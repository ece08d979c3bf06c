import pytest
import yaml

from afina import config
from afina.errors import ConfigError


def test_keys_may_be_flat_nested_dotted_or_aliases_and_the_canonical_name_is_stored():
    forms = [
        config.build({"train": {"learning_rate": 1e-4}}),
        config.build({"learning_rate": 1e-4}),
        config.build({"lr": "1e-4"}),
        config.build({}, ["train.learning_rate=1e-4"]),
        config.build({}, ["lr=1e-4"]),
        config.build({"lr": 3}, ["learning_rate=0.0001"]),
    ]
    assert {form.train.learning_rate for form in forms} == {1e-4}
    assert "learning_rate: 0.0001" in config.dump(forms[2])


@pytest.mark.parametrize(
    ("key", "near"), [("learnig_rate", "learning_rate"), ("train.epoch", "epochs"), ("modle", "model")]
)
def test_an_unknown_key_is_an_error_with_the_nearest_one(key, near):
    with pytest.raises(ConfigError, match=key) as caught:
        config.build({}, [f"{key}=1"])
    assert near in caught.value.fix


def test_all_wrong_values_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        config.build({"lr": "fast", "epochs": -1, "precision": "int3"})
    assert all(word in caught.value.found for word in ("learning_rate", "num_train_epochs", "precision", "'fast'"))


def test_hold_out_sets_are_named_files_from_the_run_file_or_the_command_line():
    forms = [
        config.build({"corpus": {"holdouts": {"old": "old.csv"}}}),
        config.build({"holdouts": {"old": "old.csv"}}),
        config.build({}, ["holdouts={old: old.csv}"]),
    ]
    assert all(dict(form.corpus.holdouts) == {"old": "old.csv"} for form in forms)
    with pytest.raises(ConfigError, match="holdouts"):
        config.build({}, ["holdouts=old.csv"])


def test_old_tasks_are_named_files_too_and_no_file_alone():
    assert dict(config.build({}, ["old_tasks={old: old.csv}"]).corpus.old_tasks) == {"old": "old.csv"}
    assert "old_tasks: {}" in config.template()
    with pytest.raises(ConfigError, match="old_tasks"):
        config.build({}, ["old_tasks=old.csv"])


@pytest.mark.parametrize("rate", [0, -1, 1e3, "nan"])
def test_a_rate_that_cannot_train_is_refused(rate):
    with pytest.raises(ConfigError, match="learning_rate"):
        config.build({"learning_rate": rate})


def test_a_wrong_value_is_told_with_a_usual_one():
    with pytest.raises(ConfigError) as caught:
        config.build({"learning_rate": 1e3, "epochs": 0})
    assert "learning_rate=1e-4 num_train_epochs=3" in caught.value.fix
    with pytest.raises(ConfigError) as caught:
        config.build({"staging_by": "mood"})
    assert caught.value.fix == "correct them, or leave them out"


@pytest.mark.parametrize("key", ["gradient_accumulation_steps", "train.gradient_accumulation_steps"])
def test_a_name_of_hugging_face_that_is_no_key_here_is_told_what_stands_for_it(key):
    with pytest.raises(ConfigError, match="no key") as caught:
        config.build({}, [f"{key}=4"])
    assert caught.value.fix == "one step is one batch: set per_device_train_batch_size"


def test_what_stands_for_a_name_of_hugging_face_and_a_usual_value_are_of_keys_that_there_are():
    known = config._keys()
    assert not known.keys() & config.keys.ELSEWHERE.keys()
    config.build(config.keys.USUAL)
    for said in config.keys.ELSEWHERE.values():
        assert "leave it out" in said or any(word.strip(":,").partition("=")[0] in known for word in said.split())


def test_a_misspelt_technique_is_told_the_nearest_one_before_anything_is_measured():
    with pytest.raises(ConfigError) as caught:
        config.build({}, ["technique=loar"])
    assert "lora" in caught.value.fix


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_does_not_take_is_refused(seed):
    with pytest.raises(ConfigError, match="seed"):
        config.build({"seed": seed})


@pytest.mark.parametrize("rate", [0, 1e3])
def test_no_rate_of_a_list_may_be_one_that_cannot_train(rate):
    with pytest.raises(ConfigError, match="discriminative_rates"):
        config.build({"discriminative_rates": [1e-5, rate]})


@pytest.mark.parametrize(
    ("key", "wrong", "near"),
    [
        ("rates", "layerwize", "'layerwise'"),
        ("lr_scheduler_type", "triangle", "'triangular'"),
        ("lr_scheduler_type", "constant_with_warmup", "constant"),
        ("staging", "gradual_unfreezin", "'gradual_unfreezing'"),
        ("rates", "none", "flat"),
    ],
)
def test_an_unknown_policy_is_refused_at_once_with_the_nearest_one(key, wrong, near):
    with pytest.raises(ConfigError, match=wrong) as caught:
        config.build({key: wrong})
    assert near in caught.value.fix


def test_policies_and_their_options_are_read_as_they_are_typed():
    run = config.build(
        {"staging": "none"}, ["rates=discriminative", "discriminative_rates=[1e-5, 3e-5]", "lr_scheduler_type=cosine"]
    )
    assert run.train.discriminative_rates == (1e-5, 3e-5)
    assert (run.train.staging, run.train.lr_scheduler_type) == ("none", "cosine")


def test_cleaners_are_a_list_of_names_and_a_misspelt_one_is_told_the_nearest():
    assert config.build({}, ["cleaners=markup, leakage"]).corpus.cleaners == ("markup", "leakage")
    assert config.build({"corpus": {"cleaners": ["markup"]}}).corpus.cleaners == ("markup",)
    assert config.build({}, ["cleaners=none"]).corpus.cleaners == ()
    assert config.build({}).corpus.cleaners is None
    with pytest.raises(ConfigError, match="no 'markupp' in cleaners") as caught:
        config.build({}, ["cleaners=markupp"])
    assert "'markup'" in caught.value.fix


def test_a_dumped_run_reads_back_as_itself(tmp_path):
    run = config.build({"train_file": "x.csv", "lr": 1e-4, "seed": 3})
    (tmp_path / "run.yaml").write_text(config.dump(run))
    assert config.read(tmp_path / "run.yaml") == run


def test_the_template_is_a_valid_run_file_with_every_key(tmp_path):
    (tmp_path / "run.yaml").write_text(config.template())
    assert config.read(tmp_path / "run.yaml").corpus.train_file == "data.csv"
    everything = "\n".join(line.removeprefix("# ").removeprefix("#") for line in config.template().splitlines()[2:])
    assert set(yaml.safe_load(everything)) == set(config.Run.model_fields)


def test_a_section_with_one_value_is_told_its_first_key():
    with pytest.raises(ConfigError) as caught:
        config.build({"model": "bundled"})
    assert caught.value.fix == "did you mean 'model.model_name_or_path'?"
