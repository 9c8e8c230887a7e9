"""The OperationDefinition of $fhirpath.

Spec: https://hl7.org/fhir/R4/operationdefinition.html
"""

from fhirserver.model.json import JsonObject, write_json


def _parameter(
    name: str, use: str, cardinality: tuple[int, str], documentation: str, type_: str | None = None
) -> JsonObject:
    found: JsonObject = {
        "name": name,
        "use": use,
        "min": cardinality[0],
        "max": cardinality[1],
        "documentation": documentation,
    }
    return found if type_ is None else {**found, "type": type_}


def _with_parts(parameter: JsonObject, *parts: JsonObject) -> JsonObject:
    return {**parameter, "part": list(parts)}


_ONE, _MAYBE, _MANY = (1, "1"), (0, "1"), (0, "*")
_DOCUMENT = {
    "resourceType": "OperationDefinition",
    "name": "FHIRPath",
    "title": "Evaluate FHIRPath",
    "status": "active",
    "kind": "operation",
    "description": "Evaluates an expression on a resource, as the FHIRPath Lab asks servers to.",
    "affectsState": False,
    "code": "fhirpath",
    "system": True,
    "type": False,
    "instance": False,
    "parameter": [
        _parameter("expression", "in", _ONE, "FHIRPath.", "string"),
        _parameter(
            "context",
            "in",
            _MAYBE,
            "FHIRPath; the expression is evaluated on each item that it finds.",
            "string",
        ),
        _parameter(
            "resource",
            "in",
            _MAYBE,
            "A resource of any type; or as a string a reference to one on this server; or its JSON "
            "or XML in an extension of the FHIRPath Lab.",
            "Any",
        ),
        _with_parts(
            _parameter("variables", "in", _MAYBE, "Values by name."),
            _parameter(
                "name",
                "in",
                _MANY,
                "The part's name is the variable's, its value the value.",
                "Any",
            ),
        ),
        _parameter("validate", "in", _MAYBE, "Without effect.", "boolean"),
        _parameter("terminologyserver", "in", _MAYBE, "Without effect.", "string"),
        _parameter("debug_trace", "in", _MAYBE, "Without effect.", "boolean"),
        _with_parts(
            _parameter("parameters", "out", _ONE, "What was asked, besides evaluator and tree."),
            _parameter("evaluator", "out", _ONE, "Name and version of this server.", "string"),
            _parameter("parseDebugTree", "out", _ONE, "The syntax tree as JSON.", "string"),
        ),
        _parameter(
            "result",
            "out",
            _MANY,
            "One for each item of the context, which its value names. Its parts are the items, "
            "named by their types, and a part trace for each trace().",
            "string",
        ),
    ],
}
DOCUMENT = write_json(_DOCUMENT)
