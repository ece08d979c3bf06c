"""What this machine can do with this base: a few steps, timed."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from afina import features

STEPS = 3  # counted, after one to warm up; the fastest one is kept


def forward(encoder: nn.Module, tokenizer: Any, encoded: Sequence[dict[str, list[int]]], rows: int = 32) -> float:
    """Seconds of one forward pass in fp32, a row, in batches of so many rows like `encoded`."""
    batch = _batch(tokenizer, encoded, rows)
    encoder.eval()
    with torch.inference_mode():
        return _fastest(lambda: encoder(**batch)) / len(batch["input_ids"])


def steps(
    encoder: Any, tokenizer: Any, encoded: Sequence[dict[str, list[int]]], dropout: bool
) -> dict[tuple[str, str], float]:
    """Seconds of one forward and backward pass of the whole encoder, a row, by attention and precision.

    Every way to compute attention that the encoder knows is tried in every precision that the processor has: what is
    fast in one may be slow in the other. No weight is changed, and the encoder keeps the attention it had.
    """
    batch = _batch(tokenizer, encoded)
    own = encoder.config._attn_implementation
    encoder.train(dropout).requires_grad_(True)
    seconds = {}
    for attention in (own, "eager") if own == "sdpa" else (own,):  # fused, and plain
        encoder.set_attn_implementation(attention)
        for precision in ("fp32", "bf16") if has_bf16() else ("fp32",):
            seconds[attention, precision] = _step(encoder, batch, precision == "bf16")
    encoder.set_attn_implementation(own)
    return seconds


def _step(encoder: nn.Module, batch: features.Batch, bf16: bool) -> float:
    def once() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            value = encoder(**batch).last_hidden_state.float().square().mean()
        value.backward()

    seconds = _fastest(once) / len(batch["input_ids"])
    encoder.zero_grad(set_to_none=True)
    return seconds


def has_bf16() -> bool:
    """Whether the processor can multiply in bfloat16; whether that is faster must be timed."""
    return bool(torch._C._has_mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _batch(tokenizer: Any, encoded: Sequence[dict[str, list[int]]], size: int = 32) -> features.Batch:
    """So many rows around the median length."""
    middle = np.argsort([len(row["input_ids"]) for row in encoded])
    start = max(0, len(middle) // 2 - size // 2)
    rows = [encoded[place] for place in middle[start : start + size]]
    return next(features.batches(tokenizer, rows))[1]


def _fastest(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(STEPS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)
