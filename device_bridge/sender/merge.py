"""Messages that are sent at once, and the one transaction that some of them become; pure.

Spec: https://hl7.org/fhir/R4/http.html#transaction

A transaction costs the server a commit and the bridge two questions, whatever is in it. Messages
that wait are therefore sent together, as long as none of them writes what an earlier one of them
writes or creates, or is about a patient whom an earlier one writes: a correction must find what it
corrects.
"""

from collections.abc import Iterable
from typing import Any

from fhirserver_device_bridge.sender.reconcile import Bundle, created_by, updated_by

_MOST = 500
"""Observations that are on their way at once; more would cost as much each, and delay others."""


class Window:
    """Takes messages as long as they may be sent at once."""

    def __init__(self) -> None:
        self._written: set[str] = set()
        self._created: set[str] = set()

    def takes(self, bundle: Bundle | None, patients: Iterable[str] = ()) -> bool:
        """Take a message if it may be sent with those taken before; the first always may.

        Args:
            bundle: its transaction.
            patients: searches that find its patients: one who is written before is waited for.
        """
        if bundle is None:
            return True
        written, known = updated_by(bundle), self._written
        waits = written & (known | self._created) or not known.isdisjoint(patients)
        if known and (waits or len(known) + len(written) > _MOST):
            return False
        known |= written
        self._created |= created_by(bundle)
        return True


def merged(bundles: Iterable[Bundle]) -> Bundle:
    """Make one transaction of several; devices that more than one creates are created once."""
    entries: dict[Any, Any] = {}
    for bundle in bundles:
        for entry in bundle["entry"]:
            # What has no fullUrl, a Provenance, is of its message alone.
            entries.setdefault(entry.get("fullUrl", id(entry)), entry)
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries.values())}
