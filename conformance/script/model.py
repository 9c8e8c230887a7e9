"""A TestScript as the engine runs it, whatever version and format it was written in.

Spec: https://hl7.org/fhir/R4/testscript.html

Names are R4's. What an older grammar or an extension says differently was mapped when it was read;
the engine knows this model only.
"""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """TestScript.setup.action.operation.

    Attributes:
        code: operation.type.code without a leading "$", e.g. "create", "read", "expand"; "" where
            the script names none.
        accept: "xml", "json", "ttl", "none", a MIME type, or None.
        content_type: likewise.
        destination: index of the server it goes to; None for the first.
        method: "get", "post" …; None to derive it from `code`.
        encode_request_url: whether `url` and `params` are to be percent-encoded.
        headers: operation.requestHeader in order.
        wait_while_status: HTTP status, e.g. 202, as long as which the request is repeated (an
            extension); None for one request. An operation that never gets another fails.
        wait_attempts: requests at most, the first among them.
        wait_interval_s: pause between them.
        gate: reason why it cannot run on this engine; None where it can.
    """

    id: str | None = None
    code: str = ""
    resource: str | None = None
    label: str = ""
    description: str = ""
    accept: str | None = None
    content_type: str | None = None
    destination: int | None = None
    origin: int | None = None
    encode_request_url: bool = True
    method: str | None = None
    params: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    request_id: str | None = None
    response_id: str | None = None
    source_id: str | None = None
    target_id: str | None = None
    url: str | None = None
    wait_while_status: int | None = None
    wait_attempts: int = 60
    wait_interval_s: float = 1.0
    gate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assert:
    """TestScript.setup.action.assert; None where an element is absent.

    Attributes:
        direction: which half of the exchange is looked at.
        navigation_links: assert.navigationLinks is true.
        operator: of the R4 table, plus those that public scripts use: "matchesRegex",
            "matchesMimeClass". None where the script names none: "equals", or for a lone
            expression its truth.
        response_body: text that the body must hold, as a public suite writes it.
        warning_only: a failure is a warning.
        stop_test_on_fail: a failure ends the test; True where the script does not say.
        any_of_group: asserts that share this name pass when one of them does (an extension).
        gate: reason why it cannot be judged on this engine; None where it can.
    """

    id: str | None = None
    label: str = ""
    description: str = ""
    direction: Literal["request", "response"] = "response"
    compare_to_source_id: str | None = None
    compare_to_source_expression: str | None = None
    compare_to_source_path: str | None = None
    content_type: str | None = None
    expression: str | None = None
    header_field: str | None = None
    minimum_id: str | None = None
    navigation_links: bool = False
    operator: str | None = None
    path: str | None = None
    request_method: str | None = None
    request_url: str | None = None
    resource: str | None = None
    response: str | None = None
    response_body: str | None = None
    response_code: str | None = None
    source_id: str | None = None
    validate_profile_id: str | None = None
    value: str | None = None
    warning_only: bool = False
    stop_test_on_fail: bool = True
    any_of_group: str | None = None
    gate: str | None = None


Action = Operation | Assert


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """TestScript.fixture.

    Attributes:
        body: as it stands in its file, variables not yet filled in; JSON for what is inline,
            contained, or made up.
        format: of `body`.
        problem: why there is no body, in a sentence; None where there is one.
    """

    id: str
    body: bytes = b""
    format: Literal["json", "xml"] = "json"
    autocreate: bool = False
    autodelete: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """TestScript.variable. Where several sources are given the first that is set here counts."""

    name: str
    default_value: str | None = None
    expression: str | None = None
    header_field: str | None = None
    path: str | None = None
    source_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """TestScript.test, or one run of a parametrized one.

    Attributes:
        requirements: ids or addresses of what it proves.
        fhir_versions: beginnings of fhirVersion it is meant for, e.g. ("4.0",); empty for all.
        requires_capability: FHIRPath on the CapabilityStatement that must be true, else a skip.
        variables: that hold in this test only, by name.
        gate: reason to skip it; None to run it.
    """

    __test__ = False

    name: str
    description: str = ""
    actions: tuple[Action, ...] = ()
    requirements: tuple[str, ...] = ()
    fhir_versions: tuple[str, ...] = ()
    requires_capability: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    gate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """TestScript.

    Attributes:
        suite: name of the suite it was read with.
        source: file, relative to its suite.
        resource: the TestScript as R4 JSON, for reports.
        profiles: canonical addresses by TestScript.profile id.
        fhir_versions, requires_capability: as of a test, for the whole script.
    """

    suite: str
    source: str
    name: str
    url: str = ""
    description: str = ""
    resource: dict[str, Any] = field(default_factory=dict)
    fixtures: tuple[Fixture, ...] = ()
    profiles: tuple[tuple[str, str], ...] = ()
    variables: tuple[Variable, ...] = ()
    setup: tuple[Action, ...] = ()
    tests: tuple[Test, ...] = ()
    teardown: tuple[Action, ...] = ()
    fhir_versions: tuple[str, ...] = ()
    requires_capability: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenScript:
    """A file that is meant to be a script and cannot be run.

    Attributes:
        problem: what is wrong, where, and the remedy.
    """

    suite: str
    source: str
    problem: str
