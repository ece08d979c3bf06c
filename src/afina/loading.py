"""Python that loads a model, as the report and the model card show it: by other libraries, where they can read it."""

import json

SENTENCE_TRANSFORMERS = """\
from sentence_transformers import SentenceTransformer
from transformers import AutoConfig

labels = AutoConfig.from_pretrained({folder}).id2label
logits = SentenceTransformer({folder}).encode([{text}])  # the last module is the head
{use}"""
SIAMESE = """\
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from transformers import AutoConfig

labels, head = AutoConfig.from_pretrained({folder}).id2label, load_file({folder} + "/siamese_head.safetensors")
vectors = SentenceTransformer({folder}).encode([text for pair in [{text}] for text in pair])
u, v = vectors[::2], vectors[1::2]
weights = head["linear.weight"].T  # of |u - v|, then of u * v
logits = abs(u - v) @ weights[: u.shape[1]] + u.shape[1] ** 0.5 * u * v @ weights[u.shape[1] :] + head["linear.bias"]
{use}"""
TRANSFORMERS = """\
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({folder})
model = AutoModelForSequenceClassification.from_pretrained({folder})
inputs = tokenizer([{text}], truncation=True, padding=True, return_tensors="pt")
labels, logits = model.config.id2label, model(**inputs).logits.detach().numpy()
{use}"""
ADAPTER_ON_BASE = """\
from pathlib import Path

from afina import adapters, features, heads
from transformers import AutoTokenizer

folder = Path({folder})
tokenizer, most = AutoTokenizer.from_pretrained(folder / "base"), adapters.read(folder / "adapter").max_tokens
model = heads.load(folder)  # the base with the adapter in it
inputs = features.pad(tokenizer, features.encode(tokenizer, [{text}], most, features.is_siamese(model)))
labels, logits = model.config.id2label, model(**inputs).logits.detach().numpy()
{use}"""
LOADING = {
    "sentence-transformers": SENTENCE_TRANSFORMERS,
    "sentence-transformers-siamese": SIAMESE,
    "sequence-classification": TRANSFORMERS,
    "token-classification": TRANSFORMERS.replace("ForSequence", "ForToken"),
    "adapter-on-base": ADAPTER_ON_BASE,
}  # by the layout of the model folder


def code(layout: str, folder: str, pair: bool, use: str) -> str:
    """Python that loads the model: without this package, but where an adapter stays beside the base.

    `use` goes on from `labels` and `logits` (n, labels).
    """
    text = '("a text", "its second text")' if pair else '"a text"'
    return LOADING[layout].format(folder=json.dumps(folder), text=text, use=use)
