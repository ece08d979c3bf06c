"""General language as a base sees it, embedded once and kept in a file of the user's cache folder.

One file a base, layer and length of passages, of 1 to 2 MB (safetensors, no pickle), named by a hash of the base's
weights and of the tokens that it was given, so that another tokenizer or version of this package gets a file of its
own. A base of 110 M parameters needs half a minute of one processor for what the file holds. The folder is
$AFINA_CACHE, else afina in $XDG_CACHE_HOME, else ~/.cache/afina; all of it may be deleted, and a file may be copied to
another machine.

What it does not keep: texts, or vectors of the user's texts.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from afina import __version__, samples
from afina.bases import Opened
from afina.records import Embed


def folder() -> Path:
    """Where the files are. Raises RuntimeError where this user has no home."""
    given, general = os.environ.get("AFINA_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if given:
        return Path(given)
    return (Path(general) if general else Path.home() / ".cache") / "afina"


def remembered(opened: Opened, embed: Embed) -> Embed:
    """`embed`, which is that of `opened`, but what it answered once it reads; for general texts only.

    Where the folder cannot be read or written, each answer is worked out.
    """

    def again(texts: Sequence[str]) -> np.ndarray:
        known = _read(opened, texts)
        if known is not None:
            return known
        vectors = embed(texts)
        _write(opened, texts, vectors)
        return vectors

    return again


def _read(opened: Opened, texts: Sequence[str]) -> np.ndarray | None:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(folder() / f"{_name(opened, texts)}.safetensors")["vectors"]
    except (OSError, RuntimeError, SafetensorError, KeyError):  # not there, or not whole
        return None


def _name(opened: Opened, texts: Sequence[str]) -> str:
    """A hash of all that the vectors follow from."""
    place = samples.layer(opened.record.layers)
    ids = opened.tokenizer(list(texts), truncation=True, max_length=samples.most_tokens(opened))["input_ids"]
    return hashlib.sha256(json.dumps([__version__, opened.record.sha256, place, ids]).encode()).hexdigest()[:32]


def _write(opened: Opened, texts: Sequence[str], vectors: np.ndarray) -> None:
    """Whole or not at all: another process may be reading."""
    from safetensors.numpy import save

    made = {"base": opened.record.sha256, "layer": samples.layer(opened.record.layers), "afina": __version__}
    try:
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place) as own:
            part = Path(own) / "part"
            part.write_bytes(save({"vectors": np.ascontiguousarray(vectors, np.float32)}, {"made": json.dumps(made)}))
            part.replace(place / f"{_name(opened, texts)}.safetensors")
    except (OSError, RuntimeError):  # a full or read-only disk: the next run works it out again
        return
