"""What a run finds: every request, every verdict, and why.

Spec: https://hl7.org/fhir/R4/testreport.html

    run      ScriptResult…          one per script, or per file of a public suite
    script   TestResult…            setup, the tests, teardown; or one per case
    test     ActionResult…          operations and asserts in their order
    action   Exchange               the request, where one was sent

A verdict is one of TestReport's codes. From the best to the worst:

    pass     as expected
    skip     not tried, with the reason
    warning  not as expected, but the script asks for a warning only
    fail     not as expected
    error    could not be judged: a broken script, a server that does not answer
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Verdict = Literal["pass", "skip", "warning", "fail", "error"]
Phase = Literal["setup", "test", "teardown"]
Headers = tuple[tuple[str, str], ...]

_ORDER: tuple[Verdict, ...] = ("pass", "skip", "warning", "fail", "error")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came back.

    Attributes:
        method: of HTTP, upper case.
        url: absolute, as sent.
        request_headers: as sent, in order; credentials are replaced by "(hidden)".
        request_body: as sent; empty where there was none.
        status: of HTTP; None where no answer came.
        response_headers: as received, in order.
        response_body: after content decoding; cut at the transport's limit.
        duration_ms: from sending to the last byte.
        failure: why there is no whole answer, in a sentence; None where there is one.
    """

    method: str
    url: str
    request_headers: Headers
    request_body: bytes
    status: int | None
    response_headers: Headers
    response_body: bytes
    duration_ms: float
    failure: str | None = None

    def header(self, name: str) -> str | None:
        """Give a response header by its name in any case; several are joined by ", "."""
        return _header(self.response_headers, name)

    def request_header(self, name: str) -> str | None:
        """Give a request header likewise."""
        return _header(self.request_headers, name)


@dataclass(frozen=True, slots=True)
class ActionResult:
    """One operation or assert.

    Attributes:
        label: the script's label or id, else "".
        description: the script's words, else words made from what the action does.
        message: why it is not a pass: what was expected and what was found; "" for a pass.
        exchange: of an operation that sent a request.
        stops: whether the test ended here (a failed assert, an operation without an answer).
    """

    kind: Literal["operation", "assert"]
    verdict: Verdict
    label: str = ""
    description: str = ""
    message: str = ""
    exchange: Exchange | None = None
    stops: bool = False


@dataclass(frozen=True, slots=True)
class TestResult:
    """Setup, a test, or teardown.

    Attributes:
        name: unique in its script, e.g. "read returns the created resource"; "setup", "teardown".
        requirements: ids or addresses of what it proves, e.g. ("STO-03",).
        verdict: of the whole; `worst` of its actions unless there is a reason of its own.
        message: the first reason for a verdict that is not a pass.
    """

    __test__ = False

    phase: Phase
    name: str
    description: str
    verdict: Verdict
    message: str = ""
    requirements: tuple[str, ...] = ()
    actions: tuple[ActionResult, ...] = ()


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """One script.

    Attributes:
        suite: name of the suite it belongs to.
        source: where it was read from, relative to its suite, e.g. "CRUD/basic.json".
        name: of the script.
        url: its canonical address, or "".
        tests: setup first, teardown last, where they are.
        started: aware instant.
        duration_ms: of all of it.
        script: the TestScript as R4 JSON; None where there is none.
        message: why the whole script could not run; "" otherwise.
        base: of the server it ran against.
    """

    suite: str
    source: str
    name: str
    tests: tuple[TestResult, ...]
    started: datetime
    duration_ms: float
    base: str
    url: str = ""
    message: str = ""
    script: dict[str, Any] | None = field(default=None, compare=False)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its tests; error where the script could not run."""
        if self.message and not self.tests:
            return "error"
        return worst(test.verdict for test in self.tests)

    @property
    def cases(self) -> tuple[TestResult, ...]:
        """The tests proper, and setup or teardown where they went wrong."""
        return tuple(
            test for test in self.tests if test.phase == "test" or test.verdict in ("fail", "error")
        )


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Give the worst verdict; of skips alone, skip; of nothing, pass.

    A skip beside a pass does not make the whole a skip.
    """
    seen = set(verdicts)
    if seen - {"skip"}:
        seen.discard("skip")
    return max(seen, key=_ORDER.index, default="pass")


def _header(headers: Headers, name: str) -> str | None:
    found = [value for each, value in headers if each.lower() == name.lower()]
    return ", ".join(found) if found else None
