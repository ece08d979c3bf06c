"""Adapters of several tasks on one base. The second implementation is each classifier rebuilt alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from afina import adapters, bases, combining, config, heads, inference, store
from afina.errors import ConfigError, RecordError
from afina.predictors import torch as predictor
from afina.records import Adapter, Columns, Corpus, Row
from afina.techniques import bitfit, lora

TEXTS = ["my card is lost", "where can i book a visit", "pain today", "please pay the bill tomorrow", "no"]
LABELS = {"cards": ("lost", "found", "stolen"), "visits": ("yes", "no")}


@pytest.fixture(scope="module")
def opened(tiny_bert):
    return bases.open_base(str(tiny_bert))


def task(opened, name, folder, seed, **options):
    """A run's adapter folder with a change as large as training makes; options of lora, or another pooling."""
    torch.manual_seed(seed)
    pooling = options.pop("pooling", "mean")
    labels = LABELS.get(name, ("a", "b"))
    model = lora.apply(heads.build(opened.folder, pooling, labels), lora.Config(**options))
    for parameter_name, parameter in model.named_parameters():
        if "lora_B" in parameter_name:
            torch.nn.init.normal_(parameter, std=0.3)
    torch.nn.init.normal_(heads.output_layer(model).weight, std=5)
    (folder / name / "adapter").mkdir(parents=True)
    made = Adapter("lora", options, opened.record.sha256, pooling, labels, 32)
    adapters.save(model, made, folder / name / "adapter")
    return folder / name / "adapter"


@pytest.fixture
def folders(opened, tmp_path):
    return {name: task(opened, name, tmp_path, seed) for seed, name in enumerate(LABELS)}


def alone(opened, folder, texts):
    model = heads.rebuild(opened.folder, opened.record.sha256, folder)
    return predictor.logits(model, opened.tokenizer, 32)(texts)


def test_tasks_mixed_in_one_batch_get_what_each_adapter_gives_alone(opened, folders):
    combined = combining.combine(opened, folders)
    tasks = ["cards", "visits", "visits", "cards", "visits"]
    answers = combining.logits(combined, TEXTS, tasks)
    expected = {name: alone(opened, folder, TEXTS) for name, folder in folders.items()}
    for row, (name, answer) in enumerate(zip(tasks, answers, strict=True)):
        assert answer.shape == (len(LABELS[name]),)
        np.testing.assert_allclose(answer, expected[name][row], atol=1e-4)
    assert not np.allclose(answers[1], combining.logits(combined, TEXTS[1:2], ["cards"])[0][:2], atol=1e-2)


def test_the_concatenated_merge_is_the_weighted_sum_of_the_changes(opened, folders):
    combined = combining.combine(opened, folders)
    combining.merge(combined, "cat", (0.5, 0.25))
    layer = combined.model.encoder.base_model.model.encoder.layer[1].attention.self.value
    expected = 0.5 * layer.get_delta_weight("task0") + 0.25 * layer.get_delta_weight("task1")
    torch.testing.assert_close(layer.get_delta_weight("merged"), expected, atol=1e-5, rtol=1e-4)


def test_a_merge_in_which_one_task_has_all_the_weight_answers_as_that_task(opened, folders):
    combined = combining.combine(opened, folders)
    for method in ("cat", "svd"):
        combining.merge(combined, method, (1.0, 0.0))
        merged = combining.logits(combined, TEXTS, ["cards"] * 5, merged=True)
        np.testing.assert_allclose(merged, combining.logits(combined, TEXTS, ["cards"] * 5), atol=1e-3)


def run_folder(opened, folder, name):
    """What `combine` reads of a finished run: its file, its rows, its adapter. Labels are what the adapter answers."""
    best = alone(opened, folder / name / "adapter", TEXTS).argmax(1)
    rows = tuple(
        Row(text, LABELS[name][place], f"{name}:{n}") for n, (text, place) in enumerate(zip(TEXTS, best, strict=True))
    )
    corpus = Corpus(name, Columns("text", "label"), LABELS[name], rows, rows, rows, "", (), ())
    store.keep(folder / name, "corpus", Corpus, 0, lambda: corpus)
    options = config.build({"train_file": "x.csv", "model_name_or_path": str(opened.folder)})
    store.write_text(folder / name / "run.yaml", config.dump(options))
    return folder / name


