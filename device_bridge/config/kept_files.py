"""Files that are read once, and again when they have changed.

A file that has changed is taken up if it is sound and has another version than before, for what is
made of its rows names the version. Else the one before stays, and its fault is told.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from fhirserver_device_bridge.config.document import ConfigError, Document, read_document

T = TypeVar("T")

_Seen = tuple[int, int, int] | None
"""What tells that a file has changed; None for one that is not there."""


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    seen: _Seen
    value: Any
    made: T


class KeptFiles(Generic[T]):
    """Files of one form; each has a `version` at its top. Any number of threads may ask.

    Args:
        make: makes of a file what is used of it; raises ConfigError where it is not sound.
    """

    def __init__(self, make: Callable[[Document], T]) -> None:
        self._make = make
        self._kept: dict[Path, _Kept[T]] = {}
        self._lock = threading.Lock()

    def get(self, file: Path) -> T:
        """Give what is made of a file.

        Raises:
            ConfigError: it has never been sound.
        """
        kept = self._kept.get(file)
        if kept is None:
            with self._lock:
                kept = self._kept[file] = self._kept.get(file) or self._read(file)
        return kept.made

    def refresh(self) -> Iterator[str | ConfigError]:
        """Look at all again; tell which were taken up, and once what is wrong with others."""
        for file, before in list(self._kept.items()):
            seen = _look_at(file)
            if seen == before.seen:
                continue
            try:
                after = self._successor(file, before)
            except ConfigError as error:
                self._kept[file] = replace(before, seen=seen)
                yield error
                continue
            self._kept[file] = after
            if after.made is not before.made:
                yield f"{file}: version {after.value['version']} is taken up"

    def _successor(self, file: Path, before: _Kept[T]) -> _Kept[T]:
        document, seen = _opened(file)
        if document.value == before.value:
            return replace(before, seen=seen)
        made = self._make(document)
        if document.value["version"] == before.value["version"]:
            raise document.error(("version",), "its rows have changed: give it another version")
        return _Kept(seen, document.value, made)

    def _read(self, file: Path) -> _Kept[T]:
        document, seen = _opened(file)
        return _Kept(seen, document.value, self._make(document))


def _opened(file: Path) -> tuple[Document, _Seen]:
    """Read a file; should it change meanwhile, it is what was there before that has been seen."""
    seen = _look_at(file)
    return read_document(file), seen


def _look_at(file: Path) -> _Seen:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
