"""Changes on their way into the store: what may not be seen, and what would change nothing.

An update or patch whose content is what is stored, but for `meta.versionId` and
`meta.lastUpdated`, makes no version; the audit row is written all the same. Content is equal when
its bytes are: a decimal's digits and the order of elements count.
"""

from dataclasses import replace

from fhirserver.access import Decision
from fhirserver.interactions.permit import sees
from fhirserver.interactions.read import absent
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.types import Services
from fhirserver.model.content_apart import without_content
from fhirserver.model.stored import StoredResource
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.contents import BegunContent
from fhirserver.store.read import read
from fhirserver.store.write import Change, WriteSession, Written, write
from fhirserver.store.write_plan import stamp


def with_upload(change: Change, upload: BegunContent | None) -> Change:
    """Let a change of a Binary carry content that is stored already. Pure."""
    if upload is None or change.content is None:
        return change
    noted = without_content(change.content, upload.apart)
    return replace(change, content=noted, upload=upload)


def apply_one(services: Services, change: Change, row: AuditRow) -> Written:
    """Write one change with its audit row; nothing else happens in its transaction."""
    return write(services.database, [change], row, services.settings.referential_integrity)[0]


def apply_update(
    services: Services, decision: Decision, session: WriteSession, change: Change, row: AuditRow
) -> Written:
    """Lock a resource and write its new content, unless that is what is stored.

    Raises:
        NotFoundError: what is stored there is not the caller's to see.
        FhirError: as `WriteSession.apply`.
    """
    current = session.lock([(change.type, change.id)])[change.type, change.id]
    refuse_hidden(services, decision, current)
    if current is not None and is_unchanged(change, current):
        inside = SessionDatabase(services.database, session)
        read(inside, change.type, change.id, row)
        return Written(current, created=False, changed=False)
    return session.apply([change], row, services.settings.referential_integrity)[0]


def is_unchanged(change: Change, current: StoredResource) -> bool:
    """Whether a change asks for what is stored, its preconditions fulfilled. Pure."""
    if change.content is None or change.create_only:
        return False
    if change.expected is not None and current.version not in change.expected:
        return False
    return current.body == stamp(change.content, change.id, current.version, current.updated_us)


def refuse_hidden(services: Services, decision: Decision, current: StoredResource | None) -> None:
    """Refuse to write over what a confined caller may not see.

    Raises:
        NotFoundError: it may not.
    """
    if current is not None and not sees(services, decision, current):
        raise absent(f"{current.type}/{current.id}")


def is_hidden(
    services: Services, decision: Decision, session: WriteSession, type_: str, id_: str
) -> bool:
    """Whether something is stored that a confined caller may not see; locks it."""
    if decision.patients is None:
        return False
    current = session.lock([(type_, id_)])[type_, id_]
    return current is not None and not sees(services, decision, current)
