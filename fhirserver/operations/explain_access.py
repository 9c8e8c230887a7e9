"""$explain-access: why somebody may do something here, or why not; our own addition to FHIR.

    what     a request below the base: "GET Patient/1", "Observation?code=x", "PUT Patient?name=a"
    who      "account:USERNAME" or "token:NUMBER", for administrators; left out, whoever asks
    scope    scopes to suppose in place of those that there are

The answer is a Parameters resource with one `access` for each question that the policy would be
asked. It tells of patients only how many there are, and never looks at a resource: whether one
exists is nothing that it knows. The audit trail is told what was asked, and of whom.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from fhirserver.access import Access, AuthContext, Trace, parse_scopes, trace
from fhirserver.access.trace import Weighing, told
from fhirserver.audit import audit_row
from fhirserver.definitions import Definitions
from fhirserver.errors import InvalidRequestError, NotFoundError
from fhirserver.interactions import Result, Services
from fhirserver.interactions.permit import permit
from fhirserver.interactions.request_url import Target, parse_request_url
from fhirserver.model.json import JsonObject, write_json
from fhirserver.operations.definition_parts import MANY, MAYBE, ONE, parameter, with_parts
from fhirserver.operations.parameters import read_parameters
from fhirserver.operations.types import Call, Operation
from fhirserver.store.audit_row import record

CODE = "explain-access"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def explain_access(call: Call) -> Result:
    """Explain what the policy says of a request.

    Raises:
        ForbiddenError: somebody else is asked about, and the caller does not administer.
        InvalidRequestError: no request that is known, or scopes that are none.
        NotFoundError: nobody of that name.
    """
    asked = read_parameters(call, CODE, ("what", "who", "scope"))
    what, who, scope = (asked.get(name) for name in ("what", "who", "scope"))
    auth = _caller(call, None if who is None else str(who))
    if scope is not None:
        auth = _supposing(auth, str(scope), call.services.definitions)
    if what is None:
        raise InvalidRequestError("Say what is wanted, as in what=GET Patient/1.")
    traces = explain(call.services, auth, str(what))
    _tell(call, asked)
    body = {"resourceType": "Parameters", "parameter": list(map(_access, traces))}
    return Result(200, body=write_json(body), no_store=True)


def explain(services: Services, auth: AuthContext, what: str) -> list[Trace]:
    """Tell how the policy decides on a request, one trace for each question that it is asked.

    Raises:
        InvalidRequestError: no request that is known.
    """
    target = _target(services, what)
    return [trace(auth, access, services.policy) for access in _accesses(target)]


def _tell(call: Call, asked: Mapping[str, object]) -> None:
    """Tell the audit trail what was asked, of whom."""
    row = audit_row(call.auth, CODE, [(name, str(value)) for name, value in asked.items()])
    with call.services.database.connection() as connection:
        record(connection, row, 200)


def _caller(call: Call, who: str | None) -> AuthContext:
    if who is None:
        permit(call.services, call.auth, "explain-access", None)
        return call.auth
    permit(call.services, call.auth, "explain-access-of-others", None)
    found = call.services.find_caller(call.services, who)
    if found is None:
        raise NotFoundError(
            f"No account and no access token that counts is {who[:100]!r}; write account:USERNAME "
            "or token:NUMBER."
        )
    return found


def _supposing(auth: AuthContext, text: str, definitions: Definitions) -> AuthContext:
    asked = parse_scopes(text, definitions)
    for scope, reason in asked.refused:
        raise InvalidRequestError(f"scope: {scope[:200]!r} is no scope: {reason}.")
    if auth.rights is None:
        return auth
    return replace(auth, rights=replace(auth.rights, scopes=asked.resources))


def _target(services: Services, what: str) -> Target:
    method, space, url = what.strip().partition(" ")
    if not space or method not in _METHODS:
        method, url = "GET", what
    base_url = services.settings.public_url
    return parse_request_url(method, url.strip(), services.definitions, base_url)


def _accesses(target: Target) -> Iterator[Access]:
    """List what the policy is asked: conditional forms also search."""
    interaction = target.interaction
    if interaction == "search-compartment":
        yield Access("search-system" if target.type is None else "search-type", target.type)
        return
    if interaction.startswith("conditional-"):
        yield Access("search-type", target.type)
    yield Access(interaction.removeprefix("conditional-"), target.type, target.id)


def _access(found: Trace) -> JsonObject:
    decision = found.decision
    texts = [
        ("interaction", found.access.interaction),
        ("type", found.access.type or ""),
        ("needs", found.needs),
        ("role", found.role),
        ("reason", decision.reason),
        *(("grant", told(grant)) for grant in decision.grants),
        ("withheld", ", ".join(decision.masks.get(found.access.type or "", ()))),
        ("enough", decision.scope),
    ]
    return {
        "name": "access",
        "part": [
            {"name": "allowed", "valueBoolean": decision.allowed},
            *({"name": name, "valueString": text} for name, text in texts if text),
            *map(_weighing, found.weighings),
        ],
    }


def _weighing(each: Weighing) -> JsonObject:
    texts = (("text", each.scope), ("verdict", each.verdict))
    return {
        "name": "scope",
        "part": [{"name": name, "valueString": text} for name, text in texts],
    }


_DOCUMENT = {
    "resourceType": "OperationDefinition",
    "name": "ExplainAccess",
    "title": "Why something is allowed, or not",
    "status": "active",
    "kind": "operation",
    "description": "Tells how the access policy decides on a request: for the caller, and for "
    "administrators of anybody.",
    "affectsState": False,
    "code": CODE,
    "system": True,
    "type": False,
    "instance": False,
    "parameter": [
        parameter("what", "in", ONE, "A request below the base, as GET Patient/1.", "string"),
        parameter(
            "who", "in", MAYBE, "account:USERNAME or token:NUMBER; else the caller.", "string"
        ),
        parameter("scope", "in", MAYBE, "Scopes to suppose.", "string"),
        with_parts(
            parameter("access", "out", MANY, "One for each question that the policy is asked."),
            parameter("allowed", "out", ONE, "Whether it is let in.", "boolean"),
            parameter("interaction", "out", ONE, "What is wanted.", "string"),
            parameter("type", "out", MAYBE, "Of the resource.", "string"),
            parameter("needs", "out", ONE, "The right that it takes.", "string"),
            parameter("role", "out", MAYBE, "Of who is asked about.", "string"),
            parameter("reason", "out", ONE, "The rule that decided.", "string"),
            parameter("grant", "out", MANY, "What is in reach.", "string"),
            parameter(
                "withheld",
                "out",
                MAYBE,
                "Elements of the type that the role does not see.",
                "string",
            ),
            parameter("enough", "out", MAYBE, "A scope that would have been enough.", "string"),
            with_parts(
                parameter("scope", "out", MANY, "A scope that there is."),
                parameter("text", "out", ONE, "It.", "string"),
                parameter("verdict", "out", ONE, "Why it grants or does not.", "string"),
            ),
        ),
    ],
}

OPERATION = Operation(
    code=CODE,
    definition="OperationDefinition/explain-access",
    levels=frozenset(("system",)),
    types=None,
    affects_state=False,
    run=explain_access,
    document=write_json(_DOCUMENT),
)
