"""ONNX Runtime on the CPU: a folder that was exported becomes a predict function. No torch, no transformers.

    folder    model.onnx (and smaller variants beside it), tokenizer.json, labels.json
    answer    the task's activation of the logits, (n, labels), in the order of the texts; for a task by word an object
              array of one (words, labels) a text

Texts are cut at the length the model was tuned for (the longer one of a pair first), or read in windows of it for a
task by word or with long_texts=window, where a text's logits are made of those of its windows (`windows.pooling`). They
are sorted by length and padded in batches of 32. A text's answer does not depend on its neighbours, to the last bits of
fp32: padding is masked, and this package's INT8 files round each token by itself. A file from the runtime's own
`quantize_dynamic` is not so: there the range of a whole batch sets one scale.

A folder may come from anywhere: a model that names weights outside its own `.data` file is refused, no library of
operators is loaded, and a file whose sha256 is in labels.json must match it.
"""

import hashlib
import json
import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from afina import windows, words
from afina.errors import DataError, RecordError
from afina.records import Predict, Task, Text

Logits = Callable[[Sequence[Text]], np.ndarray]
Run = Callable[[Sequence[Any]], Iterator[tuple[np.ndarray, np.ndarray]]]

BATCH = 32  # texts
CHUNK = 4096  # texts sorted together: bounds the memory of a long file
AGAIN = "export the model again, or copy its folder again as a whole"


def load(folder: Path, file: str = "model.onnx", threads: int | None = None) -> Predict:
    """The predict function of an exported model. Raises RecordError where a file is missing or altered."""
    score, activate = logits(folder, file, threads), ACTIVATIONS[task(folder).activation]

    def predict(texts: Sequence[Text]) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # what is no number stays none: the caller decides
            return words.each(score(texts), activate)

    return predict


def task(folder: Path) -> Task:
    """What the exported model was made for. Raises RecordError where labels.json is missing or damaged."""
    card = _card(folder)
    known = {field.name: card[field.name] for field in fields(Task)}
    return Task(**{**known, "labels": tuple(card["labels"]), "thresholds": tuple(card["thresholds"])})


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=1, keepdims=True)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "softmax": _softmax,
    "sigmoid": lambda values: 1 / (1 + np.exp(-np.clip(values, -500, 500))),
    "none": lambda values: values,
}


def logits(folder: Path, file: str = "model.onnx", threads: int | None = None) -> Logits:
    """As `load`, without the activation: for comparing a model with the one it was made from."""
    card = _card(folder)
    tokenizer = _tokenizer(folder, card)
    session = _session(folder, file, card, threads)
    classes, pad = len(card["labels"]), int(card["pad_token_id"])
    each, pairs = (2, (2,)) if card["siamese"] else (1, ())  # texts of a row that are read apart
    windowed, together = card["long_texts"] == windows.WINDOW, windows.pooling(card["activation"])
    wanted = [entry.name for entry in session.get_inputs()]

    def run(encoded: Sequence[Any]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Logits of padded batches of like length, with the places of their rows in `encoded`, of which a row has
        `each` in turn."""
        lengths = np.array([len(one.ids) for one in encoded]).reshape(-1, each).max(1)
        order = np.argsort(lengths, kind="stable")
        for first in range(0, len(order), BATCH):
            places = order[first : first + BATCH]
            batch = [encoded[each * place + part] for place in places for part in range(each)]
            feed = {name: ids.reshape(-1, *pairs, ids.shape[1]) for name, ids in _feed(batch, wanted, pad).items()}
            yield places, session.run(["logits"], feed)[0]

    def score(texts: Sequence[Text]) -> np.ndarray:
        _check(texts, card["pair"], each == 2)
        answers = np.empty((len(texts), classes), np.float32)
        for start in range(0, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            alone = list(chunk) if each == 1 else [text for pair in chunk for text in pair]
            read = [[one, *(one.overflowing if windowed else ())] for one in tokenizer.encode_batch(alone)]
            owner = windows.owners([len(own) for own in read[::each]])
            answers[start : start + len(chunk)] = together(run([one for own in read for one in own]), owner)
        return answers

    def score_words(texts: Sequence[Text]) -> np.ndarray:
        _check(texts, pair=False)
        parts = [
            _by_word(tokenizer, run, texts[start : start + CHUNK], classes) for start in range(0, len(texts), CHUNK)
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=object)

    return score_words if card["per"] == "word" else score


def _by_word(tokenizer: Tokenizer, run: Run, texts: Sequence[Text], classes: int) -> np.ndarray:
    """Logits of the words of each text, each read in one of the text's windows."""
    parts: list[Any] = []
    read: list[tuple[int, list[words.Range]]] = []  # of each window its text, and its words and their tokens
    plain = [str(text) for text in texts]
    for place, (text, encoded) in enumerate(zip(plain, tokenizer.encode_batch(plain), strict=True)):
        own = [encoded, *encoded.overflowing]
        parts += own
        read += [(place, part) for part in words.assign([one.offsets for one in own], words.words(text))]
    values, places = [], []
    for rows, logits_ in run(parts):
        for row, table in zip(rows, logits_, strict=True):
            text_place, part = read[row]
            values += [table[token] for _, token in part]
            places += [(text_place, word) for word, _ in part]
    return words.by_word(np.array(values, np.float32), plain, places, classes)


def _card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        if card["format"] != 1:
            raise RecordError(f"labels.json has the format {card['format']!r}, this version reads 1", "update afina")
        if not (isinstance(card["labels"], list) and card["labels"] and {"pair", "pad_token_id"} <= card.keys()):
            raise ValueError("labels, pair or pad_token_id is missing")
        card["max_tokens"] = int(card["max_tokens"])
        older = {"kind": "classify", "activation": "softmax", "per": "text", "thresholds": [], "siamese": False}
        card = older | {"long_texts": windows.CUT} | card
        if card["activation"] not in ACTIVATIONS or len(card["thresholds"]) not in (0, len(card["labels"])):
            raise ValueError(f"activation {card['activation']!r} with {len(card['thresholds'])} thresholds")
    except OSError:
        raise RecordError("labels.json cannot be read beside the model", AGAIN) from None
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"labels.json is damaged: {error}", AGAIN) from None
    return card


