"""YAML files that a person writes, read safely: a mapping, no tags, no aliases, no key twice."""

from pathlib import Path
from typing import Any

import yaml

from afina.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """Safe YAML that also refuses a key given twice, and aliases (which can blow up a small file)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not used here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.YAMLError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(path: Path) -> dict[str, Any]:
    """A YAML mapping, safely: no tags, no aliases, no key twice. Raises ConfigError with the line."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)  # noqa: S506  (a SafeLoader)
    except FileNotFoundError:
        raise ConfigError(f"there is no run file {path}", "'afina init' writes one") from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(
            f"{path} cannot be read as YAML: {error}", "correct it; 'afina init' shows the form"
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is not a run file: its top level is no mapping", "'afina init' shows the form")
    return content
