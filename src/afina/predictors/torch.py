"""PyTorch: a model in memory becomes a predict function.

    answer    the task's activation of the logits, (n, labels), in the order of the texts

Texts are cut at `max_tokens` (the longer one of a pair first), sorted by length and padded in batches of 64. fp32, or
bf16 arithmetic where asked (twice as fast where the processor has it; logits differ in the third digit).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from afina import features
from afina.records import Predict, Task, Text

CLASSES = Task()
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "softmax": lambda logits: logits.softmax(dim=-1),
    "sigmoid": torch.sigmoid,
    "none": lambda logits: logits,
}


def wrap(model: Any, tokenizer: Any, max_tokens: int, bf16: bool = False, task: Task = CLASSES) -> Predict:
    """The predict function of a model. The model is left in evaluation mode."""
    score = logits(model, tokenizer, max_tokens, bf16)

    def predict(texts: Sequence[Text]) -> np.ndarray:
        return ACTIVATIONS[task.activation](torch.from_numpy(score(texts))).numpy()

    return predict


def logits(model: Any, tokenizer: Any, max_tokens: int, bf16: bool = False) -> Callable[[Sequence[Text]], np.ndarray]:
    """As `wrap`, without the activation."""
    classes = len(model.config.id2label)

    def score(texts: Sequence[Text]) -> np.ndarray:
        encoded = features.encode(tokenizer, texts, max_tokens)
        if not encoded:
            return np.empty((0, classes), np.float32)
        return features.collect(model, tokenizer, encoded, lambda batch: model(**batch).logits, bf16)

    return score
