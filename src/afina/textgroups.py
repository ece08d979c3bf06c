"""Texts that mean the same, from a file that a user writes: a group a line.

    YAML     - ["Where is my card?", "Has my card been sent?"]
    JSONL    ["Where is my card?", "Has my card been sent?"]

A text of a model of pairs is a list of two: [[a, b], [c, d]].
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from afina import yamlfile
from afina.errors import ConfigError, DataError
from afina.records import Text
from afina.sameness import normal
from afina.textfile import read_bytes, read_text

ALONE = "this looks like one text a line"
FORM = 'write a list of texts in quotes a line, such as - ["Where is my card?", "Has my card been sent?"]'
TOGETHER = f"put those that mean the same in one list: {FORM}"
KIND = "file of texts that mean the same"


def read(path: Path, pairs: bool | None = None) -> tuple[tuple[Text, ...], ...]:
    """The groups of a file, each of two texts or more; `pairs` says which kind of text is read, absent: whichever.

    Raises ConfigError where it is no such file, DataError with the place of a group that is none.
    """
    groups = _lines(path) if path.suffix.lower() in (".jsonl", ".ndjson", ".json") else _listed(path)
    if not groups:
        raise ConfigError(f"{path} holds no group of texts", FORM)
    return tuple(_group(f"{path.name}, group {place}", group, pairs) for place, group in enumerate(groups, 1))


def others(groups: Sequence[Sequence[Text]], texts: Sequence[Text]) -> tuple[dict[Text, tuple[Text, ...]], int]:
    """What each of these texts is in other words, by the groups; and how many groups hold none of them.

    Case, white space and Unicode form are no difference.
    """
    known: dict[object, dict[Text, None]] = {_key(text): {} for text in texts}
    without = 0
    for group in groups:
        own = {_key(text) for text in group} & known.keys()
        without += not own
        for key in own:
            known[key].update(dict.fromkeys(text for text in group if _key(text) != key))
    return {text: tuple(known[_key(text)]) for text in texts if known[_key(text)]}, without


def _key(text: Text) -> object:
    return normal(text) if isinstance(text, str) else tuple(map(normal, text))


def _listed(path: Path) -> list[Any]:
    read_bytes(path)  # says what is wrong with it
    content = yamlfile.load(path, KIND, FORM)
    if isinstance(content, str):
        raise DataError(f"{path.name}: {ALONE}", TOGETHER)
    if not isinstance(content, list):
        raise ConfigError(f"{path} is not a {KIND}: its top level is no list", FORM)
    return content


def _lines(path: Path) -> list[Any]:
    lines = enumerate(read_text(path)[0].split("\n"), 1)
    found = []
    for number, line in lines:
        try:
            found += [json.loads(line)] if line.strip() else []
        except (ValueError, RecursionError):
            raise DataError(
                f"{path.name}:{number}: broken JSON", 'write one list a line: ["one text", "other"]'
            ) from None
    return found


def _group(where: str, group: Any, pairs: bool | None) -> tuple[Text, ...]:
    if isinstance(group, str):
        raise DataError(f"{where}: {ALONE}", TOGETHER)
    if not isinstance(group, list) or len(group) < 2:
        raise DataError(f"{where} is no list of two texts or more", FORM)
    kind = isinstance(group[0], list) if pairs is None else pairs
    return tuple(_text(where, one, kind) for one in group)


def _text(where: str, one: Any, pairs: bool) -> Text:
    if not pairs and isinstance(one, str):
        return one
    if pairs and isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one):
        return one[0], one[1]
    if pairs:
        raise DataError(f"{where}: {one!r} is no pair of texts, as this model reads", "write [[a, b], [c, d]] a line")
    raise DataError(f"{where}: {one!r} is no text", "put quotes around each text")
