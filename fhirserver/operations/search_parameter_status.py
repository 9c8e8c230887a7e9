"""SearchParameter/$status: how far the parameters are that SearchParameter resources define.

Those of R4 are listed only while resources of before are being indexed for them.

Spec: https://hl7.org/fhir/R4/searchparameter.html; the operation is this server's own

    state       a search by it
    waiting     503: defined, and indexing has not begun
    indexing    503: resources of before are being indexed, `percent` of them are
    active      works
    retired     as if there were none: its index rows are still there
    removing    as if there were none: its index rows are being taken away
"""

from collections.abc import Iterator, Mapping

from fhirserver.definitions import FULL_TEXT, Definitions
from fhirserver.interactions import Result
from fhirserver.interactions.permit import permit
from fhirserver.interactions.read import read
from fhirserver.model.json import JsonObject, write_json
from fhirserver.operations.parameters import read_parameters
from fhirserver.operations.types import Call, Operation
from fhirserver.search.since import SINCE, lacked
from fhirserver.store.extractors import counts_by_extractor
from fhirserver.store.search_registry import DEFINING_TYPE, ParameterStatus, read_status


def status(call: Call) -> Result:
    """List the parameters of a SearchParameter resource, or of all.

    Returns:
        Parameters with one `parameter` per type and code; none of a resource that defines nothing.
        Those of R4 come last.

    Raises:
        NotFoundError: no such resource, or not this caller's.
    """
    read_parameters(call, "status", ())
    if call.id is not None:
        read(call.services, call.auth, DEFINING_TYPE, call.id)
    decision = permit(call.services, call.auth, "read", DEFINING_TYPE, call.id)
    found: list[ParameterStatus] = []
    if decision.unconfined:
        with call.services.database.connection() as connection:
            found = read_status(connection, call.id)
            if call.id is None:
                found += _unindexed(counts_by_extractor(connection), call.services.definitions)
    body = {"resourceType": "Parameters", "parameter": list(map(_parameter, found))}
    return Result(200, body=write_json(body if found else {"resourceType": "Parameters"}))


def _unindexed(counts: Mapping[int, int], definitions: Definitions) -> Iterator[ParameterStatus]:
    """Tell of R4's parameters that are searched and that some resources have no rows for yet."""
    for code, since in SINCE.items():
        is_offered = code not in FULL_TEXT or code in definitions.full_text
        if is_offered and lacked(code, counts):
            through = sum(counts[number] for number in counts if since.made_by(number))
            percent = 100 * through // sum(counts.values())
            yield ParameterStatus("", since.base, code, "indexing", percent)


def _parameter(each: ParameterStatus) -> JsonObject:
    definition = {"reference": f"{DEFINING_TYPE}/{each.id}"}
    return {
        "name": "parameter",
        "part": [
            *([{"name": "definition", "valueReference": definition}] if each.id else ()),
            {"name": "base", "valueCode": each.base},
            {"name": "code", "valueCode": each.code},
            {"name": "state", "valueCode": each.state},
            {"name": "percent", "valueInteger": each.percent},
        ],
    }


_PARTS = (
    ("definition", "Reference", "The SearchParameter that defines it; R4's own have none here."),
    ("base", "code", "Type that it is used on."),
    ("code", "code", "Its name in a query."),
    ("state", "code", "waiting, indexing, active, retired or removing; searches take active ones."),
    ("percent", "integer", "Of the type's resources that the present pass is through with."),
)
_DOCUMENT = {
    "resourceType": "OperationDefinition",
    "name": "SearchParameterStatus",
    "title": "How far search parameters of one's own are",
    "status": "active",
    "kind": "operation",
    "description": "Lists the search parameters that a SearchParameter resource defines, or that "
    "all of them do, and how far resources are indexed for each.",
    "affectsState": False,
    "code": "status",
    "resource": [DEFINING_TYPE],
    "system": False,
    "type": True,
    "instance": True,
    "parameter": [
        {
            "name": "parameter",
            "use": "out",
            "min": 0,
            "max": "*",
            "documentation": "One per type and code.",
            "part": [
                {
                    "name": name,
                    "use": "out",
                    "min": 0 if name == "definition" else 1,
                    "max": "1",
                    "documentation": documentation,
                    "type": type_,
                }
                for name, type_, documentation in _PARTS
            ],
        }
    ],
}

OPERATION = Operation(
    code="status",
    definition="OperationDefinition/SearchParameter-status",
    levels=frozenset(("type", "instance")),
    types=frozenset((DEFINING_TYPE,)),
    affects_state=False,
    run=status,
    document=write_json(_DOCUMENT),
)
