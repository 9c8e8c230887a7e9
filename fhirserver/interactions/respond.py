"""From what the store did to the answer: status, body as preferred, location.

Spec: https://hl7.org/fhir/R4/http.html#return
"""

from collections.abc import Sequence

from fhirserver.access import AuthContext
from fhirserver.errors import Issue
from fhirserver.interactions.identity import version_path
from fhirserver.interactions.masking import masks_of, shown
from fhirserver.interactions.types import Preference, Result, Services
from fhirserver.model.json import write_json
from fhirserver.model.outcome import operation_outcome
from fhirserver.model.stored import StoredResource
from fhirserver.store.write import Written


def respond(
    services: Services,
    auth: AuthContext,
    written: Written,
    prefer: Preference | None,
    issues: Sequence[Issue] = (),
) -> Result:
    """Answer a create, update or patch.

    Args:
        services: its public URL makes the location.
        auth: the caller, whose answer lacks what is withheld from it.
        written: what the store made of the change.
        prefer: body wanted; None gives the representation.
        issues: warnings of validation.
    """
    stored = written.stored
    told = [*issues, *written.issues]
    if prefer == "OperationOutcome" or not written.changed:
        told.append(Issue("information", "informational", _done(written)))
    location = None
    if written.created:
        location = f"{services.settings.public_url}/{version_path(stored)}"
    body = preferred_body(_shown(services, auth, stored), prefer, told)
    return Result(201 if written.created else 200, stored, body, location, tuple(told))


def respond_matched(
    services: Services, auth: AuthContext, stored: StoredResource, prefer: Preference | None
) -> Result:
    """Answer a conditional create that found its match."""
    text = f"{stored.type}/{stored.id} fulfils the condition: nothing was stored."
    issues = (Issue("information", "informational", text),)
    location = f"{services.settings.public_url}/{version_path(stored)}"
    body = preferred_body(_shown(services, auth, stored), prefer, issues)
    return Result(200, stored, body, location, issues)


def _shown(services: Services, auth: AuthContext, stored: StoredResource) -> StoredResource:
    return shown(stored, masks_of(services, auth), services.definitions)


def preferred_body(
    stored: StoredResource, prefer: Preference | None, issues: Sequence[Issue]
) -> bytes | None:
    """Give the body that a caller prefers."""
    if prefer == "minimal":
        return None
    if prefer == "OperationOutcome":
        return write_json(operation_outcome(issues))
    return stored.body


def _done(written: Written) -> str:
    stored = written.stored
    place = f"{stored.type}/{stored.id}"
    if not written.changed:
        return f"{place} stays at version {stored.version}: the content is what is stored."
    verb = "Created" if written.created else "Stored"
    return f"{verb} {place}, version {stored.version}."
