"""history-type: the versions of all resources of a type.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from fhirserver.access import AuthContext
from fhirserver.interactions.history_run import HistoryScope, run_history
from fhirserver.interactions.permit import permit
from fhirserver.interactions.types import Query, Result, Services


def history_type(
    services: Services, auth: AuthContext, type_: str, query: Query | None = None
) -> Result:
    """Read the history of a type; raises what `run_history` raises."""
    decision = permit(services, auth, "history-type", type_)
    scope = HistoryScope("history-type", type_)
    return run_history(services, auth, decision, scope, query or Query())
