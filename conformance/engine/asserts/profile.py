"""`validateProfileId`: the body is valid by a profile.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.validateProfileId

R4's own definitions are judged here; other profiles by the $validate of a server that the run
names for it, and not at all without one.
"""

from collections.abc import Iterable
from urllib.parse import quote

from fhirserver.definitions import r4
from fhirserver.validation import validate
from fhirserver_conformance.engine.media import SHORT_CODES
from fhirserver_conformance.engine.message import Message, response_of
from fhirserver_conformance.engine.places import type_in
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.paths.values import PathError
from fhirserver_conformance.script.model import Assert
from fhirserver_conformance.transport import Request

_BASE = "http://hl7.org/fhir/StructureDefinition/"
_BAD = ("error", "fatal")
_SHOWN = 3


def judge_profile(assertion: Assert, state: State) -> str:
    """Judge a body by a profile of the script."""
    message = state.message(assertion.source_id, assertion.direction)
    canonical = _canonical(assertion.validate_profile_id or "", state)
    type = canonical.partition("|")[0].removeprefix(_BASE)
    if r4().is_resource_type(type):
        return _by_definitions(message, type)
    if state.settings.validator is None:
        raise ActionProblem(
            f"the profile {canonical} is not R4's own; name a server whose $validate knows it",
            "skip",
        )
    return _by_server(message, canonical, state.settings.validator, state)


def _canonical(id: str, state: State) -> str:
    """Give a profile's canonical address by its id in TestScript.profile, or by a fixture's."""
    profiles = dict(state.script.profiles)
    if id in profiles:
        return profiles[id]
    if "://" in id:
        return id
    try:
        return str(state.message(id).document.resource["url"])
    except (ActionProblem, PathError, KeyError):
        raise ActionProblem(
            f"there is no profile with the id '{id}'; declare it in TestScript.profile"
        ) from None


def _by_definitions(message: Message, type: str) -> str:
    found = type_in(message)
    if found != type:
        return f"{message.label}: expected a {type}, found a {found}"
    issues = [
        f"{', '.join(issue.expression)}: {issue.diagnostics}"
        for issue in validate(message.document.resource)
        if issue.severity in _BAD
    ]
    return _summary(message, f"R4's {type}", issues)


def _by_server(message: Message, canonical: str, validator: str, state: State) -> str:
    query = f"profile={quote(canonical, safe='')}"
    url = f"{validator.rstrip('/')}/{type_in(message)}/$validate?{query}"
    json = SHORT_CODES["json"]
    headers = (("Accept", json), ("Content-Type", json))
    body = message.document.in_format("json")
    answer = response_of(
        state.settings.transport.send(Request("POST", url, headers, body)), "the validator's answer"
    )
    if answer.failure is not None:
        raise ActionProblem(f"the validator gave no answer: {answer.failure}")
    if type_in(answer) != "OperationOutcome":
        raise ActionProblem(f"the validator answered {answer.status} and no OperationOutcome")
    return _summary(message, canonical, list(_issues(answer)))


def _issues(answer: Message) -> Iterable[str]:
    issues = answer.document.resource.get("issue")
    for issue in issues if isinstance(issues, list) else ():
        if isinstance(issue, dict) and issue.get("severity") in _BAD:
            text = issue.get("diagnostics") or (issue.get("details") or {}).get("text")
            yield str(text or issue.get("code"))


def _summary(message: Message, profile: str, issues: list[str]) -> str:
    if not issues:
        return ""
    rest = len(issues) - _SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    return f"{message.label} is not valid by {profile}: {'; '.join(issues[:_SHOWN])}{more}"
