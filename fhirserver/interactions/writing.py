"""Changes on their way into the store: what may not be seen, and what would change nothing.

An update or patch whose content is what is stored, but for `meta.versionId` and
`meta.lastUpdated`, makes no version; the audit row is written all the same. Content is equal when
its bytes are: a decimal's digits and the order of elements count.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from fhirserver.access import AuthContext, Decision
from fhirserver.errors import ForbiddenError
from fhirserver.interactions.concealing import concealing, integrity_of
from fhirserver.interactions.covered import sees
from fhirserver.interactions.labels import refuse_relabelling
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.types import Services
from fhirserver.model.content_apart import without_content
from fhirserver.model.stored import StoredResource
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.contents import BegunContent
from fhirserver.store.read import read
from fhirserver.store.write import Change, WriteSession, Written, run_write
from fhirserver.store.write_plan import check_preconditions, stamp


def with_upload(change: Change, upload: BegunContent | None) -> Change:
    """Let a change of a Binary carry content that is stored already. Pure."""
    if upload is None or change.content is None:
        return change
    noted = without_content(change.content, upload.apart)
    return replace(change, content=noted, upload=upload)


def apply_changes(
    services: Services,
    auth: AuthContext,
    session: WriteSession,
    changes: Sequence[Change],
    rows: AuditRow | Sequence[AuditRow],
    *,
    alone: bool = False,
) -> list[Written]:
    """Write changes as the caller: what it may not see counts as absent, and nothing names it.

    Raises:
        FhirError: as `WriteSession.apply`.
    """
    session.conceal = concealing(services, auth, session, changes)
    integrity = integrity_of(services, auth, changes)
    return session.apply(changes, rows, integrity, alone=alone)


def apply_one(services: Services, auth: AuthContext, change: Change, row: AuditRow) -> Written:
    """Write one change with its audit row; nothing else happens in its transaction."""
    return run_write(
        services.database,
        lambda session: apply_changes(services, auth, session, [change], row, alone=True)[0],
    )


def apply_update(
    services: Services,
    auth: AuthContext,
    decision: Decision,
    session: WriteSession,
    change: Change,
    row: AuditRow,
) -> Written:
    """Lock a resource and write its new content, unless that is what is stored.

    Raises:
        ForbiddenError: as `refuse_takeover` and `refuse_relabelling`.
        FhirError: as `WriteSession.apply`.
    """
    place = change.type, change.id
    current = session.lock([place])[place]
    refuse_takeover(services, auth, decision, current, place)
    refuse_relabelling(services, auth, session, change, current)
    if current is not None and is_unchanged(change, current):
        inside = SessionDatabase(services.database, session)
        read(inside, change.type, change.id, row)
        return Written(current, created=False, changed=False)
    return apply_changes(services, auth, session, [change], row)[0]


def is_unchanged(change: Change, current: StoredResource) -> bool:
    """Whether a change asks for what is stored, its preconditions fulfilled. Pure."""
    if change.content is None or change.create_only:
        return False
    if change.expected is not None and current.version not in change.expected:
        return False
    return current.body == stamp(change.content, change.id, current.version, current.updated_us)


def refuse_takeover(
    services: Services,
    auth: AuthContext,
    decision: Decision,
    current: StoredResource | None,
    place: tuple[str, str],
) -> None:
    """Refuse an update of what the caller may not see.

    Whether something is stored under an id is not for a confined caller to find out, so it makes
    nothing under ids of its own choice: what is hidden and what is absent get one answer.

    Args:
        services: know the policy.
        auth: the caller.
        decision: the policy's, on the update.
        current: what is stored there, locked; None for nothing.
        place: type and id.

    Raises:
        ForbiddenError: refused.
    """
    if decision.unconfined:
        return
    if current is None or not sees(services, auth, decision, current):
        refuse_chosen_id(place)


def refuse_chosen_id(place: tuple[str, str]) -> NoReturn:
    """Refuse to make a resource under an id that a confined caller chose.

    Raises:
        ForbiddenError: always.
    """
    raise ForbiddenError(
        f"There is no {place[0]}/{place[1]} that the caller may change, and whoever is confined to "
        "some patients or scopes makes new resources by POST alone, under ids of the server's."
    )


def is_hidden(
    services: Services, auth: AuthContext, decision: Decision, session: WriteSession, change: Change
) -> bool:
    """Whether a delete means something that a confined caller may not see; locks it.

    Raises:
        PreconditionFailedError: it is hidden, and a precondition would not hold of nothing.
    """
    if decision.unconfined:
        return False
    place = change.type, change.id
    current = session.lock([place])[place]
    if current is None or sees(services, auth, decision, current):
        return False
    check_preconditions(change, None)
    return True
