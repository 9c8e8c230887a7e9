"""A YAML document with the line of everything in it.

Spec: https://yaml.org/spec/1.1/ as PyYAML reads it, safe types only. A key given twice is an error:
PyYAML alone would let the last one win.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class ConfigError(Exception):
    """The configuration cannot be used; the message names file, line, rule and remedy."""

    def __init__(self, file: Path, line: int | None, message: str) -> None:
        super().__init__(f"{file}{'' if line is None else f':{line}'}: {message}")


@dataclass(frozen=True, slots=True)
class Document:
    """One file.

    Attributes:
        value: mappings, lists and scalars.
    """

    file: Path
    value: Any
    _root: yaml.Node | None

    def error(self, path: Sequence[str | int], message: str) -> ConfigError:
        """Make an error about a place, e.g. ("sources", "icu", "listen")."""
        return ConfigError(self.file, self.line(path), f"{_shown(path)}{message}")

    def line(self, path: Sequence[str | int]) -> int | None:
        """Find the line of a place, or of the nearest one around it that is in the file."""
        node, line = self._root, None
        if node is not None:
            line = node.start_mark.line + 1
        for step in path:
            child = _child(node, step)
            if child is None:
                break
            line, node = child
        return line


def read_document(file: Path) -> Document:
    """Read and parse a file.

    Raises:
        ConfigError: as `parse`, or the file cannot be read.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ConfigError(file, None, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(file, None, "is not UTF-8; save it as UTF-8") from None
    return parse(file, text)


def parse(file: Path, text: str) -> Document:
    """Parse a file's text.

    Raises:
        ConfigError: no YAML, a tag that is not safe, a key given twice, or too deep.
    """
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        for twice in _keys_given_twice(root):
            line = twice.start_mark.line + 1
            raise ConfigError(file, line, f"key {twice.value!r} is given twice; keep one")
        value = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = None if mark is None else mark.line + 1
        raise ConfigError(file, line, f"no YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(file, None, f"no YAML: {error}") from None
    except RecursionError:
        raise ConfigError(file, None, "is nested too deeply") from None
    finally:
        loader.dispose()
    return Document(file, value, root)


def _keys_given_twice(node: yaml.Node | None) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            # A key of another kind is refused when the document is made.
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key
                seen.add(key.value)
            yield from _keys_given_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _keys_given_twice(item)


def _child(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None


def _shown(path: Sequence[str | int]) -> str:
    return f"{'.'.join(map(str, path))}: " if path else ""
