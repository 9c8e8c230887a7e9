"""`fhirserver token`: what a token from the command line may do, and what is refused."""

from __future__ import annotations

import pytest

from fhirserver.cli import main
from fhirserver.commands.token import COMMAND_LINE
from fhirserver.smart import clients
from tests.secured import Secured

_USERNAME = "SELECT username FROM account WHERE id = %s"
_TOLD = """
SELECT actor, client, outcome, detail FROM audit WHERE interaction = 'token'
ORDER BY at DESC LIMIT 1
"""
_LEFT = """
SELECT t.expires - t.issued FROM oauth_token t JOIN oauth_grant g ON g.number = t.under
WHERE g.client = %s ORDER BY t.number DESC LIMIT 1
"""


def where(secured: Secured) -> tuple[str, ...]:
    return ("--database-url", secured.database.url, "--public-url", secured.base)


def username(secured: Secured, account: str) -> str:
    with secured.database.connection() as connection:
        row = connection.execute(_USERNAME, (account,)).fetchone()
    assert row is not None
    return str(row[0])


@pytest.fixture
def nurse(secured: Secured) -> str:
    """The username of somebody who may see little."""
    return username(secured, secured.account("nurse", "Practitioner/of-token"))


@pytest.mark.parametrize(
    ("words", "as_nurse", "expected"),
    [
        pytest.param((), False, (200, 201), id="everything"),
        pytest.param(("--scopes", "system/Basic.rs"), False, (200, 403), id="scopes-hold"),
        pytest.param(("--scopes", "system/Patient.rs"), False, (403, 403), id="no-other-type"),
        pytest.param((), True, (200, 403), id="the-role-holds"),
    ],
)
def test_a_token_may_what_it_says(
    secured: Secured,
    nurse: str,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    as_nurse: bool,
    expected: tuple[int, int],
) -> None:
    person = ("--user", nurse) if as_nurse else ()
    assert main(["token", *words, *person, "--minutes", "5", *where(secured)]) == 0
    said = capsys.readouterr()
    token = said.out.removesuffix("\n")
    assert token.isascii()
    assert token not in said.err
    with secured.caller(token) as caller:
        basic = {"resourceType": "Basic", "code": {"text": "x"}}
        statuses = caller.get("Basic").status, caller.request("POST", "Basic", basic).status
    assert statuses == expected
    with secured.database.connection() as connection:
        told = connection.execute(_TOLD).fetchone()
        left = connection.execute(_LEFT, (COMMAND_LINE,)).fetchone()
    assert left == (300_000_000,)
    assert told is not None
    assert told[:3] == ("operator", "fhirserver token", 200)
    assert told[3]["username"] == (nurse if as_nurse else "")
    assert token not in str(told)


def test_its_application_can_be_shut_out(
    secured: Secured, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", *where(secured)]) == 0
    token = capsys.readouterr().out.strip()
    database = ("--database-url", secured.database.url)
    assert main(["client", "disable", COMMAND_LINE, *database]) == 0
    try:
        with secured.caller(token) as caller:
            assert caller.get("Basic").status == 401
        assert main(["token", *where(secured)]) == 1
        assert "may not be used" in capsys.readouterr().err
    finally:
        assert main(["client", "enable", COMMAND_LINE, *database]) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("--scopes", "user/Patient.rs"), 2, "--user", id="SEC-S2/nobody-for-user"),
        pytest.param(("--scopes", "system/Patient.sr"), 2, "order cruds", id="SEC-S1/malformed"),
        pytest.param(("--scopes", "system/Patent.r"), 2, "Patent", id="SEC-S1/no-such-type"),
        pytest.param(("--scopes", "patients"), 2, "patients: it means nothing", id="unknown-scope"),
        pytest.param(("--scopes", "openid"), 2, "names no resources", id="no-resources"),
        pytest.param(("--client", "nobody"), 1, "fhirserver client list", id="no-application"),
        pytest.param(("--user", "nobody"), 1, "fhirserver user list", id="no-account"),
        pytest.param(
            ("--user", "NURSE", "--scopes", "system/*.rs"), 2, "leave --user out", id="system-scope"
        ),
        pytest.param(
            ("--user", "NURSE", "--scopes", "patient/*.rs"), 2, "--patient", id="no-patient"
        ),
        pytest.param(
            ("--client", "of-token", "--scopes", "system/*.rs"), 2,
            "registered for system/Basic.rs", id="SEC-S4/more-than-registered",
        ),
    ],
)  # fmt: skip
def test_refusals_say_what_to_do(
    secured: Secured,
    nurse: str,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    secured.register(clients.Client("of-token", "x", "public", scopes="system/Basic.rs"))
    given = [nurse if word == "NURSE" else word for word in words]
    assert main(["token", *given, *where(secured)]) == code
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""
