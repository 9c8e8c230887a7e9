"""One message's way to the server: what is there already is looked for, what is left is sent.

It may be repeated at any time: a message that was delivered half, or twice, or by two bridges at
once, comes to the same.
"""

import itertools

from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.fhir.json_text import encode
from fhirserver_device_bridge.sender.fhir_client import FhirClient, UnreachableError
from fhirserver_device_bridge.sender.judgement import Judgement, judge
from fhirserver_device_bridge.sender.lookup import Lookup, LookupRefusedError
from fhirserver_device_bridge.sender.reconcile import (
    Bundle,
    conditions,
    held,
    is_of_patient,
    reconcile,
)


def deliver(conversion: Conversion, client: FhirClient, lookup: Lookup) -> Judgement:
    """Bring what a message says to the server, and tell what became of it."""
    if conversion.rejected is not None:
        return Judgement("dead", conversion.rejected)
    if conversion.held is not None:
        return Judgement("held", conversion.held)
    if conversion.bundle is None:
        return Judgement("done")
    try:
        judgement = _sent(conversion.bundle, client, lookup)
        if judgement.verdict == "dead" and lookup.forget():
            # A device may have been deleted since it was looked up.
            return _sent(conversion.bundle, client, lookup)
        return judgement  # noqa: TRY300 - all of it may find nobody
    except UnreachableError as error:
        return Judgement("later", str(error))
    except LookupRefusedError as refused:
        return judge(refused.answer)


def _sent(bundle: Bundle, client: FhirClient, lookup: Lookup) -> Judgement:
    wanted = conditions(bundle)
    patients = lookup.matches(filter(is_of_patient, wanted))
    waits = held(patients)
    if waits is not None:
        return Judgement("held", waits.reason)
    stored = lookup.matches(itertools.filterfalse(is_of_patient, wanted))
    left = reconcile(bundle, {**patients, **stored})
    if left is None:
        return Judgement("done")
    return judge(client.transaction(encode(left)))
