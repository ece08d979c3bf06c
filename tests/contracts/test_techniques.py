"""What every technique on the shelf promises, in each of its kinds. Modules are found, never listed."""

import contextlib
import json
from typing import Literal, get_args, get_origin

import pytest
import torch

from afina import adapters, bases, export, features, heads, shelf
from afina.errors import ConfigError
from afina.predictors import onnx as in_onnx
from afina.predictors import torch as in_memory
from afina.records import Adapter, Facts, Task, Verdict

LABELS = ("a", "b", "c")
TEXTS = ["my card is lost", "where can i book a visit", "pain today", "please pay the bill tomorrow"]
PAIRS = [("a card", "the bill is late"), ("pain today", "no"), ("no", "pain"), ("yes", "no")]
ARCHITECTURES = (
    "albert", "bert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta", "xlm-roberta",
)  # fmt: skip
REFUSED = {
    ("bitfit", "modernbert"): "has none",
    ("freeze", "albert"): "share one set of weights",
    ("prompt-prefix", "albert"): "takes no prefix",
    ("prompt-prefix", "deberta-v2"): "takes no prefix",
    ("prompt-prefix", "distilbert"): "takes no prefix",
    ("prompt-prefix", "modernbert"): "takes no prefix",
    ("prompt-prefix", "mpnet"): "takes no prefix",
}


def kinds():
    """Each technique as it comes, and once with each other value of an option that has few."""
    for name in shelf.names("techniques"):
        technique = shelf.load("techniques", name)
        yield pytest.param(technique, technique.Config(), id=name)
        for option, field in technique.Config.model_fields.items():
            choices = (True, False) if field.annotation is bool else ()
            if get_origin(field.annotation) is Literal:
                choices = get_args(field.annotation)
            for value in choices:
                if value != field.default:
                    kind = option if value is True else value
                    yield pytest.param(technique, technique.Config(**{option: value}), id=f"{name}-{kind}")


KINDS = list(kinds())
SMALL = [kind for kind in KINDS if kind.values[0].NATURE.small]
STAYING = [kind for kind in KINDS if not kind.values[0].NATURE.merges]
every = pytest.mark.parametrize(("technique", "config"), KINDS)
small = pytest.mark.parametrize(("technique", "config"), SMALL)
staying = pytest.mark.parametrize(("technique", "config"), STAYING)
both = pytest.mark.parametrize("pooling", ["mean", "cls"])


@pytest.fixture
def tokenizer(tiny_bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bert)


@pytest.fixture
def batch(tokenizer):
    return batch_of(tokenizer, TEXTS)


def batch_of(tokenizer, texts):
    return next(features.batches(tokenizer, features.encode(tokenizer, texts, 32)))[1]


def built(folder, pooling):
    torch.manual_seed(7)
    model = heads.build(folder, pooling, LABELS)
    torch.nn.init.normal_(heads.output_layer(model).weight)
    return model.eval()


