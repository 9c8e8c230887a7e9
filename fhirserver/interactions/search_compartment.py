"""Compartment search: what belongs to one patient, encounter, practitioner and so on.

Spec: https://hl7.org/fhir/R4/compartmentdefinition.html and http.html#vsearch
"""

from fhirserver.access import AuthContext
from fhirserver.errors import NotFoundError
from fhirserver.interactions.permit import permit
from fhirserver.interactions.searching import Scope, run_search
from fhirserver.interactions.types import Query, Result, Services


def search_compartment(
    services: Services,
    auth: AuthContext,
    compartment: str,
    id_: str,
    type_: str | None,
    query: Query,
) -> Result:
    """Search a compartment.

    Args:
        services: what the interaction works with.
        auth: the caller.
        compartment: "Patient", "Encounter", "Practitioner", "RelatedPerson" or "Device".
        id_: of the resource that the compartment is named after; need not exist.
        type_: type searched; None for all of the compartment's types (`*`).
        query: parameters.

    Raises:
        NotFoundError: the type is never in this compartment.
        InvalidSearchError: an unknown parameter or a wrong value.
    """
    if type_ is None:
        permit(services, auth, "search-system", None)
    else:
        permit(services, auth, "search-type", type_)
        if not services.definitions.compartment(compartment).get(type_):
            raise NotFoundError(f"{type_} resources are never in a {compartment} compartment.")
    scope = Scope(
        interaction="search-system" if type_ is None else "search-type",
        place=f"{compartment}/{id_}/{type_ or '*'}",
        types=None if type_ is None else (type_,),
        compartment=(compartment, id_),
    )
    return run_search(services, auth, scope, query)
