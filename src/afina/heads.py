"""Heads on an encoder, and the folder layouts in which others can load them.

Four kinds:
  mean     encoder -> mean of the token vectors -> unit length -> linear. Saved in the layout of
           Sentence-Transformers (Transformer, Pooling, Normalize, Dense): `SentenceTransformer(folder).encode(texts)`
           gives the logits without any code of ours.
  siamese  for pairs: each text read alone, as by mean, to unit vectors u and v; linear on |u - v| and u * v. Saved in
           the same layout up to Normalize, so that Sentence-Transformers gives u and v, the linear layer beside it.
  cls      the architecture's own AutoModelForSequenceClassification, saved by its own `save_pretrained`.
  token    the architecture's own AutoModelForTokenClassification: logits (n, tokens, labels), for tasks by word.

Where a technique adds what cannot be merged, `base` holds the untouched model in one of these layouts and
`adapter` what was trained: others cannot load that by mistake and get answers without the adapter.

All answer forward(input_ids, attention_mask, ..., labels=None) with `.loss` and `.logits` (n, classes), and have
`base_model` and `base_model_prefix`, so that a technique works on either, or on a model of the user's own. What
siamese reads is (n, 2, tokens).

Source: mean pooling and siamese, Reimers & Gurevych 2019, arXiv:1908.10084, section 3; |u - v| and u * v, Conneau et
al. 2017, arXiv:1705.02364, section 3.1.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from afina import adapters, features
from afina.errors import ConfigError, RecordError
from afina.records import Adapter

MEAN, CLS, TOKEN = "sentence-transformers", "sequence-classification", "token-classification"  # names of the layouts
SIAMESE, ADDED = "sentence-transformers-siamese", "adapter-on-base"  # others
FOR_TOKENS = "ForTokenClassification"  # how the names of such classes end
AUTO = {CLS: AutoModelForSequenceClassification, TOKEN: AutoModelForTokenClassification}


Loss = Callable[[Tensor, Tensor], Tensor]
SINGLE = "single_label_classification"  # Hugging Face's name; the losses are those of its own heads
LOSSES: dict[str, Loss] = {
    SINGLE: nn.functional.cross_entropy,
    "multi_label_classification": nn.functional.binary_cross_entropy_with_logits,
    "regression": lambda logits, labels: nn.functional.mse_loss(logits.squeeze(-1), labels),
}


class PooledClassifier(nn.Module):
    """An encoder, the mean of its token vectors at unit length, and one linear layer."""

    base_model_prefix = "encoder"
    accepts_loss_kwargs = False  # else Trainer scales loss and gradient by the accumulation steps
    parts = 1  # vectors side by side that the head reads

    def __init__(self, encoder: PreTrainedModel, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = encoder.config
        self.head = nn.Linear(self.parts * encoder.config.hidden_size, classes)
        nn.init.zeros_(self.head.weight)  # no class is preferred before anything was learned
        nn.init.zeros_(self.head.bias)

    @property
    def base_model(self) -> nn.Module:
        """The encoder, as Hugging Face's models name it."""
        return self.encoder

    def embed(self, **inputs: Tensor) -> Tensor:
        """Unit vectors of the texts, (n, hidden)."""
        states = self.encoder(**inputs).last_hidden_state  # (n, tokens, hidden)
        mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        return nn.functional.normalize(mean, dim=-1)

    def seen(self, **inputs: Tensor) -> Tensor:
        """What the head reads, (n, parts * hidden)."""
        return self.embed(**inputs)

    def forward(self, labels: Tensor | None = None, **inputs: Tensor) -> SequenceClassifierOutput:
        """Logits, (n, classes), and where labels are given the mean loss of the configuration's problem_type."""
        logits = self.head(self.seen(**inputs))
        loss = None if labels is None else LOSSES[self.config.problem_type or SINGLE](logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


class SiameseClassifier(PooledClassifier):
    """The same encoder on each text of a pair, and one linear layer on what their vectors have in common and not."""

    parts = 2
    siamese = True

    def seen(self, **inputs: Tensor) -> Tensor:
        """What the head reads of inputs (n, 2, tokens), or (2n, tokens) with the texts of a pair in turn.

        The first texts and the second ones are read one after the other, each padded to the longest of its own, which
        saves half the work where one is a question and the other a page; in one go where somebody watches the body.
        """
        watched = self.encoder._forward_hooks or torch.compiler.is_exporting()
        if watched or inputs["input_ids"].ndim == 2:
            return features.compared(self.embed(**features.in_turn(inputs)))
        sides = [self.embed(**features.side(inputs, place)) for place in (0, 1)]
        return features.compared(torch.stack(sides, dim=1).flatten(0, 1))


POOLED = {"mean": PooledClassifier, "siamese": SiameseClassifier}


def build(folder: Path, pooling: str, labels: tuple[str, ...], problem: str | None = SINGLE) -> Any:
    """A model with a new head on the encoder in `folder`, in fp32; `pooling` is mean, siamese, cls or token."""
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    config.problem_type = problem
    if pooling in POOLED:
        encoder = AutoModel.from_pretrained(folder, config=config, dtype=torch.float32, trust_remote_code=False)
        model: Any = POOLED[pooling](encoder, len(labels))
    else:
        config.num_labels = len(labels)
        kind = AUTO[TOKEN if pooling == "token" else CLS]
        model, found = kind.from_pretrained(
            folder, config=config, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
        )
        model.accepts_loss_kwargs = False
        _start_pooler(model, found["missing_keys"])
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: index for index, label in enumerate(labels)}
    return model


