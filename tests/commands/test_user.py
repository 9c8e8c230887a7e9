"""`fhirserver user` and `demo-users`: what they change, print and refuse; no password is given."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from fhirserver.access import allow_all
from fhirserver.cli import main
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import UnauthorizedError
from fhirserver.identity import accounts, attempts, login
from fhirserver.identity.accounts import Proxied
from fhirserver.identity.attempts import Guessed
from fhirserver.identity.sessions import Whence
from fhirserver.interactions import Services
from fhirserver.samples import sample_bundles
from fhirserver.store.database import Database, now_us
from fhirserver.store.write import write
from tests.store.resources import AUDIT, put

OWN = "marble heron parliament 7"
DAY_AFTER_US = 1_819_756_800_000_000
"""2027-09-01T00:00Z"""
Run = Callable[..., str]


@pytest.fixture
def user(
    database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs `fhirserver user` on an empty database; gives what it prints."""
    with database.connection() as connection:
        connection.execute("TRUNCATE account CASCADE")

    def run(*words: str, typed: str = "", code: int = 0) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert main(["user", *words, "--database-url", database.url]) == code
        said = capsys.readouterr()
        return said.out + said.err

    return run


def stage_after(database: Database, username: str, password: str) -> str:
    """Log in and give the stage; "" where that fails."""
    services = Services(r4(), database, Settings(), allow_all, now_us, b"k" * 32)
    try:
        return login.give_password(services, username, password, Whence("", "", "")).stage
    except UnauthorizedError:
        return ""


def test_an_account_from_its_first_password_to_its_end(database: Database, user: Run) -> None:
    said = user(
        "add", "Ada", "--name", "Dr. Ada Byron", "--role", "physician",
        "--fhir-user", "Practitioner/7", "--training-expires", "2020-01-01",
    )  # fmt: skip
    assert "warning: Practitioner/7 is not stored here" in said
    made = re.search(r"first login: (\S+)\n", said)
    assert made is not None
    assert stage_after(database, "ada", made[1]) == "new-password"
    listed = user("list")
    assert re.fullmatch(r"ada +physician +Practitioner/7 +training expired\n", listed)
    assert "never" in user("set-training", "ada", "none")
    user("set-password", "ada", "--stdin", typed=f"{OWN}\n")
    assert stage_after(database, "ada", made[1]) == ""
    assert stage_after(database, "ada", OWN) == "complete"
    user("disable", "ada")
    assert "disabled" in user("list")
    assert stage_after(database, "ada", OWN) == ""
    user("enable", "ada")
    with database.connection() as connection:
        for _ in range(4):
            attempts.count(connection, Guessed("ada", "", False), 1000, now=now_us())
    assert "locked" in user("show", "ada")
    user("unlock", "ada")
    assert stage_after(database, "ada", OWN) == "complete"
    with database.connection() as connection:
        connection.execute("UPDATE account SET totp = 'x'")
    assert stage_after(database, "ada", OWN) == "second-factor"
    user("reset-second-factor", "ada")
    assert stage_after(database, "ada", OWN) == "complete"


def test_a_proxy_and_another_role(database: Database, user: Run) -> None:
    user(
        "add", "pat", "--name", "Pat", "--role", "proxy", "--stdin",
        "--for-patient", "12=2027-08-31", "--for-patient", "13=2020-01-01", typed=f"{OWN}\n",
    )  # fmt: skip
    pat = accounts.named(database, "pat")
    with database.connection() as connection:
        assert accounts.proxied(connection, pat.id, now_us()) == [Proxied("12", DAY_AFTER_US)]
    assert "Patient/12 until 2027-08-31" in user("show", "pat")
    user("set-role", "pat", "--role", "nurse", "--fhir-user", "Practitioner/9")
    assert accounts.named(database, "pat").fhir_user == "Practitioner/9"
    assert "Patient/12" not in user("show", "pat")
    user("set-role", "pat", "--role", "proxy", "--for-patient", "14=2027-08-31")
    assert "Patient/14" in user("show", "pat")


@pytest.mark.parametrize(
    ("words", "typed", "remedy"),
    [
        pytest.param(("unlock", "nobody"), "", "fhirserver user list", id="no-such-account"),
        pytest.param(
            ("add", "x", "--name", "X", "--role", "auditor"), "", "2 to 64", id="username"
        ),
        pytest.param(
            ("add", "xy", "--name", "X", "--role", "nurse"), "", "Practitioner/1", id="reference"
        ),
        pytest.param(
            ("add", "xy", "--name", "X", "--role", "auditor", "--stdin"), "password1234\n",
            "soon be guessed", id="SEC-U1/easily-guessed",
        ),
        pytest.param(
            ("add", "xy", "--name", "X", "--role", "auditor", "--stdin"), "", "12 or more",
            id="SEC-U1/nothing-on-standard-input",
        ),
    ],
)  # fmt: skip
def test_refusals_say_what_to_do(
    user: Run, words: tuple[str, ...], typed: str, remedy: str
) -> None:
    said = user(*words, typed=typed, code=1)
    assert remedy in said
    assert "password1234" not in said
    assert "There are no accounts" in user("list")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("add", "xy", "--name", "X", "--role", "surgeon"), id="no-such-role"),
        pytest.param(("set-training", "xy", "soon"), id="no-day"),
        pytest.param(("set-role", "xy", "--role", "proxy", "--for-patient", "12"), id="no-end"),
        pytest.param(("set-password", "xy", "--password", OWN), id="SEC-U1/password-as-argument"),
        pytest.param(("remove", "xy"), id="no-such-action"),
    ],
)
def test_wrong_arguments_end_with_2(user: Run, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit, match="2"):
        user(*words)


def test_demo_users_are_those_of_the_sample(
    database: Database, user: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = [
        entry["resource"] for bundle in sample_bundles(2, 1) for entry in bundle["entry"]
        if entry["resource"]["resourceType"] in ("Patient", "Practitioner", "Organization")
    ]  # fmt: skip
    write(database, [put(each) for each in resources], AUDIT)
    assert main(["demo-users", "--database-url", database.url]) == 0
    said = capsys.readouterr()
    assert "warning" not in said.err, "everybody is stored"
    passwords = dict(re.findall(r"^(\S+) +([a-z2-9]{5}(?:-[a-z2-9]{5}){3}) ", said.out, re.M))
    roles = {each.username: each.role for each in accounts.page(database)}
    assert set(passwords) == set(roles) == set(roles.values())
    assert len(roles) == 9
    assert stage_after(database, "physician", passwords["physician"]) == "complete"
    assert main(["demo-users", "--database-url", database.url]) == 0
    assert capsys.readouterr().out.count("is there already") == 9
