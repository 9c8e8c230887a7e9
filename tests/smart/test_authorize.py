"""The authorization endpoint: what is asked for in order is answered, anything else is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from fhirserver.identity import app_access, sessions
from fhirserver.store.database import Database, now_us
from tests.smart.browser import App, Seen
from tests.smart.conftest import REDIRECT_URI, Hospital
from tests.smart.flows import allow
from tests.waiting import wait_for

_SEEN = "UPDATE account_session SET last_seen = last_seen + 60000000 WHERE account = %s"
_CONSENTS = "SELECT client FROM oauth_consent WHERE account = %s"
_WAITING = """
SELECT 1 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%account_session%'
"""

ASKED = "launch/patient patient/Observation.rs"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_code_comes_back_with_the_state_and_the_issuer(hospital: Hospital, method: str) -> None:
    """SEC-A1, SEC-A3."""
    app, browser = hospital.app("unvetted", ASKED), hospital.browser(hospital.patient)
    if method == "GET":
        page = browser.open(app.address())
    else:
        page = browser.post("/oauth/authorize", app.parameters())
    seen = allow(browser, page)
    assert seen.address.startswith(f"{REDIRECT_URI}&")
    assert seen.answer["state"] == "s +%&=é-state"
    assert seen.answer["iss"] == hospital.secured.base
    assert seen.answer["keep"] == "1"
    assert app.redeem(seen.answer["code"]).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"client_id": None}, id="SEC-A2-no-client"),
        pytest.param({"client_id": "nobody"}, id="SEC-A2-unknown-client"),
        pytest.param({"client_id": "waiting"}, id="SEC-G3-client-not-approved"),
        pytest.param({"client_id": "sp\0a"}, id="SEC-A2-client-with-nul"),
        pytest.param({"redirect_uri": None}, id="SEC-A2-no-redirect-uri"),
        pytest.param({"redirect_uri": REDIRECT_URI + "/"}, id="SEC-A2-longer-redirect-uri"),
        pytest.param({"redirect_uri": REDIRECT_URI.upper()}, id="SEC-A2-other-case"),
        pytest.param({"redirect_uri": "https://evil.example"}, id="SEC-A2-other-host"),
        pytest.param(
            {"redirect_uri": "https://app.example.org@evil.example/after?keep=1"},
            id="SEC-A2-user-information",
        ),
    ],
)
@pytest.mark.parametrize("logged_in", [True, False])
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    hospital: Hospital, changes: dict[str, str | None], logged_in: bool
) -> None:
    browser = hospital.browser(hospital.patient if logged_in else "")
    seen = browser.open(hospital.app("spa", ASKED).address(**changes))
    assert seen.status == 400, seen.address
    assert seen.address.startswith("/oauth/authorize")
    assert "evil.example" not in seen.text


@pytest.mark.parametrize(
    "again", ["client_id=spa", "redirect_uri=https://evil.example", "state=2", "scope=openid"]
)
def test_a_parameter_twice_is_refused(hospital: Hospital, again: str) -> None:
    """SEC-A2."""
    browser = hospital.browser(hospital.patient)
    seen = browser.open(f"{hospital.app('spa', ASKED).address()}&{again}")
    assert seen.status == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"response_type": "token"}, "unsupported_response_type", id="SEC-A2-implicit"),
        pytest.param({"response_type": None}, "invalid_request", id="SEC-A2-no-response-type"),
        pytest.param({"response_mode": "fragment"}, "invalid_request", id="SEC-A2-response-mode"),
        pytest.param({"request": "x.y.z"}, "request_not_supported", id="SEC-A2-request-object"),
        pytest.param({"state": None}, "invalid_request", id="SEC-A3-no-state"),
        pytest.param({"state": ""}, "invalid_request", id="SEC-A3-blank-state"),
        pytest.param({"aud": None}, "invalid_request", id="SEC-A4-no-aud"),
        pytest.param({"aud": "https://evil.example/fhir"}, "invalid_request", id="SEC-A4-host"),
        pytest.param({"aud": "{base}.evil.example"}, "invalid_request", id="SEC-A4-prefix"),
        pytest.param({"aud": "{base}//"}, "invalid_request", id="SEC-A4-two-slashes"),
        pytest.param({"aud": "{base}/other"}, "invalid_request", id="SEC-A4-below"),
        pytest.param(
            {"resource": "https://evil.example/fhir"}, "invalid_request", id="SEC-A4-resource-other"
        ),
        pytest.param({"code_challenge": None}, "invalid_request", id="SEC-A5-no-challenge"),
        pytest.param({"code_challenge": ""}, "invalid_request", id="SEC-A5-blank-challenge"),
        pytest.param({"code_challenge": "short"}, "invalid_request", id="SEC-A5-no-sha256"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="SEC-A5-plain"),
        pytest.param({"code_challenge_method": None}, "invalid_request", id="SEC-A5-no-method"),
        pytest.param({"scope": None}, "invalid_scope", id="SEC-S3-no-scope"),
        pytest.param({"scope": "__x https://x"}, "invalid_scope", id="SEC-S4-only-unknown"),
        pytest.param({"scope": "patient/Observation.read-only"}, "invalid_scope", id="SEC-S1"),
        pytest.param(
            {"scope": "patient/Observation.rs?code:in=x"}, "invalid_scope", id="SEC-S5-modifier"
        ),
        pytest.param({"scope": "launch patient/*.rs"}, "invalid_request", id="SEC-L1-no-handle"),
        pytest.param({"launch": "abc"}, "invalid_request", id="SEC-L1-no-launch-scope"),
        pytest.param({"prompt": "none login"}, "invalid_request", id="SEC-A7-prompt-none-and"),
        pytest.param({"max_age": "soon"}, "invalid_request", id="SEC-O1-max-age"),
    ],
)
@pytest.mark.parametrize("client", ["spa", "confidential"])
def test_what_breaks_a_rule_goes_back_to_the_application(
    hospital: Hospital, changes: dict[str, str | None], error: str, client: str
) -> None:
    base = hospital.secured.base
    filled = {
        name: value.replace("{base}", base) if value else value for name, value in changes.items()
    }
    browser = hospital.browser(hospital.patient)
    seen = browser.open(hospital.app(client, ASKED).address(**filled))
    assert seen.address.startswith(f"{REDIRECT_URI}&")
    assert seen.answer["error"] == error
    assert seen.answer["iss"] == base
    assert seen.answer.get("state") == filled.get("state", "s +%&=é-state") or not filled["state"]
    assert "code" not in seen.answer


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": "{base}/"}, id="SEC-A4-trailing-slash"),
        pytest.param({"aud": None, "resource": "{base}"}, id="SEC-A4-resource"),
        pytest.param({"scope": f"{ASKED} launch/patient __x https://x"}, id="SEC-S4-tolerated"),
    ],
)
def test_what_is_tolerated(hospital: Hospital, changes: dict[str, str | None]) -> None:
    base = hospital.secured.base
    filled = {name: value and value.replace("{base}", base) for name, value in changes.items()}
    app, browser = hospital.app("approved", ASKED), hospital.browser(hospital.patient)
    seen = browser.open(app.address(**filled))
    assert app.redeem(seen.answer["code"]).json["scope"] == "patient/Observation.rs launch/patient"


@pytest.mark.parametrize(
    ("account", "changes", "client", "error"),
    [
        pytest.param("", {}, "approved", "login_required", id="nobody-is-logged-in"),
        pytest.param("patient", {}, "spa", "consent_required", id="no-consent-yet"),
        pytest.param("physician", {}, "approved", "interaction_required", id="no-patient"),
        pytest.param("patient", {}, "approved", None, id="nothing-to-ask"),
    ],
)
def test_prompt_none_asks_nobody(
    hospital: Hospital,
    account: str,
    changes: dict[str, str | None],
    client: str,
    error: str | None,
) -> None:
    """SEC-A7."""
    app = hospital.app(client, "launch/patient patient/Condition.rs")
    browser = hospital.browser(getattr(hospital, account) if account else "")
    seen = browser.open(app.address(prompt="none", **changes))
    assert seen.answer.get("error") == error
    assert ("code" in seen.answer) == (error is None)


def test_whoever_is_not_logged_in_is_asked_to(hospital: Hospital) -> None:
    seen = hospital.browser("").open(hospital.app("spa", ASKED).address())
    assert seen.address.startswith("/login?next=%2Fauthorize%2F") or "/authorize/" in seen.address
    assert 'type="password"' in seen.text


def test_prompt_login_asks_again(hospital: Hospital) -> None:
    browser = hospital.browser(hospital.patient)
    seen = browser.open(hospital.app("approved", ASKED).address(prompt="login"))
    assert 'type="password"' in seen.text


def test_a_person_who_denies(hospital: Hospital) -> None:
    """SEC-A7."""
    app, browser = hospital.app("unvetted", ASKED), hospital.browser(hospital.patient)
    page = browser.open(app.address())
    seen = browser.answer(page, ("scope", "patient/Observation.rs"), ("decision", "deny"))
    assert seen.answer["error"] == "access_denied"
    assert seen.answer["state"] == "s +%&=é-state"
    assert browser.open(page.address).status == 404  # it has been answered


def test_pages_are_guarded(hospital: Hospital) -> None:
    """SEC-A8: who registered itself frames nothing, forms lead where they must, nothing is kept."""
    page = hospital.browser(hospital.patient).open(hospital.app("unvetted", ASKED).address())
    policy = page.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'none'")
    assert "form-action 'self' https://app.example.org;" in policy
    assert "default-src 'none'" in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"


def test_a_form_of_another_login_is_refused(hospital: Hospital) -> None:
    """SEC-A8, SEC-A9."""
    app, browser = hospital.app("unvetted", ASKED), hospital.browser(hospital.patient)
    page = browser.open(app.address())
    fields = {"scope": "patient/Observation.rs", "decision": "allow"}
    assert browser.post(page.address, fields).status == 403
    assert browser.post(page.address, {**fields, "csrf": "x" * 43}).status == 403
    other = hospital.browser(hospital.proxy)
    assert other.open(page.address).status == 403  # the request is of the first login


def test_what_a_code_is_bound_to(hospital: Hospital) -> None:
    """SEC-A9: a code of one client is nothing to another, and is used up by the attempt."""
    app, browser = hospital.app("approved", ASKED), hospital.browser(hospital.patient)
    code = browser.open(app.address()).answer["code"]
    other = App(hospital.secured, "another", REDIRECT_URI, ASKED)
    refused = other.redeem(code)
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
    assert app.redeem(code).json["error"] == "invalid_grant"


def test_consent_is_remembered_for_the_same_or_less(hospital: Hospital) -> None:
    """SEC-A10."""
    browser = hospital.browser(hospital.proxy)
    wide = hospital.app("spa", "launch/patient patient/Observation.rs patient/Procedure.rs")
    narrow = hospital.app("spa", "launch/patient patient/Procedure.r")
    wider = hospital.app("spa", "launch/patient patient/DiagnosticReport.rs")

    def ask(app: App, **changes: str) -> Seen:
        page = browser.open(app.address(**changes))
        return browser.answer(page, ("patient", "hers")) if "/patient" in page.address else page

    assert "code" in allow(browser, ask(wide)).answer
    assert "code" in ask(narrow).answer
    assert ask(wide, prompt="consent").address.endswith("/consent")
    assert ask(wider).address.endswith("/consent")


def test_whoever_registered_itself_is_always_asked_about(hospital: Hospital) -> None:
    """SEC-A10."""
    app, browser = hospital.app("unvetted", ASKED), hospital.browser(hospital.patient)
    for _ in range(2):
        page = browser.open(app.address())
        assert "Nobody here has checked" in page.text
        assert "code" in allow(browser, page).answer
    with hospital.secured.database.connection() as connection:
        kept = connection.execute("SELECT 1 FROM oauth_consent WHERE client = 'unvetted'")
        assert kept.fetchone() is None


@pytest.mark.parametrize("name", ["spa", "approved"])
def test_a_login_that_ends_meanwhile_allows_nothing(hospital: Hospital, name: str) -> None:
    """SEC-E26: what is allowed while an administrator takes everything back is taken back, too."""
    secured = hospital.secured
    account = secured.account("patient", "Patient/hers", (name,))
    app, browser = hospital.app(name, f"{ASKED} offline_access"), hospital.browser(account)

    def answer() -> Seen:
        page = browser.open(app.address())
        return allow(browser, page) if page.address.endswith("/consent") else page

    with ThreadPoolExecutor(1) as elsewhere, secured.database.connection() as connection:
        # Seen just now, the session is not noted as seen again: it would wait for its end there.
        connection.execute(_SEEN, (account,))
        with connection.transaction():
            sessions.end_all(connection, account)
            app_access.end_all(connection, account, now_us())
            waiting = elsewhere.submit(answer)
            wait_for(lambda: waiting.done() or _waits(secured.database))
        seen = waiting.result()
    assert "code" not in seen.answer
    assert seen.answer.get("error") == "access_denied"
    with secured.database.connection() as connection:
        assert not connection.execute(_CONSENTS, (account,)).fetchall()


def _waits(database: Database) -> bool:
    """Whether somebody waits for a session."""
    with database.connection() as connection:
        return connection.execute(_WAITING).fetchone() is not None