def trained(model, batch, steps=3):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(steps):
        model(**batch, labels=torch.tensor([0, 1, 2, 0])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def ready(technique, config, folder, pooling, batch):
    """A model that was trained by the technique and not yet merged."""
    return trained(technique.apply(built(folder, pooling), config).eval(), batch)


def named(technique, config, base, pooling="mean"):
    name = technique.__name__.rpartition(".")[2]
    return Adapter(name, config.model_dump(), bases.open_base(str(base)).record.sha256, pooling, LABELS, 32)


def shipped(model, technique, config, base, pooling, tokenizer, folder):
    """The model as it ships, written to a folder."""
    if technique.NATURE.merges:
        model = technique.merge(model)
        heads.save(model, tokenizer, folder, 32)
    else:
        heads.save_added(model, named(technique, config, base, pooling), base, tokenizer, folder)
    return model


@every
@both
def test_it_starts_where_the_pretrained_model_was_or_says_that_it_cannot(technique, config, pooling, tiny_bert, batch):
    model = built(tiny_bert, pooling)
    before = model(**batch).logits.detach().clone()
    after = technique.apply(model, config).eval()(**batch).logits
    assert torch.allclose(after, before, atol=1e-5) == technique.NATURE.starts_at_base


@every
@both
def test_training_changes_what_it_said_it_would_and_nothing_else(technique, config, pooling, tiny_bert, batch):
    model = technique.apply(built(tiny_bert, pooling), config).eval()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained(model, batch)
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    said = {name for name, p in model.named_parameters() if p.requires_grad}
    assert moved <= said
    assert {name for name, _ in heads.head_parameters(model)} <= said
    inside = {name for name in said if name.startswith(f"{model.base_model_prefix}.") and "pooler" not in name}
    assert bool(inside) == bool(inside & moved)


@every
@both
def test_merging_keeps_the_answers_and_gives_the_original_parameters_back_or_says_that_it_cannot(
    technique, config, pooling, tiny_bert, batch
):
    original = {name for name, _ in built(tiny_bert, pooling).named_parameters()}
    model = ready(technique, config, tiny_bert, pooling, batch)
    before = model(**batch).logits.detach().clone()
    merged = technique.merge(model)
    assert ({name for name, _ in merged.named_parameters()} == original) == technique.NATURE.merges
    torch.testing.assert_close(merged(**batch).logits, before, atol=1e-5, rtol=1e-4)


@every
@both
def test_the_model_that_ships_read_back_gives_the_same_logits(
    technique, config, pooling, tiny_bert, batch, tokenizer, tmp_path
):
    model = ready(technique, config, tiny_bert, pooling, batch)
    model = shipped(model, technique, config, tiny_bert, pooling, tokenizer, tmp_path / "model")
    expected = model(**batch).logits.detach().clone()
    torch.testing.assert_close(heads.load(tmp_path / "model")(**batch).logits, expected)


def trained_folder(technique, config, base, pooling, batch, folder):
    model = ready(technique, config, base, pooling, batch)
    folder.mkdir()
    adapters.save(model, named(technique, config, base, pooling), folder)
    return model


@small
@both
def test_its_small_folder_on_a_base_built_with_another_seed_gives_identical_logits(
    technique, config, pooling, tiny_bert, batch, tmp_path
):
    model = trained_folder(technique, config, tiny_bert, pooling, batch, tmp_path / "adapter")
    torch.manual_seed(99)
    again = heads.rebuild(tiny_bert, bases.open_base(str(tiny_bert)).record.sha256, tmp_path / "adapter")
    assert torch.equal(again(**batch).logits, model(**batch).logits)


@small
def test_its_small_folder_holds_what_was_trained_and_no_more_no_pickle_and_no_path(
    technique, config, tiny_bert, batch, tmp_path
):
    model = trained_folder(technique, config, tiny_bert, "mean", batch, tmp_path / "adapter")
    counted = sum(p.numel() for p in model.parameters() if p.requires_grad)
    files = list((tmp_path / "adapter").rglob("*"))
    assert {file.suffix for file in files} <= {".json", ".safetensors"}
    tensors = sum(file.stat().st_size for file in files if file.suffix == ".safetensors")
    assert 4 * counted <= tensors < 4 * counted + 10_000
    assert tensors < (tiny_bert / "model.safetensors").stat().st_size / 3  # a base of 32 numbers a token
    for file in files:
        assert str(tiny_bert.parent).encode() not in file.read_bytes()


@small
def test_where_it_is_of_peft_then_peft_reads_its_folder(technique, config, tiny_bert, batch, tmp_path):
    import peft
    from transformers import AutoModel

    model = trained_folder(technique, config, tiny_bert, "mean", batch, tmp_path / "adapter")
    assert (tmp_path / "adapter" / "adapter_config.json").is_file() == adapters.is_peft(model)
    if not adapters.is_peft(model):
        return
    theirs = peft.PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_bert), tmp_path / "adapter")
    ours = peft.get_peft_model_state_dict(model.base_model)
    read = peft.get_peft_model_state_dict(theirs)
    assert ours.keys() == read.keys() != set()
    assert all(torch.equal(ours[name], read[name]) for name in ours)
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] is None