@torch.no_grad()
def _start_pooler(model: Any, missing: Iterable[str]) -> None:
    """A pooler that the checkpoint lacks starts as the identity.

    At random it would hide what the body knows, and where the body is frozen it would stay random, for ever and
    differently each time.
    """
    for name in missing:
        if name.startswith(f"{model.base_model_prefix}.pooler."):
            parameter = model.get_parameter(name)
            nn.init.zeros_(parameter) if parameter.ndim == 1 else nn.init.eye_(parameter)


def output_layer(model: Any) -> nn.Linear:
    """The last linear layer outside the body: its input is what a probe of the frozen model sees."""
    classes = len(model.config.id2label)
    outside = (m for name, m in model.named_modules() if not name.startswith(model.base_model_prefix))
    return [m for m in outside if isinstance(m, nn.Linear) and m.out_features == classes][-1]


DENSE, PAIR_HEAD = Path("3_Dense", "model.safetensors"), "siamese_head.safetensors"  # inside the model folder
PROBE = "probe.safetensors"  # the linear head that training started from, inside the run folder


def keep_probe(folder: Path, weights: np.ndarray, biases: np.ndarray) -> None:
    """Write the head that was fitted on the frozen body: (classes, width) and (classes,)."""
    save_file({"weights": torch.from_numpy(weights), "biases": torch.from_numpy(biases)}, folder / PROBE)


def put_probe(model: Any, folder: Path) -> Any:
    """Put that head on a model, in place; returns the same model."""
    head = load_file(folder / PROBE)
    return put_head(model, head["weights"], head["biases"])


@torch.no_grad()
def put_head(model: Any, weights: Tensor, biases: Tensor) -> Any:
    """Give a model's last layer these weights (classes, width) and biases (classes,); returns the same model."""
    output = output_layer(model)
    output.weight.copy_(weights)
    output.bias.copy_(biases)
    return model


def rescale(model: Any, offset: float, scale: float) -> Any:
    """Make the last layer answer `scale` times what it did, plus `offset`; returns the same model."""
    output = output_layer(model)
    return put_head(model, output.weight * scale, output.bias * scale + offset)


def head_parameters(model: Any) -> list[tuple[str, nn.Parameter]]:
    """Names and parameters of everything outside the body."""
    return [(n, p) for n, p in model.named_parameters() if not n.startswith(f"{model.base_model_prefix}.")]


