"""What $fhirpath is asked, from a URL, a Parameters resource or a resource alone.

Spec: the server API that the FHIRPath Lab documents, "Input Parameters Resource"

    expression         FHIRPath; needed
    context            FHIRPath; the expression is evaluated on each item that it finds
    resource           a resource; its JSON or XML as text, in an extension of the Lab; or
                       Patient/1, Patient/1/_history/2 or the absolute URL of one on this server
    variables          a part per variable: name, and value[x], resource or JSON in an extension
    validate, terminologyserver, debug_trace
                       the Lab sends them; without effect

A Parameters resource must have the shape of R4, and so the resource in it: no unknown elements, no
wrong kinds of values. What is missing, its codes and invariants are not looked at: expressions may
be tried on what is not finished.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fhirserver.definitions import r4
from fhirserver.errors import InvalidRequestError, UnprocessableError
from fhirserver.fhirpath import ElementNode, root_node
from fhirserver.fhirpath.context import RESERVED
from fhirserver.fhirpath.parts import JSON_VALUE, XML_VALUE, value_types
from fhirserver.model.json import JsonObject, JsonValue, parse_json
from fhirserver.model.xml import parse_xml
from fhirserver.validation.shape import shape_faults

TEXTS = ("expression", "context")
WITHOUT_EFFECT = ("validate", "terminologyserver", "debug_trace")
NAMES = (*TEXTS, "resource", "variables", *WITHOUT_EFFECT)


@dataclass(slots=True)
class Asked:
    """The input.

    Attributes:
        texts: expression and context, and `resource` where it is a reference.
        resource: where it came along; `None` where there is none, or a reference.
        variables: items by name.
        echoed: the parts of the answer that say what was asked.
    """

    texts: dict[str, str] = field(default_factory=dict)
    resource: JsonObject | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    echoed: list[JsonObject] = field(default_factory=list)


def read_input(pairs: tuple[tuple[str, str], ...], content: JsonValue) -> Asked:
    """Collect the parameters.

    Args:
        pairs: of the URL; texts only.
        content: parsed body; None where there is none.

    Raises:
        InvalidRequestError: an unknown parameter, one that is there twice, has no value that fits,
            or is missing; a variable with the name of one of FHIRPath's.
        UnprocessableError: the body has not the shape of R4; one issue for each place.
        MalformedBodyError: JSON or XML in an extension that cannot be parsed.
    """
    asked = Asked()
    for name, value in pairs:
        _take(asked, {"name": name, "valueString": value})
    if content is not None:
        for parameter in _parameters(content):
            _take(asked, parameter)
    if "expression" not in asked.texts:
        raise InvalidRequestError(
            "$fhirpath needs the parameter expression, e.g. ?expression=name.given."
        )
    return asked


def _parameters(content: JsonValue) -> list[JsonObject]:
    if not isinstance(content, dict):
        raise InvalidRequestError("Send a resource, or Parameters; the body is neither.")
    _check_shape(content)
    if content["resourceType"] != "Parameters":
        return [{"name": "resource", "resource": content}]
    found: list[JsonObject] = content.get("parameter", [])
    return found


def _check_shape(resource: JsonObject) -> None:
    """Refuse what an evaluation cannot look at."""
    faults = shape_faults(resource)
    if faults:
        raise UnprocessableError(faults[0].diagnostics, issues=faults)


def _take(asked: Asked, parameter: JsonObject) -> None:
    name = parameter.get("name")
    if name not in NAMES:
        raise InvalidRequestError(
            f"$fhirpath takes {', '.join(NAMES)}; not {str(name)[:100]!r}.",
        )
    if any(each["name"] == name for each in asked.echoed):
        raise InvalidRequestError(f"The parameter {name} stands there twice; give it once.")
    asked.echoed.append(parameter)
    if name == "resource":
        _take_resource(asked, parameter)
    elif name == "variables":
        if "valueString" in parameter:
            raise InvalidRequestError("variables has a part for each; send it in Parameters.")
        for part in parameter.get("part", ()):
            _take_variable(asked, part)
    elif name in TEXTS:
        asked.texts[name] = _text(parameter)


def _text(parameter: JsonObject) -> str:
    text = parameter.get("valueString")
    if not isinstance(text, str):
        raise InvalidRequestError(f"The parameter {parameter['name']} needs a valueString.")
    return text


def _take_resource(asked: Asked, parameter: JsonObject) -> None:
    content = _inner(parameter)
    if isinstance(content, dict):
        asked.resource = content
    elif content is not None:
        raise _unfit("resource")
    else:
        reference = parameter.get("valueReference", {}).get("reference")
        asked.texts["resource"] = reference or _text(parameter)


def _inner(parameter: JsonObject) -> JsonValue:
    """Give what stands in a parameter as a resource, or as text of one; None if nothing does."""
    if "resource" in parameter:
        return parameter["resource"]
    for extension in parameter.get("extension", ()):
        text = extension.get("valueString", "").encode()
        if extension["url"] == JSON_VALUE:
            content = parse_json(text)
        elif extension["url"] == XML_VALUE:
            content = parse_xml(text, r4())
        else:
            continue
        if isinstance(content, dict):
            _check_shape(content)
        elif not isinstance(content, str | int | Decimal):
            raise _unfit(parameter["name"])
        return content
    return None


def _unfit(name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name[:100]}: the text in the extension is not JSON of a resource or of one value."
    )


def _take_variable(asked: Asked, part: JsonObject) -> None:
    name = part["name"].strip("`'")
    if name in RESERVED or name in asked.variables:
        raise InvalidRequestError(
            f"variables: %{name[:100]} is FHIRPath's own or stands there twice; name it otherwise."
        )
    asked.variables[name] = _item(part)


def _item(part: JsonObject) -> Any:
    """Give a variable's item; an empty collection where the part has no value."""
    for key, type_ in value_types().items():
        if key in part or f"_{key}" in part:
            return ElementNode(part.get(key), type_, part.get(f"_{key}"))
    content = _inner(part)
    if isinstance(content, dict):
        return root_node(content)
    if isinstance(content, Decimal):
        return Decimal(content)
    return [] if content is None else content
