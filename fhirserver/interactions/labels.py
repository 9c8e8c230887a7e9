"""Labels of what is stored, `meta.security` and `meta.tag`: who may change them.

Spec: https://hl7.org/fhir/R4/resource.html#Meta and https://hl7.org/fhir/R4/security-labels.html

A label says how a resource is to be handled, so whoever may change the resource does not by that
take its label away or add one: that is for administrators and for clients that may update
everything. Whoever creates a resource labels it. System and code tell labels apart, as R4 has it
for `$meta-add`; their order, version and display are free.
"""

from fhirserver.access import Access, AuthContext
from fhirserver.errors import ForbiddenError
from fhirserver.interactions.types import Services
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.stored import StoredResource
from fhirserver.store.write import Change

_LABELS = ("security", "tag")
_MARKS = tuple(f'"{name}"'.encode() for name in _LABELS)


def refuse_relabelling(
    services: Services, auth: AuthContext, change: Change, current: StoredResource | None
) -> None:
    """Refuse a change of a stored resource's labels to whoever may not label.

    Args:
        services: know the policy.
        auth: the caller.
        change: that is to be written.
        current: what is stored there, locked; None for nothing.

    Raises:
        ForbiddenError: labels would come or go.
    """
    if change.content is None or current is None or current.body is None:
        return
    stored = parse_json(current.body) if any(each in current.body for each in _MARKS) else {}
    changed = [name for name in _LABELS if _of(stored, name) != _of(change.content, name)]
    if not changed:
        return
    if services.policy(auth, Access("label", change.type, change.id)).allowed:
        return
    raise ForbiddenError(
        f"The labels of {change.type}/{change.id} are for administrators to change, and for "
        "clients that may update everything: send "
        f"{' and '.join(f'meta.{name}' for name in changed)} as stored, or change the rest by a "
        "patch.",
        expression=[f"{change.type}.meta.{name}" for name in changed],
    )


def _of(content: JsonObject, name: str) -> set[tuple[str | None, str | None]]:
    """Give the labels of one kind, by system and code. Pure."""
    labels = content.get("meta", {}).get(name, ())
    return {(each.get("system"), each.get("code")) for each in labels}
