"""search-system: resources of all types, or of those that `_type` names.

Spec: https://hl7.org/fhir/R4/http.html#vsearch
"""

from fhirserver.access import AuthContext
from fhirserver.interactions.permit import permit
from fhirserver.interactions.searching import Scope, run_search
from fhirserver.interactions.types import Query, Result, Services


def search_system(services: Services, auth: AuthContext, query: Query) -> Result:
    """Search across types; raises what `run_search` raises."""
    permit(services, auth, "search-system", None)
    return run_search(services, auth, Scope("search-system", ""), query)
