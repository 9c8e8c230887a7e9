"""Say that records are withheld, to whoever may break the glass for them. Pure.

Spec: https://hl7.org/fhir/R4/operationoutcome-example-break-the-glass.html

It is said of every patient that a search names and the caller has no relation with, whether there
is anything about that patient or not, so that it tells nothing.
"""

from collections.abc import Iterator

from fhirserver.access import AuthContext, effective_role
from fhirserver.definitions import Definitions
from fhirserver.errors import Issue
from fhirserver.search.confinement import patients_of
from fhirserver.search.query import Query


def withheld(auth: AuthContext, query: Query, definitions: Definitions) -> Iterator[Issue]:
    """Give an issue where a search names patients out of reach.

    Args:
        auth: the caller; only somebody in person, in a role that may break the glass, hears of it.
        query: the search.
        definitions: tell what names a patient.
    """
    rights = auth.rights
    if rights is None or all(scope.level != "user" for scope in rights.scopes):
        return
    role = effective_role(rights.role or "", trained=rights.trained)
    if role is None or not role.breaks_glass:
        return
    named = set(patients_of(query.criteria, query.types, definitions))
    if query.compartment is not None and query.compartment.code == "Patient":
        named.add(query.compartment.id)
    if not named.issubset((*(rights.patients or ()), *rights.broken_glass)):
        yield Issue(
            "information",
            "suppressed",
            "What there may be about patients whom you have no relation with is withheld; in an "
            "emergency you can open the record of one at /break-glass.",
            details="BTG",
        )
