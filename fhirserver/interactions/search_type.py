"""search-type: resources of one type.

Spec: https://hl7.org/fhir/R4/http.html#search
"""

from fhirserver.access import AuthContext
from fhirserver.interactions.permit import permit
from fhirserver.interactions.searching import Scope, run_search
from fhirserver.interactions.types import Query, Result, Services


def search_type(services: Services, auth: AuthContext, type_: str, query: Query) -> Result:
    """Search one type; raises what `run_search` raises."""
    permit(services, auth, "search-type", type_)
    return run_search(services, auth, Scope("search-type", type_, (type_,)), query)
