"""Results for the tests of reports: every verdict and phase, and a server that attacks."""

from datetime import UTC, datetime

from fhirserver_conformance.results import (
    ActionResult,
    Exchange,
    ScriptResult,
    TestResult,
    Verdict,
)

ISSUED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
BASE = "http://127.0.0.1:8080/fhir"
MARKUP = '</script><script>document.title="owned"</script><img src=x onerror="document.title=1">'
CONTROLS = "\x1b]0;owned\x07 \x00 \x7f \x85 \ud800 \ufffe"
HOSTILE = f"{MARKUP} {CONTROLS}"
HOSTILE_BODY = b'{"x": "%b"}\xff\x00' % MARKUP.encode()
BODY = b'{"resourceType":"Patient","weight":1.00}'


def exchange(
    status: int | None = 200,
    body: bytes = BODY,
    *,
    failure: str | None = None,
    text: str = "",
) -> Exchange:
    """Make a request of a Patient's update, with `text` in address and headers."""
    return Exchange(
        method="PUT",
        url=f"{BASE}/Patient/a{text}",
        request_headers=(("Accept", "application/fhir+json"), ("Authorization", "(hidden)")),
        request_body=BODY,
        status=status,
        response_headers=(("ETag", 'W/"1"'), ("X-Text", text or "none")),
        response_body=body,
        duration_ms=250.0,
        failure=failure,
    )


def operation(
    verdict: Verdict = "pass", message: str = "", sent: Exchange | None = None
) -> ActionResult:
    return ActionResult(
        "operation",
        verdict,
        label="put",
        description="update a Patient",
        message=message,
        exchange=sent or exchange(),
    )


def check(verdict: Verdict = "pass", message: str = "") -> ActionResult:
    return ActionResult("assert", verdict, description="is okay", message=message)


def case(
    name: str, *actions: ActionResult, verdict: Verdict | None = None, message: str = ""
) -> TestResult:
    """Make a test whose verdict is that of its last action unless another is given."""
    return TestResult(
        "test",
        name,
        f"description of {name}",
        verdict or actions[-1].verdict,
        message or next((each.message for each in actions if each.message), ""),
        ("STO-03", "https://hl7.org/fhir/R4/http.html#update"),
        actions,
    )


def setup(*actions: ActionResult) -> TestResult:
    return TestResult("setup", "setup", "", actions[-1].verdict, actions[-1].message, (), actions)


def teardown(*actions: ActionResult) -> TestResult:
    last = actions[-1]
    return TestResult("teardown", "teardown", "", last.verdict, last.message, (), actions)


def script(
    *tests: TestResult,
    suite: str = "crud",
    source: str = "update.json",
    name: str = "Update",
    url: str = "http://test.example/TestScript/update",
    message: str = "",
) -> ScriptResult:
    return ScriptResult(
        suite=suite,
        source=source,
        name=name,
        tests=tests,
        started=ISSUED,
        duration_ms=1500.0,
        base=BASE,
        url=url,
        message=message,
    )


PASSED = script(setup(operation()), case("updates", operation(), check()), teardown(operation()))
MIXED = script(
    setup(operation()),
    case("passes", operation(), check()),
    case("warns", operation(), check("warning", "no ETag")),
    case("skips", verdict="skip", message="needs vread"),
    case("fails", operation(sent=exchange(400)), check("fail", "expected 200, found 400")),
    case("dies", operation("error", "connection reset", exchange(None, failure="reset"))),
    teardown(operation(), check()),
    source="mixed.json",
)
SKIPPED = script(case("skips", verdict="skip", message="needs vread"), source="skipped.json")
BROKEN = script(source="broken.json", url="", message="TestScript.test[0]: has no action")
LEFTOVERS = script(
    case("passes", operation()),
    teardown(operation("error", "Patient/a is still there")),
    suite="leftovers",
)
ATTACK = script(
    case(
        f"attacks {HOSTILE}", operation("fail", HOSTILE, exchange(body=HOSTILE_BODY, text=HOSTILE))
    ),
    suite=f"attack {HOSTILE}",
    source=f"attack{HOSTILE}.json",
    name=HOSTILE,
    url=HOSTILE,
)
EVERY = (PASSED, MIXED, SKIPPED, BROKEN, LEFTOVERS, ATTACK)
