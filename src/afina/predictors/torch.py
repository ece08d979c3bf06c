"""PyTorch: a model in memory becomes a predict function.

    answer    the task's activation of the logits, (n, labels), in the order of the texts; for a task by word an object
              array of one (words, labels) a text

Texts are cut at `max_tokens` (the longer one of a pair first), or read in windows of it for a task by word or with
long_texts=window, where a text's logits are made of those of its windows (`windows.pooling`). They are sorted by length
and padded in batches of 64. fp32, or bf16 arithmetic where asked (twice as fast where the processor has it; logits
differ in the third digit).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from afina import features, windows, words
from afina.records import Predict, Task, Text

Logits = Callable[[Sequence[Text]], np.ndarray]
CLASSES = Task()
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "softmax": lambda logits: logits.softmax(dim=-1),
    "sigmoid": torch.sigmoid,
    "none": lambda logits: logits,
}


def wrap(model: Any, tokenizer: Any, max_tokens: int, bf16: bool = False, task: Task = CLASSES) -> Predict:
    """The predict function of a model. The model is left in evaluation mode."""
    score, activation = logits(model, tokenizer, max_tokens, bf16, task), ACTIVATIONS[task.activation]

    def predict(texts: Sequence[Text]) -> np.ndarray:
        return words.each(score(texts), lambda values: activation(torch.from_numpy(values)).numpy())

    return predict


def logits(model: Any, tokenizer: Any, max_tokens: int, bf16: bool = False, task: Task = CLASSES) -> Logits:
    """As `wrap`, without the activation."""
    classes = len(model.config.id2label)
    read = lambda batch: model(**batch).logits  # noqa: E731

    def score(texts: Sequence[Text]) -> np.ndarray:
        if task.long_texts == windows.WINDOW:
            encoded = features.encode_long(tokenizer, [str(text) for text in texts], max_tokens)
        else:
            encoded = features.encode(tokenizer, texts, max_tokens, features.is_siamese(model))
        if not encoded:
            return np.empty((0, classes), np.float32)
        return features.collect(model, tokenizer, encoded, read, bf16, windows.pooling(task.activation))

    def score_words(texts: Sequence[Text]) -> np.ndarray:
        parts = features.encode_words(tokenizer, [str(text) for text in texts], max_tokens)
        ids, tokens = [part.ids for part in parts], [part.tokens for part in parts]
        values = features.collect_words(model, tokenizer, ids, tokens, read, bf16)
        places = [(part.row, word) for part in parts for word in part.words]
        return words.by_word(values, [str(text) for text in texts], places, classes)

    return score_words if task.per == "word" else score
