"""What a body says of texts: the vectors of chosen layers, mean-pooled or of the first token, now or as it was."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from afina import windows, words
from afina.records import Text

Batch = dict[str, Tensor]
BATCH = 64


def encode(
    tokenizer: Any, inputs: Sequence[Text], max_tokens: int, siamese: bool = False
) -> list[dict[str, list[Any]]]:
    """Token ids of each text or pair, cut at `max_tokens`, not padded.

    With `siamese` the texts of a pair are apart, each cut by itself: every entry of a row is a list of two.
    """
    if not inputs:
        return []
    if siamese:
        single = encode(tokenizer, [text for pair in inputs for text in pair], max_tokens)
        pairs = zip(single[::2], single[1::2], strict=True)
        return [{key: [one[key], other[key]] for key in one} for one, other in pairs]
    if isinstance(inputs[0], str):
        first, second = list(inputs), None
    else:
        first, second = [pair[0] for pair in inputs], [pair[1] for pair in inputs]
    encoded = tokenizer(first, second, truncation="longest_first", max_length=max_tokens)
    return [{key: encoded[key][row] for key in encoded} for row in range(len(first))]


def encode_long(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> list[dict[str, Any]]:
    """As `encode`, with the further windows of a text that is longer (`windows`). Needs a fast tokenizer."""
    found = []
    for read in _windows(tokenizer, texts, max_tokens):
        first, *more = [{key: ids for key, ids in one.items() if key != "offset_mapping"} for one in read]
        found.append({**first, windows.MORE: more} if more else first)
    return found


def sequences(row: Mapping[str, Any]) -> list[list[int]]:
    """The token ids of an encoded row: one sequence, those of the two texts that are read apart, or of its windows."""
    ids = row["input_ids"]
    return ids if _two(ids) else [ids, *(window["input_ids"] for window in row.get(windows.MORE, ()))]


def _two(ids: list[Any]) -> bool:
    return bool(ids) and isinstance(ids[0], list)


def length(row: Mapping[str, Any]) -> int:
    """Tokens of the longest sequence of an encoded row: what it is padded by."""
    return max(map(len, sequences(row)))


def pad(tokenizer: Any, rows: Sequence[Mapping[str, Any]]) -> Batch:
    """Encoded rows as one batch, padded to the longest: (n, tokens), or (n, 2, tokens) for pairs that are read apart.

    Numbers that stand beside the tokens, as labels do, are (n, ...). Of a long text it is the first window.
    """
    if not _two(rows[0]["input_ids"]):
        return dict(tokenizer.pad([windows.cut(row) for row in rows], return_tensors="pt"))
    tokens = [key for key in rows[0] if key in tokenizer.model_input_names]
    single = [{key: row[key][place] for key in tokens} for row in rows for place in (0, 1)]
    padded: Batch = tokenizer.pad(single, return_tensors="pt")
    batch = {key: ids.reshape(-1, 2, ids.shape[1]) for key, ids in padded.items()}
    return batch | {key: torch.tensor([row[key] for row in rows]) for key in rows[0] if key not in tokens}


def is_siamese(model: Any) -> bool:
    """Whether a model reads the two texts of a pair apart (`heads.SiameseClassifier`)."""
    return bool(getattr(model, "siamese", False))


def in_turn(batch: Mapping[str, Tensor]) -> Batch:
    """A batch as a body reads it: (2n, tokens) with the texts of a pair in turn for (n, 2, tokens), else as it is."""
    return {name: ids.flatten(0, -2) for name, ids in batch.items()}


def side(batch: Mapping[str, Tensor], place: int) -> Batch:
    """The first texts (or second ones) of a batch (n, 2, tokens), without columns that are padding in all of them."""
    used = batch["attention_mask"][:, place].any(0)
    return {name: ids[:, place, used] for name, ids in batch.items()}


def compared(unit: Tensor) -> Tensor:
    """|u - v| and u * v of unit vectors of pairs in turn, (2n, ..., d) -> (n, ..., 2d).

    u * v is multiplied by the square root of d, which makes both about as large.
    """
    first, second = unit.reshape(-1, 2, *unit.shape[1:]).unbind(1)
    return torch.cat([(first - second).abs(), unit.shape[-1] ** 0.5 * first * second], dim=-1)


@dataclass(frozen=True, slots=True)
class Window:
    """What the model reads at once of a text, and the words that are read in it."""

    ids: dict[str, list[int]]
    row: int  # of the text
    words: tuple[int, ...]
    tokens: tuple[int, ...]  # where each of them begins in the window


def encode_words(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> list[Window]:
    """The windows of each text, in order, not padded. Needs a fast tokenizer."""
    found = []
    for row, read in enumerate(_windows(tokenizer, texts, max_tokens)):
        offsets = [window.pop("offset_mapping") for window in read]
        for ids, own in zip(read, words.assign(offsets, words.words(texts[row])), strict=True):
            found.append(Window(ids, row, tuple(word for word, _ in own), tuple(token for _, token in own)))
    return found


def _windows(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> Iterator[list[dict[str, Any]]]:
    """Token ids of the windows of each text, with the characters that each token stands for."""
    if not texts:
        return
    encoded = tokenizer(
        list(texts),
        truncation=True,
        max_length=max_tokens,
        stride=words.overlap(max_tokens),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    rows, start = encoded.pop("overflow_to_sample_mapping"), 0
    for row in range(len(texts)):
        end = bisect_right(rows, row)
        yield [{key: encoded[key][place] for key in encoded} for place in range(start, end)]
        start = end


def batches(
    tokenizer: Any, encoded: Sequence[dict[str, list[int]]], size: int = BATCH
) -> Iterator[tuple[list[int], Batch]]:
    """Padded batches of rows of like length, longest first, with the rows' places."""
    order = sorted(range(len(encoded)), key=lambda row: -length(encoded[row]))
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        yield rows, pad(tokenizer, [encoded[row] for row in rows])


