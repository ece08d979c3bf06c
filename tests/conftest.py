"""Tiny random models that stand in for real ones; a forgotten download is an error."""

import gc
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models: threads only wait for each other

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)  # the same examples every time
hypothesis.settings.load_profile("steady")

WORDS = (
    *"the a card is lost my where when can i book visit doctor pain test result bill pay please thanks".split(" "),
    *"no not yes today tomorrow early late red blue green one two three el la tarjeta cita médico dolor hoy".split(" "),
)


EXPORTED = (
    "test_cli.py",
    "test_compress.py",
    "test_export.py",
    "test_forgetting.py",
    "test_onnx_predictor.py",
    "test_quantizers.py",
    "test_refitting.py",
    "test_torch_predictor.py",
    "test_windows.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file stays in one worker, so that what it sets up is set up once; so do the files that export a model."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "exported" if file.endswith(EXPORTED) else file

    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """What is kept between runs is kept in a folder of the tests'."""
    os.environ["AFINA_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module", autouse=True)
def frozen():
    """Every Trainer collects garbage when it begins: it need not look through all that was imported each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def make_base(tmp_path_factory) -> Callable[[str], Path]:
    """A folder with a random two-layer model of an architecture and a word tokenizer, as save_pretrained writes it."""
    made: dict[str, Path] = {}

    def make(architecture: str = "bert", seed: int = 0) -> Path:
        name = f"{architecture}-{seed}"
        if name not in made:
            made[name] = _save(architecture, seed, tmp_path_factory.mktemp(name))
        return made[name]

    return make


@pytest.fixture(scope="session")
def tiny_bert(make_base) -> Path:
    return make_base("bert")


@pytest.fixture(scope="session")
def make_masked_base(make_base, tmp_path_factory) -> Callable[[str], Path]:
    """The same, with a masked-language head."""
    made: dict[str, Path] = {}

    def make(architecture: str) -> Path:
        if architecture not in made:
            made[architecture] = _with_masked_head(make_base(architecture), tmp_path_factory.mktemp("masked"))
        return made[architecture]

    return make


def _with_masked_head(base: Path, folder: Path) -> Path:
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    torch.manual_seed(1)
    AutoModelForMaskedLM.from_pretrained(base).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


RELATIVE = {
    "relative_attention": True,
    "position_buckets": 16,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "position_biased_input": False,
}  # as every DeBERTa v3 that is in use


def _save(architecture: str, seed: int, folder: Path) -> Path:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import CONFIG_MAPPING, AutoModel, PreTrainedTokenizerFast

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [*"abcdefghijklmnopqrstuvwxyz", *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")]
    vocabulary = {token: place for place, token in enumerate(dict.fromkeys([*marks, *WORDS, *letters]))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), marks, strict=True))
    inputs = ["input_ids", "attention_mask"]
    if architecture in ("bert", "electra", "deberta-v2", "albert"):
        inputs.insert(1, "token_type_ids")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **names).save_pretrained(folder)

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    if architecture == "distilbert":
        sizes = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    if architecture in ("electra", "albert"):
        sizes["embedding_size"] = 32
    ids = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    types = {"type_vocab_size": 2} if architecture in ("roberta", "xlm-roberta") else {}
    special = RELATIVE if architecture == "deberta-v2" else {}
    settings = {**sizes, **ids, **types, **special, "vocab_size": len(vocabulary), "max_position_embeddings": 66}
    config = CONFIG_MAPPING[architecture](**settings)
    torch.manual_seed(seed)
    AutoModel.from_config(config).save_pretrained(folder)
    return folder
