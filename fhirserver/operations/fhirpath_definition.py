"""The OperationDefinition of $fhirpath.

Spec: https://hl7.org/fhir/R4/operationdefinition.html
"""

from fhirserver.model.json import write_json
from fhirserver.operations.definition_parts import MANY, MAYBE, ONE, parameter, with_parts

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
        parameter("expression", "in", ONE, "FHIRPath.", "string"),
        parameter(
            "context",
            "in",
            MAYBE,
            "FHIRPath; the expression is evaluated on each item that it finds.",
            "string",
        ),
        parameter(
            "resource",
            "in",
            MAYBE,
            "A resource of any type; or as a string a reference to one on this server; or its JSON "
            "or XML in an extension of the FHIRPath Lab.",
            "Any",
        ),
        with_parts(
            parameter("variables", "in", MAYBE, "Values by name."),
            parameter(
                "name",
                "in",
                MANY,
                "The part's name is the variable's, its value the value.",
                "Any",
            ),
        ),
        parameter("validate", "in", MAYBE, "Without effect.", "boolean"),
        parameter("terminologyserver", "in", MAYBE, "Without effect.", "string"),
        parameter("debug_trace", "in", MAYBE, "Without effect.", "boolean"),
        with_parts(
            parameter("parameters", "out", ONE, "What was asked, besides evaluator and tree."),
            parameter("evaluator", "out", ONE, "Name and version of this server.", "string"),
            parameter("parseDebugTree", "out", ONE, "The syntax tree as JSON.", "string"),
        ),
        parameter(
            "result",
            "out",
            MANY,
            "One for each item of the context, which its value names. Its parts are the items, "
            "named by their types, and a part trace for each trace().",
            "string",
        ),
    ],
}
DOCUMENT = write_json(_DOCUMENT)