def test_runs_are_combined_the_best_merge_is_kept_and_the_folder_opens_again_and_in_peft(opened, folders, tmp_path):
    from peft import PeftModel
    from transformers import AutoModel

    runs = [run_folder(opened, tmp_path, name) for name in folders]
    made = combining.combine_runs(runs, tmp_path / "both", None)
    assert [score.value for score in made.alone] == [1.0, 1.0]  # the rows are labelled by them
    assert {one.method for one in made.tried} == set(combining.METHODS)
    assert made.chosen.share == max(one.share for one in made.tried) == pytest.approx(np.mean(made.chosen.accuracy))
    assert len({one.weights for one in made.tried if one.method == made.chosen.method}) > len(combining.SCALES)
    again = combining.load(tmp_path / "both", opened)
    first = combining.combine(opened, folders)
    combining.merge(first, made.chosen.method, made.chosen.weights)
    tasks = ["cards", "visits", "cards", "cards", "visits"]
    for merged in (False, True):
        for ours, theirs in zip(
            combining.logits(first, TEXTS, tasks, merged), combining.logits(again, TEXTS, tasks, merged), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
    PeftModel.from_pretrained(AutoModel.from_pretrained(opened.folder), tmp_path / "both" / "merged")
    folded = bases.open_base(str(tmp_path / "both" / "base"))
    assert folded.record.sha256 != opened.record.sha256
    assert folded.record.parameters == opened.record.parameters
    batch = opened.tokenizer(TEXTS, padding=True, return_tensors="pt")
    expected = first.model.embed(**batch, adapter_names=[combining.MERGED] * len(TEXTS))
    new = heads.build(folded.folder, "mean", ("a", "b"))
    torch.testing.assert_close(new.embed(**folded.tokenizer(TEXTS, padding=True, return_tensors="pt")), expected)
    for file in (tmp_path / "both").rglob("*.json"):
        assert str(opened.folder.parent) not in file.read_text(encoding="utf-8")


def test_the_folder_of_a_combination_is_a_base_with_the_merge_in_it_and_says_of_what(opened, folders, tmp_path):
    runs, both = [run_folder(opened, tmp_path, name) for name in folders], tmp_path / "both"
    made = combining.combine_runs(runs, both, None)
    base = bases.open_base(str(both))
    assert base.record == replace(bases.open_base(str(both / "base")).record, name="both (cards and visits merged)")
    assert base.folder == both / "base"
    assert base.record.sha256 == made.merged == combining.read(both).merged


def test_a_combination_that_is_damaged_or_has_no_merge_is_no_base(opened, folders, tmp_path):
    runs, both = [run_folder(opened, tmp_path, name) for name in folders], tmp_path / "both"
    combining.combine_runs(runs, both, None)
    weights, card = both / "base" / "model.safetensors", both / combining.RECORD
    said, whole = card.read_bytes(), weights.read_bytes()

    def refused(found):
        with pytest.raises(ConfigError, match=found) as caught:
            bases.open_base(str(both))
        assert "make it again with 'afina combine'" in caught.value.fix

    card.write_bytes(said[:50])
    refused("combined.json cannot be read")
    card.write_bytes(said)
    weights.write_bytes((opened.folder / "model.safetensors").read_bytes())
    refused("is damaged: the weights in its folder base begin with")
    weights.write_bytes(whole)
    assert bases.open_base(str(both))
    (both / "base").rename(tmp_path / "elsewhere")
    refused("is a combination without its merge: it has no folder base")


def test_the_record_says_which_tasks_have_no_dev_and_were_asked_about_training_rows(opened, folders, tmp_path):
    cards, visits = (run_folder(opened, tmp_path, name) for name in folders)
    few = replace(store.read_record(visits, "corpus", Corpus), dev=())
    store.keep(visits, "corpus", Corpus, 1, lambda: few)
    made = combining.combine_runs([cards, visits], tmp_path / "both", None)
    assert [note.partition(" so ")[0] for note in made.notes] == ["visits: no dev,"]
    assert combining.read(tmp_path / "both").notes == made.notes


def test_a_combination_that_is_taken_for_a_run_says_what_it_is_and_how_it_is_asked(tmp_path):
    assert inference.COMBINED == combining.RECORD
    (tmp_path / combining.RECORD).write_text("{}")
    with pytest.raises(RecordError, match="is a combination of several tasks") as caught:
        inference.open_run(tmp_path)
    assert "combining.load" in caught.value.fix


def test_adapters_of_different_ranks_are_merged_by_what_can(opened, tmp_path):
    folders = {name: task(opened, name, tmp_path, 0, r=rank) for name, rank in (("cards", 4), ("visits", 8))}
    combined = combining.combine(opened, folders)
    for method in combining.METHODS:
        if method in combining.SAME_RANK:
            with pytest.raises(ConfigError, match=r"not of \[4, 8\]"):
                combining.merge(combined, method, (0.5, 0.5))
        else:
            combining.merge(combined, method, (0.5, 0.5))


def other_base(opened, folder, make_base):
    return {
        "cards": task(opened, "cards", folder, 0),
        "far": task(bases.open_base(str(make_base("bert", 5))), "far", folder, 0),
    }


def no_head(opened, folder, make_base):
    folders = {name: task(opened, name, folder, 0) for name in ("cards", "far", "visits")}
    (folders["far"] / "head.safetensors").unlink()
    return folders


def of_bitfit(opened, folder, make_base):
    (folder / "far").mkdir()
    model = bitfit.apply(heads.build(opened.folder, "mean", ("a", "b")), bitfit.Config())
    adapters.save(model, Adapter("bitfit", {}, opened.record.sha256, "mean", ("a", "b"), 32), folder / "far")
    return {"cards": task(opened, "cards", folder, 0), "far": folder / "far"}


def head_alone(opened, folder, make_base):
    folders = of_bitfit(opened, folder, make_base)
    card = folders["far"] / "adapter.json"
    card.write_text(card.read_text().replace("bitfit", "head_only"))
    return folders


def of_new_tokens(opened, folder, make_base):
    made = task(opened, "cards", folder, 0)
    card = made / adapters.PEFT_CARD
    card.write_text(json.dumps({**json.loads(card.read_text()), "trainable_token_indices": [30, 31]}))
    return {"cards": made, "visits": task(opened, "visits", folder, 1)}


def of_lists(opened, folder, make_base):
    folders = {name: task(opened, name, folder, 0) for name in ("cards", "far")}
    card = folders["far"] / "adapter.json"
    card.write_text(card.read_text().replace("single_label", "multi_label"))
    return folders


REFUSED = {
    "another base": (other_base, "another base", "--model"),
    "more adapters than heads": (no_head, "3 adapters and 2 heads: far has none", "runs of afina"),
    "another technique": (of_bitfit, "made by bitfit", "technique=lora"),
    "no adapter": (head_alone, "a head and no adapter", "leave it out"),
    "rows of new tokens": (of_new_tokens, "cards trained rows of new tokens", "without new_tokens"),
    "another task": (of_lists, "far was trained for multi_label_classification", "adapters of classes"),
    "one alone": (lambda *a: {"cards": task(a[0], "cards", a[1], 0)}, "nothing to combine", "two tasks"),
    "the first token": (
        lambda *a: {n: task(a[0], n, a[1], 0, pooling="cls") for n in LABELS}, "pooling=cls", "pooling=mean",
    ),
    "dora": (lambda *a: {n: task(a[0], n, a[1], 0, dora=True) for n in LABELS}, "lora with dora", "technique=lora"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "found", "fix"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_combined_is_refused_with_the_reason(opened, tmp_path, make_base, make, found, fix):
    with pytest.raises(ConfigError, match=found) as caught:
        combining.combine(opened, make(opened, tmp_path, make_base))
    assert fix in caught.value.fix


def test_a_damaged_adapter_and_a_run_without_one_are_errors_with_a_fix(opened, folders, tmp_path):
    whole = (folders["cards"] / "adapter_model.safetensors").read_bytes()
    (folders["cards"] / "adapter_model.safetensors").write_bytes(whole[:50])
    with pytest.raises(RecordError, match="cannot be read"):
        combining.combine(opened, folders)
    with pytest.raises(RecordError, match="holds no adapter"):
        combining.combine(opened, {"full": tmp_path / "nothing", "visits": folders["visits"]})


def test_an_unknown_task_a_foreign_folder_and_twins_are_refused(opened, folders, tmp_path):
    with pytest.raises(ConfigError, match="no task 'bills'"):
        combining.logits(combining.combine(opened, folders), ["pain"], ["bills"])
    with pytest.raises(ConfigError, match="one name"):
        combining.combine_runs([tmp_path / "cards", tmp_path / "x" / "cards"], tmp_path / "both", None)
    with pytest.raises(ConfigError, match="there already"):
        combining.combine_runs([tmp_path / "cards"], tmp_path, None)
    with pytest.raises(RecordError, match="no combination"):
        combining.load(tmp_path, opened)
