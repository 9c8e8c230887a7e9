"""history-instance: the versions of one resource.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from fhirserver.access import AuthContext
from fhirserver.interactions.history_run import HistoryScope, run_history
from fhirserver.interactions.permit import permit
from fhirserver.interactions.types import Query, Result, Services


def history_instance(
    services: Services, auth: AuthContext, type_: str, id_: str, query: Query | None = None
) -> Result:
    """Read the history of a resource, a deleted one too.

    Raises:
        NotFoundError: nothing was ever stored there, or nothing for this caller.
        InvalidRequestError: an unknown parameter or a wrong value.
    """
    decision = permit(services, auth, "history-instance", type_, id_)
    scope = HistoryScope("history-instance", type_, id_)
    return run_history(services, auth, decision, scope, query or Query())
