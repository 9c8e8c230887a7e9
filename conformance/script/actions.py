"""Actions of a script: what to send, and what to judge.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action

An assert judges one thing: exactly one of `CRITERIA`, or a whole resource by compareToSourceId.
An action with a modifierExtension says something else than it seems to, and is skipped.
"""

from collections.abc import Callable
from typing import Literal

from fhirserver_conformance.script.extensions import (
    any_of_group,
    assert_gate,
    stop_test_on_fail,
    waiting,
)
from fhirserver_conformance.script.model import Action, Assert, Operation
from fhirserver_conformance.script.part import Part

CRITERIA = (
    "contentType",
    "expression",
    "headerField",
    "minimumId",
    "navigationLinks",
    "path",
    "requestMethod",
    "requestURL",
    "resource",
    "response",
    "responseBody",
    "responseCode",
    "validateProfileId",
)
OPERATORS = (
    "equals",
    "notEquals",
    "in",
    "notIn",
    "greaterThan",
    "lessThan",
    "empty",
    "notEmpty",
    "contains",
    "notContains",
    "eval",
    "manualEval",
    "matchesRegex",
    "matchesMimeClass",
)
RESPONSES = (
    "okay",
    "created",
    "noContent",
    "notModified",
    "bad",
    "forbidden",
    "notFound",
    "methodNotAllowed",
    "conflict",
    "gone",
    "preconditionFailed",
    "unprocessable",
)
LATER_RESPONSES = {
    "continue": "100",
    "switchingProtocols": "101",
    "accepted": "202",
    "nonAuthoritativeInformation": "203",
    "resetContent": "205",
    "partialContent": "206",
    "multipleChoices": "300",
    "movedPermanently": "301",
    "found": "302",
    "seeOther": "303",
    "useProxy": "305",
    "temporaryRedirect": "307",
    "permanentRedirect": "308",
    "badRequest": "400",
    "unauthorized": "401",
    "paymentRequired": "402",
    "notAcceptable": "406",
    "proxyAuthenticationRequired": "407",
    "requestTimeout": "408",
    "lengthRequired": "411",
    "contentTooLarge": "413",
    "uriTooLong": "414",
    "unsupportedMediaType": "415",
    "rangeNotSatisfiable": "416",
    "expectationFailed": "417",
    "misdirectedRequest": "421",
    "unprocessableContent": "422",
    "upgradeRequired": "426",
    "internalServerError": "500",
    "notImplemented": "501",
    "badGateway": "502",
    "serviceUnavailable": "503",
    "gatewayTimeout": "504",
    "httpVersionNotSupported": "505",
}
"""Codes that R5 added, as the status that they stand for."""

METHODS = ("delete", "get", "head", "options", "patch", "post", "put")
_DIRECTIONS: tuple[Literal["request", "response"], ...] = ("response", "request")
_OPERATION = (
    "accept",
    "contentType",
    "description",
    "destination",
    "encodeRequestUrl",
    "label",
    "method",
    "origin",
    "params",
    "requestHeader",
    "requestId",
    "resource",
    "responseId",
    "sourceId",
    "targetId",
    "type",
    "url",
)
_ASSERT = (
    *CRITERIA,
    "compareToSourceExpression",
    "compareToSourceId",
    "compareToSourcePath",
    "defaultManualCompletion",
    "description",
    "direction",
    "label",
    "operator",
    "requirement",
    "sourceId",
    "stopTestOnFail",
    "value",
    "warningOnly",
)
_SENDING = ("method", "params", "targetId", "url")
_UNKNOWN_MODIFIER = "has a modifierExtension that is not known here"


def read_action(part: Part) -> Action:
    """Read one action.

    Raises:
        ScriptError: neither an operation nor an assert, or both; whatever is wrong in it.
    """
    kinds = [name for name in part.content if name not in ("id", "extension", "modifierExtension")]
    if len(kinds) != 1 or kinds[0] not in _READERS:
        said = " and ".join(map(repr, kinds)) or "nothing"
        raise part.fault(f"an action is one operation or one assert; this one holds {said}")
    inside = part.part(kinds[0])
    if inside is None:
        raise part.fault(f"{kinds[0]!r} is null; say what to do")
    return _READERS[kinds[0]](inside)