@staying
@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_cannot_be_merged_stands_in_the_onnx_graph(technique, config, architecture, make_base, tmp_path, request):
    opened = bases.open_base(str(make_base(architecture)))
    with refusal(request, architecture):
        model = ready(technique, config, opened.folder, "mean", batch_of(opened.tokenizer, TEXTS))
        export.export(model, opened.tokenizer, Task(labels=LABELS), tmp_path / "onnx", 32)
        for texts in ([*TEXTS, "doctor " * 60], PAIRS):
            expected = in_memory.logits(model, opened.tokenizer, 32)(texts)
            assert abs(in_onnx.logits(tmp_path / "onnx")(texts) - expected).max() < 1e-4


@contextlib.contextmanager
def refusal(request, architecture):
    """Expects a refusal with its reason where the table has one."""
    kind = request.node.callspec.id.removeprefix(f"{architecture}-").removesuffix(f"-{architecture}")
    kind = kind.replace("mean-", "").replace("cls-", "")
    if (kind, architecture) not in REFUSED:
        yield
        return
    with pytest.raises(ConfigError, match=REFUSED[kind, architecture]):
        yield


@every
@both
@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_of_this_holds_for_every_architecture_or_it_is_refused(
    technique, config, pooling, architecture, make_base, tmp_path, request
):
    base = make_base(architecture)
    opened = bases.open_base(str(base))
    batch = batch_of(opened.tokenizer, TEXTS)
    with refusal(request, architecture):
        test_it_starts_where_the_pretrained_model_was_or_says_that_it_cannot(technique, config, pooling, base, batch)
        test_training_changes_what_it_said_it_would_and_nothing_else(technique, config, pooling, base, batch)
        test_merging_keeps_the_answers_and_gives_the_original_parameters_back_or_says_that_it_cannot(
            technique, config, pooling, base, batch
        )
        test_the_model_that_ships_read_back_gives_the_same_logits(
            technique, config, pooling, base, batch, opened.tokenizer, tmp_path
        )
        if technique.NATURE.small:
            test_its_small_folder_on_a_base_built_with_another_seed_gives_identical_logits(
                technique, config, pooling, base, batch, tmp_path
            )


def facts_of(base, classes=3):
    record = bases.open_base(str(base)).record
    return Facts(
        rows=1000, classes=classes, rows_per_class=200, tokens=12, layers=record.layers, hidden=record.hidden,
        parameters=record.parameters, body_parameters=record.body_parameters, seconds_per_row=0.001, probe=0.8,
        majority=0.3,
    )  # fmt: skip


@every
def test_it_judges_itself_with_a_sourced_sentence_and_counts_as_torch_does(technique, config, tiny_bert):
    facts = facts_of(tiny_bert)
    verdict = technique.suits(facts, config)
    assert isinstance(verdict, Verdict)
    model = technique.apply(built(tiny_bert, "mean"), config)
    counted = sum(p.numel() for p in model.parameters() if p.requires_grad)
    pooler = 0 if technique.NATURE.small else facts.hidden * (facts.hidden + 1)  # which no layer counts
    assert verdict.trainable == pytest.approx(counted, rel=0.12, abs=pooler)
    assert verdict.memory > 4 * facts.parameters
    assert verdict.seconds_per_row > 0
    assert "(" in verdict.why


@every
def test_it_names_its_source_and_forbids_unknown_options(technique, config):
    assert "Source:" in technique.__doc__
    with pytest.raises(ValueError, match="nonsense"):
        technique.Config(nonsense=1)
