"""history-system: the versions of everything.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from fhirserver.access import AuthContext
from fhirserver.interactions.history_run import HistoryScope, run_history
from fhirserver.interactions.permit import permit
from fhirserver.interactions.types import Query, Result, Services


def history_system(services: Services, auth: AuthContext, query: Query | None = None) -> Result:
    """Read the history of the system; raises what `run_history` raises."""
    decision = permit(services, auth, "history-system", None)
    return run_history(services, auth, decision, HistoryScope("history-system"), query or Query())