def _operation(part: Part) -> Operation:
    part.expect(_OPERATION)
    coding = part.part("type")
    code = (coding.text("code") if coding else None) or ""
    method = _method(part, "method")
    if not code and not any(part.text(name) for name in _SENDING):
        raise part.fault(f"says nothing to send; give type.code or one of {', '.join(_SENDING)}")
    wait = waiting(part)
    return Operation(
        id=part.text("id"),
        code=code.removeprefix("$"),
        resource=part.text("resource"),
        label=part.text("label") or "",
        description=part.text("description") or "",
        accept=part.text("accept"),
        content_type=part.text("contentType"),
        destination=part.number("destination"),
        origin=part.number("origin"),
        encode_request_url=part.flag("encodeRequestUrl", default=True),
        method=method,
        params=part.text("params"),
        headers=tuple(
            (header.needed("field"), header.text("value") or "")
            for header in part.parts("requestHeader")
        ),
        request_id=part.text("requestId"),
        response_id=part.text("responseId"),
        source_id=part.text("sourceId"),
        target_id=part.text("targetId"),
        url=part.text("url"),
        wait_while_status=wait.status if wait else None,
        wait_attempts=wait.attempts if wait else 1,
        wait_interval_s=wait.interval_s if wait else 0.0,
        gate=_UNKNOWN_MODIFIER if "modifierExtension" in part.content else None,
    )


def _assert(part: Part) -> Assert:
    part.expect(_ASSERT)
    gate = assert_gate(part)
    if gate is None:
        _expect_one_criterion(part)
    direction = part.one_of("direction", _DIRECTIONS)
    response = part.one_of("response", (*RESPONSES, *LATER_RESPONSES))
    code = part.text("responseCode") or LATER_RESPONSES.get(response or "")
    if direction == "request" and (response or code):
        raise part.fault("a request has no response; leave the direction out")
    operator = part.one_of("operator", OPERATORS)
    if operator == "manualEval":
        gate = "a person has to judge it"
    if "modifierExtension" in part.content:
        gate = _UNKNOWN_MODIFIER
    return Assert(
        id=part.text("id"),
        label=part.text("label") or "",
        description=part.text("description") or "",
        direction="request" if direction == "request" else "response",
        compare_to_source_id=part.text("compareToSourceId"),
        compare_to_source_expression=part.text("compareToSourceExpression"),
        compare_to_source_path=part.text("compareToSourcePath"),
        content_type=part.text("contentType"),
        expression=part.text("expression"),
        header_field=part.text("headerField"),
        minimum_id=part.text("minimumId"),
        navigation_links=part.flag("navigationLinks"),
        operator=operator,
        path=part.text("path"),
        request_method=_method(part, "requestMethod"),
        request_url=part.text("requestURL"),
        resource=part.text("resource"),
        response=response if response in RESPONSES else None,
        response_body=part.text("responseBody"),
        response_code=code,
        source_id=part.text("sourceId"),
        validate_profile_id=part.text("validateProfileId"),
        value=part.text("value"),
        warning_only=part.flag("warningOnly"),
        stop_test_on_fail=stop_test_on_fail(part),
        any_of_group=any_of_group(part),
        gate=gate,
    )


def _expect_one_criterion(part: Part) -> None:
    found = [name for name in CRITERIA if part.content.get(name) not in (None, "", False)]
    if len(found) > 1:
        raise part.fault(
            f"judges {' and '.join(found)}; one assert judges one thing, so write one for each"
        )
    compared = part.text("compareToSourceId")
    if not found and compared is None:
        raise part.fault(f"judges nothing; give one of {', '.join(CRITERIA)}")
    against = part.text("compareToSourceExpression") or part.text("compareToSourcePath")
    if against is not None and compared is None:
        raise part.fault(
            "'compareToSourceId' is missing; name the fixture that the expression or path is for"
        )


def _method(part: Part, name: str) -> str | None:
    given = part.text(name)
    if given is not None and given.lower() not in METHODS:
        raise part.fault(f"{given!r} is no method; use one of {', '.join(METHODS)}", name)
    return given.lower() if given else None


_READERS: dict[str, Callable[[Part], Action]] = {"operation": _operation, "assert": _assert}