def _tokenizer(folder: Path, card: dict[str, Any]) -> Tokenizer:
    _unaltered(folder, "tokenizer.json", card)
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        parted = card["per"] == "word" or card["long_texts"] == windows.WINDOW
        shared = words.overlap(card["max_tokens"]) if parted else 0
        tokenizer.enable_truncation(card["max_tokens"], stride=shared, strategy="longest_first")
    except Exception as error:  # the library raises bare Exception
        raise RecordError(f"tokenizer.json is damaged: {error}", AGAIN) from None
    return tokenizer


def _session(folder: Path, file: str, card: dict[str, Any], threads: int | None) -> Any:
    if Path(file).name != file:
        raise RecordError(f"{file!r} is not the name of a file in the folder", "give the name without a path")
    for name in (file, f"{file}.data"):
        if name == file or name in card.get("sha256", {}):
            _unaltered(folder, name, card)
    _own_weights_only(folder / file)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(folder / file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has no public base class of its errors
        raise RecordError(f"{file} cannot be opened: {error}", AGAIN) from None
    if [one.name for one in session.get_outputs()] != ["logits"]:
        raise RecordError(f"{file} has no output 'logits' alone", AGAIN)
    return session


def _unaltered(folder: Path, name: str, card: dict[str, Any]) -> None:
    """Raise RecordError where a file is missing, or is not the one that was written."""
    if not (folder / name).is_file():
        raise RecordError(f"{name} is missing in {folder.name}", AGAIN)
    expected = card.get("sha256", {}).get(name)
    if expected is not None:
        with (folder / name).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != expected:
            raise RecordError(f"{name} was altered after it was written: its sha256 is another", AGAIN)


def _own_weights_only(path: Path) -> None:
    """Refuse a model that reads any file but its own `.data`: every mention of a location must be exactly that."""
    own = f"{path.name}.data".encode()
    allowed = b"\n\x08location\x12" + bytes([len(own)]) + own  # a StringStringEntryProto
    if path.stat().st_size == 0:
        raise RecordError(f"{path.name} is empty", AGAIN)
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.find(b"location")
        while place >= 0:
            start = place - 2
            if content[max(start, 0) : start + len(allowed)] != allowed:
                raise RecordError(f"{path.name} may read files outside its folder", "export the model again")
            place = content.find(b"location", place + 1)


def _check(texts: Sequence[Text], pair: bool, siamese: bool = False) -> None:
    for text in texts:
        if siamese and isinstance(text, str):
            raise DataError("one text was given to a model that compares two", "give two texts for each row")
        if not pair and not isinstance(text, str):
            raise DataError("a pair of texts was given to a model of single texts", "give one text for each row")


def _feed(encoded: Sequence[Any], wanted: Sequence[str], pad: int) -> dict[str, np.ndarray]:
    """Padded inputs of a batch, (n, tokens) each; at least two tokens wide, as the graph asks."""
    width = max(2, *(len(one.ids) for one in encoded))
    columns = {
        "input_ids": ([one.ids for one in encoded], pad),
        "attention_mask": ([one.attention_mask for one in encoded], 0),
        "token_type_ids": ([one.type_ids for one in encoded], 0),
    }
    feed = {}
    for name in wanted:
        values, filler = columns[name]
        feed[name] = np.array([[*row, *[filler] * (width - len(row))] for row in values], np.int64)
    return feed