@torch.inference_mode()
def collect(
    model: nn.Module,
    tokenizer: Any,
    encoded: Sequence[dict[str, list[int]]],
    read: Callable[[Batch], Tensor],
    bf16: bool = False,
    together: windows.Together = windows.mean,
) -> np.ndarray:
    """`read` of every batch, put back in the rows' order: (n, ...) float32. The model is left in evaluation mode.

    together    what makes one of the windows of a row
    """
    read_apart, owner = windows.apart(encoded)
    return together(_answers(model, tokenizer, read_apart, read, bf16), owner)


@torch.inference_mode()
def collect_words(
    model: nn.Module,
    tokenizer: Any,
    encoded: Sequence[dict[str, list[int]]],
    tokens: Sequence[Sequence[int]],
    read: Callable[[Batch], Tensor],
    bf16: bool = False,
) -> np.ndarray:
    """`read` of every batch, (n, tokens, ...), at these tokens of each row, one after another: (m, ...) float32."""
    found: list[np.ndarray] = [np.empty(0, np.float32)] * len(encoded)
    for rows, values in _answers(model, tokenizer, encoded, read, bf16):
        for place, row in enumerate(rows):
            found[row] = values[place, list(tokens[row])]
    return np.concatenate(found) if found else np.empty(0, np.float32)


def _answers(
    model: nn.Module,
    tokenizer: Any,
    encoded: Sequence[dict[str, list[int]]],
    read: Callable[[Batch], Tensor],
    bf16: bool,
) -> Iterator[tuple[list[int], np.ndarray]]:
    """`read` of each batch with the places of its rows. Batches go to the model's device, what is read comes back."""
    model.eval()
    device = next(model.parameters()).device
    for rows, batch in batches(tokenizer, encoded):
        placed = {name: values.to(device) for name, values in batch.items()}
        with torch.autocast(device.type, torch.bfloat16) if bf16 else nullcontext():
            values = read(placed)
        yield rows, values.float().cpu().numpy()


def token_layers(encoder: nn.Module, batch: Batch) -> Tensor:
    """The vectors of every layer of each token, (n, tokens, layers + 1, hidden); layer 0 is the embeddings."""
    answer = encoder(**batch, output_hidden_states=True)
    return torch.stack([*answer.hidden_states[:-1], answer.last_hidden_state], dim=2)


def all_layers(encoder: nn.Module, batch: Batch) -> Tensor:
    """Mean and first-token vectors of every layer, (n, layers + 1, 2, hidden); layer 0 is the embeddings."""
    answer = encoder(**batch, output_hidden_states=True)
    states = torch.stack(
        [*answer.hidden_states[:-1], answer.last_hidden_state], dim=1
    )  # (n, layers + 1, tokens, hidden)
    mask = batch["attention_mask"][:, None, :, None].to(states.dtype)
    mean = (states * mask).sum(2) / mask.sum(2).clamp(min=1)
    return torch.stack([mean, states[:, :, 0]], dim=2)


def compared_layers(encoder: nn.Module, batch: Batch) -> Tensor:
    """What a siamese head would read of the mean vectors of every layer, (n, layers + 1, 2 * hidden)."""
    means = all_layers(encoder, in_turn(batch))[:, :, 0]
    return compared(nn.functional.normalize(means, dim=-1))


def before_output(model: nn.Module, output: nn.Linear, batch: Batch) -> Tensor:
    """The input of the model's last linear layer, (n, width), or (n, tokens, width) where it reads each token."""
    seen: list[Tensor] = []
    hook = output.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    try:
        model(**batch)
    finally:
        hook.remove()
    return seen[0]


def mean_vectors(answer: Any, batch: Batch) -> Tensor:
    """Mean token vector of the last layer in a body's answer, (n, hidden)."""
    states = answer.last_hidden_state  # (n, tokens, hidden)
    mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
    return (states * mask).sum(1) / mask.sum(1).clamp(min=1)


@contextmanager
def watching(body: nn.Module) -> Iterator[list[Any]]:
    """What a body answers while the context is open, gradients included: one entry a forward pass.

    The answer that a loss was computed from is here without a second pass.
    """
    seen: list[Any] = []
    hook = body.register_forward_hook(lambda module, args, answer: seen.append(answer))
    try:
        yield seen
    finally:
        hook.remove()


def trained_values(body: nn.Module) -> dict[str, Tensor]:
    """A copy of the parameters that training moves, by name. Cost: 4 bytes for each of them."""
    return {name: p.detach().clone() for name, p in body.named_parameters() if p.requires_grad}


@torch.no_grad()
def as_it_was(body: nn.Module, values: Mapping[str, Tensor], batch: Batch) -> Any:
    """What the body answers with its parameters set to `values`, dropout off; the body itself is left alone.

    With the values of `trained_values` from before the first step this is the pretrained body, at the cost of one
    forward pass and of no second body: where an adapter is trained, `values` holds the adapter alone.
    """
    dropping = [module for module in body.modules() if module.training]
    body.eval()
    try:
        return torch.func.functional_call(body, dict(values), args=(), kwargs=dict(batch))
    finally:
        for module in dropping:
            module.training = True
