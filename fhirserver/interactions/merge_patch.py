"""JSON merge patch: a resource with what changes in it. Pure.

Spec: RFC 7386 (https://www.rfc-editor.org/rfc/rfc7386#section-2)

    an object   merges name by name; null takes the name away
    the rest    replaces what is there, lists as a whole

The id and extensions of a primitive are another name, `_birthDate`, and stay unless named.
"""

from fhirserver.errors import InvalidRequestError
from fhirserver.model.json import JsonObject, JsonValue, copy_json


def apply_merge_patch(resource: JsonObject, document: JsonValue) -> JsonObject:
    """Apply a patch document to a copy of a resource.

    Args:
        resource: what is stored; stays unchanged.
        document: parsed JSON of any shape.

    Raises:
        InvalidRequestError: no object, which would leave no resource.
    """
    if not isinstance(document, dict):
        raise InvalidRequestError(
            "A merge patch of a resource is an object with the elements that change."
        )
    return _merge(copy_json(resource), document)


def _merge(target: JsonValue, patch: JsonObject) -> JsonObject:
    found: JsonObject = target if target.__class__ is dict else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif value.__class__ is dict:
            found[name] = _merge(found.get(name), value)
        else:
            found[name] = copy_json(value)
    return found
