"""What targets say of themselves, for gates; asked once per target and run.

Spec: https://hl7.org/fhir/R4/http.html#capabilities
"""

from collections.abc import Sequence
from threading import Lock

from fhirserver_conformance.engine.credentials import authorization_for
from fhirserver_conformance.engine.media import SHORT_CODES
from fhirserver_conformance.engine.message import Message, response_of
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.paths.fhirpath import evaluate, holds
from fhirserver_conformance.paths.values import PathError, shown
from fhirserver_conformance.results import Headers
from fhirserver_conformance.transport import Request


class Capabilities:
    """CapabilityStatements of a run's targets; any number of threads may share it."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._known: dict[Target, Message] = {}

    def unmet(self, fhir_versions: Sequence[str], conditions: Sequence[str]) -> str:
        """Give why the first target is not what something is meant for; "" where it is.

        Args:
            fhir_versions: beginnings of fhirVersion, one of which must fit; empty for all.
            conditions: FHIRPath on the CapabilityStatement, each of which must be true.

        Raises:
            ActionProblem: the target gives no CapabilityStatement, or a condition fails.
        """
        if not fhir_versions and not conditions:
            return ""
        statement = self._statement(self._settings.targets[0])
        try:
            return _unmet_version(statement, fhir_versions) or self._unmet_condition(
                statement, conditions
            )
        except PathError as error:
            raise ActionProblem(str(error)) from None

    def _unmet_condition(self, statement: Message, conditions: Sequence[str]) -> str:
        engine = self._settings.fhirpath
        for condition in conditions:
            if not holds(evaluate(engine, condition, statement.document)):
                return f"the server does not claim {shown(condition)} in its CapabilityStatement"
        return ""

    def _statement(self, target: Target) -> Message:
        with self._lock:
            if target not in self._known:
                self._known[target] = self._ask(target)
        answer = self._known[target]
        if answer.failure is not None:
            raise ActionProblem(f"{answer.label} did not come: {answer.failure}")
        return answer

    def _ask(self, target: Target) -> Message:
        headers: Headers = (("Accept", SHORT_CODES["json"]),)
        url = f"{target.base}/metadata"
        authorization = authorization_for(target, url)
        if authorization is not None:
            headers += (("Authorization", authorization),)
        request = Request("GET", url, headers)
        return response_of(self._settings.transport.send(request), "the CapabilityStatement")


def _unmet_version(statement: Message, versions: Sequence[str]) -> str:
    found = str(statement.document.resource.get("fhirVersion"))
    if not versions or found.startswith(tuple(versions)):
        return ""
    return f"meant for FHIR {', '.join(versions)}; the server has {found}"
