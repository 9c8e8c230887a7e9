"""A Binary without a context of its own: in reach with what it is attached to.

Spec: https://hl7.org/fhir/R4/binary.html#security-context

Where a Binary has a `securityContext`, that alone decides (`covered`). Where it has none, whoever
may read a DocumentReference, DiagnosticReport or Media that refers to it, by an attachment's `url`
or a reference, may read it, too; to change it takes a context. What is attached is judged when it
is written (`concealing`), so that nobody reads a Binary by referring to it.
"""

from fhirserver.access import AuthContext, Decision
from fhirserver.interactions.covered import fulfils, rows_of
from fhirserver.interactions.grants import granted_of
from fhirserver.interactions.permit import confine
from fhirserver.interactions.types import Services
from fhirserver.model.json import parse_json
from fhirserver.model.stored import StoredResource
from fhirserver.search.condition_sql import Row, test
from fhirserver.search.conditions import AllOf, Condition
from fhirserver.search.granted import Confined, Granted
from fhirserver.store.referrers import is_referred_to, reference_parameters

_DOCUMENTS = ("DiagnosticReport", "DocumentReference", "Media")


def is_attached(
    services: Services, auth: AuthContext, decision: Decision, binary: StoredResource
) -> bool:
    """Whether the caller may read a Binary by something that refers to it.

    Args:
        services: know the policy, and what refers to it.
        auth: the caller.
        decision: the policy's, on reading the Binary.
        binary: its version that is asked for.
    """
    if binary.body is None:
        return False
    content = parse_json(binary.body)
    if "securityContext" in content:
        return False
    rows, definitions = rows_of(services, content), services.definitions
    granted = tuple(
        Granted(each.patients)
        for each in granted_of(services, "Binary", decision)
        if fulfils(each, content, rows, definitions)
    )
    # What makes their membership is theirs alone, so no test of the type is needed besides.
    conditions: list[Condition] = []
    for confined in (confine(services, auth, "read"), lambda _type: granted):
        reach = Confined(definitions, confined).in_reach(_DOCUMENTS)
        if reach is not None:
            conditions.append(reach)
    referring = test(AllOf(tuple(conditions)), Row("f"))
    sps = reference_parameters(definitions.specification, "Binary")
    with services.database.connection() as connection:
        return is_referred_to(connection, binary.rid, sps, referring)
