"""One message, from its bytes to what becomes of it."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.journal.entries import Entry
from fhirserver_device_bridge.reading import Source
from fhirserver_device_bridge.sender.fhir_client import FhirClient, UnreachableError
from fhirserver_device_bridge.sender.judgement import Judgement, judge
from fhirserver_device_bridge.sender.lookup import LookupRefusedError, look_up
from fhirserver_device_bridge.sender.reconcile import (
    Bundle,
    Held,
    Supersedes,
    conditions,
    reconcile,
)

Convert = Callable[[bytes, Source, datetime, int], Conversion]

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def converted(entry: Entry, source: Source, convert: Convert) -> Conversion | Judgement:
    """Convert a message; a defect of the conversion makes it a dead letter, and others go on."""
    try:
        return convert(entry.raw, source, entry.received, entry.id)
    except Exception as defect:  # noqa: BLE001 - whatever a message does, its queue must not stop
        # The text of an exception may quote the message.
        return Judgement("dead", f"defect of the bridge: {type(defect).__name__}")


def deliver(conversion: Conversion, client: FhirClient, supersedes: Supersedes) -> Judgement:
    """Bring what a message says to the server, and tell what became of it."""
    if conversion.rejected is not None:
        return Judgement("dead", conversion.rejected)
    if conversion.held is not None:
        return Judgement("held", conversion.held)
    if conversion.bundle is None:
        return Judgement("done")
    try:
        return _send(conversion.bundle, client, supersedes)
    except UnreachableError as error:
        return Judgement("later", str(error))
    except LookupRefusedError as refused:
        return judge(refused.answer)


def _send(bundle: Bundle, client: FhirClient, supersedes: Supersedes) -> Judgement:
    stored = look_up(client, conditions(bundle))
    left = reconcile(bundle, stored, supersedes)
    if left is None:
        return Judgement("done")
    if isinstance(left, Held):
        return Judgement("held", left.reason)
    return judge(client.transaction(_ENCODER.encode(left)))
