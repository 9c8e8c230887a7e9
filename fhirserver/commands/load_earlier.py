"""What earlier loads stored of a file: an interrupted load goes on, nothing is missed silently.

An item is passed over if all that it stored is still as the load of this file left it. If
something was deleted or changed since, the item is loaded again, where that stores nothing twice:

    it is a resource with an id, or a Bundle whose entries are all updates by id    loaded again
    the server chose ids, or the Bundle creates, patches, has conditions            refused

The refusal says what is no longer there as it was, and that --again stores the rest twice.
"""

from collections.abc import Iterable
from datetime import UTC

import psycopg

from fhirserver.commands.load_work import CLIENT, requests_of
from fhirserver.commands.sources import Item, Source
from fhirserver.definitions import r4
from fhirserver.errors import FhirError, Issue
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.store.loaded import LoadedRequest, loaded_requests

_GROUP = 256
"""Requests are looked up by groups of items, so that memory grows with requests, not items."""
_SHOWN = 3


class Earlier:
    """What earlier loads stored of one source.

    Args:
        requests: theirs; none for a source that is loaded for the first time.
    """

    def __init__(self, requests: Iterable[LoadedRequest] = ()) -> None:
        self._requests = tuple(requests)
        self._near: dict[int, list[LoadedRequest]] = {}
        for request in self._requests:
            for group in range(request.first // _GROUP, request.last // _GROUP + 1):
                self._near.setdefault(group, []).append(request)
        self._restored: set[str] = set()
        self._incomplete: list[tuple[str, Issue]] = []

    def passes_over(self, item: Item) -> bool:
        """Whether the item need not, or must not, be loaded again."""
        near = self._near.get(item.number // _GROUP, ())
        requests = [each for each in near if each.first <= item.number <= each.last]
        if not requests:
            return False
        changed = frozenset[str]().union(*(request.changed for request in requests))
        if not changed and b'"batch"' not in item.raw and not item.is_xml:
            return True
        try:
            value = item.parse()
        except FhirError:
            return False  # loading it says what is wrong
        wanted = requests_of(value)
        stored = max(request.unchanged + len(request.changed) for request in requests)
        missing = _is_batch(value) and len(wanted) > stored
        updated = _updated_by_id(wanted)
        if updated is None:
            if missing:
                self._incomplete.append((item.place, _incomplete(stored, len(wanted))))
            return True
        self._restored |= updated & changed
        return not missing and not updated & changed

    def report(self, source: Source) -> list[str]:
        """Say in lines what was passed over, and what was loaded again although it was loaded."""
        if not self._requests:
            return []
        at = max(request.at for request in self._requests).astimezone(UTC)
        count = sum(request.unchanged for request in self._requests)
        said = f"loaded before, on {at:%Y-%m-%d at %H:%M:%S} UTC; {count:,} resources are as it "
        lines = [f"{source.name}: {said}left them and skipped; --again loads them again"]
        if self._restored:
            lines.append(
                f"{source.name}: {len(self._restored):,} resources that were deleted or changed"
                " since are loaded again"
            )
        return lines

    def refused(self, source: Source) -> list[tuple[str, tuple[Issue, ...]]]:
        """Give what is not as the file has it and cannot be loaded again without doubles."""
        refused: list[tuple[str, tuple[Issue, ...]]] = [
            (place, (issue,)) for place, issue in self._incomplete
        ]
        changed = {name for request in self._requests for name in request.changed}
        if lost := sorted(changed - self._restored):
            refused.append((source.name, (_lost(lost),)))
        return refused


def find_earlier(url: str, keys: list[str]) -> dict[str, Earlier]:
    """Find what earlier loads stored of some sources, by their keys."""
    found: dict[str, list[LoadedRequest]] = {}
    with psycopg.connect(url) as connection:
        for request in loaded_requests(connection, r4(), CLIENT, keys):
            found.setdefault(request.key, []).append(request)
    return {key: Earlier(requests) for key, requests in found.items()}


def _updated_by_id(entries: list[JsonObject]) -> set[str] | None:
    """Give what the entries update, e.g. {"Patient/12"}; None if one does something else."""
    urls = set()
    for request in entries:
        url = request.get("url")
        if request.get("method") != "PUT" or not isinstance(url, str) or "?" in url:
            return None
        urls.add(url)
    return urls


def _is_batch(value: JsonValue) -> bool:
    return isinstance(value, dict) and value.get("type") == "batch"


def _incomplete(stored: int, entries: int) -> Issue:
    return Issue(
        "error",
        "incomplete",
        f"An earlier load stored {stored} of the {entries} entries of this batch, and cannot tell "
        "which: --again runs them all again, and creates twice what they create.",
    )


def _lost(names: list[str]) -> Issue:
    more = len(names) - _SHOWN
    return Issue(
        "error",
        "conflict",
        f"Loaded before, and deleted or changed since: {', '.join(names[:_SHOWN])}"
        f"{f' and {more:,} more' if more > 0 else ''}. It is not loaded again, because the items "
        "it came with bring no ids or do more than update: --again loads them, and creates twice "
        "what they create.",
    )
