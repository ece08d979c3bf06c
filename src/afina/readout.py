"""A head without its body: the body's answer in, logits out, and never trained.

Read through one frozen head, a moved body and the pretrained one can be compared in the units of that head: classes,
or words of the vocabulary. Works for any head of transformers, and for one of ours that calls its body by keyword.
"""

import copy
from pathlib import Path
from typing import Any

from torch import Tensor, nn


class Readout(nn.Module):
    """A frozen copy of everything of a model but its body, dropout off.

    forward(answer, batch): `answer` is what the body returned for `batch`; gives logits, (n, classes), or
    (n, tokens, classes) where the head labels tokens. Cost: one copy of the head.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        prefix = model.base_model_prefix
        body = getattr(model, prefix)
        setattr(model, prefix, _Given())
        try:
            self.model = copy.deepcopy(model).eval().requires_grad_(False)
        finally:
            setattr(model, prefix, body)

    def forward(self, answer: Any, batch: dict[str, Tensor]) -> Tensor:
        """Logits of the body's answer."""
        given = getattr(self.model, self.model.base_model_prefix)
        given.answer = answer
        try:
            return self.model(**batch).logits
        finally:
            given.answer = None

    def train(self, mode: bool = True) -> "Readout":
        """Stays in evaluation mode."""
        return self


class _Given(nn.Module):
    """Stands where the body was and answers what it was given."""

    answer: Any = None

    def forward(self, *args: Any, **inputs: Any) -> Any:
        return self.answer


def masked_language(folder: Path) -> Readout | None:
    """The pretrained masked-language head of the base in `folder`; None where it holds none.

    Cost: the head, which for most bases is a copy of the word embeddings (vocabulary x hidden).
    """
    import torch
    from transformers import AutoModelForMaskedLM

    model, found = AutoModelForMaskedLM.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
    )
    return None if found["missing_keys"] else Readout(model)
