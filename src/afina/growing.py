"""A row for each new token in a model's embeddings, begun from the meaning of its old pieces.

    grown = grow(model, before, after, mean, counts)      old rows stay as they were, bit by bit
    write(folder, opened, after, grown)                   a base that `bases.open_base` and others open

Rows that a model keeps behind its last token, as padding to a multiple of 64, are used first. The layer that reads the
vocabulary grows with the embeddings: tied it is the same table; where it is not tied its new rows begin in the same
way, and its biases at 0.

What is written says in config.json which rows are new, `new_rows`: the first and the one behind the last. The technique
lora reads it, and trains and stores these rows beside its matrices; see there.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel

from afina import heads, maskedlm, store
from afina.bases import Opened
from afina.errors import ConfigError

Initialize = Callable[[Tensor, Sequence[Sequence[int]], Mapping[int, int]], Tensor]
PADDED = 64  # sizes of tables that are a multiple of it stay one


def new_rows(before: Any, after: Any) -> list[int]:
    """Ids that `after` has and `before` has not. Raises ConfigError where an old token has another id."""
    old, new = before.get_vocab(), after.get_vocab()
    if moved := [token for token, place in old.items() if new.get(token) != place]:
        raise ConfigError(
            f"the token {moved[0]!r} of the base has another id in the new tokenizer",
            "make the new tokenizer from the base's own, by adding to it",
        )
    return sorted(place for token, place in new.items() if token not in old)


def old_pieces(before: Any, after: Any) -> list[list[int]]:
    """For each new token, in the order of ids, the old tokens that its text breaks into; signs around it left out."""
    model, names = before.backend_tokenizer.model, {place: token for token, place in after.get_vocab().items()}
    added = after.get_added_vocab()
    found = []
    for row in new_rows(before, after):
        token = names[row]
        if token in added:
            text = token.strip("".join(char for char in token if not char.isalnum())) or token
            ids = before(f" {text}", add_special_tokens=False)["input_ids"]
        else:
            ids = [piece.id for piece in model.tokenize(token)]
        found.append(ids or [before.unk_token_id])
    return found


@torch.no_grad()
def grow(model: Any, before: Any, after: Any, initialize: Initialize, counts: Mapping[int, int] | None = None) -> Any:
    """The same model with a row for each new token.

    initialize   `start` of a module on the shelf of initializers
    counts       how often the domain has each old id, where the initializer asks for it

    Raises ConfigError where an old token has another id in the new tokenizer.
    """
    rows = new_rows(before, after)
    if not rows:
        return model
    pieces, tables = old_pieces(before, after), [model.get_input_embeddings()]
    size = len(tables[0].weight)
    if rows[-1] >= size:
        padded = PADDED if size % PADDED == 0 else None
        model.resize_token_embeddings(rows[-1] + 1, pad_to_multiple_of=padded, mean_resizing=False)
        tables = [model.get_input_embeddings()]
    output = model.get_output_embeddings()
    if isinstance(output, nn.Linear) and output.weight is not tables[0].weight:
        tables.append(output)
    for table in tables:
        table.weight[rows] = initialize(table.weight.detach().clone(), pieces, counts or {})
    return model


def write(folder: Path, opened: Opened, tokenizer: Any, model: Any) -> None:
    """Write a model that was made from the base `opened` as a base of its own, whole or not at all.

    model   as AutoModel or AutoModelForMaskedLM opens the base; with the first, a head for masked words is not written

    Raises MachineError where the disk cannot hold it.
    """
    if rows := new_rows(opened.tokenizer, tokenizer):
        first = getattr(model.config, "new_rows", rows)[0]  # of a base that had got new rows before
        model.config.new_rows = [first, rows[-1] + 1]
    with store.whole_folder(folder) as temporary:
        if model.get_output_embeddings() is not None:
            maskedlm.save(maskedlm.MaskedLanguage(model), opened.folder, tokenizer, temporary)
            return
        _, found = AutoModel.from_pretrained(opened.folder, trust_remote_code=False, output_loading_info=True)
        made_up = set(found["missing_keys"])  # a pooler that the base has not, at random
        model.save_pretrained(
            temporary, state_dict={n: value for n, value in model.state_dict().items() if n not in made_up}
        )
        tokenizer.save_pretrained(temporary)
        heads.forget_paths(temporary)
