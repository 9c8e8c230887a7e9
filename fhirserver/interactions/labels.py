"""Labels of what is stored, `meta.security` and `meta.tag`: who may change them.

Spec: https://hl7.org/fhir/R4/resource.html#Meta and https://hl7.org/fhir/R4/security-labels.html

A label says how a resource is to be handled, so whoever may change the resource does not by that
take its label away or add one: that is for administrators and for clients that may update
everything. Whoever creates a resource labels it; under an id that was deleted, it keeps the labels
that were there before, or they would go by deleting and creating again. System and code tell labels
apart, as R4 has it for `$meta-add`; their order, version and display are free.
"""

from fhirserver.access import Access, AuthContext
from fhirserver.errors import ForbiddenError
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.types import Services
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.stored import StoredResource
from fhirserver.store.read import look
from fhirserver.store.write import Change, WriteSession

Labels = set[tuple[str | None, str | None]]

_LABELS = ("security", "tag")
_MARKS = tuple(f'"{name}"'.encode() for name in _LABELS)


def refuse_relabelling(
    services: Services,
    auth: AuthContext,
    session: WriteSession,
    change: Change,
    current: StoredResource | None,
) -> None:
    """Refuse a change of a stored resource's labels to whoever may not label.

    Args:
        services: know the policy.
        auth: the caller.
        session: the transaction that writes.
        change: that is to be written.
        current: what is stored there, locked; None for nothing.

    Raises:
        ForbiddenError: labels would come or go; of what was deleted, some would not come back.
    """
    if change.content is None or current is None:
        return
    if change.create_only and not current.deleted:
        return  # the store refuses it, for what is there
    stored = _labelled(services, session, current)
    changed = [
        name
        for name in _LABELS
        if _is_changed(_of(stored, name), _of(change.content, name), back=current.deleted)
    ]
    if not changed or services.policy(auth, Access("label", change.type, change.id)).allowed:
        return
    labels = " and ".join(f"meta.{name}" for name in changed)
    if current.deleted:
        remedy = f"send {labels} with what stood there before the delete, or take another id."
    else:
        remedy = f"send {labels} as stored, or change the rest by a patch."
    raise ForbiddenError(
        f"The labels of {change.type}/{change.id} are for administrators to change, and for "
        f"clients that may update everything: {remedy}",
        expression=[f"{change.type}.meta.{name}" for name in changed],
    )


def _labelled(services: Services, session: WriteSession, current: StoredResource) -> JsonObject:
    """Give the content whose labels count, what was deleted as it was last; {} if it has none."""
    last: StoredResource | None = current
    if current.deleted:
        inside = SessionDatabase(services.database, session)
        last = look(inside, current.type, current.id, current.version - 1)
    body = b"" if last is None or last.body is None else last.body
    content: JsonObject = parse_json(body) if any(each in body for each in _MARKS) else {}
    return content


def _is_changed(before: Labels, after: Labels, *, back: bool) -> bool:
    """Whether labels change; where content comes back, it may bring more. Pure."""
    return not before <= after if back else before != after


def _of(content: JsonObject, name: str) -> Labels:
    """Give the labels of one kind, by system and code. Pure."""
    labels = content.get("meta", {}).get(name, ())
    return {(each.get("system"), each.get("code")) for each in labels}