def save(model: Any, tokenizer: Any, folder: Path, max_tokens: int) -> str:
    """Write a merged model where others can load it; returns the name of the layout."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(model, PooledClassifier):
        _save_sentence_transformer(model, folder, max_tokens)
        layout = SIAMESE if features.is_siamese(model) else MEAN
    else:
        model.save_pretrained(folder)
        layout = TOKEN if type(model).__name__.endswith(FOR_TOKENS) else CLS
    tokenizer.save_pretrained(folder)
    forget_paths(folder)
    return layout


def save_added(model: Any, made: Adapter, base: Path, tokenizer: Any, folder: Path) -> str:
    """Write a model whose technique cannot be merged, and the `base` it stands on; returns the name of the layout."""
    (folder / "adapter").mkdir(parents=True)
    adapters.save(model, made, folder / "adapter")
    save(build(base, made.pooling, made.labels, made.problem), tokenizer, folder / "base", made.max_tokens)
    return ADDED


def rebuild(base: Path, sha256: str, folder: Path) -> Any:
    """A classifier on the base whose weights have that sha256, with what the adapter folder holds, for evaluation.

    Raises ConfigError where the adapter belongs to another base, RecordError where the folder is damaged.
    """
    made = adapters.read(folder)
    if made.base != sha256:
        raise ConfigError(
            f"{folder} was trained on another base: its weights begin with {made.base[:8]}, these with {sha256[:8]}",
            "name the base that it was trained on",
        )
    return adapters.put(build(base, made.pooling, made.labels, made.problem), folder).eval()


def load(folder: Path) -> Any:
    """The model that `save` or `save_added` wrote, for evaluation. Raises RecordError where the folder holds none."""
    if (folder / "adapter").is_dir():
        return adapters.put(load(folder / "base"), folder / "adapter").eval()
    if not (folder / "config.json").is_file():
        raise RecordError(f"{folder} holds no model: there is no config.json", "train again, or name another run")
    if not (folder / "modules.json").is_file():
        made = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("architectures") or [""]
        kind = AUTO[TOKEN if made[0].endswith(FOR_TOKENS) else CLS]
        return kind.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False).eval()
    encoder = AutoModel.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
    apart = (folder / PAIR_HEAD).is_file()
    weights = load_file(folder / (PAIR_HEAD if apart else DENSE))
    pooled = POOLED["siamese" if apart else "mean"](encoder, len(weights["linear.weight"]))
    pooled.head.load_state_dict({name.removeprefix("linear."): value for name, value in weights.items()})
    return pooled.eval()


def _save_sentence_transformer(model: PooledClassifier, folder: Path, max_tokens: int) -> None:
    model.encoder.save_pretrained(folder)
    hidden, classes = model.config.hidden_size, model.head.out_features
    kinds = [("0", ""), ("1", "1_Pooling"), ("2", "2_Normalize"), ("3", "3_Dense")]
    kinds = kinds[:3] if features.is_siamese(model) else kinds  # no module of theirs compares two texts
    modules = [
        {"idx": int(i), "name": i, "path": path, "type": f"sentence_transformers.models.{path[2:] or 'Transformer'}"}
        for i, path in kinds
    ]
    _write(folder / "modules.json", modules)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    _write(folder / "config_sentence_transformers.json", {"prompts": {}, "similarity_fn_name": "dot"})
    pooling = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    _write(folder / "1_Pooling" / "config.json", pooling)
    (folder / "2_Normalize").mkdir(exist_ok=True)
    weights = {f"linear.{name}": value.detach().contiguous() for name, value in model.head.named_parameters()}
    if features.is_siamese(model):
        save_file(weights, folder / PAIR_HEAD)
        return
    identity = "torch.nn.modules.linear.Identity"
    dense = {"in_features": hidden, "out_features": classes, "bias": True, "activation_function": identity}
    _write(folder / "3_Dense" / "config.json", dense)
    save_file(weights, folder / DENSE)


def forget_paths(folder: Path) -> None:
    """Transformers stores where a model came from; a folder that ships names no place on this machine."""
    for name in ("config.json", "tokenizer_config.json"):
        path = folder / name
        if path.is_file():
            stored = json.loads(path.read_text(encoding="utf-8"))
            kept = {key: value for key, value in stored.items() if key not in ("_name_or_path", "name_or_path")}
            _write(path, kept)


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
