"""The small folder of what was trained: what makes it unusable, and that this is said."""

import json
import shutil

import pytest
import torch

from afina import adapters, bases, heads
from afina.errors import ConfigError, RecordError
from afina.records import Adapter
from afina.techniques import adapter, lora

LABELS = ("a", "b", "c")


def made(base, technique="lora", **options):
    return Adapter(technique, options, bases.open_base(str(base)).record.sha256, "mean", LABELS, 32)


@pytest.fixture
def folder(tiny_bert, tmp_path):
    path = tmp_path / "adapter"
    path.mkdir()
    adapters.save(lora.apply(heads.build(tiny_bert, "mean", LABELS), lora.Config()), made(tiny_bert), path)
    return path


def test_a_folder_says_what_it_is(folder, tiny_bert):
    assert adapters.read(folder) == made(tiny_bert)
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter.json", "adapter_config.json", "adapter_model.safetensors", "head.safetensors",
    ]  # fmt: skip


def test_an_adapter_of_another_base_is_refused_with_both(folder, make_base):
    other = bases.open_base(str(make_base("bert", seed=5)))
    with pytest.raises(ConfigError, match=other.record.sha256[:8]) as caught:
        heads.rebuild(other.folder, other.record.sha256, folder)
    assert adapters.read(folder).base[:8] in caught.value.found


DAMAGES = {
    "no card": lambda folder: (folder / "adapter.json").unlink(),
    "a card of something else": lambda folder: (folder / "adapter.json").write_text("{}"),
    "no head": lambda folder: (folder / "head.safetensors").unlink(),
    "half a head": lambda folder: (folder / "head.safetensors").write_bytes(b"\x00" * 9),
    "no body": lambda folder: (folder / "adapter_model.safetensors").unlink(),
    "another technique": lambda folder: (folder / "adapter.json").write_text(
        (folder / "adapter.json").read_text().replace('"lora"', '"adapter"')
    ),
    "another rank": lambda folder: (folder / "adapter.json").write_text(
        json.dumps({**json.loads((folder / "adapter.json").read_text()), "options": {"r": 4}})
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_is_an_error_with_a_fix(folder, tiny_bert, damage):
    damage(folder)
    with pytest.raises(RecordError):
        heads.rebuild(tiny_bert, bases.open_base(str(tiny_bert)).record.sha256, folder)


def test_another_number_of_classes_is_refused(folder, tiny_bert):
    with pytest.raises(RecordError, match="head"):
        adapters.put(heads.build(tiny_bert, "mean", ("a", "b")), folder)


def test_a_model_that_ships_with_its_adapter_needs_no_other_file(tiny_bert, tmp_path):
    from transformers import AutoTokenizer

    base = tmp_path / "base"
    shutil.copytree(tiny_bert, base)
    model = adapter.apply(heads.build(base, "mean", LABELS), adapter.Config(size=4)).eval()
    for module in model.modules():
        if hasattr(module, "adapter"):
            torch.nn.init.normal_(module.adapter[2].weight)
    tokenizer = AutoTokenizer.from_pretrained(base)
    heads.save_added(model, made(base, "adapter", size=4), base, tokenizer, tmp_path / "model")
    shutil.rmtree(base)
    ids = torch.tensor([[2, 5, 6, 3]])
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    again = heads.load(tmp_path / "model")
    torch.testing.assert_close(again(**batch).logits, model(**batch).logits)
    assert again.config.id2label == dict(enumerate(LABELS))
    assert not (tmp_path / "model" / "config.json").exists()  # others must not load the base alone by mistake
