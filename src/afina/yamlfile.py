"""YAML files that a person writes, read safely: a mapping, no tags, no aliases, no key twice."""

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml

from afina.errors import ConfigError

DEEPEST = 30  # levels


class Marked(dict[Any, Any]):
    """A mapping that knows the line of its file that it began on; 1 is the first."""

    line = 1


class _Loader(yaml.SafeLoader):
    """Safe YAML that also refuses a key given twice, aliases (which can blow up a small file) and deep nesting."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"line {self.line + 1}: aliases (*name) are not used here")
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"line {self.line + 1}: nested more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key.value, Hashable):
                raise yaml.YAMLError(f"line {line}: a key is a list or a mapping")
            if key.value in seen:
                raise yaml.YAMLError(f"line {line}: {key.value!r} is given twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def marked(self, node: Any) -> Iterator[Marked]:
        """A mapping with its line, first empty as YAML's own way of constructing wants it."""
        made = Marked()
        made.line = node.start_mark.line + 1
        yield made
        made.update(self.construct_mapping(node))


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.marked)


def read(path: Path, kind: str = "run file", form: str = "'afina init' writes one") -> Marked:
    """A YAML mapping, safely: no tags, no aliases, no key twice. Raises ConfigError with the line.

    Every mapping in it is `Marked`; `kind` is what the file is called in errors, and `form` says how to get one.
    """
    content = load(path, kind, form)
    if content is None:
        return Marked()
    if not isinstance(content, Marked):
        raise ConfigError(f"{path} is not a {kind}: its top level is no mapping", form)
    return content


def load(path: Path, kind: str, form: str) -> Any:
    """Whatever a YAML file holds, as safely."""
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)  # noqa: S506  (a SafeLoader)
    except FileNotFoundError:
        raise ConfigError(f"there is no {kind} {path}", form) from None
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}", f"correct it; {form}") from error
