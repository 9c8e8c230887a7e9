"""The row ids of resources by type and id, remembered by this process.

An identity row never goes away and never changes its row id, so what was once read from a
committed row stays true; statements still compare it with the table before they rely on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Identity = tuple[int, str]
"""Resource type number and logical id."""

_LIMIT = 200_000


class Identities:
    """A bounded memory; safe to use from many threads because every step is one dict operation."""

    def __init__(self) -> None:
        self._known: dict[Identity, int] = {}

    def find(self, identities: Iterable[Identity]) -> dict[Identity, int]:
        """Return the row ids known among `identities`."""
        known = self._known
        return {each: known[each] for each in identities if each in known}

    def remember(self, found: Mapping[Identity, int]) -> None:
        """Add row ids that come from committed rows."""
        if len(self._known) > _LIMIT:
            self._known = {}
        self._known.update(found)

    def forget(self) -> None:
        """Start anew, after the database turned out to be another one."""
        self._known = {}
