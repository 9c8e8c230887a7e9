"""Leave out what is withheld from a caller: every body that goes out passes here.

Spec: https://hl7.org/fhir/R4/search.html#elements, for the tag SUBSETTED

A resource loses its withheld elements, and those that it contains lose those of their own types.
`meta.tag` says SUBSETTED for the types alone, whatever the resource holds, so that the tag does not
tell what is there. A caller from whom nothing is withheld gets the stored bytes, unparsed.

A patch is applied to what its caller sees, and what was withheld is put back afterwards. So no
format of patches can test, copy, move or take away what is not there for it.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from fhirserver.access import Access, AuthContext, Masks
from fhirserver.definitions import Definitions
from fhirserver.definitions.elements import Node
from fhirserver.errors import ForbiddenError, Issue
from fhirserver.interactions.projection import tagged
from fhirserver.interactions.types import Services
from fhirserver.model.json import JsonObject, parse_json, write_json
from fhirserver.model.stored import StoredResource

_CONTAINED = "contained"


def masks_of(services: Services, auth: AuthContext) -> Masks:
    """Ask the policy what is withheld from a caller, of every type; the question costs nothing."""
    return services.policy(auth, Access("batch", None)).masks


def masked(body: bytes, masks: Masks, definitions: Definitions) -> bytes:
    """Give of a stored resource what its caller may see.

    Args:
        body: JSON of the whole resource.
        masks: what is withheld from the caller.
        definitions: know the names of elements.
    """
    if not masks:
        return body
    resource: JsonObject = parse_json(body)
    inside = resource.get(_CONTAINED, ())
    if not any(each["resourceType"] in masks for each in (resource, *inside)):
        return body
    part = _seen(resource, masks, definitions)
    if _CONTAINED in part:
        part[_CONTAINED] = [_seen(each, masks, definitions) for each in inside]
    return write_json(tagged(part))


def shown(stored: StoredResource, masks: Masks, definitions: Definitions) -> StoredResource:
    """Give a version with what its caller may see of its content, as `masked` does."""
    if not masks or stored.body is None:
        return stored
    return replace(stored, body=masked(stored.body, masks, definitions))


def to_patch(resource: JsonObject, masks: Masks, definitions: Definitions) -> JsonObject:
    """Give of a resource what a patch of its caller is applied to. Pure.

    What is contained is not patched by whoever may not see all of it.
    """
    type_ = resource["resourceType"]
    return _without(resource, _kept_apart(type_, masks), definitions.node(type_))


def patched_whole(
    part: JsonObject, whole: JsonObject, masks: Masks, definitions: Definitions
) -> JsonObject:
    """Put back what a patch was not applied to, in the order in which it stood. Pure.

    Args:
        part: what `to_patch` gave, patched.
        whole: the resource as it is stored.
        masks: what is withheld from whoever patches.
        definitions: know the names of elements.

    Raises:
        ForbiddenError: the patch writes what its caller may not see.
    """
    type_ = whole["resourceType"]
    hidden, node = _kept_apart(type_, masks), definitions.node(type_)
    visible = _without(part, hidden, node)
    written = [name for name in part if name not in visible]
    if written:
        raise ForbiddenError(
            f"The patch writes {', '.join(written)} of {type_}, which the caller's role does not "
            "see in full; leave it as it is.",
            expression=tuple(f"{type_}.{name.removeprefix('_')}" for name in written),
        )
    kept = _without(whole, hidden, node)
    stay = {name: part.get(name, value) for name, value in whole.items()
            if name in part or name not in kept}  # fmt: skip
    return stay | part


def shown_issues(issues: Iterable[Issue], place: str, masks: Masks) -> tuple[Issue, ...]:
    """Leave out remarks on elements of a type, `place`, that their reader may not see. Pure."""
    hidden = [f".{name}" for name in _kept_apart(place, masks)]
    return tuple(
        each
        for each in issues
        if not any(name in place for place in each.expression for name in hidden)
    )


def _kept_apart(type_: str, masks: Masks) -> tuple[str, ...]:
    return (*masks.get(type_, ()), _CONTAINED) if masks else ()


def _seen(resource: JsonObject, masks: Masks, definitions: Definitions) -> JsonObject:
    type_ = resource["resourceType"]
    return _without(resource, masks.get(type_, ()), definitions.node(type_))


def _without(resource: JsonObject, hidden: Collection[str], node: Node) -> JsonObject:
    """Copy a resource without some elements, their choices and what stands beside primitives."""
    part: JsonObject = {}
    for name, value in resource.items():
        element = node.elements.get(name.removeprefix("_"))
        if element is None or element.base_name not in hidden:
            part[name] = value
    return part
