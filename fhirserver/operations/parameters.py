"""The parameters of an operation, from wherever they came.

Spec: https://hl7.org/fhir/R4/operations.html#request

They stand in the URL, or in a body of type Parameters; a body that is another resource is the
parameter `resource`.
"""

from collections.abc import Collection

from fhirserver.errors import InvalidRequestError
from fhirserver.model.json import JsonValue
from fhirserver.operations.types import Call


def read_parameters(call: Call, code: str, names: Collection[str]) -> dict[str, JsonValue]:
    """Collect the parameters of a call by name.

    Args:
        call: its URL and body.
        code: of the operation, for messages.
        names: those that it takes, each once; all but `resource` are texts.

    Raises:
        InvalidRequestError: another parameter, one that is there twice, or one without a value.
    """
    found: dict[str, JsonValue] = {}

    def take(name: str, value: JsonValue) -> None:
        if name not in names or name in found:
            raise InvalidRequestError(
                f"${code} takes {', '.join(names) or 'no parameters'}, each once; "
                f"not {name[:100]!r}."
            )
        if name != "resource" and not isinstance(value, str):
            raise InvalidRequestError(f"{name} must be a text.")
        found[name] = value

    for name, value in call.query.pairs:
        take(name, value)
    for name, value in _of_body(call.content):
        take(name, value)
    return found


def _of_body(content: JsonValue) -> list[tuple[str, JsonValue]]:
    if content is None:
        return []
    if not isinstance(content, dict) or content.get("resourceType") != "Parameters":
        return [("resource", content)]
    parts = content.get("parameter", [])
    if not isinstance(parts, list):
        raise InvalidRequestError("Parameters.parameter must be a list.")
    return [_parameter(part) for part in parts]


def _parameter(part: JsonValue) -> tuple[str, JsonValue]:
    if not isinstance(part, dict) or not isinstance(part.get("name"), str):
        raise InvalidRequestError("Each parameter needs a name.")
    values = [part[key] for key in part if key == "resource" or key.startswith("value")]
    if len(values) != 1:
        raise InvalidRequestError(f"The parameter {part['name'][:100]!r} needs one value.")
    return part["name"], values[0]
